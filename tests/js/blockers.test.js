/** Our URLs against the lists that most ad blockers use, in the copies of Debian's uBlock Origin. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { FiltersEngine, Request } from "@ghostery/adblocker";

/** Of the package webext-ublock-origin-chromium, which .ci/run installs. */
const LISTS = process.env.ALHENA_FILTER_LISTS || "/usr/share/chromium/extensions/ublock-origin/assets/thirdparties/easylist";
const skip = !existsSync(LISTS) && `no filter lists in ${LISTS}`;

const STATIC = new URL("../../alhena_tracking/static/alhena_tracking/", import.meta.url);
const SCRIPTS = readdirSync(STATIC).filter((name) => name.endsWith(".js") && name !== "revenue_impact.js");
const ENDPOINTS = ["interactions", "cart_events", "checkout_events", "batch"];
const PATHS = [
  ...SCRIPTS.map((name) => /** @type {const} */ ([`static/alhena_tracking/${name}`, "script"])),
  ...ENDPOINTS.map((name) => /** @type {const} */ ([`alhena/analytics/${name}`, "fetch"])),
];
const SHOP = "https://www.shop.example/";

const engine = skip
  ? undefined
  : FiltersEngine.parse(["easylist.txt", "easyprivacy.txt"].map((name) => readFileSync(`${LISTS}/${name}`, "utf8")).join("\n"));

/**
 * @param {string} url
 * @param {"script" | "fetch"} type
 */
const isBlocked = (url, type) =>
  engine?.match(Request.fromRawDetails({ url, type, sourceUrl: SHOP + "products/kettle" })).match;

for (const host of [SHOP, "https://tracking.other.example/"]) {
  for (const [path, type] of PATHS) {
    test(`block lists let pass ${host}${path}`, { skip }, () => {
      assert.equal(isBlocked(host + path, type), false);
    });
  }
}

test("block lists hold what is known to be blocked, our former endpoint included", { skip }, () => {
  assert.ok(SCRIPTS.includes("tracker.js") && SCRIPTS.includes("datalayer.js"));
  assert.equal(isBlocked("https://www.google-analytics.com/analytics.js", "script"), true);
  assert.equal(isBlocked(SHOP + "alhena/analytics/events", "fetch"), true);
});

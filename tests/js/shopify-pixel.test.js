import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compileFunction } from "node:vm";

import { settle } from "./page.js";
import { payload } from "./shopify-page.js";

const SOURCE = readFileSync(new URL("../../alhena_tracking/integrations/shopify/pixel.js", import.meta.url), "utf8")
  .replace("$company_key", "acme")
  .replace("$endpoint", "https://analytics.example/alhena/");
const IDS = ["3f0c2b7e-5a41-4c8e-9d17-6b2f8a90c1d4", "a6e0d3b4-7c19-4f02-9e55-21d8b7c4f3a0"];

/**
 * Run the pixel in what Shopify gives it, and publish an event.
 *
 * @param {any} event @param {string} [cookie]
 */
async function publish(event, cookie = `1.${IDS.join(".")}.1763629200`) {
  /** @type {[string, (event: any) => Promise<void>][]} */
  const subscriptions = [];
  /** @type {{ url: string, options: any, body: any }[]} */
  const requests = [];
  const analytics = { subscribe: (/** @type {string} */ name, /** @type {any} */ handler) => subscriptions.push([name, handler]) };
  const browser = { cookie: { get: async (/** @type {string} */ name) => (name === "alhena_acme" ? cookie : "") } };
  const fetch = async (/** @type {string} */ url, /** @type {any} */ options) => {
    requests.push({ url, options, body: JSON.parse(options.body) });
  };
  compileFunction(SOURCE, ["analytics", "browser", "fetch"])(analytics, browser, fetch);
  await Promise.all(subscriptions.filter(([name]) => name === event.name).map(([, handler]) => handler(event)));
  await settle();
  return requests;
}

/** @param {unknown} id @returns {any} the event of an order with this id */
function completed(id) {
  const event = payload("pixel/checkout_completed_order_id.json");
  event.data.checkout.order = id === undefined ? null : { id };
  return event;
}

for (const file of Object.keys(payload("pixel/expected.json"))) {
  test(`the pixel reports completed checkouts that have an order id: ${file}`, async () => {
    const expected = payload("pixel/expected.json")[file];
    const requests = await publish(payload(`pixel/${file}`));
    assert.equal(requests.length, expected.result === "order" && expected.order_id ? 1 : 0);
    for (const { url, options, body } of requests) {
      assert.equal(url, "https://analytics.example/alhena/analytics/checkout_events");
      assert.equal(options.headers, undefined);
      assert.deepEqual(
        [body.order_id, body.value, body.currency, body.user_fingerprint, body.user_faq_fingerprint],
        [expected.order_id, Number(expected.value), expected.currency, ...IDS],
      );
      assert.deepEqual(
        body.line_items.map((/** @type {any} */ line) => [line.product_id, line.quantity, line.value]),
        expected.lines.map((/** @type {any} */ line) => [line.product_id, line.quantity, Number(line.total)]),
      );
    }
  });
}

for (const [id, expected] of /** @type {[unknown, string | undefined][]} */ ([
  [6412000032775, "6412000032775"],
  ["6412000032775", "6412000032775"],
  ["gid://shopify/OrderIdentity/6412000032775", "6412000032775"],
  ["gid://shopify/Order/1", "1"],
  [null, undefined],
  ["", undefined],
  [undefined, undefined],
])) {
  test(`the order id ${id} is ${expected}`, async () => {
    const requests = await publish(completed(id));
    assert.deepEqual(requests.map(({ body }) => body.order_id), expected ? [expected] : []);
  });
}

test("the pixel reports nothing of a visitor who has not used the assistant", async () => {
  assert.deepEqual(await publish(completed("1"), ""), []);
  assert.deepEqual(await publish(completed("1"), "1.nobody.0"), []);
});

test("lines without a product are left out", async () => {
  const event = completed("1");
  event.data.checkout.lineItems.push({ quantity: 1, title: "Tip", variant: null, finalLinePrice: { amount: 4 } });
  const [{ body }] = await publish(event);
  assert.equal(body.line_items.length, 1);
});

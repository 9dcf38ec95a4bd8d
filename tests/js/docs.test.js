/** The single-page app of docs/tracker.md, run as it stands there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { SNIPPET, openPage } from "./page.js";

const PAGE = readFileSync(new URL("../../docs/tracker.md", import.meta.url), "utf8");
const [HTML, APP, VIEW] = ["html", "js", "jsx"].map((language) => {
  const blocks = [...PAGE.matchAll(new RegExp("^```" + language + "\\n([^]*?)^```$", "gm"))];
  assert.equal(blocks.length, 1, language);
  return blocks[0][1];
});

const KETTLE = { sku: "SKU-1", name: "Gooseneck kettle", price: 89.5, currency: "EUR" };
const ORDER = {
  number: "1001",
  total: 179,
  currency: "EUR",
  lines: [{ sku: "SKU-1", name: "Gooseneck kettle", quantity: 2, total: 179 }],
};

/** A page that is no template of Django's, with the app of the documentation. */
async function openApp() {
  const pairs = HTML.matchAll(/(data-[\w-]+)="(.*?)"/g);
  const attributes = Object.fromEntries([...pairs].map(([, name, value]) => [name, value]));
  const page = openPage({ attributes, load: false });
  page.run(SNIPPET);
  page.run(APP.replace(/^export /gm, "") + "window.app = { setQuantity, reportOrder };");
  page.loadTracker();
  return { page, ...page.window.app };
}

test("the app's cart is reported as what is left", async () => {
  const { page, setQuantity } = await openApp();
  await page.interact();
  for (const quantity of [2, 2, 3, 1, 0, 1]) setQuantity(KETTLE, quantity);
  await page.deliver();
  assert.deepEqual(
    page.sent.map((/** @type {any} */ { body }) => [body.type, body.quantity]),
    [
      ["ITEM_ADDED", 2],
      ["QUANTITY_INCREASED", 3],
      ["QUANTITY_DECREASED", 1],
      ["ITEM_REMOVED", 0],
      ["ITEM_ADDED", 1],
    ],
  );
  assert.equal(page.requests[0].url, "https://shop.example/alhena/analytics/batch");
  assert.deepEqual(page.errors, []);
});

test("the app's order is reported once, though its effect runs twice", async () => {
  assert.match(VIEW, /useEffect\(\(\) => reportOrder\(order\), \[order\]\)/);
  const { page, reportOrder } = await openApp();
  await page.interact();
  assert.equal(reportOrder(ORDER), undefined);
  reportOrder(ORDER);
  await page.deliver();
  assert.deepEqual(page.paths, ["checkout_events"]);
  assert.equal(page.sent[0].body.line_items[0].value, 179);
  assert.deepEqual(page.errors, []);
});

/** The examples of tests/contract/normaliser.json, which the server's tests run as well. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { openForVisitor, push, refusedOf } from "./datalayer-page.js";

/** @type {Record<string, any[]>} */
const EXAMPLES = JSON.parse(readFileSync(new URL("../contract/normaliser.json", import.meta.url), "utf8"));
const CURRENCIES = /** @type {Record<string, string>} */ ({ 0: "JPY", 2: "USD", 3: "KWD" });
const ITEM = { item_id: "A", item_name: "Mug", price: 1 };

const page = await openForVisitor();

/** What the bridge makes of a purchase, before the tracker validates it. @param {Record<string, any>} purchase */
function reported(purchase) {
  /** @type {any} */
  let order;
  const value = (/** @type {string} */ _, /** @type {any} */ data) => (order = data);
  Object.defineProperty(page.window, "trackAlhenaEvent", { configurable: true, value });
  page.refusals.length = 0;
  push(page, "purchase", { items: [], ...purchase });
  assert.deepEqual(page.errors, []);
  return { order, refused: refusedOf(page) };
}

for (const { text, value = text, decimals, number, error } of EXAMPLES.numbers) {
  test(`the number ${JSON.stringify(value)} with ${decimals} decimals`, () => {
    const { order, refused } = reported({ value, currency: CURRENCIES[decimals] });
    assert.equal(order?.value, error ? undefined : number);
    assert.deepEqual(refused, error ? [`value ${error}`] : []);
  });
}

for (const { value, id } of EXAMPLES.ids) {
  test(`the id ${JSON.stringify(value)}`, () => {
    const { order } = reported({ transaction_id: value, value: 1, currency: "USD" });
    assert.equal(order.orderId, id);
  });
}

for (const { alternatives, id } of EXAMPLES.first) {
  test(`the first id of ${JSON.stringify(alternatives)}`, () => {
    const names = ["item_id", "id", "sku", "item_name", "name"];
    const item = Object.fromEntries(alternatives.map((/** @type {any} */ value, /** @type {number} */ index) => [names[index], value]));
    const { order } = reported({ value: 1, currency: "USD", items: [{ ...item, price: 1 }] });
    assert.equal(order.lineItems?.[0].productId, id);
  });
}

for (const { repeat: [part, times], length, absent } of EXAMPLES.names) {
  test(`the name ${JSON.stringify(part)} × ${times}`, () => {
    const { order } = reported({ value: 1, currency: "USD", items: [{ ...ITEM, item_name: part.repeat(times) }] });
    const name = order.lineItems[0].productName;
    assert.equal([...name].length, absent ? 1 : length);
    assert.doesNotMatch(name, /[\ud800-\udfff]/u);
  });
}

test("a hostile text takes no longer than another", () => {
  const started = performance.now();
  for (const text of ["1 ".repeat(50000) + "x", "a".repeat(50000), "€ ".repeat(50000) + "x", "1" + "ab ".repeat(30000), "1,".repeat(50000)]) {
    const { refused } = reported({ value: text, currency: "USD" });
    assert.deepEqual(refused, ["value not_a_number"]);
  }
  assert.ok(performance.now() - started < 2000);
});

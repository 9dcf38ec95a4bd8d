/** An order's total: the table of docs/ga4.md. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { openForVisitor, ordersOf, push, refusedOf } from "./datalayer-page.js";

/** @param {...[price: any, quantity: any, discount?: any]} prices */
const items = (...prices) =>
  prices.map(([price, quantity, discount], index) => ({ item_id: `A${index}`, item_name: "Mug", price, quantity, discount }));

const UNCLEAR = ["value unclear_total"];

/** @type {[name: string, purchase: Record<string, any>, total: number, refused?: string[], attributes?: Record<string, string>][]} */
const TOTALS = [
  ["nothing beside the value", { value: 95, items: items([89.62, 1]) }, 95],
  ["nothing beside the value but zeros as text", { value: "95", tax: "0.00", shipping: "0", items: items([80, 1]) }, 95],
  ["items + tax + shipping", { value: 71.31, tax: 6.4, shipping: 4.9, items: items([20, 2], [20.01, 1]) }, 71.31],
  ["items + tax, no shipping", { value: 95, tax: 5.38, shipping: 0, items: items([89.62, 1]) }, 95],
  ["items + tax, shipping beside", { value: 95, tax: 5.38, shipping: 7, items: items([89.62, 1]) }, 102],
  ["items + shipping, tax in the prices", { value: 100, tax: 5.38, shipping: 5, items: items([95, 1]) }, 100],
  ["items + shipping, no tax", { value: 100, shipping: 5, items: items([95, 1]) }, 100],
  ["items, shipping beside, no tax", { value: 95, tax: 0, shipping: 5, items: items([95, 1]) }, 100],
  ["items, tax beside", { value: 95, tax: 5.38, items: items([95, 1]) }, 95, UNCLEAR],
  ["items, tax and shipping beside", { value: 80, tax: 15.2, shipping: 5, items: items([40, 2]) }, 80, UNCLEAR],
  ["nothing that adds up", { value: 70, tax: 15.2, shipping: 5, items: items([40, 2]) }, 70, UNCLEAR],
  ["a cent beside the total", { value: 95.01, tax: 5.38, items: items([89.62, 1]) }, 95.01, UNCLEAR],
  ["prices finer than a cent", { value: 100, tax: 0, shipping: 5, items: items([33.3333, 3]) }, 105],
  ["a tax that equals shipping", { value: 25, tax: 5, shipping: 5, items: items([20, 1]) }, 25, UNCLEAR],
  ["no items", { value: 50, tax: 5 }, 50, UNCLEAR],
  ["no items, shipping, and no value yet", { value: 0, shipping: 5 }, 0, UNCLEAR],
  ["an item without a price", { value: 50, tax: 5, items: items([45, 1], [undefined, 1]) }, 50, [...UNCLEAR, "items[1].price required"]],
  ["the event's discount", { value: 100.38, tax: 5.38, shipping: 5, discount: 10, items: items([100, 1]) }, 100.38],
  ["the event's discount as a negative text", { value: 95, tax: 5, discount: "-10,00", items: items([100, 1]) }, 95],
  ["discounts of the items", { value: 95, tax: 5, items: items([50, 2, 5]) }, 95],
  ["a promotion as a line", { value: 95, tax: 5, items: items([100, 1], [-10, 1]) }, 95, ["items[1].price negative"]],
  ["a yen has no decimals", { currency: "JPY", value: 278, shipping: 500, items: items([92.59, 3]) }, 778],
  ["a dinar has three decimals", { currency: "KWD", value: 10.005, shipping: 1.5, items: items(["3.335", 3]) }, 11.505],
  ["texts in every place", { value: "€ 1.245,42", tax: "45,42 €", shipping: "0,00", items: items(["1.200,00", "1"]), currency: "EUR" }, 1245.42],
  ["a tax that is no number", { value: 95, tax: "incl.", items: items([95, 1]) }, 95, ["tax not_a_number"]],
  ["no value", { items: items([10, 2], ["5,50", "1.0000"]) }, 25.5],
  ["no value but a promotion", { value: NaN, items: items([10, 2], [-5, 1]) }, 15, ["items[1].price negative"]],
  ["no value but shipping", { value: "", shipping: 5, items: items([10, 2]) }, 20, UNCLEAR],
  ["no value, net", { tax: 1, shipping: 5, items: items([10, 2]) }, 26, [], { "data-datalayer-value": "net" }],
  ["net", { value: 95, tax: 5.38, shipping: "5", items: items([89.62, 1]) }, 105.38, [], { "data-datalayer-value": "net" }],
  ["as is", { value: 95, tax: 5.38, shipping: 5, items: items([95, 1]) }, 95, [], { "data-datalayer-value": "as-is" }],
];

for (const [name, purchase, total, refused = [], attributes] of TOTALS) {
  test(name, async () => {
    const page = await openForVisitor(attributes);
    push(page, "purchase", { transaction_id: "T", currency: "SEK", ...purchase });
    await page.deliver();
    assert.deepEqual(ordersOf(page).map((/** @type {any} */ [, value]) => value), [total]);
    assert.deepEqual(refusedOf(page), refused);
  });
}

test("at most 20 errors of an order are reported", async () => {
  const page = await openForVisitor();
  push(page, "purchase", { transaction_id: "T", currency: "SEK", value: 95, tax: 5, items: items([95, 1], ...Array(30).fill([undefined, 1])) });
  const [[method, errors]] = /** @type {any} */ (page.refusals);
  assert.deepEqual([method, errors.length, errors[0], errors[1]], ["sendCheckoutEvent", 20, ["value", "unclear_total"], ["items[1].price", "required"]]);
});

test("a tracker that cannot report what is refused breaks nothing", async () => {
  const page = await openForVisitor();
  page.window._alhenaTracker.refuse = undefined;
  push(page, "purchase", { transaction_id: "T", currency: "SEK", value: 95, tax: 5, items: [] });
  await page.deliver();
  assert.equal(ordersOf(page).length, 1);
  assert.deepEqual(page.errors, []);
});

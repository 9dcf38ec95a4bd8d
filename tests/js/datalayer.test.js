/** The payloads are those of GA4's reference of recommended events; in the first part with items of our own. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { cartOf, command, open, push } from "./datalayer-page.js";
import { openPage } from "./page.js";

const SHIRT = { item_id: "SKU_12345", item_name: "Stan and Friends Tee", price: 10.01, quantity: 3 };
const HAT = { item_id: "SKU_12346", item_name: "Grey Hat", price: 20, discount: 2.5 };
const PURCHASE = { transaction_id: "T_12345", value: 72.05, tax: 3.6, shipping: 5.99, currency: "USD", coupon: "SUMMER", items: [SHIRT, HAT] };

/** @param {number} quantity @param {Record<string, any>} [item] */
const items = (quantity, item = SHIRT) => ({ currency: "USD", value: 1, items: [{ ...item, quantity }] });

test("the bridge is requested only when it is switched on", async () => {
  assert.equal(openPage().document.querySelector("script[src]"), null);
  assert.equal((await open()).document.querySelector("script[src]").getAttribute("src"), "/static/datalayer.js");
});

test("quantities that are changes become what is left", async () => {
  const page = await open();
  await page.interact();
  push(page, "add_to_cart", items(3));
  push(page, "add_to_cart", items(1));
  push(page, "remove_from_cart", items(2));
  push(page, "remove_from_cart", items(2));
  push(page, "remove_from_cart", items(1));
  await page.deliver();
  assert.deepEqual(cartOf(page), [
    ["ITEM_ADDED", "SKU_12345", 3, 10.01],
    ["QUANTITY_INCREASED", "SKU_12345", 4, 10.01],
    ["QUANTITY_DECREASED", "SKU_12345", 2, 10.01],
    ["ITEM_REMOVED", "SKU_12345", 0, 10.01],
    ["ITEM_REMOVED", "SKU_12345", 0, 10.01],
  ]);
  assert.deepEqual(page.errors, []);
});

test("what was in the cart before the interaction is known, and nothing of it written or sent", async () => {
  const page = await open();
  push(page, "add_to_cart", items(2));
  await page.deliver();
  assert.deepEqual(page.sent, []);
  assert.equal(page.window.sessionStorage.length + page.window.localStorage.length, 0);
  await page.interact();
  push(page, "add_to_cart", items(1));
  await page.deliver();
  assert.deepEqual(cartOf(page), [["QUANTITY_INCREASED", "SKU_12345", 3, 10.01]]);
});

test("view_cart corrects what is known and reports nothing", async () => {
  const page = await open();
  await page.interact();
  push(page, "view_cart", { currency: "USD", value: 50, items: [SHIRT, HAT] });
  await page.deliver();
  assert.deepEqual(page.sent, []);
  push(page, "add_to_cart", items(1, HAT));
  push(page, "remove_from_cart", items(1));
  await page.deliver();
  assert.deepEqual(cartOf(page), [
    ["QUANTITY_INCREASED", "SKU_12346", 2, 20],
    ["QUANTITY_DECREASED", "SKU_12345", 2, 10.01],
  ]);
});

/** The next page of a visitor, with the same cookie and storage. @param {any} page @param {Record<string, string>} [attributes] */
const follow = (page, attributes) =>
  open(attributes, {
    cookie: page.document.cookie,
    before: (window) => {
      for (const [name, value] of Object.entries(page.window.sessionStorage)) window.sessionStorage.setItem(name, value);
    },
  });

test("the next page knows the cart", async () => {
  const page = await open();
  await page.interact();
  push(page, "add_to_cart", items(2));
  await page.deliver();
  const next = await follow(page);
  push(next, "add_to_cart", items(1));
  await next.deliver();
  assert.deepEqual(cartOf(next), [["QUANTITY_INCREASED", "SKU_12345", 3, 10.01]]);
  next.track("setConsent", false);
  assert.equal(next.window.sessionStorage.length, 0);
});

test("[27] where consent is required, the cart of an earlier page is not touched before it is given", async () => {
  const page = await open();
  await page.interact();
  push(page, "add_to_cart", items(2));
  await page.deliver();
  const next = await follow(page, { "data-consent": "required" });
  const before = next.window.sessionStorage.getItem("alhena_acme:cart");
  push(next, "add_to_cart", items(1, HAT));
  assert.equal(next.window.sessionStorage.getItem("alhena_acme:cart"), before);
  next.track("setConsent", true);
  push(next, "add_to_cart", items(1));
  await next.deliver();
  assert.deepEqual(cartOf(next), [
    ["ITEM_ADDED", "SKU_12346", 1, 20],
    ["QUANTITY_INCREASED", "SKU_12345", 3, 10.01],
  ]);
});

test("a cart that was bought before consent came is not restored after it", async () => {
  const page = await open();
  await page.interact();
  push(page, "add_to_cart", items(2));
  await page.deliver();
  const next = await follow(page, { "data-consent": "required" });
  push(next, "purchase", PURCHASE);
  next.track("setConsent", true);
  push(next, "add_to_cart", items(1));
  await next.deliver();
  assert.deepEqual(cartOf(next), [["ITEM_ADDED", "SKU_12345", 1, 10.01]]);
});

/** @type {[attributes: Record<string, string>, value: number, lines: number[]][]} */
const VALUES = [
  [{}, 72.05, [30.03, 20]],
  [{ "data-datalayer-value": "net" }, 81.64, [30.03, 20]],
  [{ "data-datalayer-value": "as-is" }, 72.05, [30.03, 20]],
  [{ "data-line-item-value": "unit" }, 72.05, [10.01, 20]],
];
for (const [attributes, value, lines] of VALUES) {
  test(`a purchase's values with ${JSON.stringify(attributes)}`, async () => {
    const page = await open(attributes);
    await page.interact();
    push(page, "purchase", PURCHASE);
    await page.deliver();
    const [{ body }] = page.sent;
    assert.equal(body.order_id, "T_12345");
    assert.equal(body.currency, "USD");
    assert.equal(Math.round(body.value * 100) / 100, value);
    assert.deepEqual(
      body.line_items.map((/** @type {any} */ line) => [line.product_id, line.quantity, Math.round(line.value * 100) / 100]),
      [
        ["SKU_12345", 3, lines[0]],
        ["SKU_12346", 1, lines[1]],
      ],
    );
  });
}

test("a cart event's value is the total of what is left where the shop reads it so", async () => {
  const page = await open({ "data-cart-event-value": "total" });
  await page.interact();
  push(page, "add_to_cart", items(2, HAT));
  await page.deliver();
  assert.deepEqual(cartOf(page), [["ITEM_ADDED", "SKU_12346", 2, 40]]);
});

test("a purchase empties the cart", async () => {
  const page = await open();
  await page.interact();
  push(page, "add_to_cart", items(2));
  push(page, "purchase", PURCHASE);
  push(page, "add_to_cart", items(1));
  await page.deliver();
  assert.deepEqual(
    cartOf(page).map((/** @type {any} */ [type]) => type),
    ["ITEM_ADDED", "ITEM_ADDED"],
  );
});

test("gtag's commands are read, and those made before the bridge came", async () => {
  const page = await open(undefined, {
    before: (window) => {
      window._alhenaEventQueue = [{ method: "sendInteraction", args: { type: "CHAT" } }];
      window.dataLayer = [];
      window.dataLayer.push(command("js", new Date()));
      window.dataLayer.push(command("event", "add_to_cart", items(1)));
    },
  });
  page.window.dataLayer.push(command("event", "purchase", PURCHASE));
  await page.deliver();
  assert.deepEqual(new Set(page.paths), new Set(["interactions", "cart_events", "checkout_events"]));
});

test("ids that are numbers and numbers that are text are read as what they mean", async () => {
  const page = await open();
  await page.interact();
  push(page, "add_to_cart", { currency: "USD", items: [{ item_id: 7, item_name: "Mug", price: "12.50", quantity: "2" }] });
  push(page, "add_to_cart", { currency: "USD", value: "9", items: [{ item_name: "Tea" }] });
  await page.deliver();
  assert.deepEqual(cartOf(page), [
    ["ITEM_ADDED", "7", 2, 12.5],
    ["ITEM_ADDED", "Tea", 1, 9],
  ]);
});

test("the tracker logs an invalid order, and the page goes on", async () => {
  const page = await open();
  await page.interact();
  push(page, "purchase", { currency: "USD", value: null, items: "none" });
  await page.deliver();
  assert.deepEqual(page.sent, []);
  assert.ok(page.errors.length);
});

for (const message of [null, 7, "event", {}, { event: "add_to_cart" }, { event: "add_to_cart", ecommerce: null }, ["event"], { event: "constructor", ecommerce: { items: [] } }]) {
  test(`a message that is none of ours breaks nothing: ${JSON.stringify(message)}`, async () => {
    const page = await open();
    assert.equal(page.window.dataLayer.push(message), 1);
    assert.deepEqual([page.sent, page.errors], [[], []]);
  });
}

// --------------------------------------------------------------------------------- As Google's documentation has them

/** With all parameters of an item: https://developers.google.com/analytics/devguides/collection/ga4/reference/events */
const TEE = {
  item_id: "SKU_12345",
  item_name: "Stan and Friends Tee",
  affiliation: "Google Merchandise Store",
  coupon: "SUMMER_FUN",
  discount: 2.22,
  index: 0,
  item_brand: "Google",
  item_category: "Apparel",
  item_category2: "Adult",
  item_category3: "Shirts",
  item_category4: "Crew",
  item_category5: "Short sleeve",
  item_list_id: "related_products",
  item_list_name: "Related Products",
  item_variant: "green",
  location_id: "ChIJIQBpAG2ahYAR_6128GcTUEo",
  price: 10.01,
  quantity: 3,
};
const GREY_TEE = {
  ...TEE,
  item_id: "SKU_12346",
  item_name: "Google Grey Women's Tee",
  discount: 3.33,
  index: 1,
  item_variant: "gray",
  price: 21.01,
  promotion_id: "P_12345",
  promotion_name: "Summer Sale",
  quantity: 2,
};
const OF_CART = { currency: "USD", value: 30.03, items: [TEE] };
const DOCUMENTED_PURCHASE = {
  transaction_id: "T_12345",
  value: 72.05,
  tax: 3.6,
  shipping: 5.99,
  currency: "USD",
  coupon: "SUMMER_SALE",
  customer_type: "new",
  items: [TEE, GREY_TEE],
};

/** @param {any} body of an event, without what is another one each time, and what was in the cart before */
function contentOf({ event_id, occurred_at, sent_at, user_fingerprint, user_faq_fingerprint, previous_quantity, ...content }) {
  const cents = (/** @type {string} */ key, /** @type {any} */ value) =>
    key === "value" ? Math.round(value * 100) / 100 : value;
  return JSON.parse(JSON.stringify(content, cents));
}

/** @param {any} page */
const contents = (page) => page.sent.map((/** @type {any} */ { body }) => contentOf(body));

test("GA4's documented cart events are what they are, and view_cart is nothing", async () => {
  const page = await open();
  await page.interact();
  push(page, "add_to_cart", OF_CART);
  push(page, "view_cart", OF_CART);
  push(page, "remove_from_cart", OF_CART);
  await page.deliver();
  const shared = {
    company_key: "acme",
    product_id: "SKU_12345 / green",
    product_name: "Stan and Friends Tee",
    value: 10.01,
    currency: "USD",
  };
  assert.deepEqual(contents(page), [
    { ...shared, type: "ITEM_ADDED", quantity: 3 },
    { ...shared, type: "ITEM_REMOVED", quantity: 0 },
  ]);
  assert.deepEqual(page.errors, []);
});

test("GA4's documented purchase has its value, and lines that add up to its value", async () => {
  const page = await open();
  await page.interact();
  push(page, "purchase", DOCUMENTED_PURCHASE);
  await page.deliver();
  const [order] = contents(page);
  assert.deepEqual([order.order_id, order.value, order.currency], ["T_12345", 72.05, "USD"]);
  const values = order.line_items.map((/** @type {any} */ line) => line.value);
  assert.deepEqual(values, [30.03, 42.02]);
  assert.equal(Math.round((values[0] + values[1]) * 100) / 100, DOCUMENTED_PURCHASE.value);
  assert.deepEqual(page.errors, []);
});

test("GA4's documented discount is in the price already", async () => {
  // https://developers.google.com/analytics/devguides/collection/ga4/apply-discount: 6.00 less 2.00.
  const socks = { item_id: "SKU_12345", item_name: "Socks", discount: 2, price: 4, quantity: 3 };
  const page = await open();
  await page.interact();
  push(page, "purchase", { transaction_id: "T_12345", coupon: "socksSale", value: 12, currency: "USD", items: [socks] });
  await page.deliver();
  const [order] = contents(page);
  assert.deepEqual([order.value, order.line_items[0].value], [12, 12]);
});

test("a purchase whose items have no price, which GA4 allows, is reported without those lines", async () => {
  const page = await open();
  await page.interact();
  const items = [TEE, GREY_TEE].map(({ price, ...item }) => item);
  push(page, "purchase", { ...DOCUMENTED_PURCHASE, items });
  push(page, "purchase", { ...DOCUMENTED_PURCHASE, transaction_id: "T_2", items: [TEE, items[1]] });
  await page.deliver();
  assert.deepEqual(
    contents(page).map((/** @type {any} */ order) => [order.order_id, order.value, order.line_items?.length]),
    [
      ["T_12345", 72.05, undefined],
      ["T_2", 72.05, 1],
    ],
  );
  assert.deepEqual(page.errors, []);
});

test("the example of docs/ga4.md does what it says", async () => {
  const text = readFileSync(new URL("../../docs/ga4.md", import.meta.url), "utf8");
  const [ga4, ours] = [...text.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code);
  const pages = [];
  for (const code of [ga4, ours]) {
    const page = await open();
    await page.interact();
    runInNewContext(code, { dataLayer: page.window.dataLayer, trackAlhenaEvent: page.track });
    await page.deliver();
    assert.deepEqual(page.errors, []);
    pages.push(page);
  }
  assert.equal(pages[0].sent.length, 2);
  assert.deepEqual(contents(pages[0]), contents(pages[1]));
});

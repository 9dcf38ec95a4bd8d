/** What shops push: the shapes of docs/ga4.md. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { cartOf, command, gtag, open, openForVisitor, ordersOf, push, refusedOf } from "./datalayer-page.js";
import { settle } from "./page.js";

const MUG = { item_id: "A", item_name: "Mug", price: 10, quantity: 1 };
const HAT = { item_id: "B", item_name: "Hat", price: 5, quantity: 2 };
const ORDER = { transaction_id: "T", value: 20, currency: "EUR", items: [MUG, HAT] };
const REPORTED = ["T", 20, "EUR", ["A", "B"]];
const PRODUCTS = [{ id: "A", name: "Mug", price: "10.00", quantity: 1 }, { sku: "B", name: "Hat", price: "5", quantity: "2" }];
const UNIVERSAL = { purchase: { actionField: { id: "T", revenue: "20.00", tax: "3.19", shipping: "4.90" }, products: PRODUCTS } };
const { items, ...WITHOUT_ITEMS } = ORDER;

/** @type {[name: string, messages: any[], orders?: any[]][]} */
const ORDERS = [
  ["GA4's event", [{ event: "purchase", ecommerce: ORDER }]],
  ["gtag's command", [command("event", "purchase", ORDER)]],
  ["a flat event", [{ event: "purchase", ...ORDER }]],
  ["flat data and an event", [ORDER, { event: "purchase" }]],
  ["data and an event", [{ ecommerce: ORDER }, { event: "gtm.dom" }, { event: "purchase" }]],
  ["data and another plug-in's event between", [{ ecommerce: ORDER }, { event: "page_view" }, { event: "purchase" }]],
  ["data in two parts", [{ ecommerce: { items } }, { ecommerce: WITHOUT_ITEMS }, { event: "purchase" }]],
  ["data in part before", [{ ecommerce: WITHOUT_ITEMS }, { event: "purchase", ecommerce: { items } }]],
  ["data in both places", [{ event: "purchase", ...WITHOUT_ITEMS, ecommerce: { items } }]],
  ["an event of its own before", [{ event: "order_placed", ecommerce: ORDER }, { event: "purchase" }]],
  ["the same order in both ways", [command("event", "purchase", ORDER), { event: "purchase", ecommerce: ORDER }]],
  ["the same order for Google Ads", [command("event", "purchase", { ...ORDER, send_to: "AW-1/x" }), command("event", "purchase", ORDER)]],
  ["an order without id in both ways", [command("event", "purchase", { ...ORDER, transaction_id: "" }), { event: "purchase", ...ORDER, transaction_id: "undefined" }], [[undefined, 20, "EUR", ["A", "B"]]]],
  ["items of a cart event before", [{ event: "add_to_cart", ecommerce: { items: [MUG, MUG, MUG] } }, { event: "purchase", ecommerce: { ...ORDER, items: [] } }], [["T", 20, "EUR", undefined]]],
  ["an order without id in both ways, first without its value", [command("event", "purchase", { currency: "EUR" }), { event: "purchase", ...ORDER, transaction_id: null }], [[undefined, 20, "EUR", ["A", "B"]]]],
  ["products beside empty items", [{ event: "purchase", ...ORDER, items: [], products: items }]],
  ["GA4's names in Universal Analytics' place", [{ event: "done", ecommerce: { currency: "EUR", purchase: ORDER } }]],
  ["data that was cleared", [{ ecommerce: ORDER }, { ecommerce: null }, { event: "purchase" }], []],
  ["an event that clears the data", [{ event: "x", ecommerce: ORDER }, { event: "purchase", ecommerce: null }], []],
  ["an event that clears what was pushed alone", [{ ecommerce: ORDER }, { event: "purchase", ecommerce: undefined }], []],
  ["an event about nothing", [{ event: "purchase" }], []],
  ["a trigger after a product was viewed", [{ event: "view_item", ecommerce: { value: 9, currency: "EUR", items } }, { event: "purchase" }], []],
  ["Universal Analytics", [{ event: "transaction", ecommerce: { currencyCode: "EUR", ...UNIVERSAL } }]],
  ["Universal Analytics without an event", [{ ecommerce: { currencyCode: "EUR", ...UNIVERSAL } }]],
  ["Universal Analytics and GA4's name", [{ event: "purchase", ecommerce: { currencyCode: "EUR", ...UNIVERSAL } }]],
  ["Universal Analytics and a trigger", [{ ecommerce: { currencyCode: "EUR", ...UNIVERSAL } }, { event: "purchase" }]],
  ["Universal Analytics beside GA4", [{ event: "purchase", ecommerce: { ...ORDER, ...UNIVERSAL } }]],
  ["Universal Analytics with an earlier currency", [{ ecommerce: { currencyCode: "EUR", impressions: [] } }, { event: "done", ecommerce: UNIVERSAL }]],
  ["Universal Analytics without revenue", [{ event: "done", ecommerce: { currencyCode: "EUR", purchase: { actionField: { id: "T" }, products: PRODUCTS } } }]],
  ["one item", [{ event: "purchase", ecommerce: { ...ORDER, items: HAT } }], [["T", 20, "EUR", ["B"]]]],
  ["an object of items", [{ event: "purchase", ecommerce: { ...ORDER, items: { 0: MUG, 1: HAT } } }]],
  ["an object of items by id", [{ event: "purchase", ecommerce: { ...ORDER, items: { A: MUG, B: HAT } } }]],
  ["nested items", [{ event: "purchase", ecommerce: { ...ORDER, items: [[MUG], [[HAT]]] } }]],
  ["items with gaps", [{ event: "purchase", ecommerce: { ...ORDER, items: [null, MUG, undefined, HAT] } }]],
  ["no items", [{ event: "purchase", ecommerce: { ...ORDER, items: null } }], [["T", 20, "EUR", undefined]]],
  ["an array in place of arguments", [["event", "purchase", ORDER]], []],
  ["consent", [command("consent", "default", { analytics_storage: "denied" }), command("event", "purchase", ORDER)]],
  ["a numeric id", [{ event: "purchase", ecommerce: { ...ORDER, transaction_id: 1e21 } }], [["1000000000000000000000", 20, "EUR", ["A", "B"]]]],
  ["an order of 0, then its value", [{ event: "purchase", ecommerce: { ...ORDER, value: 0 } }], [["T", 0, "EUR", ["A", "B"]]]],
  ["an unknown currency", [{ event: "purchase", ecommerce: { ...ORDER, currency: "€" } }], []],
  ["a currency in small letters", [{ event: "purchase", ecommerce: { ...ORDER, currency: " eur " } }]],
];

for (const [name, messages, orders = [REPORTED]] of ORDERS) {
  for (const how of ["after", "before"]) {
    test(`${name}, pushed ${how} the bridge has loaded`, async () => {
      const page = await open(undefined, {
        before(window) {
          window._alhenaEventQueue = [{ method: "sendInteraction", args: { type: "CHAT" } }];
          window.dataLayer = how === "before" ? [...messages] : [];
        },
      });
      if (how === "after") for (const message of messages) page.window.dataLayer.push(message);
      await page.deliver();
      assert.deepEqual(ordersOf(page), orders);
    });
  }
}

/** @type {[name: string, messages: any[], currency: string | undefined, attributes?: Record<string, string>][]} */
const CURRENCIES = [
  ["of the event before its items'", [{ event: "purchase", ecommerce: { ...ORDER, items: [{ ...MUG, currency: "USD" }] } }], "EUR"],
  ["of the items", [{ event: "purchase", ecommerce: { ...ORDER, currency: "", items: [MUG, { ...HAT, currency: "sek" }] } }], "SEK"],
  ["of gtag('set', {…})", [command("set", { currency: "USD" }), command("event", "purchase", { ...ORDER, currency: null })], "USD"],
  ["of gtag('set', name)", [command("set", "currency", "USD"), command("set", "country", "DE"), { event: "purchase", ecommerce: { ...ORDER, currency: "undefined" } }], "USD"],
  ["of gtag('config')", [command("config", "G-1", { currency: "CHF" }), command("config", "AW-1"), command("event", "purchase", { ...ORDER, currency: undefined })], "CHF"],
  ["pushed before", [{ currency: "NOK" }, { event: "purchase", ecommerce: { ...ORDER, currency: undefined } }], "NOK"],
  ["pushed before in ecommerce", [{ event: "view_item", ecommerce: { currency: "NOK", items } }, { event: "purchase", ecommerce: { ...ORDER, currency: undefined } }], "NOK"],
  ["pushed before for gtag", [{ ecommerce: { currencyCode: "NOK" } }, command("event", "purchase", { ...ORDER, currency: undefined })], "NOK"],
  ["by default", [{ event: "view_item", ecommerce: { currency: "NOK" } }, { ecommerce: null }, { event: "purchase", ecommerce: { ...ORDER, currency: undefined } }], "DKK", { "data-default-currency": "DKK" }],
];

for (const [name, messages, currency, attributes] of CURRENCIES) {
  test(`the currency ${name}`, async () => {
    const page = await openForVisitor(attributes);
    page.window.dataLayer.push(...messages);
    await page.deliver();
    assert.deepEqual(ordersOf(page).map((/** @type {any} */ order) => order[2]), [currency]);
  });
}

const ADDED = { currency: "EUR", items: [MUG] };
/** @param {Record<string, any>} [changes] */
const add = (changes) => ({ event: "add_to_cart", ecommerce: { ...ADDED, items: [{ ...MUG, ...changes }] } });
/** @param {Record<string, any>} [changes] */
const remove = (changes) => ({ ...add(changes), event: "remove_from_cart" });
/** @param {string | string[]} [to] */
const sent = (to) => command("event", "add_to_cart", { ...ADDED, ...(to && { send_to: to }) });
const ONE = [["ITEM_ADDED", "A", 1, 10]];
const TWO = [...ONE, ["QUANTITY_INCREASED", "A", 2, 10]];

/** @type {[name: string, messages: any[], cart: any[]][]} */
const CARTS = [
  ["a flat event", [{ event: "add_to_cart", currency: "EUR", items: [MUG] }], ONE],
  ["an event alone after the product was viewed", [{ event: "view_item", ecommerce: ADDED }, { event: "add_to_cart" }], ONE],
  ["view_cart alone after the product was viewed", [{ event: "view_item", ecommerce: ADDED }, { event: "view_cart" }, add()], ONE],
  ["Universal Analytics", [{ event: "addToCart", ecommerce: { currencyCode: "EUR", add: { products: [PRODUCTS[0]] } } }, { event: "x", ecommerce: { currencyCode: "EUR", remove: { products: [PRODUCTS[0]] } } }], [...ONE, ["ITEM_REMOVED", "A", 0, 10]]],
  ["both of Google's at one click", [sent(), add()], ONE],
  ["both, with other ids", [sent(), add({ item_id: "gla_A" })], ONE],
  ["both, with other quantities", [sent(), add({ quantity: 2 })], [...ONE, ["QUANTITY_INCREASED", "A", 3, 10]]],
  ["both, with other products", [sent(), add({ item_id: "B", item_name: "Hat" })], [...ONE, ["ITEM_ADDED", "B", 1, 10]]],
  ["both at two clicks", [sent(), add(), sent(), add()], TWO],
  ["both at two clicks, one after the other", [sent(), sent(), add(), add()], TWO],
  ["Universal Analytics beside GA4", [{ event: "addToCart", ecommerce: { currencyCode: "EUR", add: { products: [PRODUCTS[0]] } } }, add()], ONE],
  ["both, the first without a currency", [command("event", "add_to_cart", { items: [MUG] }), add()], ONE],
  ["both, the second without a currency", [command("event", "add_to_cart", ADDED), { ecommerce: null }, { event: "add_to_cart", items: [MUG] }], ONE],
  ["two destinations", [sent("G-1"), sent("G-2")], ONE],
  ["a destination and all", [sent(), sent("G-2")], ONE],
  ["the same way twice", [sent("G-1"), sent("G-1")], TWO],
  ["the same object twice", ((event) => [event, event])(add()), TWO],
  ["Google Ads", [sent("AW-1/label")], []],
  ["a group of Google Ads", [command("config", "AW-1", { groups: "GLA" }), sent("GLA")], []],
  ["a group of GA4", [command("config", "G-1", { groups: ["shop", "all"] }), sent("shop")], ONE],
  ["the default group", [command("config", "G-1"), sent("default")], ONE],
  ["several destinations, one of GA4", [sent(["AW-1", "G-1"])], ONE],
  ["several destinations, none of GA4", [sent(["AW-1", "UA-1"])], []],
  ["variants", [add({ item_variant: "S" }), add({ item_variant: "XL", price: 100 }), remove({ item_variant: "XL", price: 100 })], [["ITEM_ADDED", "A / S", 1, 10], ["ITEM_ADDED", "A / XL", 1, 100], ["ITEM_REMOVED", "A / XL", 0, 100]]],
  ["a variant that is removed by its product", [add({ item_variant: "S", quantity: 2 }), remove()], [["ITEM_ADDED", "A / S", 2, 10], ["QUANTITY_DECREASED", "A / S", 1, 10]]],
  ["a product that is removed by its variant", [add(), remove({ item_variant: "S" })], [...ONE, ["ITEM_REMOVED", "A", 0, 10]]],
  ["texts for numbers", [add({ price: "$1,245.50", quantity: "2.0000" })], [["ITEM_ADDED", "A", 2, 1245.5]]],
  ["a currency in other letters", [add(), { event: "add_to_cart", ecommerce: { ...ADDED, currency: "eur" } }], TWO],
  ["items that cannot be used", [{ event: "add_to_cart", ecommerce: { ...ADDED, items: [{ ...MUG, item_id: "", item_name: " " }, { ...HAT, price: "free" }, { ...HAT, quantity: 0 }, { ...HAT, price: -1 }, "A", MUG] } }], ONE],
  ["no items", [add(), { event: "remove_from_cart", ecommerce: { currency: "EUR", items: [] } }], ONE],
  ["a price from the value", [{ event: "add_to_cart", ecommerce: { currency: "EUR", value: "20,00", items: { item_name: "Tea", quantity: 2 } } }], [["ITEM_ADDED", "Tea", 2, 10]]],
];

for (const [name, messages, cart] of CARTS) {
  test(`the cart of ${name}`, async () => {
    const page = await openForVisitor();
    for (const message of messages) page.window.dataLayer.push(message);
    await page.deliver();
    assert.deepEqual(cartOf(page), cart);
    assert.deepEqual(page.errors, []);
  });
}

test("two ways are two clicks after a while", async () => {
  const page = await openForVisitor();
  page.window.dataLayer.push(sent());
  await page.clock.pass(3001);
  page.window.dataLayer.push(add());
  await page.deliver();
  assert.deepEqual(cartOf(page), TWO);
});

test("view_cart without items leaves what is known", async () => {
  const page = await openForVisitor();
  page.window.dataLayer.push(add(), { event: "view_cart", ecommerce: { currency: "EUR", items: [] } }, add());
  await page.deliver();
  assert.deepEqual(cartOf(page), TWO);
});

test("what was in the cart before an addition is reported where it is known", async () => {
  const page = await openForVisitor();
  /** @type {unknown[]} */
  const before = [];
  Object.defineProperty(page.window, "trackAlhenaEvent", { value: (/** @type {string} */ _, /** @type {any} */ data) => before.push(data.previousQuantity) });
  page.window.dataLayer.push(add(), add({ quantity: 2 }), remove({ quantity: 3 }), add());
  push(page, "view_cart", { ...ADDED, items: [{ ...MUG, quantity: 7 }] });
  page.window.dataLayer.push(remove(), add({ item_id: "B", item_name: "Hat" }));
  assert.deepEqual(before, [undefined, 1, undefined, 0, undefined, 0]);
});

test("a line is left out rather than the order lost", async () => {
  const page = await openForVisitor();
  const long = "x".repeat(256);
  const lines = [{ ...MUG, item_name: "m".repeat(600) }, { ...MUG, item_id: long }, { ...MUG, item_name: "\ud800" }, { ...MUG, price: undefined }, { ...MUG, price: 1e15 }, { ...MUG, quantity: -1 }, { ...MUG, quantity: "0" }, { ...MUG, price: "-5" }, { price: 5 }];
  push(page, "purchase", { ...ORDER, items: lines });
  push(page, "purchase", { ...ORDER, transaction_id: "501", items: Array.from({ length: 501 }, (_, index) => ({ ...MUG, item_id: `${index}` })) });
  push(page, "purchase", { ...ORDER, transaction_id: "wide", items: Array(400).fill({ ...MUG, item_name: "\u20ac".repeat(512) }) });
  await page.deliver();
  assert.deepEqual(page.errors, []);
  assert.deepEqual(
    page.sent.map(({ body }) => [body.order_id, body.value, body.line_items?.length, body.line_items?.[0].product_name.length]),
    [
      ["T", 20, 1, 512],
      ["501", 20, 500, 3],
      ["wide", 20, 136, 512],
    ],
  );
  assert.ok(page.requests.every(({ options }) => Buffer.byteLength(options.body) < 256 * 1024));
  assert.deepEqual(refusedOf(page), [
    "items[1].item_id too_long",
    "items[2].item_name invalid_characters",
    "items[3].price required",
    "items[4].price too_large",
    "items[5].quantity negative",
    "items[6].quantity not_positive",
    "items[7].price negative",
    "items[8].item_id required",
    "items[8].item_name blank",
    "items[500] too_many",
    "items[136] too_many",
  ]);
});

// ------------------------------------------------------------------------------------------------- The data layer

/** @type {[name: string, change: (window: any) => void][]} */
const REPLACEMENTS = [
  ["an empty one", (window) => (window.dataLayer = [])],
  ["a copy", (window) => (window.dataLayer = window.dataLayer.slice())],
  ["one whose push is wrapped", (window) => {
    window.dataLayer = [];
    const push = window.dataLayer.push;
    window.dataLayer.push = (/** @type {any[]} */ ...messages) => push.apply(window.dataLayer, messages);
  }],
  ["one that passes on to the old one", (window) => {
    const old = window.dataLayer;
    /** @type {any[]} */
    const layer = (window.dataLayer = []);
    const push = layer.push;
    layer.push = (/** @type {any[]} */ ...messages) => (old.push(...messages), push.apply(layer, messages));
  }],
  ["the same one", (window) => (window.dataLayer = window.dataLayer)],
  ["no array, then one", (window) => {
    window.dataLayer = undefined;
    window.dataLayer = [];
  }],
];

for (const [name, change] of REPLACEMENTS) {
  test(`a data layer that is replaced by ${name} is read once`, async () => {
    const page = await openForVisitor();
    page.window.dataLayer.push(add());
    change(page.window);
    page.window.dataLayer.push(add());
    page.window.dispatchEvent(new page.window.Event("pagehide"));
    await page.deliver();
    assert.deepEqual(cartOf(page), TWO);
  });
}

test("a data layer that cannot be changed is read once", async () => {
  const page = await openForVisitor();
  page.window.dataLayer = Object.seal([add()]);
  page.window.dispatchEvent(new page.window.Event("load"));
  await page.deliver();
  assert.deepEqual(cartOf(page), ONE);
  assert.deepEqual(page.errors, []);
});

test("code that kept the replaced data layer is read", async () => {
  const page = await openForVisitor();
  const { dataLayer } = page.window;
  page.window.dataLayer = [];
  dataLayer.push(add());
  await settle();
  await page.deliver();
  assert.deepEqual(cartOf(page), ONE);
});

test("a data layer that cannot be watched is read when something happens", async () => {
  const page = await open(undefined, {
    before(window) {
      window._alhenaEventQueue = [{ method: "sendInteraction", args: { type: "CHAT" } }];
      // As var declares it.
      Object.defineProperty(window, "dataLayer", { value: [], writable: true, enumerable: true, configurable: false });
    },
  });
  page.window.dataLayer = [];
  page.window.dataLayer.push(add());
  page.window.document.body.click();
  page.window.dataLayer.push(add());
  await page.deliver();
  assert.deepEqual(cartOf(page), TWO);
});

test("the page's push returns and throws what it did", async () => {
  const page = await openForVisitor();
  const { dataLayer } = page.window;
  assert.equal(dataLayer.push(add(), add()), 2);
  page.window.dataLayer = Object.assign([], { push: () => { throw new Error("full"); } });
  assert.throws(() => page.window.dataLayer.push(add()), /full/);
  await page.deliver();
  assert.equal(cartOf(page).length, 3);
});

const CYCLE = /** @type {any} */ ({ event: "add_to_cart", ecommerce: { items: [] } });
CYCLE.ecommerce.items.push(CYCLE.ecommerce.items);
const HOSTILE = [
  CYCLE,
  { event: "purchase", get ecommerce() { throw new Error("no"); } },
  { event: "purchase", ecommerce: { transaction_id: {}, value: Object.create(null), currency: Symbol("x"), items: [Symbol("x"), 7, () => 1] } },
  JSON.parse('{"event": "purchase", "ecommerce": {"__proto__": {"polluted": 1}}, "__proto__": {"polluted": 1}}'),
  command("event"),
  command("set"),
  command("config", {}, 7),
  command("event", "purchase", "text"),
];

for (const [index, message] of HOSTILE.entries()) {
  test(`hostile message ${index} does not reach the page`, async () => {
    const page = await openForVisitor();
    page.window.dataLayer.push(message, { event: "purchase", ecommerce: ORDER });
    await page.deliver();
    assert.deepEqual(ordersOf(page), [REPORTED]);
    assert.equal(/** @type {any} */ ({}).polluted, undefined);
  });
}

test("what is not understood is reported", async () => {
  const page = await openForVisitor();
  gtag(page, "event", "add_to_cart", { currency: "EUR" });
  page.window.dataLayer.push(["event", "purchase", ORDER], { event: "purchase" }, { event: "remove_from_cart" });
  assert.deepEqual(refusedOf(page), ["items required", "arguments wrong_type", "ecommerce required", "ecommerce required"]);
  assert.deepEqual(page.errors, []);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { cart, line, open, payload } from "./shopify-page.js";

const VISITOR = /^[\da-f-]{36},[\da-f-]{36}$/;
/** @type {Record<string, string>} our word for that of the payloads, which leave the direction open */
const TYPES = { ITEM_ADDED: "ITEM_ADDED", ITEM_UPDATED: "QUANTITY_INCREASED", ITEM_REMOVED: "ITEM_REMOVED" };

/** @param {any} page @param {string} name the cart events that a payload is to give */
function assertEvents(page, name) {
  const [folder, file] = name.split("/");
  const expected = payload(`${folder}/expected.json`)[file];
  const found = page.sent.filter((/** @type {any} */ { path }) => path === "cart_events").map((/** @type {any} */ { body }) => body);
  assert.deepEqual(
    found.map((/** @type {any} */ body) => [body.type, body.product_id, body.quantity, body.value]).sort(),
    expected.events
      .map((/** @type {any} */ event) => [TYPES[event.type], event.product_id, event.quantity, Number(event.unit_price)])
      .sort(),
  );
  for (const body of found) if (expected.currency) assert.equal(body.currency, expected.currency);
  assert.deepEqual(page.errors, []);
}

for (const file of Object.keys(payload("cart_js/expected.json"))) {
  test(`snapshots of /cart.js give their events: ${file}`, async () => {
    const { before, after } = payload(`cart_js/${file}`);
    const page = await open({ cart: before });
    await page.chat();
    await page.change(after);
    assertEvents(page, `cart_js/${file}`);
  });
}

for (const file of Object.keys(payload("storefront_events/expected.json"))) {
  test(`the standard storefront event gives its events: ${file}`, async () => {
    const { type, bubbles, promise, ...fields } = payload(`storefront_events/${file}`);
    const { lines } = promise.resolves.cart;
    const items = lines.map((/** @type {any} */ { quantity, merchandise, cost }) => ({
      variant_id: Number(merchandise.id.split("/").pop()),
      product_id: Number(merchandise.product.id.split("/").pop()),
      product_title: merchandise.product.title,
      quantity,
      price: cost.amountPerQuantity.amount * 100,
    }));
    const { currencyCode: currency } = promise.resolves.cart.cost.totalAmount;
    const mug = line(42700000000022, 1, { product_id: 9700000000022, price: 1250, final_price: 1250 });
    const page = await open({ cart: cart(fields.action === "add" ? [] : [mug], { currency }) });
    await page.chat();
    const requests = page.calls().length;
    /** @type {(value: any) => void} */
    let resolve = () => {};
    const event = Object.assign(new page.window.Event(type, { bubbles }), fields, {
      promise: new Promise((done) => (resolve = done)),
    });
    page.document.body.dispatchEvent(event);
    await page.rest();
    assert.equal(page.calls().length, requests, "the cart has not changed yet");
    page.shop.cart = cart(items, { currency });
    resolve({ detail: promise.resolves.detail });
    await page.rest();
    assertEvents(page, `storefront_events/${file}`);
  });
}

test("without an interaction nothing is requested, stored or sent", async () => {
  const page = await open({ cart: cart([line(1, 2)]) });
  await page.change(cart([line(1, 3)]));
  assert.deepEqual([page.calls(), page.sent, page.window.localStorage.length], [[], [], 0]);
});

test("after the first interaction both fingerprints are in the cart, once", async () => {
  const page = await open();
  await page.chat();
  await page.chat();
  assert.deepEqual(page.calls(), ["GET /cart.js", "POST /cart/update.js?alhena"]);
  assert.match(String(page.shop.visitor), VISITOR);
  assert.equal(page.shop.visitor, `${page.cookie?.user},${page.cookie?.faq}`);
});

test("the locale's prefix is before the paths", async () => {
  const page = await open({ root: "/fr/" });
  await page.chat();
  assert.deepEqual(page.calls(), ["GET /fr/cart.js", "POST /fr/cart/update.js?alhena"]);
  await page.change(cart([line(1, 1)]), "https://shop.example/fr/cart/add?sections=drawer");
  assert.equal(page.events().length, 1);
});

test("the first snapshot after an interaction claims nothing", async () => {
  const page = await open({ cart: cart([line(1, 2)]) });
  await page.chat();
  assert.deepEqual(page.events(), []);
  await page.change(cart([line(1, 3)]));
  assert.deepEqual(page.events(), [["QUANTITY_INCREASED", "97001", 3, 12.5, 2]]);
});

test("a new cart gets the fingerprints and has lost nothing", async () => {
  const page = await open();
  await page.chat();
  await page.change(cart([line(1, 2), line(2, 1)]));
  page.sent.length = page.shop.requests.length = 0;
  page.shop.visitor = undefined;
  await page.change(cart([line(2, 3)], { token: "cart-2" }));
  assert.deepEqual(page.events(), [["QUANTITY_INCREASED", "97002", 3, 12.5, 1]]);
  assert.deepEqual(page.calls(), ["GET /cart.js", "POST /cart/update.js?alhena"]);
  assert.match(String(page.shop.visitor), VISITOR);
});

test("variants of a product are counted together, with their own prices", async () => {
  const [small, large] = [line(1, 1, { product_id: 7 }), line(2, 1, { product_id: 7, final_price: 2000 })];
  const page = await open();
  await page.chat();
  await page.change(cart([small]));
  await page.change(cart([small, large]));
  await page.change(cart([large]));
  await page.change(cart([small]));
  assert.deepEqual(page.events(), [
    ["ITEM_ADDED", "7", 1, 12.5, 0],
    ["QUANTITY_INCREASED", "7", 2, 20, 1],
    ["QUANTITY_DECREASED", "7", 1, 12.5, undefined],
    ["ITEM_REMOVED", "7", 0, 20, undefined],
    ["ITEM_ADDED", "7", 1, 12.5, 0],
  ]);
});

test("lines of one variant with different properties are one", async () => {
  const page = await open();
  await page.chat();
  await page.change(cart([line(1, 1), line(1, 2, { properties: { engraving: "A" } })]));
  assert.deepEqual(page.events(), [["ITEM_ADDED", "97001", 3, 12.5, 0]]);
});

test("a discount of the line is off the unit price", async () => {
  const page = await open();
  await page.chat();
  await page.change(cart([line(1, 2, { price: 1250, final_price: 1000 })]));
  assert.deepEqual(page.events(), [["ITEM_ADDED", "97001", 2, 10, 0]]);
});

test("the value is the total where the shop's settings say so", async () => {
  const page = await open({ attributes: { "data-cart-event-value": "total" } });
  await page.chat();
  await page.change(cart([line(1, 2)]));
  assert.deepEqual(page.events(), [["ITEM_ADDED", "97001", 2, 25, 0]]);
});

test("another currency is a new beginning", async () => {
  const page = await open({ cart: cart([line(1, 1)]) });
  await page.chat();
  await page.change(cart([line(1, 2)], { currency: "USD" }));
  assert.deepEqual(page.events(), []);
  await page.change(cart([line(1, 3)], { currency: "USD" }));
  assert.deepEqual(page.events(), [["QUANTITY_INCREASED", "97001", 3, 12.5, 2]]);
});

test("a change that no request showed is seen when the next page is loaded, in any tab once", async () => {
  const first = await open();
  await first.chat();
  const second = await open({ cart: cart([line(1, 1)]), cookie: first.document.cookie, load: false });
  for (const name of Object.keys(first.window.localStorage)) {
    second.window.localStorage[name] = first.window.localStorage[name];
  }
  await second.loadShopify();
  assert.deepEqual(second.events(), [["ITEM_ADDED", "97001", 1, 12.5, 0]]);
  await second.loadShopify();
  assert.equal(second.events().length, 1);
});

test("what a visitor did while nothing may be recorded is not ours", async () => {
  const page = await open();
  await page.chat();
  page.clock.now += 25 * 3600e3;
  await page.change(cart([line(1, 1)]));
  await page.chat();
  await page.change(cart([line(1, 1)]));
  assert.deepEqual(page.events(), []);
});

test("the same visitor after a day without one starts with a first snapshot", async () => {
  const widget = { getFingerprint: () => "3f0c2b7e-5a41-4c8e-9d17-6b2f8a90c1d4", getFAQFingerprint: () => "a6e0d3b4-7c19-4f02-9e55-21d8b7c4f3a0", on() {} };
  const page = await open();
  page.window.gleenWidget = widget;
  await page.chat();
  assert.equal(page.shop.visitor, `${widget.getFingerprint()},${widget.getFAQFingerprint()}`);
  page.clock.now += 25 * 3600e3;
  await page.change(cart([line(1, 1)]));
  await page.chat();
  assert.deepEqual(page.events(), []);
  await page.change(cart([line(1, 2)]));
  assert.deepEqual(page.events(), [["QUANTITY_INCREASED", "97001", 2, 12.5, 1]]);
});

test("a change while an answer is awaited is seen afterwards", async () => {
  const page = await open();
  await page.chat();
  const { length } = page.calls();
  page.shop.meanwhile = () => void page.change(cart([line(1, 2)]), "/cart/add");
  await page.change(cart([line(1, 1)]), "/cart/add.js");
  await page.rest();
  assert.deepEqual(page.calls().slice(length), ["GET /cart.js", "GET /cart.js"]);
  const added = page.events().map(([, , quantity, , before]) => quantity - before);
  assert.equal(added.reduce((sum, each) => sum + each), 2);
});

test("its own requests and those of others do not make it look again", async () => {
  const page = await open();
  await page.chat();
  const { length } = page.calls();
  for (const url of ["/cart/update.js?alhena", "/cart.js", "/cart", "/search?q=/cart/add", "/alhena/analytics/batch"]) {
    await page.change(page.shop.cart, url);
  }
  assert.equal(page.calls().length, length);
});

for (const url of ["/cart/add", "/cart/add.js", "/cart/change.json", "/cart/update.js?sections=a", "/en-de/cart/clear.js"]) {
  test(`a request to ${url} makes it look again`, async () => {
    const page = await open();
    await page.chat();
    await page.change(cart([line(1, 1)]), url);
    assert.equal(page.events().length, 1);
  });
}

test("a cart that could not be written is written later, and counted all the same", async () => {
  const page = await open();
  page.shop.failures = [200, 429];
  await page.chat();
  assert.equal(page.shop.visitor, undefined);
  await page.change(cart([line(1, 1)]));
  await page.change(cart([]));
  assert.match(String(page.shop.visitor), VISITOR);
  assert.deepEqual(page.events().map(([type]) => type), ["ITEM_ADDED", "ITEM_REMOVED"]);
});

test("consent withdrawn takes the fingerprints out of the cart", async () => {
  const page = await open();
  await page.chat();
  page.document.body.click();
  page.track("setConsent", false);
  await page.clock.pass(500);
  await page.rest();
  assert.equal(page.shop.visitor, "");
  assert.equal(page.window.localStorage.length, 0);
  await page.change(cart([line(1, 1)]));
  assert.deepEqual(page.events(), []);
});

test("errors do not reach the page", async () => {
  for (const breaks of [
    (/** @type {any} */ page) => (page.scope.fetch = () => { throw new Error("blocked"); }),
    (/** @type {any} */ page) => (page.scope.PerformanceObserver = undefined),
    (/** @type {any} */ page) => (page.shop.cart = {}),
    (/** @type {any} */ page) => (page.window.localStorage["alhena_acme:shopify"] = '{"ids": 1, "lines": 5}'),
    (/** @type {any} */ page) => (page.window.localStorage["alhena_acme:shopify"] = "{"),
    (/** @type {any} */ page) => (page.window._alhenaTracker = undefined),
  ]) {
    const page = await open({ load: false });
    breaks(page);
    await page.loadShopify();
    await page.chat();
    await page.change(page.shop.cart);
  }
});

test("without storage the snapshot is kept for the page", async () => {
  const page = await open({ load: false });
  page.scope.localStorage = undefined;
  await page.loadShopify();
  await page.chat();
  await page.change(cart([line(1, 1)]));
  assert.deepEqual(page.events(), [["ITEM_ADDED", "97001", 1, 12.5, 0]]);
});

/** What the tracker refuses is reported to the shop's staff, for visitors who may be recorded. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, answer, openPage, recorded } from "./page.js";

const TYPO = { ...ORDER, value: undefined };
const MISSING = { method: "sendCheckoutEvent", errors: [{ field: "value", code: "required" }] };

test("a refused call is reported without its values, and without events", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCheckoutEvent", { ...TYPO, orderId: "secret" });
  await page.deliver();
  assert.deepEqual(page.refused, [MISSING]);
  assert.deepEqual(page.requests[0].body.events, []);
  assert.equal(page.requests[0].body.user_fingerprint, page.cookie?.user);
  assert.doesNotMatch(page.requests[0].options.body, /secret/);
});

test("a refused call goes along with the next batch, and the results keep their order", async () => {
  const results = [{ status: "recorded" }, { status: "invalid", errors: [{ field: "value" }] }];
  const page = openPage({ load: false, fetch: (request) => (request.body.events[1] ? answer(200, { results }) : recorded(request)) });
  page.loadTracker();
  await page.interact();
  page.track("sendCartEvent", { ...CART, quantity: "1" });
  page.track("sendCartEvent", CART);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(page.requests.length, 1);
  assert.equal(page.refused.length, 1);
  assert.deepEqual(page.errors.at(-1), ["Alhena:", "sendCartEvent", "rejected:", results[1].errors]);
});

test("what could not be delivered is reported once the server is back", async () => {
  let isDown = false;
  const page = openPage({ fetch: (request) => (isDown ? answer(503, { text: "" }) : recorded(request)) });
  await page.interact();
  isDown = true;
  page.track("sendCheckoutEvent", TYPO);
  await page.deliver();
  isDown = false;
  page.refused.length = 0;
  await page.clock.pass(1000);
  assert.deepEqual(page.refused, [MISSING]);
  await page.clock.pass(60_000);
  assert.equal(page.refused.length, 1);
});

test("a batch reports twenty refusals at most, of a hundred errors each", async () => {
  const page = openPage();
  await page.interact();
  for (let index = 0; index < 30; index++) page.track("sendCartEvent", null);
  await page.deliver();
  assert.equal(page.requests.length, 1);
  assert.equal(page.refused.length, 20);
  page.track("sendCheckoutEvent", { ...ORDER, lineItems: Array(500).fill({}) });
  await page.deliver();
  assert.equal(page.refused[20].errors.length, 100);
});

/** @type {[name: string, options: import("./page.js").Options, prepare: (page: any) => void][]} */
const SILENT = [
  ["has not used the assistant", {}, () => {}],
  ["has not decided", { attributes: { "data-consent": "required" } }, () => {}],
  ["declines", {}, (page) => (page.track("sendInteraction", { type: "CHAT" }), page.track("setConsent", false))],
  ["sends a privacy signal", {}, (page) => (page.window.navigator.globalPrivacyControl = true)],
];
for (const [name, options, prepare] of SILENT) {
  test(`nothing is reported where the visitor ${name}`, async () => {
    const page = openPage(options);
    prepare(page);
    page.track("sendCheckoutEvent", TYPO);
    await page.deliver();
    await page.clock.pass(60_000);
    assert.deepEqual(page.refused, []);
    assert.equal(page.errors.length, 1);
  });
}

test("what was refused before the visitor decided is reported after it", async () => {
  const page = openPage({ attributes: { "data-consent": "required" } });
  page.track("sendInteraction", { type: "CHAT" });
  page.track("sendCheckoutEvent", TYPO);
  page.track("setConsent", true);
  await page.deliver();
  assert.deepEqual(page.refused, [MISSING]);
});

test("datalayer.js reports what it cannot use through the tracker", async () => {
  const page = openPage();
  await page.interact();
  page.window._alhenaTracker.refuse("sendCheckoutEvent", [["value", "unclear_total"], ["items[2]", "required"]]);
  await page.deliver();
  const errors = [{ field: "value", code: "unclear_total" }, { field: "items[2]", code: "required" }];
  assert.deepEqual(page.refused, [{ method: "sendCheckoutEvent", errors }]);
});

/** @type {[method: string, data: any, left: string, field: string, code: string][]} */
const LENIENT = [
  ["sendCartEvent", { ...CART, previousQuantity: "1" }, "previousQuantity", "previous_quantity", "wrong_type"],
  ["sendCartEvent", { ...CART, previousQuantity: -1 }, "previousQuantity", "previous_quantity", "negative"],
  ["sendCheckoutEvent", { ...ORDER, tax: 1e12 }, "tax", "tax", "too_large"],
  ["sendCheckoutEvent", { ...ORDER, discount: NaN }, "discount", "discount", "not_finite"],
  ["sendInteraction", { type: "FAQ", recommendedProductIds: "P1" }, "recommendedProductIds", "recommended_product_ids", "wrong_type"],
  ["sendInteraction", { type: "FAQ", recommendedProductIds: ["P1", " "] }, "recommendedProductIds", "recommended_product_ids", "blank"],
  ["sendInteraction", { type: "FAQ", recommendedProductIds: Array(21).fill("P") }, "recommendedProductIds", "recommended_product_ids", "too_many"],
  ["sendInteraction", { type: "FAQ", recommendedProductIds: [null] }, "recommendedProductIds", "recommended_product_ids", "wrong_type"],
];
for (const [method, data, property, field, code] of LENIENT) {
  test(`an optional property that breaks its rule is left out: ${property} ${code}`, async () => {
    const page = openPage({ attributes: { "data-debug": "" } });
    await page.interact();
    page.track(method, data);
    await page.deliver();
    assert.equal(page.sent.length, 1);
    assert.ok(!(field in page.sent[0].body));
    assert.deepEqual(page.refused, [{ method, errors: [{ field: property, code }] }]);
    assert.match(String(page.errors[0][1]), new RegExp(`^${method} was partly sent: ${property} must be `));
  });
}

test("what was left out of a visitor's first interaction is reported", async () => {
  const page = openPage();
  page.track("sendInteraction", { type: "CHAT", recommendedProductIds: 7 });
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions"]);
  assert.equal(page.refused.length, 1);
});

test("without debug mode nothing is said of an optional property that is left out", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCheckoutEvent", { ...ORDER, tax: "1", shipping: null });
  await page.deliver();
  assert.deepEqual(page.errors, []);
});

test("optional properties are sent in the server's words", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCartEvent", { ...CART, previousQuantity: 0 });
  page.track("sendCheckoutEvent", { ...ORDER, tax: 1, shipping: 0, discount: 2.5 });
  page.track("sendInteraction", { type: "FAQ", recommendedProductIds: ["P1", "P2"] });
  await page.deliver();
  const [order, cart, interaction] = ["checkout_events", "cart_events", "interactions"].map(
    (path) => page.sent.find((event) => event.path === path)?.body,
  );
  assert.equal(cart.previous_quantity, 0);
  assert.deepEqual([order.tax, order.shipping, order.discount], [1, 0, 2.5]);
  assert.deepEqual(interaction.recommended_product_ids, ["P1", "P2"]);
  assert.deepEqual(page.refused, []);
});

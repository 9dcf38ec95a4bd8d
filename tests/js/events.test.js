import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CART, ORDER, openPage } from "./page.js";

const TYPES = new URL("../../alhena_tracking/static/alhena_tracking/alhena.d.ts", import.meta.url);
/** The channels, as the types declare them. */
const CHANNELS = (readFileSync(TYPES, "utf8").match(/type: ("CHAT"[^;]*);/)?.[1] ?? "").replace(/["|]/g, "").trim().replace(/ +/g, ", ");
const UUID_V4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** @param {[method: string, data: unknown][]} calls */
async function bodiesOf(...calls) {
  const page = openPage();
  await page.interact();
  for (const call of calls) page.track(...call);
  await page.deliver();
  return { page, bodies: page.sent.map(({ body }) => body) };
}

test("an event goes out with its keys and times, in the server's words", async () => {
  const { page, bodies } = await bodiesOf(["sendCartEvent", { ...CART, productId: " SKU-1 ", currency: " usd" }]);
  const { event_id: id, ...body } = bodies[0];
  assert.match(id, UUID_V4);
  assert.deepEqual(body, {
    company_key: "acme",
    user_fingerprint: page.cookie?.user,
    user_faq_fingerprint: page.cookie?.faq,
    type: "ITEM_ADDED",
    product_id: "SKU-1",
    product_name: "Blue mug",
    value: 12.5,
    currency: "usd",
    quantity: 1,
    occurred_at: "2026-03-01T12:00:00.700Z",
    sent_at: "2026-03-01T12:00:00.900Z",
  });
});

test("orders and interactions are translated as well", async () => {
  const line = { productId: "A", productName: "Mug", quantity: 2, value: 25, currency: "USD", colour: "blue" };
  const { bodies } = await bodiesOf(
    ["sendCheckoutEvent", { ...ORDER, source: "SHOPIFY", lineItems: [line] }],
    ["sendInteraction", { type: "FAQ", productId: "A", conversationId: "c", aiProfile: "Sales" }],
  );
  assert.equal(bodies[0].order_id, "1001");
  assert.equal(bodies[0].source, "SHOPIFY");
  assert.deepEqual(bodies[0].line_items, [
    { product_id: "A", product_name: "Mug", quantity: 2, value: 25, currency: "USD" },
  ]);
  assert.equal(bodies[1].product_id, "A");
  assert.equal(bodies[1].conversation_id, "c");
  assert.equal(bodies[1].ai_profile, "Sales");
});

test("what is optional and absent is not sent", async () => {
  const { bodies } = await bodiesOf(["sendCheckoutEvent", { ...ORDER, orderId: null, lineItems: undefined }]);
  assert.equal("order_id" in bodies[0], false);
  assert.equal("line_items" in bodies[0], false);
});

test("numbers are sent as they are, since the server alone rounds", async () => {
  const { bodies } = await bodiesOf(["sendCartEvent", { ...CART, value: 19.989999999999998, quantity: 0.1 + 0.2 }]);
  assert.equal(bodies[0].value, 19.989999999999998);
  assert.equal(bodies[0].quantity, 0.30000000000000004);
});

test("callers cannot set the keys, the ids or the times", async () => {
  const forged = { companyKey: "x", company_key: "x", userFingerprint: "x", user_fingerprint: "x", eventId: "x" };
  const { page, bodies } = await bodiesOf([
    "sendCartEvent",
    { ...CART, ...forged, event_id: "x", occurredAt: "x", occurred_at: "x", sent_at: "x" },
  ]);
  assert.equal(bodies[0].company_key, "acme");
  assert.equal(bodies[0].user_fingerprint, page.cookie?.user);
  assert.match(bodies[0].event_id, UUID_V4);
  assert.equal(Date.parse(bodies[0].occurred_at), page.clock.now - 200);
  assert.ok(!Object.values(bodies[0]).includes("x"));
});

test("[7] equal events have different ids", async () => {
  const { bodies } = await bodiesOf(["sendCartEvent", CART], ["sendCartEvent", CART], ["sendCartEvent", CART]);
  assert.equal(new Set(bodies.map((body) => body.event_id)).size, 3);
});

test("what the page does to its data after the call changes nothing", async () => {
  const page = openPage();
  const data = { ...CART, lineItems: [] };
  page.track("sendInteraction", { type: "CHAT" });
  page.track("sendCartEvent", data);
  data.quantity = 99;
  await page.deliver();
  assert.equal(page.sent[1].body.quantity, 1);
});

test("a property is read once", async () => {
  let reads = 0;
  const data = {
    ...CART,
    get quantity() {
      return ++reads === 1 ? 1 : "many";
    },
  };
  const { bodies } = await bodiesOf(["sendCartEvent", data]);
  assert.equal(bodies[0].quantity, 1);
});

test("[5] an error's message names method, property, rule, the expected and the actual value", async () => {
  const page = openPage();
  page.track("sendCheckoutEvent", {
    ...ORDER,
    value: "79.99",
    lineItems: [{ productId: 7, productName: "Mug", quantity: 0, value: 1, currency: "EUR" }],
  });
  page.track("sendInteraction", { type: "MAIL" });
  assert.deepEqual(
    page.errors.map((message) => message.join(" ")),
    [
      "Alhena: sendCheckoutEvent was not sent: value must be a number from 0 to 1e13 minor units, but is 79.99 (wrong_type)",
      "Alhena: sendCheckoutEvent was not sent: lineItems[0].productId must be a string of 1 to 255 characters, " +
        "but is 7 (wrong_type)",
      "Alhena: sendCheckoutEvent was not sent: lineItems[0].currency must be a string of ISO 4217, " +
        "but is EUR (currency_mismatch)",
      "Alhena: sendCheckoutEvent was not sent: lineItems[0].quantity must be a number from 0 to 1e6, above 0 if added, " +
        "but is 0 (not_positive)",
      `Alhena: sendInteraction was not sent: type must be a string of ${CHANNELS}, but is MAIL (invalid_choice)`,
    ],
  );
  assert.deepEqual(page.sent, []);
});

test("no currency is made up of the letters of several", async () => {
  const page = openPage();
  await page.interact();
  for (const currency of ["BOD", "BHI", "XXX", "AED1", "A_D", "E", "ſek"]) page.track("sendCheckoutEvent", { ...ORDER, currency });
  assert.equal(page.errors.length, 7);
  for (const [index, currency] of ["BHD", "kwd", "ZWG", "Aed"].entries()) {
    page.track("sendCheckoutEvent", { ...ORDER, orderId: `${index}`, currency });
  }
  await page.deliver();
  assert.equal(page.sent.length, 4);
});

test("the longest product name is named in its message", () => {
  const page = openPage();
  page.track("sendCartEvent", { ...CART, productName: "x".repeat(513) });
  assert.match(String(page.errors[0][1]), /productName must be a string of 1 to 512 characters/);
});

for (const method of ["toString", "constructor", "__proto__", "", undefined, null, 7, {}, Symbol("x")]) {
  test(`an unknown method is logged and sends nothing: ${String(method)}`, () => {
    const page = openPage();
    page.track(method, CART);
    assert.equal(page.errors.length, 1);
    assert.deepEqual(page.sent, []);
  });
}

const cyclic = /** @type {any} */ ({ ...CART });
cyclic.self = cyclic;
const revocable = Proxy.revocable({}, {});
revocable.revoke();
const throwing = { ...CART };
Object.defineProperty(throwing, "value", {
  get() {
    throw new Error("boom");
  },
});
/** @type {[name: string, data: unknown, isSent: boolean][]} */
const STRANGE = [
  ["cyclic", cyclic, true],
  ["cyclic in a field that is read", { ...CART, productName: cyclic }, false],
  ["throws when read", throwing, false],
  ["a revoked proxy", revocable.proxy, false],
  ["a frozen object", Object.freeze({ ...CART }), true],
  ["without a prototype", Object.assign(Object.create(null), CART), true],
  ["of a class", Object.assign(new (class Item {})(), CART), true],
  ["with __proto__", JSON.parse(`{"__proto__": {"quantity": 2}, ${JSON.stringify(CART).slice(1)}`), true],
  ["a function", () => CART, false],
  ["a symbol", Symbol("cart"), false],
  ["a bigint", 10n, false],
  ["with a bigint", { ...CART, quantity: 1n }, false],
  ["with a symbol", { ...CART, productId: Symbol("id") }, false],
  ["with boxed values", { ...CART, productId: new String("SKU-1") }, false],
];
for (const [name, data, isSent] of STRANGE) {
  test(`[6] strange data never throws into the page: ${name}`, async () => {
    const { page } = await bodiesOf(["sendCartEvent", data]);
    assert.deepEqual(page.paths, isSent ? ["cart_events"] : []);
    assert.equal(page.errors.length > 0, !isSent);
    assert.equal(/** @type {any} */ ({}).quantity, undefined);
  });
}

test("holes in lineItems are found out", () => {
  const page = openPage();
  page.track("sendCheckoutEvent", { ...ORDER, lineItems: Array(2) });
  assert.match(String(page.errors[0][1]), /lineItems\[0\] must be an object, but is/);
  assert.equal(page.errors.length, 2);
});

test("a long string of spaces is judged in no time", () => {
  const page = openPage();
  const started = performance.now();
  page.track("sendCartEvent", { ...CART, productName: "x" + " ".repeat(200_000) + "x" });
  assert.equal(page.errors.length, 1);
  assert.ok(performance.now() - started < 500);
});

test("without data-debug nothing is said as long as nothing is wrong", async () => {
  const { page } = await bodiesOf(["sendCartEvent", CART]);
  assert.deepEqual(page.infos, []);
  assert.deepEqual(page.errors, []);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, START, openPage, recorded } from "./page.js";

const REQUIRED = { "data-consent": "required" };
const CHAT = { type: "CHAT" };
const COOKIE = `alhena_acme=1.11111111-aaaa-4bbb-8ccc-222222222222.33333333-dddd-4eee-9fff-444444444444.${Math.floor(START / 1000)}`;

/** @param {any} page */
const storedIn = (page) => page.window.sessionStorage.length + page.window.localStorage.length;

/** @param {Record<string, unknown>} signals */
const signalling = (signals) => (/** @type {any} */ window) => {
  for (const [name, value] of Object.entries(signals)) {
    Object.defineProperty(window.navigator, name, { configurable: true, value });
  }
};

test("[27] where consent is required nothing is written or sent before it is given", async () => {
  const page = openPage({ attributes: REQUIRED });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  page.track("sendCheckoutEvent", ORDER);
  page.window.dispatchEvent(new page.window.Event("pagehide"));
  await page.deliver();
  assert.deepEqual(page.sent, []);
  assert.deepEqual(page.cookieWrites, []);
  assert.equal(storedIn(page), 0);
  assert.equal(page.window.gleenWidget.getFingerprint(), "");
});

test("a cookie of an earlier consent is not used before there is one again", async () => {
  const page = openPage({ attributes: REQUIRED, cookie: COOKIE });
  page.track("sendCartEvent", CART);
  assert.equal(page.window.gleenWidget.getFingerprint(), "");
  page.track("setConsent", true);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events"]);
  assert.equal(page.window.gleenWidget.getFingerprint().slice(0, 8), "11111111");
});

test("[27] held events go out once, in order, with the time they happened", async () => {
  const page = openPage({ attributes: REQUIRED });
  page.track("sendInteraction", CHAT);
  await page.clock.pass(5000);
  page.track("sendCartEvent", CART);
  await page.clock.pass(5000);
  page.track("setConsent", true);
  page.track("setConsent", true);
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions", "cart_events"]);
  assert.equal(Date.parse(page.sent[0].body.occurred_at), START);
  assert.equal(Date.parse(page.sent[1].body.occurred_at), START + 5000);
  assert.equal(Date.parse(page.sent[0].body.sent_at), START + 10_200);
  assert.equal(page.cookie?.seconds, Math.floor(START / 1000));
});

test("of held events, too, only those after an interaction are sent", async () => {
  const page = openPage({ attributes: REQUIRED });
  page.track("sendCartEvent", CART);
  page.track("sendInteraction", CHAT);
  page.track("setConsent", true);
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions"]);
});

test("at most a hundred events are held", async () => {
  const page = openPage({ attributes: REQUIRED });
  for (let index = 0; index < 150; index++) page.track("sendInteraction", CHAT);
  page.track("setConsent", true);
  await page.deliver();
  assert.equal(page.sent.length, 100);
});

test("[27] denied consent drops held and later events", async () => {
  const page = openPage({ attributes: REQUIRED });
  page.track("sendInteraction", CHAT);
  page.track("setConsent", false);
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  page.track("setConsent", true);
  await page.deliver();
  assert.deepEqual(page.sent, []);
  page.track("sendInteraction", CHAT);
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions"]);
});

test("[27] consent that is withdrawn purges the cookie, the orders and what waits", async () => {
  /** @type {((answer: unknown) => void)[]} */
  const answers = [];
  const page = openPage({ fetch: () => new Promise((resolve) => answers.push(resolve)) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  answers[0](recorded(page.requests[0]));
  await page.deliver();
  page.track("sendCheckoutEvent", ORDER);
  answers[1](recorded(page.requests[1]));
  await page.deliver();
  assert.equal(storedIn(page), 1);
  page.track("sendCheckoutEvent", { ...ORDER, orderId: "1002" });
  page.track("sendCartEvent", CART);
  assert.equal(page.sent.length, 3);
  assert.equal(storedIn(page), 3);

  page.track("setConsent", false);
  assert.equal(page.cookie, null);
  assert.match(page.cookieWrites.at(-1) || "", /^alhena_acme=; Path=\/; SameSite=Lax; Max-Age=0/);
  // The order that was on its way is answered now: it must not be remembered again.
  answers[2](recorded(page.requests[2]));
  await page.deliver();
  assert.equal(page.sent.length, 3);
  assert.equal(storedIn(page), 0);
  assert.equal(page.window.gleenWidget.getFingerprint(), "");
});

test("where cookies are blocked, withdrawal is for good as well", async () => {
  const page = openPage({ load: false });
  Object.defineProperty(page.document, "cookie", { configurable: true, get: () => "", set: () => {} });
  page.loadTracker();
  await page.interact();
  page.track("setConsent", false);
  page.track("setConsent", true);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.sent, []);
});

test("setConsent takes true and false, and nothing like them", async () => {
  const page = openPage({ attributes: REQUIRED });
  page.track("sendInteraction", CHAT);
  for (const decision of ["true", 1, null, undefined, {}, "false", 0]) page.track("setConsent", decision);
  await page.deliver();
  assert.equal(page.errors.length, 7);
  assert.match(String(page.errors[0][1]), /setConsent must be a boolean, but is/);
  assert.deepEqual(page.sent, []);
  page.track("setConsent", true);
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions"]);
});

/** @type {[name: string, signals: Record<string, unknown>, attributes: Record<string, string>, isHonoured: boolean][]} */
const SIGNALS = [
  ["GPC", { globalPrivacyControl: true }, {}, true],
  ["GPC, despite consent", { globalPrivacyControl: true }, REQUIRED, true],
  ["no GPC", { globalPrivacyControl: false }, {}, false],
  ["DNT with data-dnt", { doNotTrack: "1" }, { "data-dnt": "respect" }, true],
  ["DNT without data-dnt", { doNotTrack: "1" }, {}, false],
  ["no DNT with data-dnt", { doNotTrack: "0" }, { "data-dnt": "respect" }, false],
  ["an unspecified DNT with data-dnt", { doNotTrack: null }, { "data-dnt": "respect" }, false],
];
for (const [name, signals, attributes, isHonoured] of SIGNALS) {
  test(`[28] ${name} ${isHonoured ? "means that nothing is kept or sent" : "changes nothing"}`, async () => {
    const page = openPage({ attributes, cookie: COOKIE, before: signalling(signals) });
    page.track("sendInteraction", CHAT);
    page.track("sendCartEvent", CART);
    page.track("setConsent", true);
    await page.deliver();
    assert.equal(page.sent.length, isHonoured ? 0 : 2);
    assert.equal(page.cookie === null, isHonoured);
    assert.equal(storedIn(page), 0);
    assert.equal(page.window.gleenWidget.getFingerprint() === "", isHonoured);
    assert.deepEqual(page.errors, []);
  });
}

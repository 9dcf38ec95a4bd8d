import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, START, openPage } from "./page.js";

const UUID_V4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const USER = "11111111-aaaa-4bbb-8ccc-222222222222";
const FAQ = "33333333-dddd-4eee-9fff-444444444444";
const HOUR = 3_600_000;
/** @param {number} time */
const cookieAt = (time) => `alhena_acme=1.${USER}.${FAQ}.${Math.floor(time / 1000)}`;

test("a visitor who never used the assistant is not recorded", async () => {
  const page = openPage();
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.sent, []);
  assert.deepEqual(page.cookieWrites, []);
  assert.deepEqual(page.errors, []);
});

test("the first interaction mints both fingerprints", async () => {
  const page = openPage();
  page.track("sendInteraction", { type: "CHAT" });
  const { user, faq, seconds } = page.cookie || assert.fail();
  assert.match(user, UUID_V4);
  assert.match(faq, UUID_V4);
  assert.notEqual(user, faq);
  assert.equal(seconds, Math.floor(START / 1000));
  await page.deliver();
  assert.equal(page.sent[0].body.user_fingerprint, user);
  assert.equal(page.sent[0].body.user_faq_fingerprint, faq);
});

test("an interaction that is not valid mints nothing", () => {
  const page = openPage();
  page.track("sendInteraction", { type: "PHONE" });
  assert.deepEqual(page.cookieWrites, []);
});

test("two visitors are two", async () => {
  const pages = [openPage(), openPage()];
  for (const page of pages) await page.interact();
  assert.notEqual(pages[0].cookie?.user, pages[1].cookie?.user);
});

/** @type {[url: string, attributes: Record<string, string>, rest: string][]} */
const COOKIES = [
  ["http://shop.example/", {}, "Path=/; SameSite=Lax; Max-Age=86400"],
  ["https://shop.example/", {}, "Path=/; SameSite=Lax; Max-Age=86400; Secure"],
  [
    "https://www.shop.example/",
    { "data-cookie-domain": "shop.example" },
    "Path=/; SameSite=Lax; Max-Age=86400; Domain=shop.example; Secure",
  ],
  ["http://shop.example/", { "data-window": "3600" }, "Path=/; SameSite=Lax; Max-Age=3600"],
  ["http://shop.example/", { "data-window": "" }, "Path=/; SameSite=Lax; Max-Age=86400"],
];
for (const [url, attributes, rest] of COOKIES) {
  test(`the cookie on ${url} with ${JSON.stringify(attributes)}`, async () => {
    const page = openPage({ url, attributes });
    await page.interact();
    assert.equal(page.cookieWrites.length, 1);
    const [pair, ...others] = page.cookieWrites[0].split("; ");
    assert.match(pair, /^alhena_acme=1\.[\da-f-]{36}\.[\da-f-]{36}\.\d+$/);
    assert.equal(others.join("; "), rest);
    page.track("sendCartEvent", CART);
    await page.deliver();
    assert.deepEqual(page.paths, ["cart_events"]);
  });
}

test("the next page knows the visitor, and writes nothing", async () => {
  const page = openPage({ cookie: cookieAt(START - HOUR) });
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(page.sent[0].body.user_fingerprint, USER);
  assert.equal(page.sent[0].body.user_faq_fingerprint, FAQ);
  assert.deepEqual(page.cookieWrites, []);
});

test("another interaction keeps the fingerprints for a window more", async () => {
  const page = openPage({ cookie: cookieAt(START - HOUR) });
  await page.interact();
  assert.deepEqual(page.cookie, { user: USER, faq: FAQ, seconds: Math.floor(START / 1000) });
});

test("one window after the last interaction the visitor is forgotten", async () => {
  const page = openPage({ attributes: { "data-window": "3600" } });
  await page.interact();
  const before = page.cookie?.user;
  await page.clock.pass(HOUR - 1000);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(page.sent.length, 1);
  await page.clock.pass(2000);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(page.sent.length, 1);
  assert.equal(page.window.gleenWidget.getFingerprint(), "");
  await page.interact();
  assert.notEqual(page.cookie?.user, before);
});

const CORRUPT = {
  "another version": cookieAt(START).replace("=1.", "=2."),
  "a fingerprint that is none": `alhena_acme=1.undefined.${FAQ}.${START / 1000}`,
  "a part missing": `alhena_acme=1.${USER}.${FAQ}`,
  "a time that is none": `alhena_acme=1.${USER}.${FAQ}.soon`,
  "a time far ahead": `alhena_acme=1.${USER}.${FAQ}.99999999999`,
  "a time long past": cookieAt(START - 25 * HOUR),
  empty: "alhena_acme=",
  "another company's": cookieAt(START).replace("acme", "acme2"),
  "another's whose name ends like ours": `x${cookieAt(START)}`,
};
for (const [name, cookie] of Object.entries(CORRUPT)) {
  test(`a foreign or expired cookie identifies no visitor: ${name}`, async () => {
    const page = openPage({ cookie });
    page.track("sendCartEvent", CART);
    await page.deliver();
    assert.deepEqual(page.sent, []);
    await page.interact();
    assert.match(page.window.gleenWidget.getFingerprint(), UUID_V4);
    assert.notEqual(page.window.gleenWidget.getFingerprint(), USER);
  });
}

test("the cookie is found among others", async () => {
  const page = openPage({ cookie: "alhena_acme2=1.x" });
  page.document.cookie = "a=b";
  page.document.cookie = cookieAt(START) + "; Path=/";
  page.document.cookie = "z=1.2.3";
  assert.equal(page.window.gleenWidget.getFingerprint(), USER);
});

test("another tab's interaction counts, and so does its forgetting", async () => {
  const page = openPage();
  page.document.cookie = cookieAt(START) + "; Path=/";
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(page.sent[0].body.user_fingerprint, USER);
  await page.interact();
  page.document.cookie = "alhena_acme=; Max-Age=0; Path=/";
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.sent, []);
});

const JARS = {
  "cookies are blocked": () => ({ get: () => "", set: () => {} }),
  "cookies throw": () => ({
    get: () => {
      throw new Error("SecurityError");
    },
    set: () => {
      throw new Error("SecurityError");
    },
  }),
};
for (const [name, jar] of Object.entries(JARS)) {
  test(`where ${name}, the page's memory has to do`, async () => {
    const page = openPage({ load: false });
    Object.defineProperty(page.document, "cookie", { configurable: true, ...jar() });
    page.loadTracker();
    page.track("sendInteraction", { type: "FAQ" });
    page.track("sendCartEvent", CART);
    page.track("sendInteraction", { type: "CHAT" });
    await page.deliver();
    assert.deepEqual(page.paths, ["interactions", "cart_events", "interactions"]);
    assert.equal(new Set(page.sent.map(({ body }) => body.user_fingerprint)).size, 1);
    assert.match(page.sent[0].body.user_fingerprint, UUID_V4);
    assert.deepEqual(page.errors, []);
    await page.clock.pass(25 * HOUR);
    page.track("sendCartEvent", CART);
    await page.deliver();
    assert.equal(page.sent.length, 3);
  });
}

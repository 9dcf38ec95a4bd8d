/** The shop's own people: ?alhena_test=1 marks what their browser sends, so that the server ignores it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, openPage } from "./page.js";

const CHAT = { type: "CHAT" };
const SHOP = "https://shop.example/";

/** @param {import("./page.js").Options} options */
async function isTest(options) {
  const page = openPage(options);
  page.track("sendInteraction", CHAT);
  await page.deliver();
  return page.requests[0].body.test;
}

test("a page that is opened in test mode marks its requests, and so do later ones", async () => {
  const page = openPage({ url: SHOP + "?a=b&alhena_test=1", attributes: { "data-cookie-domain": "shop.example" } });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  assert.equal(page.requests[0].body.test, true);
  assert.match(page.cookieWrites[0], /^alhena_test=1; Path=\/; SameSite=Lax; Max-Age=\d+; Domain=shop.example; Secure$/);
  assert.equal(await isTest({ cookie: "alhena_test=1" }), true);
});

test("no other page is in test mode", async () => {
  assert.equal(await isTest({}), false);
  for (const query of ["?alhena_test=", "?alhena_test=2", "?my_alhena_test=1", "?alhena_tests=1"]) {
    assert.equal(await isTest({ url: SHOP + query }), false, query);
  }
});

test("test mode ends with 0, and leaves nothing that would be sent as real", async () => {
  const page = openPage({ url: SHOP + "?alhena_test=1", fetch: () => Promise.reject(new TypeError()) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  const next = openPage({ url: SHOP + "?alhena_test=0", cookie: page.document.cookie, load: false });
  next.scope.localStorage = page.window.localStorage;
  next.loadTracker();
  next.track("sendCartEvent", CART);
  await next.deliver();
  assert.deepEqual(next.requests, []);
  assert.doesNotMatch(next.document.cookie, /alhena_test/);
});

test("test mode holds on its page where cookies are blocked", async () => {
  const page = openPage({ url: SHOP + "?alhena_test=1", load: false });
  Object.defineProperty(page.document, "cookie", { get: () => "", set() {} });
  page.loadTracker();
  page.track("sendInteraction", CHAT);
  await page.deliver();
  assert.equal(page.requests[0].body.test, true);
});

test("the visitor's cookie of a company called test is no test mode", async () => {
  const page = openPage({ attributes: { "data-company-key": "test" } });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  assert.equal(await isTest({ cookie: page.document.cookie }), false);
});

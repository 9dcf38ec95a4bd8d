import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, answer, openPage, recorded } from "./page.js";

const CHAT = { type: "CHAT" };
const ATTRIBUTES = { "data-debug-src": "/static/debug.js" };

/** @param {import("./page.js").Options} [options] */
const openDebugged = (options = {}) =>
  openPage({ ...options, attributes: { ...ATTRIBUTES, "data-debug": "true", ...options.attributes } });

/** @param {any} page @returns {string[]} the messages of debug mode after the first one */
const messagesOf = (page) =>
  page.infos.slice(1).map((/** @type {unknown[]} */ message) => message.filter((part) => typeof part === "string").join(" "));

/** @param {any} page */
const requested = (page) =>
  [...page.document.querySelectorAll("script[src]")].map((script) => script.getAttribute("src"));

test("[33] debug mode's file is requested only when it is switched on", () => {
  assert.deepEqual(requested(openPage({ attributes: ATTRIBUTES })), []);
  assert.deepEqual(requested(openPage({ attributes: ATTRIBUTES, url: "https://shop.example/?alhena_debug=0" })), []);
  for (const page of [
    openDebugged(),
    openPage({ attributes: ATTRIBUTES, url: "https://shop.example/?a=b&alhena_debug=1" }),
  ]) {
    assert.deepEqual(requested(page), ["/static/debug.js"]);
  }
});

test("[33] debug mode without its file's URL requests nothing", () => {
  assert.deepEqual(requested(openPage({ url: "https://shop.example/?alhena_debug=1" })), []);
});

test("[33] the file is requested with the page's nonce", () => {
  const page = openPage({ load: false, attributes: { ...ATTRIBUTES, "data-debug": "" } });
  page.element.nonce = "r4nd0m";
  page.loadTracker();
  assert.equal(page.document.querySelector("script[src]").nonce, "r4nd0m");
});

test("[33] debug mode says for every event what became of it", async () => {
  const page = openDebugged();
  page.track("sendCartEvent", CART);
  page.loadDebug();
  await page.interact();
  page.track("sendCheckoutEvent", ORDER);
  await page.deliver();
  page.track("sendCheckoutEvent", ORDER);
  assert.match(page.infos[0].join(" "), /debug mode, company "acme", endpoint \/alhena\//);
  assert.deepEqual(messagesOf(page), [
    "Alhena: sendCartEvent not sent: the visitor has not used the assistant in the last 24 hours. " +
      "Ask it a question, open an FAQ, or call trackAlhenaEvent('sendInteraction', {type: 'CHAT'}).",
    "Alhena: sendInteraction will be sent.",
    "Alhena: sendInteraction recorded.",
    "Alhena: sendCheckoutEvent will be sent.",
    "Alhena: sendCheckoutEvent recorded.",
    "Alhena: sendCheckoutEvent not sent: order 1001 was reported before, with the same value.",
  ]);
  assert.deepEqual(page.errors, []);
});

/** @type {[name: string, server: (request: any) => unknown, expected: RegExp][]} */
const ANSWERS = [
  ["a duplicate", () => answer(200, { results: [{ status: "duplicate" }] }), /counts once/],
  [
    "ignored",
    () => answer(200, { results: [{ status: "ignored", reason: "no_interaction" }] }),
    /not recorded: the server has no interaction/,
  ],
  ["forbidden", () => answer(403), /is "acme" the company's key, and https:\/\/shop.example one of its allowed origins/],
  ["not found", () => answer(404), /is alhena_tracking.urls included at \/alhena\//],
  ["another rejection", () => answer(413), /rejected \(413\); it will not be sent again/],
  ["overload", () => answer(503), /1 event could not be delivered \(the server answered 503\); next attempt in/],
  ["no answer", () => Promise.reject(new TypeError()), /could not be delivered \(no answer\)/],
];
for (const [name, server, expected] of ANSWERS) {
  test(`[33] debug mode explains ${name}`, async () => {
    const page = openDebugged({ fetch: server });
    page.loadDebug();
    page.track("sendInteraction", CHAT);
    await page.deliver();
    assert.match(messagesOf(page).at(-1) || "", expected);
  });
}

test("[33] debug mode explains consent", async () => {
  const page = openDebugged({ attributes: { "data-consent": "required" } });
  page.loadDebug();
  page.track("sendInteraction", CHAT);
  page.track("setConsent", false);
  assert.match(messagesOf(page)[0], /held in memory until trackAlhenaEvent\('setConsent', true\)/);
  assert.match(messagesOf(page)[1], /not sent: the visitor declined/);
});

test("without debug mode nothing is noted, and nothing said as long as nothing is wrong", async () => {
  const page = openPage({ fetch: recorded });
  await page.interact();
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(page.window._alhenaNotes, undefined);
  assert.deepEqual([page.infos, page.errors], [[], []]);
});

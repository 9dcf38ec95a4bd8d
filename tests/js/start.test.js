import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, SNIPPET, TRACKER, openPage } from "./page.js";

const CHAT = { method: "sendInteraction", args: { type: "CHAT" } };

/** @param {unknown[]} calls @param {import("./page.js").Options} [options] */
const openWithQueue = (calls, options) =>
  openPage({ ...options, before: (window) => (window._alhenaEventQueue = calls) });

test("[1] calls made before the tracker is loaded are sent in their order, once", async () => {
  const page = openPage({ load: false });
  page.run(SNIPPET);
  page.track("sendInteraction", { type: "CHAT" });
  page.track("sendCartEvent", CART);
  page.track("sendCheckoutEvent", ORDER);
  page.loadTracker();
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions", "cart_events", "checkout_events"]);
  assert.equal(page.window._alhenaEventQueue.length, 0);
});

test("[2] a tracker that is included twice is one, and replays the queue once", async () => {
  const page = openWithQueue([CHAT]);
  page.loadTracker();
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions", "cart_events"]);
});

test("[3] a queued call that throws does not stop the rest", async () => {
  const hostile = {
    get type() {
      throw new Error("boom");
    },
  };
  const page = openWithQueue([
    CHAT,
    { method: "sendCartEvent", args: hostile },
    null,
    "nonsense",
    { method: "sendCartEvent", args: CART },
  ]);
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions", "cart_events"]);
  assert.equal(page.errors.length, 3);
});

test("[6] a policy that forbids to name a script's file leaves the tracker as it is", async () => {
  const page = openPage({ load: false, attributes: { "data-debug": "", "data-debug-src": "/static/debug.js" } });
  const create = page.document.createElement.bind(page.document);
  page.document.createElement = (/** @type {string} */ name) =>
    Object.defineProperty(create(name), "src", {
      set() {
        throw new TypeError("This document requires 'TrustedScriptURL' assignment.");
      },
    });
  page.loadTracker();
  await page.interact();
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events"]);
  assert.equal(page.errors.length, 1);
});

test("a page that kept the snippet's function still reaches the tracker", async () => {
  const page = openPage({ load: false });
  page.run(SNIPPET);
  const kept = page.window.trackAlhenaEvent;
  page.loadTracker();
  await page.interact();
  kept("sendCartEvent", CART);
  kept("sendCheckoutEvent", ORDER);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events", "checkout_events"]);
  assert.equal(page.window._alhenaEventQueue.length, 0);
});

test("a queue that is none of ours breaks nothing", async () => {
  const page = openPage({ before: (window) => (window._alhenaEventQueue = { length: "x" }) });
  await page.interact();
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events"]);
});

test("a function that the page declared is replaced, though it cannot be redefined", async () => {
  const page = openPage({
    before: (window) => {
      Object.defineProperty(window, "trackAlhenaEvent", { value: () => {}, writable: true, enumerable: true });
    },
  });
  await page.interact();
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events"]);
});

for (const missing of ["data-company-key", "data-endpoint"]) {
  test(`without ${missing} it says so and leaves the page as it is`, () => {
    const page = openPage({ load: false });
    page.element.removeAttribute(missing);
    page.loadTracker();
    assert.equal(page.window.trackAlhenaEvent, undefined);
    assert.equal(page.errors.length, 1);
    assert.match(String(page.errors[0][1]), new RegExp(missing));
  });
}

test("run without an element of its own, as a module is, it says so", () => {
  const page = openPage({ load: false });
  page.run(TRACKER, null);
  assert.equal(page.errors.length, 1);
});

test("events of templates are sent once each, after what was queued", async () => {
  const escaped = JSON.stringify(ORDER).replace(/"/g, "&quot;");
  const template = (/** @type {string} */ data) =>
    `<template data-alhena-event="sendCheckoutEvent" data-alhena-data="${data}"></template>`;
  const other = escaped.replace("1001", "1002");
  const page = openWithQueue([CHAT], {
    html: template(escaped) + template("{broken") + "<template data-alhena-event='x'></template>" + template(other),
  });
  await page.deliver();
  assert.equal(page.paths[0], "interactions");
  assert.deepEqual(
    page.sent.map(({ body }) => body.order_id).filter(Boolean),
    ["1001", "1002"],
  );
  assert.equal(page.errors.length, 2);
});

test("templates of a page that is still being read wait for its end", async () => {
  const page = openPage({ load: false });
  Object.defineProperty(page.document, "readyState", { configurable: true, value: "loading" });
  page.loadTracker();
  await page.interact();
  page.document.body.innerHTML = `<template data-alhena-event="sendCheckoutEvent"
    data-alhena-data='${JSON.stringify(ORDER)}'></template>`;
  await page.deliver();
  assert.deepEqual(page.paths, []);
  page.document.dispatchEvent(new page.window.Event("DOMContentLoaded"));
  await page.deliver();
  assert.deepEqual(page.paths, ["checkout_events"]);
});

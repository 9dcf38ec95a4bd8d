import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, SNIPPET, openPage } from "./page.js";

/** @param {import("./page.js").Options} [options] */
function openBarePage(options) {
  const page = openPage({ ...options, load: false });
  page.run(SNIPPET);
  return page;
}

test("the snippet queues calls in the order they are made", () => {
  const { window, track } = openBarePage();
  track("sendCartEvent", CART);
  track("sendCheckoutEvent", ORDER);
  assert.deepEqual(window._alhenaEventQueue, [
    { method: "sendCartEvent", args: CART },
    { method: "sendCheckoutEvent", args: ORDER },
  ]);
});

test("[4] the snippet keeps a hundred calls and no more, should the tracker never come", () => {
  const { window, track } = openBarePage();
  for (let index = 0; index < 150; index++) track("sendCartEvent", index);
  assert.equal(window._alhenaEventQueue.length, 100);
  assert.equal(window._alhenaEventQueue[99].args, 99);
});

test("the snippet may be included twice", () => {
  const page = openBarePage();
  const { trackAlhenaEvent } = page.window;
  page.track("sendCartEvent", CART);
  page.run(SNIPPET);
  assert.equal(page.window.trackAlhenaEvent, trackAlhenaEvent);
  assert.equal(page.window._alhenaEventQueue.length, 1);
});

test("the snippet leaves what is there alone, another's snippet or the tracker", async () => {
  const calls = [];
  const own = (/** @type {unknown[]} */ ...call) => calls.push(call);
  const { window } = openBarePage({
    before: (window) => {
      window.trackAlhenaEvent = own;
      window._alhenaEventQueue = [1];
    },
  });
  assert.equal(window.trackAlhenaEvent, own);
  assert.deepEqual(window._alhenaEventQueue, [1]);

  const page = openPage();
  page.run(SNIPPET);
  await page.interact();
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events"]);
});

test("the snippet can stand in a script element", () => {
  assert.doesNotMatch(SNIPPET, /<\/script|<!--/i);
  assert.ok(Buffer.byteLength(SNIPPET) <= 300, `${Buffer.byteLength(SNIPPET)} bytes`);
});

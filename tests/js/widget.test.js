import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, openPage } from "./page.js";

const USER = "AAAAAAAA-aaaa-4bbb-8ccc-222222222222";
const FAQ = "33333333-dddd-4eee-9fff-444444444444";

/** A real Alhena widget, as far as it is documented. */
function realWidget() {
  /** @type {[string, any][]} */
  const calls = [];
  /** @type {Map<string, (data?: unknown) => void>} */
  const listeners = new Map();
  return {
    calls,
    listeners,
    on: (/** @type {string} */ name, /** @type {any} */ listener) => void listeners.set(name, listener),
    sendCartEvent: (/** @type {any} */ data) => void calls.push(["sendCartEvent", data]),
    sendCheckoutEvent: (/** @type {any} */ data) => void calls.push(["sendCheckoutEvent", data]),
    getFingerprint: () => USER,
    getFAQFingerprint: () => FAQ,
    open() {},
  };
}

/** @param {Record<string, unknown>} [changes] */
function openWithWidget(changes = {}) {
  const widget = Object.assign(realWidget(), changes);
  const page = openPage({ before: (window) => (window.gleenWidget = widget) });
  return { page, widget };
}

// Without a real widget

test("without a widget its legacy methods are there", async () => {
  const page = openPage();
  const { gleenWidget } = page.window;
  assert.equal(gleenWidget.getFingerprint(), "");
  assert.equal(gleenWidget.getFAQFingerprint(), "");
  await page.interact();
  assert.equal(gleenWidget.getFingerprint(), page.cookie?.user);
  assert.equal(gleenWidget.getFAQFingerprint(), page.cookie?.faq);
  gleenWidget.sendCartEvent(CART);
  gleenWidget.sendCheckoutEvent(ORDER);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events", "checkout_events"]);
});

test("the legacy methods validate and never throw", () => {
  const page = openPage();
  page.window.gleenWidget.sendCartEvent(null);
  page.window.gleenWidget.sendCheckoutEvent();
  assert.equal(page.errors.length, 2);
});

test("a page that wraps a legacy method reports once", async () => {
  const page = openPage();
  await page.interact();
  const { gleenWidget } = page.window;
  const { sendCartEvent } = gleenWidget;
  gleenWidget.sendCartEvent = (/** @type {unknown} */ data) => sendCartEvent(data);
  gleenWidget.sendCartEvent(CART);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(page.sent.length, 2);
});

// With one

test("a real widget keeps every method", () => {
  const before = realWidget();
  const after = openWithWidget(before).page.window.gleenWidget;
  for (const [name, value] of Object.entries(before)) assert.equal(after[name], value, name);
});

test("a real widget receives every cart and checkout call, as the page made it", async () => {
  const { page, widget } = openWithWidget();
  const odd = { ...CART, value: "79.99" };
  page.track("sendCartEvent", CART);
  page.track("sendCartEvent", odd);
  page.track("sendCheckoutEvent", ORDER);
  page.track("sendInteraction", { type: "CHAT" });
  assert.equal(widget.calls.length, 3);
  assert.equal(widget.calls[0][1], CART);
  assert.equal(widget.calls[1][1], odd);
  assert.equal(widget.calls[2][1], ORDER);
});

test("a real widget receives what was queued before the tracker came", () => {
  const widget = realWidget();
  openPage({
    before: (window) => {
      window.gleenWidget = widget;
      window._alhenaEventQueue = [{ method: "sendCartEvent", args: CART }];
    },
  });
  assert.deepEqual(widget.calls, [["sendCartEvent", CART]]);
});

test("a widget that reports back to us does not go round in circles", async () => {
  const { page, widget } = openWithWidget();
  widget.sendCartEvent = (data) => {
    widget.calls.push(["sendCartEvent", data]);
    page.track("sendCartEvent", data);
  };
  await page.interact();
  page.track("sendCartEvent", CART);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(widget.calls.length, 2);
  assert.deepEqual(page.paths, ["cart_events", "cart_events"]);
});

test("a widget that throws harms neither the page nor the tracker", async () => {
  const boom = () => {
    throw new Error("boom");
  };
  const { page } = openWithWidget({ sendCartEvent: boom, on: boom, getFingerprint: boom, getFAQFingerprint: boom });
  await page.interact();
  page.track("sendCartEvent", CART);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events", "cart_events"]);
  assert.match(page.cookie?.user || "", /^[\da-f-]{36}$/);
});

test("its fingerprints are the visitor's", async () => {
  const { page } = openWithWidget();
  page.track("sendInteraction", { type: "CHAT" });
  await page.deliver();
  assert.equal(page.sent[0].body.user_fingerprint, USER.toLowerCase());
  assert.equal(page.sent[0].body.user_faq_fingerprint, FAQ);
  assert.equal(page.cookie?.user, USER.toLowerCase());
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.equal(page.sent[1].body.user_fingerprint, USER.toLowerCase());
});

for (const none of [undefined, null, "", "undefined", 7, {}, "x".repeat(36)]) {
  test(`where it has no fingerprint but ${JSON.stringify(none)}, one is minted`, async () => {
    const { page } = openWithWidget({ getFAQFingerprint: () => none });
    await page.interact();
    assert.equal(page.cookie?.user, USER.toLowerCase());
    assert.match(page.cookie?.faq || "", /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  });
}

/** @type {[name: string, type: string][]} */
const EVENTS = [
  ["ticket:message_submitted", "CHAT"],
  ["faqs:question_clicked", "FAQ"],
  ["faqs:message_submitted", "FAQ"],
];
for (const [name, type] of EVENTS) {
  test(`${name} is an interaction`, async () => {
    const { page, widget } = openWithWidget();
    widget.listeners.get(name)?.({ message: "private" });
    await page.deliver();
    assert.deepEqual(
      page.sent.map(({ body }) => body.type),
      [type],
    );
    assert.doesNotMatch(page.sent[0].options.body, /private/);
  });
}

/** @type {[name: string, type: string | undefined][]} */
const ANSWERED = [
  ["ticket:bot_response_finished", "CHAT"],
  ["faqs:bot_response_finished", "FAQ"],
  ["ticket:message_submitted", undefined],
  ["faqs:message_submitted", undefined],
  ["faqs:question_clicked", undefined],
];
for (const [name, type] of ANSWERED) {
  test(`${name} is ${type ? "an" : "no"} interaction where only answered questions count`, async () => {
    const widget = realWidget();
    const page = openPage({
      attributes: { "data-interactions": "answered" },
      before: (window) => (window.gleenWidget = widget),
    });
    widget.listeners.get(name)?.({ message: "private" });
    await page.deliver();
    assert.deepEqual(
      page.sent.map(({ body }) => body.type),
      type ? [type] : [],
    );
  });
}

test("it is listened to once", async () => {
  let subscriptions = 0;
  const { page } = openWithWidget({ on: () => subscriptions++ });
  page.track("sendCartEvent", CART);
  page.track("sendCartEvent", CART);
  assert.equal(subscriptions, 4);
});

// With one that comes later

test("a widget that comes later takes its name and receives what it missed", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCartEvent", CART);
  page.window.gleenWidget.sendCheckoutEvent(ORDER);
  const widget = realWidget();
  page.window.gleenWidget = widget;
  assert.equal(page.window.gleenWidget, widget);
  assert.deepEqual(widget.calls, [
    ["sendCartEvent", CART],
    ["sendCheckoutEvent", ORDER],
  ]);
  page.track("sendCartEvent", CART);
  assert.equal(widget.calls.length, 3);
  widget.listeners.get("ticket:message_submitted")?.();
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events", "checkout_events", "cart_events", "interactions"]);
});

test("a widget that comes later and takes over trackAlhenaEvent does not take the page's calls from us", async () => {
  const page = openPage();
  await page.interact();
  const widget = realWidget();
  page.window.gleenWidget = widget;
  page.window.trackAlhenaEvent = (/** @type {string} */ method, /** @type {any} */ data) =>
    /** @type {any} */ (widget)[method](data);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(page.paths, ["cart_events"]);
  assert.deepEqual(widget.calls, [["sendCartEvent", CART]]);
});

test("a widget that moves into our stand-in is met at the next call", async () => {
  const page = openPage();
  const widget = realWidget();
  Object.assign(page.window.gleenWidget, widget);
  page.track("sendCartEvent", CART);
  assert.deepEqual(widget.calls, [["sendCartEvent", CART]]);
  assert.equal(widget.listeners.size, 4);
});

test("at most a hundred calls are kept for a widget that may never come", () => {
  const page = openPage();
  for (let index = 0; index < 150; index++) page.track("sendCartEvent", CART);
  const widget = realWidget();
  page.window.gleenWidget = widget;
  assert.equal(widget.calls.length, 100);
});

for (const nothing of [null, undefined, 7, "widget"]) {
  test(`a gleenWidget of ${nothing} breaks nothing`, async () => {
    const page = openPage();
    page.window.gleenWidget = nothing;
    await page.interact();
    page.track("sendCartEvent", CART);
    await page.deliver();
    assert.deepEqual(page.paths, ["cart_events"]);
    assert.deepEqual(page.errors, []);
  });
}

test("a widget that was declared with var is met all the same", async () => {
  const widget = realWidget();
  const page = openPage({
    before: (window) => {
      Object.defineProperty(window, "gleenWidget", { value: widget, writable: true, enumerable: true });
    },
  });
  page.track("sendCartEvent", CART);
  assert.deepEqual(widget.calls, [["sendCartEvent", CART]]);
  widget.listeners.get("faqs:question_clicked")?.();
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, openPage, settle } from "./page.js";

const CHAT = { type: "CHAT" };
const answer = (/** @type {number} */ status) => ({ status, text: async () => "" });

/** A server that answers when it is told to. */
function slowServer() {
  /** @type {{ resolve: (answer: unknown) => void, reject: (error: Error) => void }[]} */
  const waiting = [];
  return {
    fetch: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })),
    /** @param {number} [status] */
    async answer(status = 201) {
      waiting.shift()?.resolve(answer(status));
      await settle();
    },
    async fail() {
      waiting.shift()?.reject(new TypeError("Failed to fetch"));
      await settle();
    },
  };
}

/** A server that answers with one status after the other, and 201 in the end; 0 is no answer. */
const serverOf =
  (/** @type {number[]} */ ...statuses) =>
  async () => {
    const status = statuses.shift() ?? 201;
    if (!status) throw new TypeError("Failed to fetch");
    return answer(status);
  };

test("events are posted where they belong, in a way that needs no preflight", async () => {
  const page = openPage({ attributes: { "data-endpoint": "https://shop.example/alhena/" } });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  page.track("sendCheckoutEvent", ORDER);
  await settle();
  assert.deepEqual(
    page.sent.map(({ url }) => url),
    [
      "https://shop.example/alhena/analytics/interactions",
      "https://shop.example/alhena/analytics/cart_events",
      "https://shop.example/alhena/analytics/checkout_events",
    ],
  );
  for (const { options } of page.sent) {
    assert.equal(options.method, "POST");
    assert.equal(options.credentials, "omit");
    assert.equal(options.keepalive, true);
    // A string without a header of its own is text/plain.
    assert.equal(typeof options.body, "string");
    assert.equal("headers" in options, false);
  }
});

test("each event waits until the one before was answered", async () => {
  const server = slowServer();
  const page = openPage({ fetch: server.fetch });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  page.track("sendCheckoutEvent", ORDER);
  await settle();
  assert.deepEqual(page.paths, ["interactions"]);
  await server.answer();
  assert.deepEqual(page.paths, ["interactions", "cart_events"]);
  await server.answer(200);
  assert.deepEqual(page.paths, ["interactions", "cart_events", "checkout_events"]);
});

test("a checkout goes out at once", () => {
  const page = openPage({ cookie: "" });
  page.document.cookie = `alhena_acme=1.11111111-aaaa-4bbb-8ccc-222222222222.33333333-dddd-4eee-9fff-444444444444.${Math.floor(page.clock.now / 1000)}`;
  page.track("sendCheckoutEvent", ORDER);
  assert.deepEqual(page.paths, ["checkout_events"]);
});

for (const status of [0, 408, 425, 429, 500, 502, 503, 504, 599]) {
  test(`after ${status || "a network error"} the same event is sent again, before those behind it`, async () => {
    const page = openPage({ fetch: serverOf(status) });
    page.track("sendInteraction", CHAT);
    page.track("sendCartEvent", CART);
    await settle();
    assert.deepEqual(page.paths, ["interactions"]);
    await page.clock.pass(1000);
    assert.deepEqual(page.paths, ["interactions", "interactions", "cart_events"]);
    const [first, second] = page.sent.map(({ body }) => body);
    assert.equal(first.event_id, second.event_id);
    assert.equal(first.occurred_at, second.occurred_at);
    assert.equal(Date.parse(second.sent_at) - Date.parse(first.sent_at), 1000);
    assert.deepEqual(page.errors, []);
  });
}

for (const status of [304, 400, 401, 403, 404, 409, 413, 415, 422, 501, 505]) {
  test(`${status} is final: it is told, and the next event goes out`, async () => {
    const page = openPage({ fetch: serverOf(status) });
    page.track("sendInteraction", CHAT);
    page.track("sendCartEvent", CART);
    await settle();
    await page.clock.pass(600_000);
    assert.deepEqual(page.paths, ["interactions", "cart_events"]);
    assert.equal(page.errors.length, 1);
    assert.match(page.errors[0].join(" "), new RegExp(`sendInteraction was refused: ${status}`));
  });
}

test("an event that happens during a pause waits for its end", async () => {
  const page = openPage({ fetch: serverOf(429) });
  page.track("sendInteraction", CHAT);
  await settle();
  page.track("sendCartEvent", CART);
  page.track("sendCheckoutEvent", ORDER);
  await settle();
  assert.deepEqual(page.paths, ["interactions"]);
  await page.clock.pass(1000);
  assert.deepEqual(page.paths.slice(1), ["interactions", "cart_events", "checkout_events"]);
});

test("the pauses grow to a minute at most, with jitter, and begin anew after a success", async () => {
  const page = openPage({ fetch: serverOf(...Array(12).fill(503), 201, 503) });
  page.track("sendInteraction", CHAT);
  await settle();
  const pauses = [];
  while (page.clock.waits.length) {
    assert.equal(page.clock.waits.length, 1);
    pauses.push(page.clock.waits[0]);
    await page.clock.pass(page.clock.waits[0]);
  }
  assert.equal(pauses.length, 12);
  pauses.forEach((pause, index) => {
    const longest = Math.min(60_000, 1000 * 2 ** index);
    assert.ok(pause >= longest / 2 && pause <= longest, `pause ${index}: ${pause} of ${longest}`);
  });
  assert.ok(new Set(pauses.slice(6)).size > 1, "no jitter");
  page.track("sendCartEvent", CART);
  await settle();
  assert.ok(page.clock.waits[0] <= 1000);
});

/** @type {Record<string, (() => unknown) | undefined>} */
const BROKEN = {
  missing: undefined,
  "throwing at once": () => {
    throw new Error("blocked");
  },
  "answering nonsense": () => undefined,
};
for (const [name, fetch] of Object.entries(BROKEN)) {
  test(`with fetch ${name} nothing is thrown, and the event waits`, async () => {
    const page = openPage({ load: false });
    page.scope.fetch = fetch;
    page.loadTracker();
    page.track("sendInteraction", CHAT);
    await settle();
    assert.deepEqual(page.errors, []);
    assert.equal(page.clock.waits.length, 1);
    await page.clock.pass(1000);
    assert.equal(page.clock.waits.length, 1);
  });
}

test("an answer that breaks off after its status counts all the same", async () => {
  const broken = { status: 201, text: () => Promise.reject(new Error("broke off")) };
  const page = openPage({ fetch: () => broken });
  page.track("sendInteraction", CHAT);
  await settle();
  assert.equal(page.clock.waits.length, 0);
  assert.deepEqual(page.errors, []);
});

test("leaving the page sends all that waits, in order, once", async () => {
  for (const leave of ["pagehide", "visibilitychange"]) {
    const server = slowServer();
    const page = openPage({ fetch: server.fetch });
    page.track("sendInteraction", CHAT);
    page.track("sendCartEvent", CART);
    page.track("sendCheckoutEvent", ORDER);
    Object.defineProperty(page.document, "hidden", { configurable: true, value: leave === "visibilitychange" });
    const target = leave === "pagehide" ? page.window : page.document;
    target.dispatchEvent(new page.window.Event(leave));
    target.dispatchEvent(new page.window.Event(leave));
    assert.deepEqual(page.paths, ["interactions", "cart_events", "checkout_events"], leave);
    for (let index = 0; index < 3; index++) await server.answer();
    await page.clock.pass(600_000);
    assert.equal(page.sent.length, 3, leave);
  }
});

test("a pause does not keep the page from sending what waits when it is left", async () => {
  const page = openPage({ fetch: serverOf(503) });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  await settle();
  page.window.dispatchEvent(new page.window.Event("pagehide"));
  await settle();
  assert.deepEqual(page.paths, ["interactions", "interactions", "cart_events"]);
  await page.clock.pass(600_000);
  assert.equal(page.sent.length, 3);
});

test("a page that comes into view sends nothing out of turn", async () => {
  const server = slowServer();
  const page = openPage({ fetch: server.fetch });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  Object.defineProperty(page.document, "hidden", { configurable: true, value: false });
  page.document.dispatchEvent(new page.window.Event("visibilitychange"));
  assert.deepEqual(page.paths, ["interactions"]);
});

test("what failed while the page was hidden is sent again, in order, one by one", async () => {
  const server = slowServer();
  const page = openPage({ fetch: server.fetch });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  page.window.dispatchEvent(new page.window.Event("pagehide"));
  await server.fail();
  await server.fail();
  assert.equal(page.clock.waits.length, 1);
  await page.clock.pass(60_000);
  assert.deepEqual(page.paths.slice(2), ["interactions"]);
  await server.answer();
  assert.deepEqual(page.paths.slice(2), ["interactions", "cart_events"]);
});

test("a body that is too large to outlive the page goes without keepalive", async () => {
  const line = { productId: "x".repeat(255), productName: "y", quantity: 1, value: 1, currency: "USD" };
  const page = openPage();
  await page.interact();
  page.track("sendCheckoutEvent", { ...ORDER, lineItems: Array(300).fill(line) });
  await settle();
  assert.equal(page.sent[0].options.keepalive, false);
});

test("at most a hundred events wait", async () => {
  const server = slowServer();
  const page = openPage({ fetch: server.fetch });
  page.track("sendInteraction", CHAT);
  for (let index = 0; index < 150; index++) page.track("sendCartEvent", CART);
  page.window.dispatchEvent(new page.window.Event("pagehide"));
  assert.equal(page.sent.length, 100);
});

// The thank-you page

test("an order is sent once, though it is reported twice", async () => {
  const server = slowServer();
  const page = openPage({ fetch: server.fetch });
  page.track("sendInteraction", CHAT);
  page.track("sendCheckoutEvent", ORDER);
  page.track("sendCheckoutEvent", { ...ORDER, orderId: " 1001 ", value: 26 });
  await server.answer();
  await server.answer();
  page.track("sendCheckoutEvent", ORDER);
  await settle();
  assert.deepEqual(page.paths, ["interactions", "checkout_events"]);
  page.track("sendCheckoutEvent", { ...ORDER, orderId: "1002" });
  assert.equal(page.sent.length, 3);
});

/** @param {any} page the one before, whose storage and cookie the new one finds */
function reload(page) {
  return openPage({
    cookie: page.document.cookie,
    before: (window) => {
      for (const [key, value] of Object.entries(page.window.sessionStorage)) window.sessionStorage.setItem(key, value);
    },
  });
}

test("a thank-you page that is reloaded does not send its order again", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCheckoutEvent", ORDER);
  await settle();
  const next = reload(page);
  next.track("sendCheckoutEvent", ORDER);
  next.track("sendCheckoutEvent", { ...ORDER, orderId: "1002" });
  await settle();
  assert.deepEqual(
    next.sent.map(({ body }) => body.order_id),
    ["1002"],
  );
});

test("an order that was not delivered is sent after a reload", async () => {
  for (const status of [0, 400, 503]) {
    const page = openPage();
    await page.interact();
    const failing = openPage({ cookie: page.document.cookie, fetch: serverOf(status) });
    failing.track("sendCheckoutEvent", ORDER);
    await settle();
    const next = reload(failing);
    next.track("sendCheckoutEvent", ORDER);
    await settle();
    assert.deepEqual(next.paths, ["checkout_events"], String(status));
  }
});

test("orders without an id are all sent", async () => {
  const page = openPage();
  await page.interact();
  for (let index = 0; index < 2; index++) page.track("sendCheckoutEvent", { ...ORDER, orderId: null });
  await settle();
  assert.equal(page.sent.length, 2);
});

test("only the latest orders are remembered", async () => {
  const page = openPage();
  await page.interact();
  for (let index = 0; index < 30; index++) page.track("sendCheckoutEvent", { ...ORDER, orderId: `${index}` });
  for (let index = 0; index < 60; index++) await settle();
  const remembered = JSON.parse(page.window.sessionStorage.getItem("alhena_acme"));
  assert.deepEqual(
    remembered,
    Array.from({ length: 20 }, (_, index) => `${index + 10}`),
  );
});

for (const content of ["{", "null", "7", "{}", '"1001"', '{"__proto__": ["1001"]}', "[[1001], null]"]) {
  test(`storage with foreign content is no order: ${content}`, async () => {
    const page = openPage({ before: (window) => window.sessionStorage.setItem("alhena_acme", content) });
    await page.interact();
    page.track("sendCheckoutEvent", ORDER);
    await settle();
    assert.deepEqual(page.paths, ["checkout_events"]);
  });
}

test("where storage is blocked the page's memory has to do", async () => {
  const page = openPage({ load: false });
  page.scope.sessionStorage = new Proxy(
    {},
    {
      get() {
        throw new Error("SecurityError");
      },
      set() {
        throw new Error("QuotaExceededError");
      },
    },
  );
  page.loadTracker();
  await page.interact();
  page.track("sendCheckoutEvent", ORDER);
  await settle();
  page.track("sendCheckoutEvent", ORDER);
  await settle();
  assert.equal(page.sent.length, 1);
  assert.deepEqual(page.errors, []);
});

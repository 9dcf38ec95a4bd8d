import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, START, answer, openPage, recorded, settle } from "./page.js";

const CHAT = { type: "CHAT" };
const RETRIED = [0, 408, 425, 429, 500, 502, 503, 504, 599];
const FINAL = [304, 400, 401, 403, 404, 409, 413, 415, 422, 501, 505];

/** A server that answers on request of the test. */
function slowServer() {
  /** @type {{ request: any, resolve: (answer: unknown) => void, reject: (error: Error) => void }[]} */
  const waiting = [];
  return {
    fetch: (/** @type {any} */ request) =>
      new Promise((resolve, reject) => waiting.push({ request, resolve, reject })),
    async answer() {
      const next = waiting.shift();
      next?.resolve(recorded(next.request));
      await settle();
    },
    async fail() {
      waiting.shift()?.reject(new TypeError("Failed to fetch"));
      await settle();
    },
  };
}

/**
 * A server that answers with one status after the other, and takes everything in the end; 0 is no answer.
 *
 * @param {(number | ReturnType<typeof answer>)[]} answers
 */
const serverOf =
  (...answers) =>
  async (/** @type {any} */ request) => {
    const next = answers.shift() ?? 200;
    if (!next) throw new TypeError("Failed to fetch");
    if (next === 200) return recorded(request);
    return typeof next === "number" ? answer(next, { text: "" }) : next;
  };

/** The names of the events, request by request. @param {any} page @returns {string[][]} */
const batches = (page) =>
  page.requests.map((/** @type {any} */ { body }) => body.events.map((/** @type {any} */ event) => event.method));

/** @param {any} page @param {"pagehide" | "visibilitychange"} [how] */
function leave(page, how = "pagehide") {
  Object.defineProperty(page.document, "hidden", { configurable: true, value: how === "visibilitychange" });
  (how === "pagehide" ? page.window : page.document).dispatchEvent(new page.window.Event(how));
}

/** @param {number} count @param {number} [size] of the order, in characters */
const orders = (count, size = 0) =>
  Array.from({ length: count }, (_, index) => ({
    ...ORDER,
    orderId: `${index}`,
    lineItems: Array.from({ length: size / 250 }, () => ({
      productId: "x".repeat(200),
      productName: "y",
      quantity: 1,
      value: 1,
      currency: "USD",
    })),
  }));

test("events that happen together go out as one batch, in order, to one place", async () => {
  const page = openPage({ attributes: { "data-endpoint": "https://shop.example/alhena/" } });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(batches(page), [["sendInteraction", "sendCartEvent", "sendCartEvent"]]);
  assert.equal(page.requests[0].url, "https://shop.example/alhena/analytics/batch");
});

test("[23] the beacon's body needs no preflight", async () => {
  const page = openPage();
  page.track("sendInteraction", CHAT);
  leave(page);
  const [{ options }] = page.requests;
  assert.deepEqual([options.method, options.credentials, options.keepalive], ["POST", "omit", true]);
  // A string without a header of its own is text/plain.
  assert.equal(typeof options.body, "string");
  assert.equal("headers" in options, false);
});

test("[32] a checkout is sent at once, cart events within a second", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCartEvent", CART);
  assert.deepEqual(page.paths, []);
  assert.ok(Math.max(...page.clock.waits) <= 1000);
  page.track("sendCheckoutEvent", ORDER);
  assert.deepEqual(page.paths, ["cart_events", "checkout_events"]);
});

test("each batch waits until the one before was answered", async () => {
  const server = slowServer();
  const page = openPage({ fetch: server.fetch });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  page.track("sendCartEvent", CART);
  await page.deliver();
  assert.deepEqual(batches(page), [["sendInteraction"]]);
  await server.answer();
  assert.deepEqual(batches(page), [["sendInteraction"], ["sendCartEvent"]]);
});

test("a checkout does not wait for an answer, and takes the interaction on its way along", async () => {
  const server = slowServer();
  const page = openPage({ fetch: server.fetch });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  await page.deliver();
  page.track("sendCheckoutEvent", ORDER);
  assert.deepEqual(batches(page)[1], ["sendInteraction", "sendCheckoutEvent"]);
  assert.equal(page.sent[0].body.event_id, page.sent[2].body.event_id);
  await server.answer();
  await server.answer();
  await page.clock.pass(600_000);
  assert.equal(page.requests.length, 2);
});

test("events of one moment keep their order by their times, as batches may overtake each other", async () => {
  const page = openPage({ fetch: serverOf() });
  page.track("sendInteraction", CHAT);
  for (const productId of ["SKU-1", "SKU-2", "SKU-3"]) page.track("sendCartEvent", { ...CART, productId });
  await page.deliver();
  const { events } = page.requests[0].body;
  const order = events.map((/** @type {any} */ event) => event.data.product_id);
  assert.deepEqual(order, [undefined, "SKU-1", "SKU-2", "SKU-3"]);
  const times = events.map((/** @type {any} */ event) => Date.parse(event.occurred_at) - START);
  assert.deepEqual(times, [0, 1, 2, 3]);
});

for (const status of RETRIED) {
  test(`[8, 9, 10, 16] after ${status || "a network error"} the batch is sent again as a whole, with its ids`, async () => {
    const page = openPage({ fetch: serverOf(status) });
    page.track("sendInteraction", CHAT);
    page.track("sendCartEvent", CART);
    await page.deliver();
    await page.clock.pass(1000);
    assert.deepEqual(batches(page), Array(2).fill(["sendInteraction", "sendCartEvent"]));
    const [first, second] = page.requests.map(({ body }) => body);
    assert.deepEqual(first.events, second.events);
    assert.equal(Date.parse(first.events[0].occurred_at), START);
    assert.equal(Date.parse(second.sent_at) - Date.parse(first.sent_at), 1000);
    assert.deepEqual(page.errors, []);
  });
}

for (const status of FINAL) {
  test(`[11] ${status} is never retried: it is logged, and the next event is sent`, async () => {
    const page = openPage({ fetch: serverOf(status) });
    page.track("sendInteraction", CHAT);
    await page.deliver();
    page.track("sendCartEvent", CART);
    await page.deliver();
    await page.clock.pass(600_000);
    assert.deepEqual(batches(page), [["sendInteraction"], ["sendCartEvent"]]);
    assert.equal(page.errors.length, 1);
    assert.match(page.errors[0].join(" "), new RegExp(`1 rejected: ${status}`));
  });
}

test("[16] results per event are final: invalid events are logged and not sent again", async () => {
  const results = [
    { status: "recorded" },
    { status: "invalid", errors: [{ field: "value", code: "too_large" }] },
    { status: "duplicate" },
    { status: "ignored", reason: "no_interaction" },
  ];
  const page = openPage({ fetch: () => answer(200, { results }) });
  page.track("sendInteraction", CHAT);
  for (let index = 0; index < 3; index++) page.track("sendCartEvent", CART);
  await page.deliver();
  await page.clock.pass(600_000);
  assert.equal(page.requests.length, 1);
  assert.deepEqual(page.errors, [["Alhena:", "sendCartEvent", "rejected:", results[1].errors]]);
});

test("[11] a refusal whose answer breaks off is final, too", async () => {
  const rejected = { ...answer(400), text: () => Promise.reject(new Error("broke off")) };
  const page = openPage({ fetch: serverOf(rejected) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  await page.clock.pass(600_000);
  assert.equal(page.requests.length, 1);
  assert.equal(page.errors.length, 1);
  assert.equal(page.window.localStorage.length, 0);
});

for (const text of ["<html>Welcome to our network</html>", "", "{}", '{"results": 7}', "null"]) {
  test(`an answer that is not our server's is none: ${text}`, async () => {
    const page = openPage({ fetch: serverOf(answer(200, { text })) });
    page.track("sendInteraction", CHAT);
    await page.deliver();
    await page.clock.pass(1000);
    assert.equal(page.requests.length, 2);
    assert.deepEqual(page.errors, []);
  });
}

test("[12] exponential backoff with jitter, to a minute at most; a success begins anew", async () => {
  const page = openPage({ fetch: serverOf(...Array(12).fill(503), 200, 503) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
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
  await page.deliver();
  assert.ok(page.clock.waits[0] <= 1000);
});

/** @type {[value: string, seconds: number][]} */
const RETRY_AFTER = [
  ["2", 2],
  ["0", 0],
  [new Date(START + 90_000).toUTCString(), 89],
  ["86400", 3600],
  [new Date(START + 86_400_000).toUTCString(), 3600],
];
for (const [value, seconds] of RETRY_AFTER) {
  test(`[13] Retry-After of ${value} is obeyed, capped at an hour`, async () => {
    const page = openPage({ fetch: serverOf(answer(503, { headers: { "Retry-After": value } })) });
    page.track("sendInteraction", CHAT);
    await page.deliver();
    const [wait] = page.clock.waits;
    assert.ok(wait >= seconds * 1000 && wait <= (seconds + 2) * 1000, `${wait}`);
  });
}

for (const value of ["soon", "-5", "Thu, 01 Jan 1970 00:00:00 GMT"]) {
  test(`[13] a Retry-After of ${value} says nothing`, async () => {
    const page = openPage({ fetch: serverOf(answer(503, { headers: { "Retry-After": value } })) });
    page.track("sendInteraction", CHAT);
    await page.deliver();
    assert.ok(page.clock.waits[0] >= 500 && page.clock.waits[0] <= 1000);
  });
}

test("[13] what the server asked for does not count as an attempt", async () => {
  const busy = answer(429, { headers: { "Retry-After": "1" } });
  const page = openPage({ fetch: serverOf(...Array(200).fill(busy)) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  for (let index = 0; index < 200; index++) await page.clock.pass(2000);
  assert.equal(page.requests.length, 201);
  assert.deepEqual(page.errors, []);
});

test("[14] a 429 pauses the whole flush, checkouts and leaving included", async () => {
  const page = openPage({ fetch: serverOf(answer(429, { headers: { "Retry-After": "60" } })) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  page.track("sendCartEvent", CART);
  page.track("sendCheckoutEvent", ORDER);
  leave(page);
  page.window.dispatchEvent(new page.window.Event("online"));
  await page.clock.pass(59_000);
  assert.equal(page.requests.length, 1);
  await page.clock.pass(2000);
  assert.deepEqual(batches(page)[1], ["sendInteraction", "sendCartEvent", "sendCheckoutEvent"]);
});

test("[15] attempts are bounded; dropped events are counted and reported once", async () => {
  const page = openPage({ fetch: async () => answer(503, { text: "" }) });
  page.track("sendInteraction", CHAT);
  page.track("sendCartEvent", CART);
  await page.deliver();
  for (let index = 0; index < 100; index++) await page.clock.pass(60_000);
  assert.equal(page.requests.length, 50);
  assert.deepEqual(page.errors, [["Alhena:", 2, "dropped: too old or too many"]]);
  assert.equal(page.window.localStorage.length, 0);
});

test("[15] the total time is bounded: events older than 72 hours are dropped, reported once", async () => {
  const page = openPage({ fetch: serverOf(answer(429, { headers: { "Retry-After": "3600" } })) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  await page.clock.pass(73 * 3_600_000);
  assert.equal(page.requests.length, 1);
  assert.deepEqual(page.errors, [["Alhena:", 1, "dropped: too old or too many"]]);
});

test("[17] coming back online flushes at once", async () => {
  const page = openPage({ fetch: serverOf(0, 0, 0, 0) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  for (let index = 0; index < 3; index++) await page.clock.pass(page.clock.waits[0]);
  assert.ok(page.clock.waits[0] > 3000);
  page.window.dispatchEvent(new page.window.Event("online"));
  assert.equal(page.requests.length, 5);
  await settle();
  assert.deepEqual(page.clock.waits, []);
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
  test(`[6] with fetch ${name} nothing is thrown, and the event waits`, async () => {
    const page = openPage({ load: false });
    page.scope.fetch = fetch;
    page.loadTracker();
    page.track("sendInteraction", CHAT);
    await page.deliver();
    assert.deepEqual(page.errors, []);
    assert.equal(page.clock.waits.length, 1);
    await page.clock.pass(1000);
    assert.equal(page.clock.waits.length, 1);
  });
}

for (const how of /** @type {const} */ (["pagehide", "visibilitychange"])) {
  test(`[21] leaving the page sends what is pending, once: ${how}`, async () => {
    const server = slowServer();
    const page = openPage({ fetch: server.fetch });
    page.track("sendInteraction", CHAT);
    page.track("sendCartEvent", CART);
    leave(page, how);
    leave(page, how);
    assert.deepEqual(batches(page), [["sendInteraction", "sendCartEvent"]]);
    await server.answer();
    await page.clock.pass(600_000);
    assert.equal(page.requests.length, 1);
  });
}

test("[21] a pause of our own does not keep what waits from being sent when the page is left", async () => {
  const page = openPage({ fetch: serverOf(503) });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  leave(page);
  await settle();
  assert.equal(page.requests.length, 2);
  await page.clock.pass(600_000);
  assert.equal(page.requests.length, 2);
});

test("a page that comes into view sends nothing out of turn", async () => {
  const page = openPage({ fetch: slowServer().fetch });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  page.track("sendCartEvent", CART);
  leave(page, "visibilitychange");
  const before = page.requests.length;
  Object.defineProperty(page.document, "hidden", { configurable: true, value: false });
  page.document.dispatchEvent(new page.window.Event("visibilitychange"));
  assert.equal(page.requests.length, before);
});

test("[22] the keepalive budget is shared by all that is in flight; larger is split", async () => {
  const server = slowServer();
  const page = openPage({ fetch: server.fetch });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  await server.answer();
  const inFlight = () =>
    page.requests.slice(1).reduce((sum, { options }) => sum + (options.keepalive ? options.body.length : 0), 0);
  for (const order of orders(8, 20_000)) page.track("sendCheckoutEvent", order);
  assert.ok(inFlight() <= 65_536, `${inFlight()}`);
  leave(page);
  assert.ok(inFlight() <= 65_536, `${inFlight()}`);
  for (let index = 0; index < 20; index++) await server.answer();
  await page.deliver();
  assert.deepEqual(
    new Set(page.sent.slice(1).map(({ body }) => body.order_id)),
    new Set(orders(8).map(({ orderId }) => orderId)),
  );
});

test("[22] what finds no room left to outlive the page goes in few requests all the same", async () => {
  const page = openPage({ fetch: slowServer().fetch });
  page.track("sendInteraction", CHAT);
  for (let index = 0; index < 250; index++) page.track("sendCartEvent", { ...CART, productName: "x".repeat(500) });
  page.track("sendCheckoutEvent", ORDER);
  assert.equal(batches(page).flat().filter((method) => method !== "sendInteraction").length, 251);
  assert.deepEqual(
    page.requests.map(({ options }) => options.keepalive),
    [true, false, false, false],
  );
});

test("[22] an order that is too large to outlive the page goes without keepalive", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCheckoutEvent", orders(1, 120_000)[0]);
  await page.deliver();
  assert.equal(page.requests.length, 1);
  assert.equal(page.requests[0].options.keepalive, false);
});

test("a batch holds a hundred events at most", async () => {
  const page = openPage();
  page.track("sendInteraction", CHAT);
  for (let index = 0; index < 250; index++) page.track("sendCartEvent", CART);
  await page.deliver();
  await settle();
  await settle();
  assert.deepEqual(
    batches(page).map((batch) => batch.length),
    [100, 100, 51],
  );
});

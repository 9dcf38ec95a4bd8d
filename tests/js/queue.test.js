import assert from "node:assert/strict";
import { test } from "node:test";

import { CART, ORDER, START, answer, openPage, recorded } from "./page.js";

const CHAT = { type: "CHAT" };
const USER = "11111111-aaaa-4bbb-8ccc-222222222222";
const FAQ = "33333333-dddd-4eee-9fff-444444444444";
const COOKIE = `alhena_acme=1.${USER}.${FAQ}.${Math.floor(START / 1000)}`;
const dead = async () => {
  throw new TypeError("Failed to fetch");
};

/**
 * Another page of the same browser: it finds what the first one left.
 *
 * @param {any} page
 * @param {import("./page.js").Options} [options]
 */
function another(page, options = {}) {
  return openPage({
    cookie: page.document.cookie,
    ...options,
    before: (window) => {
      for (const area of ["localStorage", "sessionStorage"]) {
        for (const [key, value] of Object.entries(page.window[area])) window[area].setItem(key, value);
      }
    },
  });
}

/** @param {any} page the one that comes next */
const arrive = (page) => page.document.dispatchEvent(new page.document.defaultView.Event("visibilitychange"));

/** @param {any} page */
const stored = (page) => Object.keys(page.window.localStorage).filter((name) => name.startsWith("alhena_acme:"));

test("[18] failed and in-flight events survive a reload with the same id", async () => {
  for (const fetch of [dead, () => new Promise(() => {})]) {
    const page = openPage({ fetch });
    page.track("sendInteraction", CHAT);
    page.track("sendCartEvent", CART);
    await page.deliver();
    const next = another(page);
    await next.deliver();
    assert.deepEqual(next.requests[0].body.events, page.requests[0].body.events);
    assert.deepEqual(stored(next), []);
    arrive(next);
    await next.deliver();
    assert.equal(next.requests.length, 1);
  }
});

test("[18] attempts of an earlier page count", async () => {
  let page = openPage({ fetch: dead });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  for (let index = 1; index < 60; index++) {
    page = another(page, { fetch: dead });
    arrive(page);
    await page.deliver();
  }
  assert.deepEqual(stored(page), []);
});

test("[19] nothing leaks between company keys", async () => {
  const page = openPage({ fetch: dead });
  page.track("sendInteraction", CHAT);
  await page.deliver();
  for (const key of ["acme2", "acm", "other"]) {
    const other = another(page, { attributes: { "data-company-key": key } });
    arrive(other);
    await other.deliver();
    other.track("sendCartEvent", CART);
    await other.deliver();
    assert.deepEqual(other.requests, [], key);
    other.track("setConsent", false);
    assert.equal(stored(other).length, 1, key);
  }
});

test("[20] two tabs lose nothing and overwrite nothing", async () => {
  const first = openPage({ fetch: dead, cookie: COOKIE });
  const second = openPage({ fetch: dead, load: false });
  second.scope.localStorage = first.window.localStorage;
  second.document.cookie = COOKIE + "; Path=/";
  second.loadTracker();
  for (let index = 0; index < 20; index++) {
    for (const page of [first, second]) page.track("sendCartEvent", { ...CART, quantity: index + 1 });
  }
  await first.deliver();
  assert.equal(stored(first).length, 40);
  const next = another(first);
  arrive(next);
  await next.deliver();
  assert.equal(new Set(next.sent.map(({ body }) => body.event_id)).size, 40);
});

test("[20] what another tab has delivered is not sent again, nor written again", async () => {
  const first = openPage({ fetch: dead, cookie: COOKIE });
  first.track("sendCartEvent", CART);
  let fail = () => {};
  const slow = () => new Promise((_, reject) => (fail = () => reject(new TypeError("Failed to fetch"))));
  const second = openPage({ load: false, fetch: slow });
  second.scope.localStorage = first.window.localStorage;
  second.document.cookie = COOKIE + "; Path=/";
  second.loadTracker();
  arrive(second);
  assert.equal(second.requests.length, 1);
  first.window.localStorage.clear();
  fail();
  await second.deliver();
  await second.clock.pass(60_000);
  assert.equal(second.requests.length, 1);
  assert.deepEqual(stored(first), []);
});

const BLOCKED = new Proxy(
  {},
  {
    get() {
      throw new Error("SecurityError");
    },
    set() {
      throw new Error("SecurityError");
    },
    ownKeys() {
      throw new Error("SecurityError");
    },
  },
);
/** @type {Record<string, (storage: any) => any>} */
const STORAGES = {
  blocked: () => BLOCKED,
  missing: () => undefined,
  full: (storage) =>
    new Proxy(storage, {
      get(target, name) {
        const value = target[name];
        return typeof value === "function" ? value.bind(target) : value;
      },
      set() {
        throw new Error("QuotaExceededError");
      },
    }),
};
for (const [name, make] of Object.entries(STORAGES)) {
  test(`[24] with storage ${name}, events are sent from memory`, async () => {
    let isDown = true;
    const page = openPage({ load: false, fetch: (request) => (isDown ? dead() : recorded(request)) });
    for (const area of ["localStorage", "sessionStorage"]) page.scope[area] = make(page.window[area]);
    page.loadTracker();
    page.track("sendInteraction", CHAT);
    page.track("sendCartEvent", CART);
    page.track("sendCheckoutEvent", ORDER);
    await page.deliver();
    isDown = false;
    await page.clock.pass(1000);
    assert.deepEqual(page.paths.slice(-3), ["interactions", "cart_events", "checkout_events"]);
    await page.clock.pass(60_000);
    assert.equal(page.requests.length, 2);
    assert.deepEqual(page.errors, []);
  });
}

test("[14] in a pause that the server asked for, leaving sends what would be lost with the page", async () => {
  const page = openPage({ load: false, fetch: () => answer(429, { headers: { "Retry-After": "60" } }) });
  page.scope.localStorage = BLOCKED;
  page.loadTracker();
  page.track("sendInteraction", CHAT);
  await page.deliver();
  page.window.dispatchEvent(new page.window.Event("pagehide"));
  assert.equal(page.requests.length, 2);
});

const ID = "99999999-aaaa-4bbb-8ccc-222222222222";
const NAME = `alhena_acme:e${START}:${ID}`;
const ENTRY = JSON.stringify([USER, FAQ, "sendCartEvent", {}, 0]);
/** @type {[name: string, value: string][]} */
const CORRUPT = [
  [NAME, "{"],
  [NAME, "null"],
  [NAME, "7"],
  [NAME, "[]"],
  [NAME, JSON.stringify([USER, FAQ, "sendCartEvent", null, 0])],
  [NAME, JSON.stringify(["undefined", FAQ, "sendCartEvent", {}, 0])],
  [NAME, JSON.stringify([USER, FAQ, "__proto__", {}, 0])],
  [NAME, JSON.stringify([USER, FAQ, "constructor", {}, 0])],
  [NAME, '{"__proto__": [1, 2, 3], "length": 5}'],
  ["alhena_acme:e", ENTRY],
  [NAME + "0", ENTRY],
  [NAME.replace(ID, "undefined"), ENTRY],
  [NAME.replace(String(START), "soon"), ENTRY],
];
for (const [name, value] of CORRUPT) {
  test(`[25] corrupt or foreign storage content is dropped: ${name.slice(12)} ${value}`, async () => {
    const page = openPage({
      cookie: COOKIE,
      before: (window) => {
        window.localStorage.setItem(name, value);
        window.localStorage.setItem("theme", "{dark");
      },
    });
    arrive(page);
    page.track("sendCartEvent", CART);
    await page.deliver();
    assert.deepEqual(page.paths, ["cart_events"]);
    assert.equal(page.sent[0].body.product_id, CART.productId);
    assert.deepEqual(stored(page), []);
    assert.equal(page.window.localStorage.getItem("theme"), "{dark");
    assert.deepEqual(page.errors, []);
    assert.equal(/** @type {any} */ ({}).length, undefined);
  });
}

test("[25] stored __proto__ does nothing", async () => {
  const value = `["${USER}", "${FAQ}", "sendCartEvent", {"__proto__": {"polluted": true}}, 0]`;
  const page = openPage({ before: (window) => window.localStorage.setItem(NAME, value) });
  arrive(page);
  await page.deliver();
  assert.equal(page.requests.length, 1);
  assert.equal(/** @type {any} */ ({}).polluted, undefined);
});

test("[26] the queue is capped by count; drops are reported, and sales go last", async () => {
  const page = openPage({ fetch: dead });
  page.track("sendInteraction", CHAT);
  for (let index = 0; index < 320; index++) page.track("sendCartEvent", CART);
  page.track("sendCheckoutEvent", ORDER);
  await page.deliver();
  assert.equal(stored(page).length, 300);
  const counts = page.errors.map(([, count, what]) => (assert.equal(what, "dropped: too old or too many"), Number(count)));
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    22,
  );
  const left = Object.values(page.window.localStorage).join();
  assert.match(left, /sendInteraction/);
  assert.match(left, /sendCheckoutEvent/);
});

test("[26] the queue is capped by bytes; drops are reported", async () => {
  const page = openPage({ fetch: dead });
  page.track("sendInteraction", CHAT);
  for (let index = 0; index < 250; index++) page.track("sendCartEvent", { ...CART, source: "x".repeat(255), productName: "y".repeat(512), productId: "z".repeat(255) });
  for (let index = 0; index < 10; index++) await page.deliver();
  const size = Object.entries(page.window.localStorage).join().length;
  assert.ok(size < 310_000, `${size}`);
  assert.ok(page.errors.length > 0);
});

test("[26] the queue is capped by age; drops are reported", async () => {
  const page = openPage({ fetch: dead, cookie: COOKIE });
  page.track("sendCartEvent", CART);
  const next = another(page);
  await next.clock.pass(73 * 3_600_000);
  arrive(next);
  await next.deliver();
  assert.deepEqual(next.requests, []);
  assert.equal(next.errors.length, 1);
  assert.deepEqual(stored(next), []);
});

// The thank-you page

test("[30] an order is sent once, though it is reported twice", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCheckoutEvent", ORDER);
  page.track("sendCheckoutEvent", { ...ORDER, orderId: " 1001 " });
  await page.deliver();
  page.track("sendCheckoutEvent", ORDER);
  page.track("sendCheckoutEvent", { ...ORDER, orderId: "1002" });
  await page.deliver();
  assert.deepEqual(
    page.sent.map(({ body }) => body.order_id),
    ["1001", "1002"],
  );
});

test("[30] the thank-you page reloaded: the same orderId is not sent twice", async () => {
  const page = openPage();
  await page.interact();
  page.track("sendCheckoutEvent", ORDER);
  await page.deliver();
  const next = another(page);
  next.track("sendCheckoutEvent", ORDER);
  next.track("sendCheckoutEvent", { ...ORDER, orderId: "1002" });
  await next.deliver();
  assert.deepEqual(
    next.sent.map(({ body }) => body.order_id),
    ["1002"],
  );
});

test("a rejected order that is reported again after a reload is sent", async () => {
  for (const refusal of [answer(400, { text: "" }), answer(200, { results: [{ status: "invalid", errors: [{}] }] })]) {
    const page = openPage({ cookie: COOKIE, fetch: () => refusal });
    page.track("sendCheckoutEvent", ORDER);
    await page.deliver();
    const next = another(page);
    next.track("sendCheckoutEvent", ORDER);
    await next.deliver();
    assert.deepEqual(next.paths, ["checkout_events"]);
  }
});

test("orders without an id are all sent", async () => {
  const page = openPage();
  await page.interact();
  for (let index = 0; index < 2; index++) page.track("sendCheckoutEvent", { ...ORDER, orderId: null });
  await page.deliver();
  assert.equal(page.sent.length, 2);
});

test("the orders of earlier pages are not read before there is another", async () => {
  const page = openPage();
  await page.interact();
  page.window.sessionStorage.setItem("alhena_acme:25,USD,1001", "1");
  page.track("sendCheckoutEvent", ORDER);
  await page.deliver();
  assert.deepEqual(page.paths, []);
});

test("[30] an order whose value was not known at first is sent again with it", async () => {
  const page = openPage();
  await page.interact();
  for (const value of [0, 149, 0, 149]) {
    page.track("sendCheckoutEvent", { ...ORDER, value });
    await page.deliver();
  }
  const next = another(page);
  for (const currency of ["USD", "EUR"]) next.track("sendCheckoutEvent", { ...ORDER, value: 149, currency });
  await next.deliver();
  assert.deepEqual(
    [...page.sent, ...next.sent].map(({ body }) => [body.value, body.currency]),
    [
      [0, "USD"],
      [149, "USD"],
      [149, "EUR"],
    ],
  );
});

for (const content of ["{", "null", "7", "{}", '"1001"', '{"__proto__": ["1001"]}', "[[1001], null]"]) {
  test(`[25] storage with foreign content is no order: ${content}`, async () => {
    const page = openPage({ before: (window) => window.sessionStorage.setItem("alhena_acme:orders", content) });
    await page.interact();
    page.track("sendCheckoutEvent", ORDER);
    await page.deliver();
    assert.deepEqual(page.paths, ["checkout_events"]);
  });
}

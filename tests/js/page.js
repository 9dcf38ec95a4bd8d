/**
 * A page of a shop: a happy-dom window in which the shipped files run unchanged, with a clock, a server and a console
 * that the tests hold in their hands.
 */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { compileFunction } from "node:vm";

import { Window } from "happy-dom";

const STATIC = new URL("../../alhena_tracking/static/alhena_tracking/", import.meta.url);
export const SNIPPET = readFileSync(new URL("snippet.js", STATIC), "utf8");
/** The source, or the copy of a wheel that is to be tested instead. */
export const BUILT = process.env.ALHENA_TRACKER;
export const TRACKER = readFileSync(BUILT || new URL("tracker.js", STATIC), "utf8");
/** That of the same wheel. */
export const DATALAYER = readFileSync(new URL("datalayer.js", BUILT ? pathToFileURL(BUILT) : STATIC), "utf8");
const DEBUG = readFileSync(new URL("debug.js", STATIC), "utf8");

export const START = Date.parse("2026-03-01T12:00:00.500Z");
export const CART = {
  type: "ITEM_ADDED",
  productId: "SKU-1",
  productName: "Blue mug",
  value: 12.5,
  currency: "USD",
  quantity: 1,
};
export const ORDER = { orderId: "1001", value: 25, currency: "USD" };

/** Lets every promise that can go on go on. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** What an endpoint is called that would take the event alone. */
const PATHS = /** @type {Record<string, string>} */ ({
  sendInteraction: "interactions",
  sendCartEvent: "cart_events",
  sendCheckoutEvent: "checkout_events",
});

/**
 * An answer of the server.
 *
 * @param {number} status
 * @param {{ headers?: Record<string, string>, results?: unknown, text?: string }} [rest]
 */
export const answer = (status, { headers = {}, results, text = JSON.stringify({ results }) } = {}) => ({
  status,
  headers: new Headers(headers),
  text: async () => text,
});

/** @param {any} request */
export const recorded = (request) =>
  answer(200, { results: request.body.events.map(() => ({ status: "recorded" })) });

/** Time that passes only in `pass`. */
class Clock {
  now = START;
  /** @type {Map<number, { at: number, action: () => void }>} */
  timers = new Map();
  #lastId = 0;

  /** @param {() => void} action @param {number} delay */
  setTimeout = (action, delay) => {
    this.timers.set(++this.#lastId, { at: this.now + delay, action });
    return this.#lastId;
  };

  /** @param {number} id */
  clearTimeout = (id) => this.timers.delete(id);

  /** The pauses that are running, in ms. */
  get waits() {
    return [...this.timers.values()].map(({ at }) => at - this.now);
  }

  /** @param {number} ms */
  async pass(ms) {
    this.now += Math.ceil(ms);
    for (const [id, { at, action }] of [...this.timers]) {
      if (at <= this.now && this.timers.delete(id)) action();
    }
    await settle();
  }
}

/**
 * @typedef {object} Options
 * @property {Record<string, string>} [attributes] of the tracker's element, beside the usual three
 * @property {string} [url]
 * @property {string} [html] the body
 * @property {string} [cookie] one that is there already
 * @property {(request: any) => unknown} [fetch] the server, or what stands in its place
 * @property {(window: any) => void} [before] what the page does before the tracker is loaded
 * @property {boolean} [load] whether the tracker is loaded
 */

/** @param {Options} [options] */
export function openPage({
  attributes = {},
  url = "https://shop.example/",
  html = "",
  cookie,
  fetch,
  before,
  load = true,
} = {}) {
  /** @type {any} */
  const window = new Window({ url });
  const { document } = window;
  document.body.innerHTML = html;
  const clock = new Clock();
  if (cookie) document.cookie = cookie + "; Path=/";

  // Every write to the jar, as it was made: reading it back shows no attributes.
  /** @type {string[]} */
  const cookieWrites = [];
  const jar = descriptorOf(document, "cookie");
  Object.defineProperty(document, "cookie", {
    configurable: true,
    get: () => jar.get.call(document),
    set: (value) => {
      cookieWrites.push(value);
      jar.set.call(document, value);
    },
  });

  class PageDate extends Date {
    /** @param {number} [time] */
    constructor(time = clock.now) {
      super(time);
    }
    static now() {
      return clock.now;
    }
  }

  /** @type {{ url: string, body: any, options: any, at: number }[]} */
  const requests = [];
  /** @type {{ path: string, body: any, options: any, at: number }[]} the events that were in them */
  const sent = [];
  /** @type {{ method: string, errors: { field: string, code: string }[] }[]} what was reported as refused */
  const refused = [];
  /** @type {unknown[][]} */
  const errors = [];
  /** @type {unknown[][]} */
  const infos = [];
  const server = fetch || recorded;
  // What a script finds in a browser's global scope.
  /** @type {Record<string, any>} */
  const scope = {
    window,
    document,
    location: window.location,
    navigator: window.navigator,
    localStorage: window.localStorage,
    sessionStorage: window.sessionStorage,
    crypto: { getRandomValues: (/** @type {any} */ bytes) => globalThis.crypto.getRandomValues(bytes) },
    console: {
      error: (/** @type {unknown[]} */ ...message) => errors.push(message),
      info: (/** @type {unknown[]} */ ...message) => infos.push(message),
    },
    fetch: (/** @type {string} */ target, /** @type {any} */ options) => {
      const request = { url: target, body: JSON.parse(options.body), options, at: clock.now };
      requests.push(request);
      const { events, refused: reported, test: _, ...keys } = request.body;
      refused.push(...reported);
      for (const { method, data, ...times } of events) {
        sent.push({ path: PATHS[method], body: { ...keys, ...data, ...times }, options, at: clock.now });
      }
      return server(request);
    },
    AbortSignal: { timeout: () => undefined },
    TextEncoder,
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    Date: PageDate,
    Element: window.Element,
  };

  const element = document.createElement("script");
  const usual = { "data-company-key": "acme", "data-endpoint": "/alhena/", "data-window": "86400" };
  for (const [name, value] of Object.entries({ ...usual, ...attributes })) element.setAttribute(name, value);

  /** @param {string} source @param {any} [currentScript] */
  const run = (source, currentScript = element) => {
    Object.defineProperty(document, "currentScript", { configurable: true, value: currentScript });
    compileFunction(source, Object.keys(scope))(...Object.values(scope));
    Object.defineProperty(document, "currentScript", { configurable: true, value: null });
  };

  const page = {
    window,
    document,
    clock,
    scope,
    requests,
    sent,
    refused,
    errors,
    infos,
    cookieWrites,
    element,
    run,
    loadTracker: () => run(TRACKER),
    /** What the browser does with the files that the tracker requests. */
    loadDebug: () => run(DEBUG, document.querySelector("script[src*=debug]")),
    loadDatalayer: () => run(DATALAYER, document.querySelector("script[src*=datalayer]")),
    /** @param {unknown} method @param {unknown} [data] */
    track: (method, data) => window.trackAlhenaEvent(method, data),
    /** What was sent, as "path" or "path type". */
    get paths() {
      return sent.map(({ path }) => path);
    },
    /** The tracker's cookie, taken apart. */
    get cookie() {
      const [, user, faq, seconds] = /alhena_acme=1\.(.+)\.(.+)\.(\d+)/.exec(document.cookie) || [];
      return user ? { user, faq, seconds: Number(seconds) } : null;
    },
    /** Uses the assistant, and forgets the request that says so. */
    async interact() {
      window.trackAlhenaEvent("sendInteraction", { type: "CHAT" });
      await page.deliver();
      sent.length = requests.length = 0;
    },
    /** Lets the moment pass in which a batch is filled, and the server answer. */
    async deliver() {
      await clock.pass(200);
      await settle();
    },
  };
  before?.(window);
  if (load) page.loadTracker();
  return page;
}

/** @param {any} object @param {string} name @returns {any} */
function descriptorOf(object, name) {
  return Object.getOwnPropertyDescriptor(object, name) || descriptorOf(Object.getPrototypeOf(object), name);
}

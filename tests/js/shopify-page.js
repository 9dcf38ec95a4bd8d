/** A page of a Shopify storefront: the cart's endpoints, and the browser's list of requests. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { BUILT, openPage, settle } from "./page.js";

const STATIC = new URL("../../alhena_tracking/static/alhena_tracking/", import.meta.url);
/** Of the wheel that is tested, if one is. */
export const SHOPIFY = readFileSync(new URL("shopify.js", BUILT ? pathToFileURL(BUILT) : STATIC), "utf8");
const PAYLOADS = new URL("../integrations/payloads/", import.meta.url);

/** @param {string} path @returns {any} */
export const payload = (path) => JSON.parse(readFileSync(new URL(path, PAYLOADS), "utf8"));

/**
 * @param {number} variant @param {number} quantity @param {Record<string, any>} [rest]
 * @returns {any} a line of /cart.js
 */
export const line = (variant, quantity, rest) => ({
  variant_id: variant,
  product_id: 97000 + variant,
  product_title: `Product ${variant}`,
  quantity,
  price: 1250,
  final_price: 1250,
  ...rest,
});

/** @param {any[]} items @param {Record<string, any>} [rest] @returns {any} */
export const cart = (items, rest) => ({ token: "cart-1?key=1", currency: "EUR", items, ...rest });

/**
 * @param {object} [options]
 * @param {any} [options.cart] what is in the cart
 * @param {Record<string, string>} [options.attributes] of the elements of both scripts
 * @param {string} [options.root] of the locale
 * @param {string} [options.cookie] one that is there already
 * @param {boolean} [options.load] whether shopify.js is loaded
 */
export async function open({ cart: content = cart([]), attributes, root, cookie, load = true } = {}) {
  const page = openPage({ attributes, cookie, load: false });
  const { scope } = page;
  if (root) page.window.Shopify = { routes: { root } };
  /** @type {((list: { getEntries: () => { name: string }[] }) => void)[]} */
  const observers = [];
  scope.PerformanceObserver = class {
    /** @param {(list: { getEntries: () => { name: string }[] }) => void} callback */
    constructor(callback) {
      this.observe = () => observers.push(callback);
    }
  };
  const shop = {
    cart: content,
    /** @type {{ url: string, method: string, body: any }[]} */
    requests: [],
    /** The answers to come instead of 200. @type {number[]} */
    failures: [],
    /** What happens to the cart before the next answer. @type {(() => void) | undefined} */
    meanwhile: undefined,
    /** The cart's private attribute. @type {string | undefined} */
    visitor: undefined,
  };
  /** What the browser does after an answer. @param {string} url */
  const answered = (url) =>
    setImmediate(() => observers.forEach((observer) => observer({ getEntries: () => [{ name: new URL(url, "https://shop.example/").href }] })));
  const tracked = scope.fetch;
  scope.fetch = async (/** @type {string} */ url, /** @type {any} */ options = {}) => {
    if (!/\/cart[./]/.test(url)) {
      const answer = await tracked(url, options);
      answered(url);
      return answer;
    }
    const body = options.body && JSON.parse(options.body);
    shop.requests.push({ url, method: options.method || "GET", body });
    await settle();
    const happens = shop.meanwhile;
    shop.meanwhile = undefined;
    happens?.();
    answered(url);
    const status = shop.failures.shift() || 200;
    if (status === 200 && body) shop.visitor = body.attributes.__alhena;
    const content = structuredClone(shop.cart);
    return { ok: status === 200, status, json: async () => content };
  };
  page.loadTracker();
  const all = Object.assign(page, {
    shop,
    loadShopify: async () => {
      page.run(SHOPIFY);
      await all.rest();
    },
    /** Lets everything that was begun come to its end. */
    async rest() {
      for (let turn = 0; turn < 12; turn++) await settle();
      await page.deliver();
      for (let turn = 0; turn < 12; turn++) await settle();
    },
    /** The theme changes the cart by a request of its own. @param {any} content @param {string} [url] */
    async change(content, url = "/cart/change.js") {
      shop.cart = content;
      answered(url);
      await all.rest();
    },
    /** A visitor uses the assistant. */
    async chat() {
      page.track("sendInteraction", { type: "CHAT" });
      await all.rest();
    },
    /** The cart events: type, product, quantity, unit price, quantity before. */
    events: () =>
      page.sent
        .filter(({ path }) => path === "cart_events")
        .map(({ body }) => [body.type, body.product_id, body.quantity, body.value, body.previous_quantity]),
    /** The cart's requests, as "method path". */
    calls: () => shop.requests.map(({ method, url }) => `${method} ${url}`),
  });
  if (load) await all.loadShopify();
  return all;
}

/** A page whose data layer is read. */
import { openPage } from "./page.js";

/** @param {Record<string, string>} [attributes] @param {import("./page.js").Options} [options] */
export async function open(attributes, options) {
  const page = openPage({
    ...options,
    attributes: { "data-datalayer": "", "data-datalayer-src": "/static/datalayer.js", ...attributes },
  });
  /** @type {unknown[][]} */
  const refusals = [];
  page.window._alhenaTracker.refuse = (/** @type {unknown[]} */ ...refusal) => refusals.push(refusal);
  page.loadDatalayer();
  return Object.assign(page, { refusals });
}

/** One of a visitor who has used the assistant. @param {Record<string, string>} [attributes] */
export async function openForVisitor(attributes) {
  const page = await open(attributes);
  await page.interact();
  return page;
}

/** As Google's documentation has it. @param {any} page @param {string} event @param {Record<string, any> | null} ecommerce */
export const push = (page, event, ecommerce) => page.window.dataLayer.push({ ecommerce: null }, { event, ecommerce });

/** The arguments object that gtag() pushes, which is no array. @param {unknown[]} _ */
export function command(..._) {
  return (/** @type {any} */ (function () { return arguments; })).apply(null, _);
}

/** @param {any} page @param {unknown[]} command_ */
export const gtag = (page, ...command_) => page.window.dataLayer.push(command(...command_));

/** @param {any} page the cart events that were sent: type, product, quantity, value */
export const cartOf = (page) =>
  page.sent
    .filter((/** @type {any} */ { path }) => path === "cart_events")
    .map((/** @type {any} */ { body }) => [body.type, body.product_id, body.quantity, body.value]);

/** @param {any} page the orders that were sent: id, value in cents, currency, ids of the lines */
export const ordersOf = (page) =>
  page.sent
    .filter((/** @type {any} */ { path }) => path === "checkout_events")
    .map((/** @type {any} */ { body }) => [
      body.order_id,
      Math.round(body.value * 1000) / 1000,
      body.currency,
      body.line_items?.map((/** @type {any} */ line) => line.product_id),
    ]);

/** What the bridge had the tracker report, as "field code". @param {any} page @returns {string[]} */
export const refusedOf = (page) =>
  page.refusals.flatMap((/** @type {any} */ [, errors]) => errors.map((/** @type {string[]} */ error) => error.join(" ")));

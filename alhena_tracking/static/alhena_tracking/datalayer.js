/*
 * Reports the GA4 e-commerce events of window.dataLayer. A shop with Google Tag Manager or gtag.js needs no other code.
 *
 * The tracker loads this file if its element has data-datalayer, and passes its configuration on:
 *
 *   data-datalayer-value     "as-is": a purchase's value is the order's total; otherwise tax and shipping are added
 *   data-cart-event-value    "total": report price × quantity left as a cart event's value (CART_EVENT_VALUE)
 *   data-line-item-value     "unit": report the unit price as a line's value (LINE_ITEM_VALUE)
 *
 * GA4's quantities are changes, ours are what is left in the cart. So the cart is kept here: in memory, and in
 * sessionStorage once the visitor has used the assistant and has consented where consent is required. GA4's fields:
 * https://developers.google.com/analytics/devguides/collection/ga4/reference/events
 */
(() => {
  "use strict";

  /** @typedef {Record<string, any>} Parameters of an event, or those of an item */

  const config = document.currentScript?.dataset || {};
  const key = "alhena_" + config.companyKey;

  /**
   * Many templates write numbers as text. Anything else is returned as is: the tracker reports the error.
   *
   * @param {any} value
   */
  const number = (value) => (typeof value === "string" && value.trim() !== "" && !isNaN(+value) ? +value : value);

  /** @param {any} value an id or a name */
  const text = (value) => (typeof value === "number" ? String(value) : value);

  /** @param {number} quantity rounded to three decimals, as for goods sold by weight */
  const rounded = (quantity) => Math.round(quantity * 1000) / 1000;

  // ------------------------------------------------------------------------------------------------------- Cart

  /** @type {Map<string, number>} known quantities in the cart, by currency and item */
  let cart = new Map();
  let isRestored = false;

  /** Whether storage may be used: only after the visitor used the assistant and gave any required consent. */
  const isAllowed = () => window._alhenaTracker?.hasVisitor();

  /** Load the cart of earlier pages, once storage may be used. */
  function restore() {
    if (isRestored || !isAllowed()) return;
    isRestored = true;
    try {
      for (const [name, quantity] of JSON.parse(sessionStorage[key + ":cart"])) {
        if (typeof name === "string" && quantity > 0 && !cart.has(name)) cart.set(name, quantity);
      }
    } catch {
      // Missing or corrupt.
    }
  }

  /** Forget the cart. */
  function reset() {
    cart = new Map();
    isRestored = true;
  }

  function keep() {
    try {
      if (isAllowed()) sessionStorage[key + ":cart"] = JSON.stringify([...cart]);
    } catch {
      // Storage is blocked or full. The cart stays in memory.
    }
  }

  /**
   * @param {Parameters} item
   * @param {Parameters} event the one that contains it
   */
  const readItem = (item, event) => {
    const quantity = number(item.quantity ?? 1);
    const isOnly = event.items.length === 1;
    return {
      productId: text(item.item_id ?? item.item_name),
      productName: text(item.item_name ?? item.item_id),
      price: number(item.price ?? (isOnly && event.value != null ? number(event.value) / quantity : undefined)),
      currency: event.currency ?? item.currency,
      quantity,
    };
  };

  /** @param {ReturnType<typeof readItem>} item */
  const lineOf = ({ price, ...line }) => ({
    ...line,
    value: config.lineItemValue === "unit" ? price : price * line.quantity,
  });

  // ----------------------------------------------------------------------------------------------------- Events

  /**
   * @param {Parameters} event
   * @param {1 | -1} sign
   */
  function change(event, sign) {
    for (const item of event.items) {
      const { productId, productName, price, currency, quantity } = readItem(item, event);
      const name = `${currency} ${productId}`;
      const before = cart.get(name) || 0;
      const left = Math.max(rounded(before + sign * quantity), 0);
      cart.set(name, left);
      window.trackAlhenaEvent("sendCartEvent", {
        type:
          sign > 0 ? (before ? "QUANTITY_INCREASED" : "ITEM_ADDED")
          : left ? "QUANTITY_DECREASED"
          : "ITEM_REMOVED",
        productId,
        productName,
        value: config.cartEventValue === "total" ? price * left : price,
        currency,
        quantity: left,
      });
    }
  }

  /** @type {Record<string, (event: Parameters) => void>} */
  const EVENTS = {
    add_to_cart: (event) => change(event, 1),
    remove_from_cart: (event) => change(event, -1),

    /** Replaces the known cart. Reports nothing. */
    view_cart(event) {
      reset();
      for (const item of event.items) {
        const { productId, currency, quantity } = readItem(item, event);
        const name = `${currency} ${productId}`;
        if (quantity > 0) cart.set(name, rounded((cart.get(name) || 0) + quantity));
      }
    },

    purchase(event) {
      reset();
      /** @type {ReturnType<typeof readItem>[]} */
      const items = event.items.map((/** @type {Parameters} */ item) => readItem(item, event));
      const value = number(event.value);
      const extras = config.datalayerValue === "as-is" ? 0 : number(event.tax ?? 0) + number(event.shipping ?? 0);
      window.trackAlhenaEvent("sendCheckoutEvent", {
        orderId: text(event.transaction_id),
        value: typeof value === "number" ? value + extras : value,
        currency: event.currency,
        // In GA4 the price is optional. Without one, report the order without its lines.
        lineItems: items.every(({ price }) => price != null) ? items.map(lineOf) : undefined,
      });
    },
  };

  /**
   * @param {any} message Tag Manager's {event, ecommerce}, or the arguments of gtag("event", name, parameters)
   */
  function take(message) {
    try {
      const isCommand = message?.[0] === "event";
      const name = isCommand ? message[1] : message?.event;
      const event = isCommand ? message[2] : message?.ecommerce;
      if (!Object.keys(EVENTS).includes(name) || !event) return;
      restore();
      EVENTS[name]({ ...event, items: Array.isArray(event.items) ? event.items.filter(Boolean) : [] });
      keep();
    } catch (error) {
      console.error("Alhena:", error);
    }
  }

  /** @type {any[]} */
  const dataLayer = (window.dataLayer = window.dataLayer || []);
  dataLayer.forEach(take);
  const push = dataLayer.push;
  dataLayer.push = (...messages) => {
    const length = push.apply(dataLayer, messages);
    messages.forEach(take);
    return length;
  };
})();

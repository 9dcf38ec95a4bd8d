/*
 * Reports the GA4 e-commerce events of window.dataLayer. A shop with Google Tag Manager or gtag.js needs no other code.
 *
 * The tracker loads this file if its element has data-datalayer, and passes its configuration on:
 *
 *   data-datalayer-value     "net": add tax and shipping to a purchase's value; "as-is": it is the order's total;
 *                            without: the items' prices decide (DATALAYER_VALUE)
 *   data-default-currency    the currency where the page names none (DEFAULT_CURRENCY)
 *   data-cart-event-value    "total": report price × quantity left as a cart event's value (CART_EVENT_VALUE)
 *   data-line-item-value     "unit": report the unit price as a line's value (LINE_ITEM_VALUE)
 *
 * docs/ga4.md has what is done with each shape of data. GA4's own reference:
 * https://developers.google.com/analytics/devguides/collection/ga4/reference/events
 */
(() => {
  "use strict";

  /** @typedef {Record<string, any>} Parameters of an event, or those of an item */
  /** @typedef {[field: string, code: string][]} Errors */
  /** @typedef {number | string | undefined} Amount a text is the code of why it cannot be read */
  /** @typedef {{ productId?: string, productName: string, currency?: string, quantity: any, value: any }} Line */
  /** @typedef {(event: Parameters, way: string) => void} Handler `way` is where the event was found */

  const tracker = /** @type {NonNullable<Window["_alhenaTracker"]>} */ (window._alhenaTracker);
  const config = document.currentScript?.dataset || {};
  const key = "alhena_" + config.companyKey;

  /**
   * Let staff see what is left out or not understood; in debug mode, the console says it.
   *
   * @param {string} method
   * @param {Errors} errors at most 20 are reported
   */
  const refuse = (method, errors) => errors.length && tracker.refuse?.(method, errors.slice(0, 20));

  /** @param {any} value */
  const isObject = (value) => !!value && typeof value === "object" && !Array.isArray(value);

  // ------------------------------------------------------------------------------------------ Numbers and texts
  // The same rules as in contract/normaliser.py. The examples in tests/contract/normaliser.json are run against both.

  // Sign, symbol or letters, sign, digits with marks, a dash for no cents, symbol or letters. No part can match what
  // the next one begins with, so that a hostile text takes no longer than any other.
  const AMOUNT =
    /^([-+\u2212]?)[\p{Sc}\s]*(?:\p{L}{1,4}\.?[\p{Sc}\s]*)?(?:([-+\u2212])\s*)?([\d.,](?:[\d.,'\u2019 \xa0\u2009\u202f]*[\d.,])?)([-\u2013\u2014]?)(?:[\p{Sc}\s]*\p{L}{1,4}\.?)?[\p{Sc}\s]*$/u;
  const INTEGER = /^(\d*|\d{1,3}(_\d{3})+|\d{1,2}(_\d\d)+_\d{3})$/;

  /**
   * A number or a text that holds one; undefined if absent; an error code if it cannot be read.
   *
   * @param {any} value
   * @param {string | number} [decimals] of the currency: they decide whether "1,245" is 1245
   * @returns {Amount}
   */
  function number(value, decimals) {
    if (typeof value === "number") return isNaN(value) ? undefined : value;
    const text = isObject(value) ? "?" : String(value ?? "").trim();
    if (/^(|NaN|undefined|null)$/.test(text)) return;
    if (/^-?\d+(\.\d+)?e[-+]?\d+$/i.test(text)) return +text;
    const [, sign, inner, body, dash] = AMOUNT.exec(text) || ["", "", "", "?", ""];
    // The last mark, and what is on both sides of it.
    let [, whole, mark, fraction] = /^([^]*)([.,])([^.,]*)$/.exec(body) || ["", body, "", ""];
    const isOnce = !whole.includes(mark);
    const isOnly = !/[.,]/.test(body.split(mark).join(""));
    if (mark && isOnly && !(isOnce && (fraction.length !== 3 || !/^\d{1,3}$/.test(whole) || !+whole || decimals == 3))) {
      if (isOnce && decimals == null) return "ambiguous_number";
      [whole, fraction] = [body, ""];
    } else if (mark && !isOnce) return "not_a_number";
    const integer = whole.replace(/\D/g, "_");
    const digits = `${integer.replace(/_/g, "")}.${fraction}`;
    const isValid = INTEGER.test(integer) && /^\d*$/.test(fraction) && digits > "." && (!dash || /\D$/.test(body));
    if (!isValid || (sign && inner)) return "not_a_number";
    return +digits * (/[-\u2212]/.test(sign + inner) ? -1 : 1);
  }

  /** @param {any[]} values ids or names; the first that is not empty counts */
  function first(...values) {
    for (const value of values) {
      const text = Number.isInteger(value) ? String(BigInt(value)) : typeof value === "string" ? value.trim() : "";
      if (!/^(|NaN|undefined|null|\[object Object\])$/.test(text)) return text;
    }
  }

  /** @param {number} quantity rounded to three decimals, as for goods sold by weight */
  const rounded = (quantity) => Math.round(quantity * 1000) / 1000;

  // ----------------------------------------------------------------------------------------- Items and currency

  /**
   * @param {any} items an array, also a nested one, an object of items, or one item
   * @returns {any[]}
   */
  const listOf = (items) =>
    Array.isArray(items) ? items.flatMap(listOf)
    : !isObject(items) ? [items].filter((item) => item != null)
    : ["item_id", "id", "sku", "item_name", "name", "price"].some((name) => name in items) ? [items]
    : listOf(Object.values(items));

  /** @param {Parameters} event */
  const itemsOf = (event) => [event.items, event.products].map(listOf).find((items) => items.length) || [];

  /** @type {any} the currency of gtag("config", …) or gtag("set", …) */
  let configured;

  /** @param {any} event one, or an item of it */
  const namedCurrencies = (event) => [event?.currency, event?.currencyCode];

  /** @param {any[]} owners the event or its items, which come before what the page said earlier */
  const currencyOf = (...owners) =>
    first(
      ...owners.flatMap(namedCurrencies),
      configured,
      ...[model.ecommerce, model].flatMap(namedCurrencies),
      config.defaultCurrency,
    )?.toUpperCase();

  /**
   * @param {any} item
   * @param {string | undefined} currency
   * @returns {Line}
   */
  function readItem(item, currency) {
    const id = first(item.item_id, item.id, item.sku, item.item_name, item.name);
    const variant = first(item.item_variant, item.variant);
    return {
      // Variants have prices and quantities of their own.
      productId: id && variant ? `${id} / ${variant}` : id,
      productName: [...(first(item.item_name, item.name, id) || "")].slice(0, 512).join(""),
      currency,
      quantity: number(item.quantity, 3) ?? 1,
      value: number(item.price, tracker.decimalsOf(currency)),
    };
  }

  /**
   * What the tracker would refuse in a line, by GA4's names.
   *
   * @param {Line} line
   * @param {number} index
   * @returns {Errors}
   */
  function errorsOf(line, index) {
    /** @type {Errors} */
    const errors = [];
    tracker.readLine(line, (field, code) => {
      const name = { productId: "item_id", productName: "item_name", value: "price" }[field] || field;
      // number() left the code in place of the number.
      errors.push([`items[${index}].${name}`, code === "wrong_type" ? line[/** @type {"value"} */ (field)] : code]);
    });
    return errors;
  }

  // ----------------------------------------------------------------------------------------------- Known cart
  // GA4's quantities are changes, ours are what is left in the cart. So the cart is kept here: in memory, and in
  // sessionStorage once the visitor has used the assistant and has consented where consent is required.

  /** Stands in the cart for all products, once those that are not in it are known to be absent. */
  const OTHERS = "";
  /** @type {Map<string, number>} known quantities, by currency and product */
  let cart = new Map();
  let isRestored = false;

  /** @param {{ productId?: string, currency?: string }} line */
  const nameOf = ({ currency, productId }) => `${currency} ${productId}`;

  /** Load the cart of earlier pages, once storage may be used. */
  function restore() {
    if (isRestored || !tracker.hasVisitor()) return;
    isRestored = true;
    try {
      for (const [name, quantity] of JSON.parse(sessionStorage[key + ":cart"])) {
        if (typeof name === "string" && quantity >= 0 && !cart.has(name)) cart.set(name, quantity);
      }
    } catch {
      // Missing or corrupt.
    }
  }

  /** Forget the cart: what follows is all that is in it. */
  function reset() {
    cart = new Map([[OTHERS, 0]]);
    isRestored = true;
  }

  function keep() {
    try {
      if (tracker.hasVisitor()) sessionStorage[key + ":cart"] = JSON.stringify([...cart]);
    } catch {
      // Storage is blocked or full. The cart stays in memory.
    }
  }

  // ------------------------------------------------------------------------------------------------ One action

  /** @type {{ kind: string, lines: Line[], ways: string[], time: number }[]} what was reported of late */
  let recent = [];

  /**
   * Whether the same lines came another way just now: plug-ins report one click each in its own way, or to two
   * destinations. What comes the same way twice happened twice.
   *
   * @param {string} kind
   * @param {Line[]} lines
   * @param {string} way
   * @param {unknown} isUsable whether it will be reported
   */
  function isRepeated(kind, lines, way, isUsable) {
    const now = Date.now();
    recent = recent.filter(({ time }) => now - time < 3000).slice(-50);
    const isSame = (/** @type {Line} */ one, /** @type {Line} */ other) =>
      one.quantity === other.quantity && (one.productId === other.productId || one.productName === other.productName);
    const earlier = recent.find(
      (action) =>
        action.kind === kind &&
        !action.ways.includes(way) &&
        action.lines.length === lines.length &&
        lines.every((line, index) => isSame(line, action.lines[index])),
    );
    if (earlier) earlier.ways.push(way);
    else if (isUsable) recent.push({ kind, lines, ways: [way], time: now });
    return earlier;
  }

  // ----------------------------------------------------------------------------------------------------- Events

  /**
   * @param {Parameters} event
   * @param {string} way
   * @param {1 | -1} sign
   */
  function change(event, way, sign) {
    const items = itemsOf(event);
    const lines = items.map((item) => readItem(item, currencyOf(event, item)));
    if (!lines.length) return refuse("sendCartEvent", [["items", "required"]]);
    // Of a single item the price may be missing.
    const [line] = lines;
    const total = number(event.value, tracker.decimalsOf(line.currency));
    if (lines.length === 1) line.value = line.value ?? (typeof total === "number" ? total / line.quantity : total);
    const errors = lines.map(errorsOf);
    if (isRepeated(`${sign}`, lines, way, errors.some(({ length }) => !length))) return;
    lines.forEach(({ value, quantity, ...product }, index) => {
      if (errors[index].length) return refuse("sendCartEvent", errors[index]);
      let name = nameOf(product);
      if (sign < 0 && !cart.has(name)) {
        // Some shops name the variant of a product only when it is added, or only when it is removed.
        const isVariant = (/** @type {string} */ one, /** @type {string} */ other) => one.startsWith(other + " / ");
        const known = [...cart.keys()].filter((other) => isVariant(other, name) || isVariant(name, other));
        if (known.length === 1) [name] = known;
        product.productId = name.slice(nameOf({ ...product, productId: "" }).length);
      }
      const before = cart.get(name) ?? cart.get(OTHERS);
      const left = Math.max(rounded((before || 0) + sign * quantity), 0);
      cart.set(name, left);
      window.trackAlhenaEvent("sendCartEvent", {
        type:
          sign > 0 ? (before ? "QUANTITY_INCREASED" : "ITEM_ADDED")
          : left ? "QUANTITY_DECREASED"
          : "ITEM_REMOVED",
        ...product,
        value: config.cartEventValue === "total" ? value * left : value,
        quantity: left,
        // What is taken out needs none: what the visitor had put in before the chat is not given back.
        previousQuantity: sign > 0 ? before : undefined,
      });
    });
  }

  /**
   * An order's total. GA4's value is net of tax and shipping, but many shops push the total. What the items' prices
   * add up to decides. docs/ga4.md has all cases.
   *
   * @param {number} value
   * @param {number} tax
   * @param {number} shipping
   * @param {number[]} sums of the items, without each kind of discount; NaN if a price is missing
   * @param {number} unit the currency's minor unit
   * @returns {number | undefined} undefined if the sums do not decide
   */
  function totalOf(value, tax, shipping, sums, unit) {
    if (!tax && !shipping) return value;
    const totals = new Set();
    for (const sum of sums) {
      for (const [hasTax, hasShipping] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
        // Half a unit, and float noise.
        if (!(Math.abs(sum + hasTax * tax + hasShipping * shipping - value) < unit * 0.501)) continue;
        // Where the prices alone add up to the value, they may contain the tax.
        totals.add(tax && !hasTax && !hasShipping ? undefined : hasShipping ? value : value + shipping);
      }
    }
    return totals.size === 1 ? [...totals][0] : undefined;
  }

  /** @param {Line} line NaN without a price */
  const worthOf = ({ value, quantity }) =>
    typeof value === "number" && typeof quantity === "number" ? value * quantity : NaN;

  /** @param {number[]} numbers */
  const add = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

  /**
   * The lines that the contract takes. Adds what is wrong with the others to `errors`.
   *
   * @param {Line[]} lines
   * @param {Errors} errors
   */
  function usable(lines, errors) {
    /** @type {Line[]} */
    const taken = [];
    let characters = 0;
    let isFull = false;
    lines.forEach((line, index) => {
      const value = config.lineItemValue === "unit" ? NaN : worthOf(line);
      const sent = isNaN(value) ? line : { ...line, value };
      let found = errorsOf(line, index);
      // The line's total may be too large.
      if (!found.length) found = errorsOf(sent, index);
      errors.push(...found);
      if (found.length) return;
      // The server takes 500 lines, and batches of 256 KiB.
      characters += JSON.stringify(sent).length;
      if (isFull) return;
      isFull = taken.length === 500 || characters > 80_000;
      if (isFull) errors.push([`items[${index}]`, "too_many"]);
      else taken.push(sent);
    });
    return taken.length ? taken : undefined;
  }

  /** @type {Record<string, Handler>} */
  const EVENTS = {
    add_to_cart: (event, way) => change(event, way, 1),
    remove_from_cart: (event, way) => change(event, way, -1),

    /** Replaces the known cart. Reports nothing. */
    view_cart(event) {
      const items = itemsOf(event);
      // Without items it says nothing about the cart.
      if (items.length) reset();
      for (const item of items) {
        const line = readItem(item, currencyOf(event, item));
        const name = nameOf(line);
        const { quantity } = line;
        if (quantity > 0) cart.set(name, rounded((cart.get(name) || 0) + +quantity));
      }
    },

    purchase(event, way) {
      const items = itemsOf(event);
      const currency = currencyOf(event, ...items);
      const decimals = tracker.decimalsOf(currency);
      const lines = items.map((item) => readItem(item, currency));
      const orderId = first(event.transaction_id);
      reset();

      /** @type {Errors} */
      const errors = [];
      const amount = (/** @type {string} */ name, /** @type {any} */ value) => {
        const read = number(value, decimals);
        if (typeof read !== "string") return read;
        errors.push([name, read]);
      };
      const value = amount("value", event.value);
      // The total, in Universal Analytics.
      const revenue = amount("value", event.revenue);
      const tax = amount("tax", event.tax);
      const shipping = amount("shipping", event.shipping);
      const discount = amount("discount", event.discount);
      if (errors.some(([name]) => name === "value")) return refuse("sendCheckoutEvent", errors);

      const worths = lines.map(worthOf);
      const sum = add(worths);
      // What was taken off may stand in lines of its own, in the items or in the event, and be in the prices already.
      const gross = add(worths.filter((worth) => !(worth < 0)));
      const reductions = items.map((item, index) => +(number(item.discount, decimals) || 0) * +lines[index].quantity);
      const sums = [sum, gross, gross - add(reductions), gross - Math.abs(discount || 0)];

      const [taxed, shipped] = [tax, shipping].map((extra) => Math.max(extra || 0, 0));
      const known = value ?? (items.length && !isNaN(sum) ? sum : undefined);
      const total =
        value === undefined && revenue !== undefined ? revenue
        : config.datalayerValue === "as-is" || known === undefined ? known
        : config.datalayerValue ? known + taxed + shipped
        : totalOf(known, taxed, shipped, value === undefined || !items.length ? [] : sums, 10 ** -(decimals || 0));
      if (!orderId && isRepeated("purchase", lines, way, decimals && known !== undefined)) return;
      if (known !== undefined && total === undefined) errors.push(["value", "unclear_total"]);
      window.trackAlhenaEvent("sendCheckoutEvent", {
        orderId,
        value: total ?? known,
        currency,
        lineItems: decimals ? usable(lines, errors) : undefined,
        // Parts of the value, as far as is known.
        ...(total !== undefined && { tax, shipping }),
      });
      refuse("sendCheckoutEvent", errors);
    },
  };

  // ------------------------------------------------------------------------------------------------- Data layer

  /** @type {Record<string, string>} GA4's events, by the names of Universal Analytics' actions */
  const ACTIONS = { add: "add_to_cart", remove: "remove_from_cart", purchase: "purchase" };

  /** @type {Parameters} what was pushed so far; Tag Manager merges it */
  let model = {};
  /** @type {Parameters} what was pushed without an event, until one comes */
  let loose = {};
  /** Names of gtag.js's groups that report to GA4. */
  const groups = new Set();

  /**
   * @param {Parameters} data
   * @param {Parameters} pushed
   */
  const merged = (data, pushed) => ({
    ...data,
    ...pushed,
    ...(isObject(pushed.ecommerce) && { ecommerce: { ...data.ecommerce, ...pushed.ecommerce } }),
  });

  /** @param {Parameters} data */
  const flat = (data) => ({ ...data, ...data.ecommerce });

  /** @param {any} name */
  const isOurs = (name) => Object.keys(EVENTS).includes(name);

  /** @param {string} name of one of our events */
  const methodOf = (name) => (name === "purchase" ? "sendCheckoutEvent" : "sendCartEvent");

  /** @param {Parameters} [data] whether it describes an event */
  const isEvent = (data) => ["items", "products", "transaction_id", "value"].some((name) => data?.[name] != null);

  /** @type {(name: string, event: Parameters, way: string) => void} */
  function report(name, event, way) {
    restore();
    EVENTS[name](event, way);
    keep();
  }

  /** @param {Parameters} message {event, ecommerce}, or one after the other, or {event, value, items} */
  function takeMessage(message) {
    const name = message.event;
    const ecommerce = isObject(message.ecommerce) ? message.ecommerce : {};
    const actions = Object.keys(ACTIONS).filter((action) => isObject(ecommerce[action]));
    const event = flat(merged(loose, message));
    if (!name) loose = merged(loose, message);
    else if (!/^gtm\./.test(name)) loose = {};

    if (isOurs(name) && isEvent(ecommerce)) return report(name, event, "ecommerce");
    for (const action of actions) {
      const { actionField, products, ...rest } = ecommerce[action];
      const { id, ...fields } = { ...actionField };
      const currency = first(ecommerce.currencyCode, ...namedCurrencies(event));
      report(ACTIONS[action], { transaction_id: id, products, ...rest, ...fields, currency }, action);
    }
    if (!isOurs(name) || actions.length) return;
    if (isEvent(event)) return report(name, event, "flat");
    // Only the event's name: what it is about was pushed before, with another event.
    const known = flat(merged(model, message));
    // Universal Analytics' data has been reported when it was pushed.
    if (name === "view_cart" || isObject(known[name.split("_")[0]])) return;
    if (name === "purchase" ? known.transaction_id : known.items) return report(name, known, "ecommerce");
    refuse(methodOf(name), [["ecommerce", "required"]]);
  }

  /** @param {any[]} command the arguments of gtag() */
  function takeCommand([command, target, parameters]) {
    const settings = { ...(isObject(target) ? target : parameters) };
    const { currency, groups: named = "default", send_to: destinations } = settings;
    if (command === "set") configured = first(target === "currency" ? parameters : currency, configured);
    if (command === "config") {
      configured = first(currency, configured);
      if (/^G-/.test(target)) [named].flat().forEach((name) => groups.add(name));
    }
    if (command !== "event" || !isOurs(target)) return;
    const ids = [destinations].flat().filter(Boolean);
    // Google Ads and others are sent copies of an event. An order counts once, by its id.
    if (target !== "purchase" && ids.length && !ids.some((id) => /^G-/.test(id) || groups.has(id))) return;
    report(target, { ...parameters }, "gtag " + ids);
  }

  /** @param {any} message */
  function take(message) {
    try {
      // gtag.js takes arguments objects only. Tag Manager takes arrays for calls of methods.
      if (Object.prototype.toString.call(message) === "[object Arguments]") takeCommand([...message]);
      else if (isObject(message)) {
        takeMessage(message);
        model = merged(model, message);
      } else if (message?.[0] === "event" && isOurs(message[1])) {
        refuse(methodOf(message[1]), [["arguments", "wrong_type"]]);
      }
    } catch (error) {
      console.error("Alhena:", error);
    }
  }

  /** Messages and layers that were read. */
  const seen = new WeakSet();

  /** @param {any} object whether it is seen for the first time */
  const isNew = (object) => Object(object) === object && !seen.has(object) && seen.add(object);

  /** Read the data layer, and from now on what is pushed. */
  function read() {
    const layer = window.dataLayer;
    if (!Array.isArray(layer)) return;
    for (const message of layer) if (isNew(message)) take(message);
    if (!Object.isExtensible(layer) || !isNew(layer)) return;
    const push = layer.push;
    layer.push = (...messages) => {
      const isCurrent = window.dataLayer === layer;
      if (isCurrent) messages.forEach(isNew);
      try {
        return push.apply(layer, messages);
      } finally {
        if (isCurrent) messages.forEach(take);
        // The layer that took this one's place may have passed them on, and counts them itself.
        else Promise.resolve().then(() => messages.filter(isNew).forEach(take));
      }
    };
  }

  // A page may assign another array after this script has run.
  try {
    let layer = window.dataLayer || [];
    if (!Object.getOwnPropertyDescriptor(window, "dataLayer")?.get) {
      Object.defineProperty(window, "dataLayer", {
        configurable: true,
        enumerable: true,
        get: () => layer,
        set(value) {
          layer = value;
          read();
        },
      });
    }
  } catch {
    // A name declared with var cannot be redefined. Look again when something may have happened.
    window.dataLayer = window.dataLayer || [];
  }
  for (const type of ["load", "click", "pagehide"]) window.addEventListener(type, read, true);
  read();
})();

/*
 * Names the visitor in a Shopify shop's orders, and reports changes of the cart.
 *
 * For visitors who have used the assistant, it writes both fingerprints to the private cart attribute __alhena, which
 * comes back in the order's webhook, and compares snapshots of /cart.js. For others it does nothing.
 *
 *   <script defer src="…/shopify.js" data-company-key="acme"></script>
 *
 *   data-company-key         the shop's public key, as at the tracker, whose element comes before this one
 *   data-window              the attribution window in seconds; default: one day
 *   data-cart-event-value    "total": report price × quantity left as a cart event's value (CART_EVENT_VALUE)
 *
 * docs/shopify.md describes the whole. Shopify's reference of the cart:
 * https://shopify.dev/docs/api/ajax/reference/cart
 */
(() => {
  "use strict";

  /** @typedef {[variant: number, product: number, name: string, quantity: number, price: number]} Line */
  /** @typedef {[ids: string, time: number]} Visitor both fingerprints; the time of the last interaction is in seconds */
  /**
   * @typedef {object} Snapshot of a visitor's cart
   * @property {string} ids
   * @property {number} time
   * @property {string} token of the cart
   * @property {string} [written] of the cart that has the visitor's ids
   * @property {string} currency
   * @property {Line[]} lines
   */

  const config = document.currentScript?.dataset || {};
  const key = "alhena_" + config.companyKey;
  // The tracker removes what begins so once it may store nothing.
  const name = key + ":shopify";
  const COOKIE = RegExp(`\\b${key}=1\\.([\\da-f-]{36})\\.([\\da-f-]{36})\\.(\\d+)`);
  /** Requests that may have changed the cart; our own have a mark. */
  const CHANGE = /^[^?]*\/cart\/(add|change|update|clear)(\.\w+)?($|\?(?!alhena))/;
  /** The tracker's requests: it has sent an interaction, perhaps. */
  const BATCH = /\/analytics\/batch$/;

  /** @type {Snapshot | undefined} the last one of this page, also where storage is blocked */
  let last;

  /** @returns {Snapshot | undefined} */
  function load() {
    try {
      return JSON.parse(localStorage[name]);
    } catch {
      return last;
    }
  }

  /** @param {Snapshot} snapshot shared by all tabs, as the cart is */
  function save(snapshot) {
    last = snapshot;
    try {
      localStorage[name] = JSON.stringify(snapshot);
    } catch {
      // Blocked or full.
    }
  }

  /** @returns {Visitor | undefined} who may be recorded now */
  function findVisitor() {
    const user = window._alhenaTracker?.hasVisitor();
    if (!user) return;
    const [, first = user, second = "", time = 0] = COOKIE.exec(document.cookie) || [];
    return [first + "," + second, +time];
  }

  /**
   * Whether the visitor was within the window ever since the snapshot. What they did before is not ours.
   *
   * @param {Snapshot | undefined} before
   * @param {Visitor} visitor
   * @returns {before is Snapshot}
   */
  const isContinued = (before, [ids, time]) =>
    before?.ids === ids && time - before.time <= +(config.window || 86400);

  /**
   * @param {string} path
   * @param {RequestInit} [options]
   * @returns {Promise<any>} the cart
   */
  async function request(path, options) {
    const response = await fetch((window.Shopify?.routes?.root || "/") + path, options);
    if (!response.ok) throw new Error(`${path} was answered ${response.status}`);
    return response.json();
  }

  /** @param {string} ids */
  const writeVisitor = (ids) =>
    request("cart/update.js?alhena", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ attributes: { __alhena: ids } }),
      keepalive: true,
    });

  /**
   * The cart's content by variant. Variants with different properties have several lines.
   *
   * @param {any[]} items
   */
  function linesOf(items) {
    /** @type {Map<number, Line>} */
    const lines = new Map();
    for (const { variant_id: variant, product_id, product_title, quantity, final_price, price } of items) {
      const known = lines.get(variant)?.[3] || 0;
      // Prices are × 100 in every currency.
      lines.set(variant, [variant, product_id, product_title, known + quantity, (final_price ?? price) / 100]);
    }
    return [...lines.values()];
  }

  /**
   * Report what has changed. Quantities are those of the product, all its variants together, as orders have them.
   *
   * @param {Snapshot} before
   * @param {Snapshot} after
   */
  function report(before, after) {
    if (before.currency !== after.currency) return;
    /** @type {(lines: Line[], variant: number) => number} */
    const quantityOf = (lines, variant) => lines.find((line) => line[0] === variant)?.[3] || 0;
    /** @type {Map<number, number>} */
    const products = new Map();
    /** @type {[change: number, line: Line][]} */
    const changes = [];
    for (const line of [...after.lines, ...before.lines.filter(([variant]) => !quantityOf(after.lines, variant))]) {
      const [variant, product] = line;
      const now = quantityOf(after.lines, variant);
      let earlier = quantityOf(before.lines, variant);
      // A new cart, after an order or a login, has lost nothing.
      if (before.token !== after.token) earlier = Math.min(earlier, now);
      products.set(product, (products.get(product) || 0) + earlier);
      if (now !== earlier) changes.push([now - earlier, line]);
    }
    // One variant exchanged for another is removed first.
    changes.sort(([one], [other]) => one - other);
    for (const [change, [, product, productName, , price]] of changes) {
      const earlier = products.get(product) || 0;
      const quantity = earlier + change;
      products.set(product, quantity);
      window.trackAlhenaEvent("sendCartEvent", {
        type:
          change > 0 ? (earlier ? "QUANTITY_INCREASED" : "ITEM_ADDED")
          : quantity ? "QUANTITY_DECREASED"
          : "ITEM_REMOVED",
        productId: String(product),
        productName,
        value: config.cartEventValue === "total" ? price * quantity : price,
        currency: after.currency,
        quantity,
        // What is taken out needs none: what was there before the assistant was used is not given back.
        previousQuantity: change > 0 ? earlier : undefined,
        source: "SHOPIFY",
      });
    }
  }

  async function compare() {
    if (!findVisitor()) return forget();
    const { token, currency, items } = await request("cart.js");
    const visitor = findVisitor();
    if (!visitor) return;
    // Another tab may have reported the change while this one waited.
    const before = load();
    const [ids, time] = visitor;
    const written = before?.ids === ids ? before.written : undefined;
    const after = { ids, time, token, written, currency, lines: linesOf(items) };
    save(after);
    if (isContinued(before, visitor)) report(before, after);
    if (written === token) return;
    // A cart without items may only now get its token.
    const answer = await writeVisitor(ids);
    after.token = after.written = answer.token || token;
    if (findVisitor()) save({ ...after, lines: (load() || after).lines });
    else await forget();
  }

  /** Take the fingerprints out of the cart of a visitor who withdraws consent. */
  async function forget() {
    if (!last?.written) return;
    last = undefined;
    await writeVisitor("");
  }

  let isRunning = false;
  let isDue = false;

  /** Compare the cart with the last snapshot. Never rejects. */
  async function check() {
    isDue = true;
    if (isRunning) return;
    isRunning = true;
    while (isDue) {
      isDue = false;
      try {
        await compare();
      } catch (error) {
        console.error("Alhena:", error);
      }
    }
    isRunning = false;
  }

  /** @param {string} url of a request that has been answered */
  function follow(url) {
    const visitor = BATCH.test(url) && findVisitor();
    if (CHANGE.test(url) || (visitor && !isContinued(load(), visitor))) check();
  }

  try {
    // Fired before the change.
    document.addEventListener("shopify:cart:lines-update", (/** @type {any} */ event) => {
      Promise.resolve(event.promise).then(check, check);
    });
    // Perhaps on a banner for consent.
    document.addEventListener("click", () => last?.written && setTimeout(() => findVisitor() || check(), 500), true);
    window.addEventListener("pageshow", ({ persisted }) => persisted && check());
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => follow(entry.name))).observe({
      type: "resource",
    });
  } catch (error) {
    console.error("Alhena:", error);
  }
  check();
})();

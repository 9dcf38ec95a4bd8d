/*
 * Reports cart and checkout events of visitors who used the shop's assistant. Other visitors are not recorded.
 *
 * One classic script, shipped as written. It reads its configuration from its own element:
 *
 *   <script defer src="…/tracker.js" data-company-key="acme" data-endpoint="/alhena/" data-window="86400"></script>
 *
 *   data-company-key     the shop's public key
 *   data-endpoint        where alhena_tracking.urls is mounted; ends with "/"
 *   data-window          the attribution window in seconds; default: one day
 *   data-cookie-domain   the cookie's domain, for a shop with several subdomains
 *   data-consent         "required": store and send nothing before trackAlhenaEvent("setConsent", true)
 *   data-dnt             honour Do Not Track; Global Privacy Control is always honoured
 *   data-interactions    "answered": count a question to the Alhena widget when it is answered, not when it is asked
 *   data-datalayer       read GA4 e-commerce events; data-datalayer-src is the URL of datalayer.js
 *   data-debug           log the outcome of every event, as ?alhena_debug=1 does; data-debug-src is the URL of debug.js
 *
 * No error may reach the page: every function that the page or the browser calls is `guarded`, or cannot fail.
 */
(() => {
  "use strict";

  /** @typedef {Record<string, any>} Fields of an event, in the server's snake_case */
  /** @typedef {[user: string, faq: string, method: string, data: Fields, attempts: number]} Entry a queued event */
  /** @typedef {[name: string, entry: Entry]} Queued */
  /** @typedef {{ user: string, faq: string, time: number }} Visitor the time of the last interaction is in ms */
  /** @typedef {{ types?: string, properties: string }} Form */
  /** @typedef {(field: string, code: string, expected: string, actual: unknown) => void} Report */

  const script = document.currentScript;
  const config = script?.dataset || {};
  // The cookie's name and the prefix of all storage keys. A company key contains no colon.
  const key = "alhena_" + config.companyKey;
  const maxAge = +(config.window || 86400);

  // ---------------------------------------------------------------------------------------------------- Errors

  /** @param {unknown[]} message */
  const complain = (...message) => console.error("Alhena:", ...message);

  /**
   * Call what may throw: blocked cookies and storage, the page's data, the Alhena widget.
   *
   * @template Result
   * @param {() => Result} action
   * @param {(error: unknown) => void} [report]
   */
  const attempt = (action, report) => {
    try {
      return action();
    } catch (error) {
      report?.(error);
    }
  };

  /**
   * Wrap a function so that it logs errors instead of throwing them.
   *
   * @template {unknown[]} Arguments
   * @param {(...args: Arguments) => void} action
   * @returns {(...args: Arguments) => void}
   */
  const guarded = (action) => (...args) => attempt(() => action(...args), complain);

  /** @type {unknown[][] | undefined} for debug.js; undefined without debug mode */
  let notes;

  /** @param {unknown[]} note its kind and details */
  const note = (...note) => notes?.push(note);

  /**
   * Append to a list of at most 100 items.
   *
   * @template Item
   * @param {Item[]} list
   * @param {Item} item
   */
  const keep = (list, item) => list.length < 100 && list.push(item);

  // ------------------------------------------------------------------------------------------------- Validation
  // The same rules as on the server. The examples in tests/contract are run against both.

  // Active ISO 4217 currencies by the decimals of their minor unit, without metals, funds and test codes. Codes are
  // grouped by first letter: "Bifnd" stands for BIF and BND.
  /** @type {Record<string, string>} */
  const CURRENCIES = {
    0: "BifClpDjfGnfIskJpyKmfrwPygRwfUgxVnduvXafofpf",
    2: "AedfnllmdoarsudwgznBambddtmdndobrlsdtnwpynzdCaddfhfnyoprcupvezkDkkopzdEgprntburFjdkpGbpelhsipmdtqydHkdnltgufIdrlsnrrrJmdKesgshrpwydztLakbpkrrdslMaddlgakdmkntopruurvrwkxnyrznNadgniookprzdPabengkhpkrlnQarRonsdubSarbdcrdgekgdhpleosrdsptnvcypzlThbjsmtoprytdwdzsUahsdyuzsVedesWstXcdcgYerZarmwwg",
    3: "BhdIqdJodKwdLydOmrTnd",
  };

  // ECMAScript's white space and line terminators, and U+0085.
  const WHITE_SPACE = /[\s\x85]/;
  // With the u flag a surrogate pair is one character, so the range matches only lone surrogates.
  const INVALID = /[\0\ud800-\udfff]/u;

  // A form describes one kind of object: its types, and its properties in the order in which they are read. The check
  // of value needs the currency, that of quantity the type. "?" marks optional properties.
  /** @type {Form} */
  const LINE = { properties: "productId productName currency value quantity" };
  /** @type {Record<string, Form>} */
  const METHODS = {
    sendInteraction: {
      types: "CHAT FAQ NUDGE",
      properties: "type productId? conversationId? aiProfile?",
    },
    sendCartEvent: {
      types: "ITEM_ADDED QUANTITY_INCREASED QUANTITY_DECREASED ITEM_REMOVED",
      properties: `type ${LINE.properties} source?`,
    },
    sendCheckoutEvent: {
      properties: "orderId? currency value source? lineItems?",
    },
  };

  // What a property must be, beginning with its typeof. All others are strings of up to 255 characters.
  /** @type {Record<string, string>} */
  const EXPECTED = {
    currency: "string: ISO 4217",
    productName: "string of 1 to 512 characters",
    value: "number from 0 to 1e13 minor units",
    quantity: "number from 0 to 1e6, not 0 if added",
    lineItems: "object: array of at most 500",
  };

  /** @param {string} text */
  function trim(text) {
    while (WHITE_SPACE.test(text[0])) text = text.slice(1);
    while (WHITE_SPACE.test(text.slice(-1))) text = text.slice(0, -1);
    return text;
  }

  /**
   * The decimals of a currency, in upper or lower case; undefined if it is not accepted.
   *
   * @param {string} code
   */
  function decimalsOf(code) {
    // \w matches ASCII only. Without it "uſd" would pass, since its upper case is USD.
    if (!/^\w{3}$/.test(code)) return;
    for (const decimals in CURRENCIES) {
      const pattern = code[0].toUpperCase() + "([a-z]{2})*" + code.slice(1).toLowerCase();
      if (RegExp(pattern).test(CURRENCIES[decimals])) return decimals;
    }
  }

  /**
   * `value` × 10^`decimals`, rounded half away from zero. Moves the point in the decimal text, since multiplying is
   * inexact: 1.005 * 100 is 100.49999999999999.
   *
   * @param {unknown} [value]
   * @param {string | number} [decimals] two if the currency is invalid
   */
  function rounded(value = 0, decimals = 2) {
    const [digits, exponent = 0] = String(value).split("e");
    const scaled = +`${digits}e${+exponent + +decimals}`;
    return Math.sign(scaled) * Math.round(Math.abs(scaled));
  }

  /**
   * The error code of a value that has the right type; false if it is valid.
   *
   * @param {any} value
   * @param {string} name
   * @param {Form} form
   * @param {any} fields those already read
   */
  function findError(value, name, form, fields) {
    if (name === "type") return !form.types?.split(" ").includes(value) && "invalid_choice";
    if (name === "lineItems") return !Array.isArray(value) ? "wrong_type" : value.length > 500 && "too_many";
    if (typeof value === "number") {
      const isQuantity = name === "quantity";
      const units = rounded(value, isQuantity ? 3 : decimalsOf(fields.currency));
      if (!isFinite(value)) return "not_finite";
      if (units < 0) return "negative";
      if (isQuantity && !units && (form === LINE || /ADDED|INCREASED/.test(fields.type))) return "not_positive";
      return units > (isQuantity ? 1e9 : 1e13) && "too_large";
    }
    if (INVALID.test(value)) return "invalid_characters";
    const { length } = [...trim(value)];
    if (!length) return "blank";
    if (length > (name === "productName" ? 512 : 255)) return "too_long";
    return name === "currency" && !decimalsOf(trim(value)) && "unknown_currency";
  }

  /**
   * Validate an object and return its valid properties, in snake_case.
   *
   * @param {Form} form
   * @param {any} data
   * @param {string} path its place in the event's data: "", or for example "lineItems[1]"
   * @param {Report} report called for each error
   * @param {string} [orderCurrency] the currency that a line item must have
   */
  function read(form, data, path, report, orderCurrency) {
    /** @type {any} */
    const fields = {};
    if (!data || typeof data !== "object" || Array.isArray(data)) return report(path, "wrong_type", "object", data);
    if (path) path += ".";
    for (const property of form.properties.split(" ")) {
      const name = property.replace("?", "");
      // Read once: a getter may return something else the second time.
      const value = data[name];
      if (value == null && name !== property) continue;
      const expected =
        name === "type" ? "string of " + form.types : EXPECTED[name] || "string of 1 to 255 characters";
      const code =
        value == null ? "required"
        : !expected.startsWith(typeof value) ? "wrong_type"
        : findError(value, name, form, fields);
      if (code) report(path + name, code, expected, value);
      else fields[name.replace(/[A-Z]/g, "_$&").toLowerCase()] = typeof value === "string" ? trim(value) : value;
    }
    const { value, quantity, line_items: lines } = fields;
    const currency = fields.currency?.toUpperCase();
    if (orderCurrency && currency && currency !== orderCurrency) {
      report(path + "currency", "currency_mismatch", orderCurrency, currency);
    }
    // BigInt, since doubles near the limit are 128 apart. A missing factor counts as 0.
    const total = BigInt(rounded(value, decimalsOf(currency))) * BigInt(rounded(quantity, 3));
    if (total > 1e18) report(path + "value", "too_large", "value × quantity to 1e15 minor units", value);
    if (lines) {
      // Spread, since map() skips holes.
      fields.line_items = [...lines].map((line, index) => read(LINE, line, `lineItems[${index}]`, report, currency));
    }
    return fields;
  }

  // --------------------------------------------------------------------------------------------------- Identity

  const UUID = "([\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12})";
  const FINGERPRINTS = RegExp(`^${UUID}${UUID}$`);
  const COOKIE = RegExp(`\\b${key}=1\\.${UUID}\\.${UUID}\\.(\\d+)`);

  /**
   * The visitor where cookies are blocked. Otherwise the cookie is read each time: another tab may have changed it.
   *
   * @type {Visitor | undefined}
   */
  let visitorWithoutCookie;

  /** A version 4 UUID. crypto.randomUUID is missing on plain-http pages. */
  const uuid = () =>
    "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () =>
      (crypto.getRandomValues(new Uint8Array(1))[0] & 15).toString(16),
    );

  /** @returns {Visitor | undefined} */
  function readCookie() {
    const [, user, faq, seconds] = attempt(() => COOKIE.exec(document.cookie)) || [];
    if (user) return { user, faq, time: +seconds * 1000 };
  }

  /**
   * @param {string} value
   * @param {number} seconds
   */
  const writeCookie = (value, seconds) =>
    attempt(() => {
      let cookie = `${key}=${value}; Path=/; SameSite=Lax; Max-Age=${seconds}`;
      if (config.cookieDomain) cookie += "; Domain=" + config.cookieDomain;
      if (location.protocol === "https:") cookie += "; Secure";
      document.cookie = cookie;
    });

  /**
   * The visitor, if they may be recorded and have an interaction within one window of `time`.
   *
   * @param {number} time in ms
   * @param {boolean} [isUsing] whether they use the assistant now. This renews the window and takes the fingerprints
   *   from the Alhena widget, or creates them.
   */
  function visitorAt(time, isUsing) {
    if (!consent || isOptedOut()) return;
    /** @type {any} */
    let visitor = readCookie() || visitorWithoutCookie;
    if (Math.abs(time - visitor?.time) > maxAge * 1000) visitor = undefined;
    if (isUsing) {
      const user = widgetFingerprint("getFingerprint") || visitor?.user || uuid();
      const faq = widgetFingerprint("getFAQFingerprint") || visitor?.faq || uuid();
      visitor = { user, faq, time };
      writeCookie(`1.${user}.${faq}.${Math.floor(time / 1000)}`, maxAge);
      visitorWithoutCookie = readCookie()?.user === user ? undefined : visitor;
    }
    return visitor;
  }

  // ---------------------------------------------------------------------------------------------------- Privacy

  /** @type {boolean | undefined} undefined: required, not decided yet */
  let consent = config.consent === "required" ? undefined : true;
  /** @type {(() => void)[]} events that wait for the decision, in memory only */
  const held = [];

  const isOptedOut = () => navigator.globalPrivacyControl || ("dnt" in config && navigator.doNotTrack === "1");

  /** @param {unknown} decision */
  function setConsent(decision) {
    if (typeof decision !== "boolean") return complain("setConsent: expected true or false, got", decision);
    consent = decision;
    if (!decision) purge();
    for (const enqueue of held.splice(0)) enqueue();
    later();
  }

  function purge() {
    visitorWithoutCookie = undefined;
    orders = [];
    unstored.clear();
    const empty = (/** @type {Storage} */ storage) =>
      Object.keys(storage).forEach((name) => name.startsWith(key + ":") && storage.removeItem(name));
    attempt(() => empty(localStorage));
    attempt(() => empty(sessionStorage));
    writeCookie("", 0);
  }

  // ----------------------------------------------------------------------------------------------------- Orders
  // Reloading the thank-you page reports its order again. The server drops duplicates; this saves the request.

  const ORDERS = key + ":orders";
  /** @type {unknown[] | undefined} ids of delivered orders, the latest last */
  let orders;

  // Read on first use: the first access to storage blocks the page.
  const readOrders = () => (orders = orders || attempt(() => [...JSON.parse(sessionStorage[ORDERS])]) || []);

  /** @param {unknown} id */
  function keepOrder(id) {
    orders = [...readOrders(), id].slice(-20);
    attempt(() => (sessionStorage[ORDERS] = JSON.stringify(orders)));
  }

  // ------------------------------------------------------------------------------------------------------ Queue
  // Unanswered events are kept in localStorage, each under its own name, so that tabs do not overwrite each other. The
  // next page or visit sends what this one could not. Where storage is blocked or full, events are kept in memory.

  const NAME = RegExp(`^${key}:e(\\d{13}):${UUID}$`);
  /** The server rejects older events. */
  const MAX_AGE = 72 * 3600e3;
  const MAX_ATTEMPTS = 50;
  const MAX_EVENTS = 300;
  const MAX_CHARACTERS = 300_000;

  /** @type {Map<string, Entry>} */
  const unstored = new Map();
  let lastTime = 0;

  /**
   * @param {string} name
   * @param {Entry} [entry] omit to remove the event
   */
  function store(name, entry) {
    unstored.delete(name);
    attempt(
      () => (entry ? localStorage.setItem(name, JSON.stringify(entry)) : localStorage.removeItem(name)),
      () => entry && unstored.set(name, entry),
    );
  }

  /**
   * All queued events, the oldest first. Removes corrupt entries, and drops events that are too old or too many.
   *
   * @returns {Queued[]}
   */
  function waiting() {
    /** @type {Queued[]} */
    const found = [...unstored];
    for (const name of attempt(() => Object.keys(localStorage)) || []) {
      if (!name.startsWith(key + ":e")) continue;
      const entry = attempt(() => JSON.parse(localStorage[name]));
      if (NAME.test(name) && attempt(() => FINGERPRINTS.test(entry[0] + entry[1]) && METHODS[entry[2]].properties && entry[3])) {
        found.push([name, entry]);
      } else store(name);
    }
    // Sorts by text, which begins with the name and so with the time.
    found.sort();
    // Orders and interactions are dropped last.
    const old = found.filter(([name]) => Date.now() - +timeOf(name) > MAX_AGE).length;
    const excess = found.splice(0, old);
    while (JSON.stringify(found).length > MAX_CHARACTERS || found.length > MAX_EVENTS) {
      // The oldest cart event. Without one, the index is -1: the newest event.
      excess.push(...found.splice(found.findIndex(([, entry]) => entry[2] === "sendCartEvent"), 1));
    }
    giveUp(excess, "too old or too many");
    return found;
  }

  /**
   * @param {Queued[]} queued
   * @param {string} reason
   */
  function giveUp(queued, reason) {
    for (const [name] of queued) store(name);
    if (queued.length) complain(queued.length, "dropped:", reason);
  }

  /**
   * Whether an event is still queued: another tab may have delivered it, or the visitor withdrawn consent.
   *
   * @param {string} name
   */
  const isQueued = (name) => unstored.has(name) || attempt(() => localStorage[name]);

  /** @param {string} name */
  const timeOf = (name) => new Date(+(NAME.exec(name)?.[1] || 0));

  // -------------------------------------------------------------------------------------------------- Transport
  // One batch at a time: an interaction must be recorded before the events that may be credited to it. A batch that
  // cannot wait repeats the interactions that are in flight; the server drops duplicates.

  /** Browsers allow 64 KiB for all keepalive requests together. */
  const KEEPALIVE_BYTES = 60_000;

  /** @type {Set<string>} names */
  const sending = new Set();
  let bytesInFlight = 0;
  /** @type {any} the timer of the pause before a retry */
  let pause;
  /** @type {any} the timer of the next batch */
  let soon;
  /** Whether the server asked for the pause. */
  let isServerPause = false;
  let failed = 0;

  /** @param {boolean} [isLeaving] the page may be unloaded: send all events without waiting for answers */
  const flush = guarded((/** @type {boolean | void} */ isLeaving) => {
    clearTimeout(soon);
    soon = 0;
    // Stored events can wait until the server has recovered. Others are lost with the page.
    if (!consent || (pause && !(isLeaving && (!isServerPause || unstored.size)))) return;
    const all = waiting();
    const isSent = (/** @type {Queued} */ [name]) => sending.has(name);
    const fresh = all.filter((queued) => !isSent(queued));
    const isUrgent = isLeaving || fresh.some(([, entry]) => entry[2] === "sendCheckoutEvent");
    if (!fresh.length || (sending.size && !isUrgent)) return;
    const visitorOf = (/** @type {Queued} */ [, [user, faq]]) => user + faq;
    /** @type {Queued[]} */
    const batch = [];
    let isFresh = false;
    let room = KEEPALIVE_BYTES - bytesInFlight;
    let bytes = 300; // around the events
    for (const queued of all) {
      if (visitorOf(queued) !== visitorOf(fresh[0])) continue;
      if (isSent(queued) && queued[1][2] !== "sendInteraction") continue;
      // Slightly more than its size in the body. Cheaper than building the body for each event.
      bytes += bytesOf(JSON.stringify(queued));
      // If not even one event fits, send a full batch without keepalive.
      if (bytes > room && !isFresh) room = KEEPALIVE_BYTES;
      if (batch.length === 100 || (isFresh && bytes > room)) break;
      batch.push(queued);
      isFresh = isFresh || !isSent(queued);
    }
    const body = bodyOf(batch);
    bytes = bytesOf(body);
    const keepalive = bytes + bytesInFlight <= KEEPALIVE_BYTES;
    if (isLeaving && !keepalive) return;
    send(batch, body, keepalive ? bytes : 0);
    if (isUrgent) flush(isLeaving);
  });

  const later = () => (soon = soon || setTimeout(flush, 200));

  /** @param {string} text */
  const bytesOf = (text) => new TextEncoder().encode(text).length;

  /** @param {Queued[]} batch */
  const bodyOf = (batch) =>
    JSON.stringify({
      company_key: config.companyKey,
      user_fingerprint: batch[0][1][0],
      user_faq_fingerprint: batch[0][1][1],
      sent_at: new Date(),
      events: batch.map(([name, [, , method, data]]) => ({
        method,
        data,
        event_id: NAME.exec(name)?.[2],
        occurred_at: timeOf(name),
      })),
    });

  /**
   * Send a batch once and handle the answer. Never rejects.
   *
   * @param {Queued[]} batch
   * @param {string} body
   * @param {number} bytes 0: without keepalive
   */
  async function send(batch, body, bytes) {
    let status = 0;
    /** @type {any} */
    let answer;
    /** @type {any} one for each event, if the batch was accepted */
    let results;
    /** @type {any} seconds or a date */
    let retryAfter;
    for (const [name] of batch) sending.add(name);
    bytesInFlight += bytes;
    try {
      // A string is sent as text/plain, which needs no preflight.
      const response = await fetch(config.endpoint + "analytics/events", {
        method: "POST",
        body,
        credentials: "omit",
        keepalive: bytes > 0,
        signal: AbortSignal.timeout?.(15_000),
      });
      status = response.status;
      retryAfter = response.headers.get("Retry-After");
      answer = await response.text();
      // Throws if the answer is not the server's but, for example, a captive portal's.
      results = status === 200 && [...JSON.parse(answer).results];
    } catch (error) {
      if (status === 200) status = 0;
      answer = error;
    }
    for (const [name] of batch) sending.delete(name);
    bytesInFlight -= bytes;
    if (/^(0|408|425|429|5(?!01|05)..)$/.test(`${status}`)) return retry(batch, status, retryAfter);
    failed = 0;
    if (!results) complain(batch.length, "rejected:", status, answer);
    batch.forEach(([name, [, , method, data]], index) => {
      const result = { ...results?.[index] };
      if (!isQueued(name)) return;
      store(name);
      note("answered", method, data, status, result);
      if (result.errors) complain(method, "rejected:", result.errors);
      else if (results && data.order_id) keepOrder(data.order_id);
    });
    flush();
  }

  /**
   * @param {Queued[]} batch one that failed as a whole
   * @param {number} status 0: no answer
   * @param {any} retryAfter seconds or a date
   */
  function retry(batch, status, retryAfter) {
    const asked = /^\d+$/.test(retryAfter) ? +retryAfter * 1000 : Date.parse(retryAfter) - Date.now();
    isServerPause = asked >= 0;
    const exhausted = batch.filter(([name, entry]) => {
      if (isServerPause || !isQueued(name)) return;
      entry[4]++;
      store(name, entry);
      return entry[4] >= MAX_ATTEMPTS;
    });
    giveUp(exhausted, "too many attempts");
    // Jitter, so that browsers that failed together do not retry together.
    const wait = isServerPause
      ? Math.min(asked, 3600e3) + 1000 * Math.random()
      : (1 + Math.random()) * Math.min(30000, 500 * 2 ** failed++);
    note("failed", batch.length, status, wait);
    clearTimeout(pause);
    pause = setTimeout(resume, wait);
  }

  function resume() {
    clearTimeout(pause);
    pause = 0;
    flush();
  }

  // ----------------------------------------------------------------------------------------------------- Events

  const record = guarded(
    /**
     * @param {string} method
     * @param {unknown} data
     */
    (method, data) => {
      let isValid = true;
      const body = read(METHODS[method], data, "", (field, code, expected, actual) => {
        isValid = false;
        complain(`${method} not sent: ${field || "data"} ${code}, expected ${expected}, got ${typeof actual}`, actual);
      });
      if (!isValid) return;
      // Each event has its own time: batches may overtake each other, and the server orders events by time.
      const time = (lastTime = Math.max(Date.now(), lastTime + 1));
      const name = `${key}:e${time}:${uuid()}`;

      const enqueue = () => {
        const id = body.order_id;
        const isKnown = id && [...readOrders(), ...waiting().map(([, entry]) => entry[3].order_id)].includes(id);
        if (isKnown) return note("repeated", method, body);
        const visitor = visitorAt(time, method === "sendInteraction");
        if (!visitor) return note("unrecorded", method, body, consent);
        store(name, [visitor.user, visitor.faq, method, body, 0]);
        note("queued", method, body);
        if (method === "sendCheckoutEvent") flush();
        else later();
      };
      if (consent !== undefined) return enqueue();
      note("held", method, body);
      keep(held, enqueue);
    },
  );

  const track = guarded(
    /**
     * window.trackAlhenaEvent
     *
     * @param {any} method
     * @param {unknown} data
     */
    (method, data) => {
      if (forwarding && method === forwarding) return;
      connectWidget();
      if (method === "setConsent") setConsent(data);
      else if (METHODS[method]?.properties) {
        record(method, data);
        if (method !== "sendInteraction") forward(method, data);
      } else complain("unknown method:", method);
    },
  );

  /** @type {(type: string, productId?: string | null) => void} */
  const interact = (type, productId) => track("sendInteraction", { type, productId });

  // ------------------------------------------------------------------------------------------------- The widget
  // window.gleenWidget belongs to the Alhena widget, which may load before the tracker, after it, or never. Without the
  // widget, the tracker provides its legacy methods.

  /** @type {Record<string, unknown>} */
  const LEGACY = {
    sendCartEvent: (/** @type {unknown} */ data) => track("sendCartEvent", data),
    sendCheckoutEvent: (/** @type {unknown} */ data) => track("sendCheckoutEvent", data),
    getFingerprint: () => visitorAt(Date.now())?.user || "",
    getFAQFingerprint: () => visitorAt(Date.now())?.faq || "",
  };

  /** @type {unknown} the widget whose events the tracker listens to */
  let connectedWidget;
  /** @type {[method: string, data: unknown][]} calls to forward once the widget is loaded */
  const unforwarded = [];
  /** @type {unknown} the method being forwarded: the widget may call trackAlhenaEvent in turn */
  let forwarding;

  /**
   * A method of the Alhena widget; undefined without the widget.
   *
   * @param {string} name
   * @returns {((...args: unknown[]) => unknown) | undefined}
   */
  function widgetMethod(name) {
    const widget = window.gleenWidget;
    const method = widget?.[name];
    return typeof method === "function" && method !== LEGACY[name] ? method.bind(widget) : undefined;
  }

  /** @param {string} name of the method that returns it */
  const widgetFingerprint = (name) =>
    RegExp(`^${UUID}$`).exec(String(attempt(() => widgetMethod(name)?.())).toLowerCase())?.[0];

  /**
   * @param {string} method
   * @param {unknown} data as the page passed it: the widget has its own rules
   */
  function forward(method, data) {
    const receive = widgetMethod(method);
    if (!receive) return keep(unforwarded, [method, data]);
    forwarding = method;
    attempt(() => receive(data));
    forwarding = undefined;
  }

  /** Listen to the Alhena widget once it is loaded, and forward earlier calls. */
  const connectWidget = guarded(() => {
    const listen = widgetMethod("on");
    const widget = window.gleenWidget;
    if (listen && connectedWidget !== widget) {
      connectedWidget = widget;
      // If it is loaded twice, only the latest one counts.
      const count = (/** @type {string} */ type) => () => connectedWidget === widget && interact(type);
      const isAnswered = config.interactions === "answered";
      const name = isAnswered ? "bot_response_finished" : "message_submitted";
      listen("ticket:" + name, count("CHAT"));
      listen("faqs:" + name, count("FAQ"));
      if (!isAnswered) listen("faqs:question_clicked", count("FAQ"));
      listen("widget:loaded", connectWidget);
    }
    for (const [method, data] of unforwarded.splice(0)) forward(method, data);
  });

  // ------------------------------------------------------------------------------------------------------ Start

  const capture = guarded((/** @type {any} */ { type, target }) => {
    // An event dispatched on the document has no closest().
    if (!target.closest) return;
    // On <details>, only opening counts. Opening it by keyboard is a click, too.
    const faq = type === "click" && target.closest("[data-alhena-faq]:not(details[open])");
    if (faq) interact("FAQ", faq.dataset.alhenaFaq || null);
    // On a form, only submitting counts.
    const use = target.closest("form[data-alhena-chat]") ? "submit" : "click";
    if (type === use && target.closest("[data-alhena-chat]")) interact("CHAT");
  });

  const readPage = () =>
    document.querySelectorAll("template[data-alhena-event]").forEach(
      guarded((/** @type {any} */ { dataset }) => track(dataset.alhenaEvent, JSON.parse(dataset.alhenaData))),
    );

  // May throw under Trusted Types.
  const load = guarded((/** @type {string} */ name) => {
    const src = config[name + "Src"];
    if (!src) return;
    const element = document.createElement("script");
    Object.assign(element.dataset, config);
    element.nonce = /** @type {any} */ (script).nonce;
    element.src = src;
    document.head.append(element);
  });

  guarded(() => {
    if (window._alhenaTracker) return;
    if (!config.companyKey || !config.endpoint) return complain("no data-company-key or data-endpoint");
    // For datalayer.js, which may store data only while the tracker may.
    window._alhenaTracker = { hasVisitor: () => !!visitorAt(Date.now()) };
    if (isOptedOut()) purge();
    if ("debug" in config || /[?&]alhena_debug=1\b/.test(location.search)) {
      window._alhenaNotes = notes = [];
      load("debug");
    }
    if ("datalayer" in config) load("datalayer");

    // In the capture phase, since the page may stop propagation.
    document.addEventListener("click", capture, true);
    document.addEventListener("submit", capture, true);
    document.addEventListener("visibilitychange", () => flush(document.hidden));
    window.addEventListener("pagehide", () => flush(true));
    window.addEventListener("pageshow", () => flush());
    window.addEventListener("online", () => isServerPause || resume());

    let widget = window.gleenWidget || { ...LEGACY };
    // A widget that loads later assigns both names. Calls must still reach the tracker, which forwards them.
    const interceptWidget = () =>
      Object.defineProperties(window, {
        gleenWidget: {
          configurable: true,
          get: () => widget,
          set(value) {
            widget = value;
            connectWidget();
          },
        },
        trackAlhenaEvent: { configurable: true, get: () => track, set() {} },
      });
    // Names that the page declared with var or function cannot be redefined, only assigned.
    attempt(interceptWidget, () => (window.trackAlhenaEvent = track));
    connectWidget();
    const replay = guarded((/** @type {{ method: unknown, args: unknown }} */ call) => track(call.method, call.args));
    const queue = window._alhenaEventQueue || [];
    queue.splice(0).forEach(replay);
    // Code that kept a reference to the snippet's function still pushes to the queue.
    queue.push = (call) => (replay(call), 0);

    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", readPage);
    else readPage();
    // Send what an earlier page or visit could not.
    later();
  })();
})();

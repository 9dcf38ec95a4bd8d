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
  /** @typedef {[user: string, faq: string, time: number]} Visitor the time of the last interaction is in ms */
  /** @typedef {{ types?: string, properties: string }} Form */
  /** @typedef {(field: string, code: string, expected: string, actual?: unknown, isLenient?: boolean) => void} Report */

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

  // With the u flag a surrogate pair is one character, so the range matches only lone surrogates.

  // A form describes one kind of object: its types, and its properties in the order in which they are read. The check
  // of amounts needs the currency, that of quantity the type. "?" marks optional properties, "~" those that are left out
  // where they are invalid: calls written for Alhena may have anything under these names.
  /** @type {Form} */
  const LINE = { properties: "productId productName currency value quantity" };
  /** @type {Record<string, Form>} */
  const METHODS = {
    sendInteraction: {
      types: "CHAT, FAQ, NUDGE",
      properties: "type productId? conversationId? aiProfile? recommendedProductIds~",
    },
    sendCartEvent: {
      types: "ITEM_ADDED, ITEM_REMOVED, QUANTITY_INCREASED, QUANTITY_DECREASED",
      properties: `type ${LINE.properties} source? previousQuantity~`,
    },
    sendCheckoutEvent: {
      properties: "orderId? currency value source? lineItems? tax~ shipping~ discount~",
    },
  };

  // What a property must be, in words that name its typeof. All others are strings of up to 255 characters; tax, shipping
  // and discount are amounts as value is.
  /** @type {Record<string, string>} */
  const EXPECTED = {
    currency: "a string of ISO 4217",
    productName: "a string of 1 to 512 characters",
    value: "a number from 0 to 1e13 minor units",
    quantity: "a number from 0 to 1e6, above 0 if added",
    lineItems: "an array of up to 500 objects",
    recommendedProductIds: "an array of up to 20 objects",
  };

  /**
   * Remove ECMAScript's white space and line terminators, and U+0085, from both ends.
   *
   * @param {string} text
   * @returns {string}
   */
  function trim(text) {
    const trimmed = text.trim().replace(/^\x85+|\x85$/g, "");
    return trimmed === text ? text : trim(trimmed);
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
   * @param {string} [orderCurrency] the currency that a line item must have
   * @returns {string | false | undefined}
   */
  function findError(value, name, form, fields, orderCurrency) {
    if (name === "type") return !form.types?.split(", ").includes(value) && "invalid_choice";
    if (typeof value === "object") {
      if (!Array.isArray(value)) return "wrong_type";
      if (name === "lineItems") return value.length > 500 && "too_many";
      if (value.length > 20) return "too_many";
      // Spread, since map() skips holes.
      return [...value]
        .map((id) => (typeof id === "string" ? findError(trim(id), "", form, fields) : "wrong_type"))
        .find((code) => code);
    }
    if (typeof value === "number") {
      const isQuantity = /quantity/i.test(name);
      const units = rounded(value, isQuantity ? 3 : decimalsOf(fields.currency));
      if (!isFinite(value)) return "not_finite";
      if (units < 0) return "negative";
      if (name === "quantity" && !units && (form === LINE || /ADDED|INCREASED/.test(fields.type))) return "not_positive";
      return units > (isQuantity ? 1e9 : 1e13) && "too_large";
    }
    if (/[\0\ud800-\udfff]/u.test(value)) return "invalid_characters";
    const { length } = [...value];
    if (!length) return "blank";
    if (length > (name === "productName" ? 512 : 255)) return "too_long";
    if (name !== "currency") return;
    if (!decimalsOf(value)) return "unknown_currency";
    return orderCurrency && value.toUpperCase() !== orderCurrency && "currency_mismatch";
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
    if (!data || typeof data !== "object" || Array.isArray(data)) return report(path, "wrong_type", "an object", data);
    if (path) path += ".";
    for (const property of form.properties.split(" ")) {
      const [name, mark] = property.split(/\b/);
      const isLenient = mark === "~";
      // Read once: a getter may return something else the second time.
      let value = data[name];
      if (typeof value === "string" && name !== "type") value = trim(value);
      if (value == null && mark) continue;
      const expected =
        name === "type" ? "a string of " + form.types
        : EXPECTED[name] || (isLenient ? "a number from 0" : "a string of 1 to 255 characters");
      const code =
        value == null ? "required"
        : !expected.includes(typeof value) ? "wrong_type"
        : findError(value, name, form, fields, orderCurrency);
      if (code) report(path + name, code, expected, value, isLenient);
      else fields[name.replace(/[A-Z]/g, "_$&").toLowerCase()] = value;
    }
    const { value, quantity, line_items: lines } = fields;
    const currency = fields.currency?.toUpperCase();
    // BigInt, since doubles near the limit are 128 apart. A missing factor counts as 0.
    const total = BigInt(rounded(value, decimalsOf(currency))) * BigInt(rounded(quantity, 3));
    if (total > 1e18) report(path + "value", "too_large", "a smaller number", value);
    if (lines) {
      // Spread, since map() skips holes.
      fields.line_items = [...lines].map((line, index) => read(LINE, line, `lineItems[${index}]`, report, currency));
    }
    return fields;
  }

  // --------------------------------------------------------------------------------------------------- Identity

  const UUID = "([\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12})";
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
    if (user) return [user, faq, +seconds * 1000];
  }

  /**
   * @param {string} cookie name and value
   * @param {number} seconds
   */
  const writeCookie = (cookie, seconds) =>
    attempt(() => {
      cookie += "; Path=/; SameSite=Lax; Max-Age=" + seconds;
      if (config.cookieDomain) cookie += "; Domain=" + config.cookieDomain;
      if (/s:/.test(location.protocol)) cookie += "; Secure";
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
    if (Math.abs(time - visitor?.[2]) > maxAge * 1000) visitor = undefined;
    if (isUsing) {
      const user = widgetFingerprint("getFingerprint") || visitor?.[0] || uuid();
      const faq = widgetFingerprint("getFAQFingerprint") || visitor?.[1] || uuid();
      visitor = [user, faq, time];
      writeCookie(`${key}=1.${user}.${faq}.${Math.floor(time / 1000)}`, maxAge);
      visitorWithoutCookie = readCookie()?.[0] === user ? undefined : visitor;
    }
    return visitor;
  }

  // ---------------------------------------------------------------------------------------------------- Privacy

  /** @type {boolean | undefined} undefined: required, not decided yet */
  let consent = config.consent === "required" ? undefined : true;
  /** @type {(() => void)[]} what waits for the decision, in memory only */
  const held = [];

  const isOptedOut = () => navigator.globalPrivacyControl || ("dnt" in config && navigator.doNotTrack === "1");


  function purge() {
    visitorWithoutCookie = undefined;
    unstored.clear();
    attempt(() => {
      for (const storage of [localStorage, sessionStorage]) {
        for (const name of Object.keys(storage)) if (name.startsWith(key + ":")) delete storage[name];
      }
    });
    writeCookie(key + "=", 0);
  }

  // ----------------------------------------------------------------------------------------------------- Orders
  // Reloading the thank-you page reports its order again. The server drops duplicates; this saves the request. The same id
  // with another value is sent: a page may have reported the order before it knew its value.

  /**
   * The name that a delivered order is stored under; undefined without an id.
   *
   * @param {Fields} data
   */
  const orderOf = ({ order_id, value, currency }) => order_id && key + ":" + [value, currency, order_id];

  // ------------------------------------------------------------------------------------------------------ Queue
  // Unanswered events are kept in localStorage, each under its own name, so that tabs do not overwrite each other. The
  // next page or visit sends what this one could not. Where storage is blocked or full, events are kept in memory.

  /** An event's name and its visitor's fingerprints. */
  const QUEUED = RegExp(`^${key}:e\\d{13}:${UUID}${UUID}${UUID}$`);

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
      () => (entry ? (localStorage[name] = JSON.stringify(entry)) : delete localStorage[name]),
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
    const found = [];
    /** @type {Queued[]} */
    const excess = [];
    for (const name of [...unstored.keys(), ...(attempt(() => Object.keys(localStorage)) || [])]) {
      if (!name.startsWith(key + ":e")) continue;
      const entry = unstored.get(name) || attempt(() => JSON.parse(localStorage[name]));
      const isValid = () => QUEUED.test(name + entry[0] + entry[1]) && METHODS[entry[2]].properties && entry[3];
      if (!attempt(isValid)) store(name);
      // The server rejects what is older than 72 hours.
      else if (entry[4] > 49 || Date.now() - +timeOf(name) > 72 * 3600e3) excess.push([name, entry]);
      else found.push([name, entry]);
    }
    // Sorts by text, which begins with the name and so with the time.
    found.sort();
    // Orders and interactions are dropped last.
    while (JSON.stringify(found).length > 300_000 || found.length > 300) {
      // The oldest cart event. Without one, the index is -1: the newest event.
      excess.push(...found.splice(found.findIndex(([, entry]) => entry[2] === "sendCartEvent"), 1));
    }
    for (const [name] of excess) store(name);
    if (excess.length) complain(excess.length, "dropped: too old or too many");
    return found;
  }

  /**
   * Whether an event is still queued: another tab may have delivered it, or the visitor withdrawn consent.
   *
   * @param {string} name
   */
  const isQueued = (name) => unstored.has(name) || attempt(() => localStorage[name]);

  /** @param {string} name */
  const timeOf = (name) => new Date(+name.slice(-50, -37));

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
  /** @type {any} "1" in a browser of the shop's own people, whose events are not recorded */
  let test;
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
    const visitorOf = (/** @type {Queued} */ [, entry]) => entry[0] + entry[1];
    /** @type {Queued[]} */
    const batch = [];
    let isFresh = false;
    let room = KEEPALIVE_BYTES - bytesInFlight;
    let bytes = 300; // around the events
    for (const queued of all) {
      if (visitorOf(queued) !== visitorOf(fresh[0])) continue;
      if (isSent(queued) && queued[1][2] !== "sendInteraction") continue;
      // Slightly more than its size in the body. Cheaper than building the body for each event.
      const size = bytes + new TextEncoder().encode(JSON.stringify(queued)).length;
      // If not even one event fits, send a full batch without keepalive.
      if (size > room && !isFresh) room = KEEPALIVE_BYTES;
      if (batch.length === 100 || (isFresh && size > room)) break;
      bytes = size;
      batch.push(queued);
      isFresh ||= !isSent(queued);
    }
    const keepalive = bytes + bytesInFlight <= KEEPALIVE_BYTES;
    if (isLeaving && !keepalive) return;
    send(batch, keepalive ? bytes : 0);
    if (isUrgent) flush(isLeaving);
  });

  const later = () => (soon = soon || setTimeout(flush, 200));

  /**
   * Send a batch once and handle the answer. Never rejects.
   *
   * @param {Queued[]} batch
   * @param {number} bytes 0: without keepalive
   */
  async function send(batch, bytes) {
    /** @type {any} 0: no answer */
    let status = 0;
    /** @type {any} */
    let answer;
    /** @type {any} one for each event, if the batch was accepted */
    let results;
    /** @type {any} seconds or a date */
    let retryAfter;
    /** @type {unknown[]} */
    const events = [];
    /** @type {unknown[]} */
    const refused = [];
    for (const [name, [, , method, data]] of batch) {
      sending.add(name);
      if (data.errors) refused.push({ method, ...data });
      else events.push({ method, data, event_id: name.slice(-36), occurred_at: timeOf(name) });
    }
    const body = JSON.stringify({
      company_key: config.companyKey,
      user_fingerprint: batch[0][1][0],
      user_faq_fingerprint: batch[0][1][1],
      sent_at: new Date(),
      test: test > 0,
      events,
      refused: refused.slice(0, 20),
    });
    bytesInFlight += bytes;
    try {
      // A string is sent as text/plain, which needs no preflight.
      const response = await fetch(config.endpoint + "analytics/batch", {
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
    if (/^(0|408|425|429|5(?!01|05)..)$/.test(status)) return retry(batch, status, retryAfter);
    failed = 0;
    if (!results) complain(batch.length, "rejected:", status, answer);
    for (const [name, [, , method, data]] of batch) {
      const result = { ...(!data.errors && results && results.shift()) };
      if (!isQueued(name)) continue;
      store(name);
      note("answered", method, data, status, result);
      if (result.errors) complain(method, "rejected:", result.errors);
      else if (results && data.order_id) attempt(() => (sessionStorage[orderOf(data)] = 1));
    }
    flush();
  }

  /**
   * @param {Queued[]} batch one that failed as a whole
   * @param {number} status 0: no answer
   * @param {any} retryAfter seconds or a date
   */
  function retry(batch, status, retryAfter) {
    const asked = retryAfter * 1000 || Date.parse(retryAfter) - Date.now();
    isServerPause = asked >= 0;
    for (const [name, entry] of batch) {
      if (isServerPause || !isQueued(name)) continue;
      entry[4]++;
      store(name, entry);
    }
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

  /**
   * Queue an event, or what was refused of one, if the visitor may be recorded.
   *
   * @param {string} method
   * @param {Fields} data
   */
  function queue(method, data) {
    // Each event has its own time: batches may overtake each other, and the server orders events by time.
    const time = (lastTime = Math.max(Date.now(), lastTime + 1));
    const enqueue = () => {
      const order = orderOf(data);
      const isKnown =
        order && (attempt(() => sessionStorage[order]) || waiting().some(([, entry]) => orderOf(entry[3]) === order));
      const visitor = visitorAt(time, method === "sendInteraction" && !data.errors);
      note("decided", method, data, isKnown, visitor, consent);
      if (isKnown || !visitor) return;
      store(`${key}:e${time}:${uuid()}`, [visitor[0], visitor[1], method, data, 0]);
      if (method === "sendCheckoutEvent") flush();
      else later();
    };
    if (consent !== undefined) return enqueue();
    note("held", method, data);
    keep(held, enqueue);
  }

  /**
   * Report what could not be used of a call, without its values. For datalayer.js, too.
   *
   * @param {string} method
   * @param {[field: string, code: string][]} errors
   */
  const refuse = (method, errors) =>
    queue(method, { errors: errors.map(([field, code]) => ({ field, code })) });

  const record = guarded(
    /**
     * @param {string} method
     * @param {unknown} data
     */
    (method, data) => {
      /** @type {[field: string, code: string][]} */
      const errors = [];
      let isValid = true;
      const body = read(METHODS[method], data, "", (field, code, expected, actual, isLenient) => {
        keep(errors, [field, code]);
        isValid &&= !!isLenient;
        if (isLenient && !notes) return;
        const rule = `${method} was ${isLenient ? "partly" : "not"} sent: ${field || "data"} must be ${expected}, but is`;
        complain(rule, actual ?? "missing", `(${code})`);
      });
      if (isValid) queue(method, body);
      if (errors.length) refuse(method, errors);
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
      if (method === "setConsent") {
        if (typeof data !== "boolean") return complain("setConsent must be a boolean, but is", data);
        consent = data;
        if (!data) purge();
        for (const action of held.splice(0)) action();
        later();
      } else if (METHODS[method]?.properties) {
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

  const LEGACY = {
    sendCartEvent: (/** @type {unknown} */ data) => track("sendCartEvent", data),
    sendCheckoutEvent: (/** @type {unknown} */ data) => track("sendCheckoutEvent", data),
    getFingerprint: () => visitorAt(Date.now())?.[0] || "",
    getFAQFingerprint: () => visitorAt(Date.now())?.[1] || "",
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
    return typeof method === "function" && method !== /** @type {any} */ (LEGACY)[name] ? method.bind(widget) : undefined;
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
      const name = config.interactions ? "bot_response_finished" : "message_submitted";
      listen("ticket:" + name, count("CHAT"));
      listen("faqs:" + name, count("FAQ"));
      if (!config.interactions) listen("faqs:question_clicked", count("FAQ"));
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
    // For datalayer.js, which may store data only while the tracker may, and reads lines by its rules.
    window._alhenaTracker = {
      hasVisitor: LEGACY.getFingerprint,
      refuse,
      decimalsOf,
      readLine: (line, report) => read(LINE, line, "", report),
    };
    // The page's address comes before the cookie, which has no 0.
    [, test] = attempt(() => /\balhena_test=([01])(?!\.)/.exec(location.search + ";" + document.cookie)) || [];
    if (test) writeCookie("alhena_test=" + test, test * 3e7);
    if (test < 1 || isOptedOut()) purge();
    if ("debug" in config || /\balhena_debug=1/.test(location.search)) {
      window._alhenaNotes = notes = [];
      load("debug");
    }
    if ("datalayer" in config) load("datalayer");

    // In the capture phase, since the page may stop propagation.
    document.addEventListener("click", capture, true);
    document.addEventListener("submit", capture, true);
    document.addEventListener("visibilitychange", () => flush(document.hidden));
    window.addEventListener("pagehide", () => flush(true));
    window.addEventListener("online", () => isServerPause || resume());

    let widget = window.gleenWidget || { ...LEGACY };
    // A widget that loads later assigns both names. Calls must still reach the tracker, which forwards them.
    attempt(
      () =>
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
        }),
      // Names that the page declared with var or function cannot be redefined, only assigned.
      () => (window.trackAlhenaEvent = track),
    );
    connectWidget();
    const replay = guarded((/** @type {{ method: unknown, args: unknown }} */ call) => track(call.method, call.args));
    const calls = window._alhenaEventQueue || [];
    calls.splice(0).forEach(replay);
    // Code that kept a reference to the snippet's function still pushes to the queue.
    calls.push = /** @type {any} */ (replay);

    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", readPage);
    else readPage();
    // Send what an earlier page or visit could not.
    later();
  })();
})();

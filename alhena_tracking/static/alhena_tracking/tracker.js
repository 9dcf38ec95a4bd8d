/*
 * Reports the cart and checkout actions of visitors who used the shop's assistant, and of nobody else.
 *
 * One classic script, shipped as written. Its configuration stands on its own element:
 *
 *   <script defer src="…/tracker.js" data-company-key="acme" data-endpoint="/alhena/" data-window="86400"></script>
 *
 *   data-company-key     the shop's public key
 *   data-endpoint        where alhena_tracking.urls is mounted; ends with "/"
 *   data-window          the attribution window in seconds; a day unless given
 *   data-cookie-domain   the cookie's domain, for a shop that spans several hosts
 *   data-consent         "required": write and send nothing before trackAlhenaEvent("setConsent", true)
 *   data-dnt             honour Do Not Track, as Global Privacy Control always is
 *   data-interactions    "answered": a question to the Alhena widget counts once it is answered, not when it is asked
 *   data-datalayer       read GA4 e-commerce events; data-datalayer-src is where datalayer.js is
 *   data-debug           say in the console what becomes of every event, as ?alhena_debug=1 does; data-debug-src is
 *                        where debug.js is
 *
 * Nothing that goes wrong in here may reach the page: what the page or the browser calls is `guarded`, or cannot fail.
 */
(() => {
  "use strict";

  /** @typedef {Record<string, any>} Fields of an event, as the server reads them: in snake_case */
  /** @typedef {[user: string, faq: string, method: string, data: Fields, attempts: number]} Entry what is queued */
  /** @typedef {[name: string, entry: Entry]} Queued */
  /** @typedef {{ user: string, faq: string, time: number }} Visitor both fingerprints, the last interaction in ms */
  /** @typedef {{ types?: string, properties: string }} Form */
  /** @typedef {(field: string, code: string, expected: string, actual: unknown) => void} Refuse */

  const script = document.currentScript;
  const config = script?.dataset || {};
  // The cookie's name, and the beginning of every other one that is stored. No company key holds a colon.
  const key = "alhena_" + config.companyKey;
  const maxAge = +(config.window || 86400);

  // ---------------------------------------------------------------------------------------------------- Failing

  /** @param {unknown[]} message */
  const complain = (...message) => console.error("Alhena:", ...message);

  /**
   * For what may fail: cookies and storage can be blocked, and the page's data and the widget are not ours.
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
   * The same function, except that it never throws.
   *
   * @template {unknown[]} Arguments
   * @param {(...args: Arguments) => void} action
   * @returns {(...args: Arguments) => void}
   */
  const guarded = (action) => (...args) => attempt(() => action(...args), complain);

  /** @type {unknown[][] | undefined} what debug.js puts into words */
  let notes;

  /** @param {unknown[]} note its kind, and what it is about */
  const note = (...note) => notes?.push(note);

  /**
   * Adds to a list that must not grow without end.
   *
   * @template Item
   * @param {Item[]} list
   * @param {Item} item
   */
  const keep = (list, item) => list.length < 100 && list.push(item);

  // ------------------------------------------------------------------------------------------------- Validation
  // The server's rules, word for word: tests/contract holds both sides to one list of examples.

  // Active ISO 4217 codes of money that people pay with, by the decimals of the minor unit. Those that share
  // their first letter are told by their other two: "Bifnd" would be BIF and BND.
  /** @type {Record<string, string>} */
  const CURRENCIES = {
    0: "BifClpDjfGnfIskJpyKmfrwPygRwfUgxVnduvXafofpf",
    2: "AedfnllmdoarsudwgznBambddtmdndobrlsdtnwpynzdCaddfhfnyoprcupvezkDkkopzdEgprntburFjdkpGbpelhsipmdtqydHkdnltgufIdrlsnrrrJmdKesgshrpwydztLakbpkrrdslMaddlgakdmkntopruurvrwkxnyrznNadgniookprzdPabengkhpkrlnQarRonsdubSarbdcrdgekgdhpleosrdsptnvcypzlThbjsmtoprytdwdzsUahsdyuzsVedesWstXcdcgYerZarmwwg",
    3: "BhdIqdJodKwdLydOmrTnd",
  };

  // ECMAScript's white space and line terminators, and U+0085.
  const WHITE_SPACE = /[\s\x85]/;
  // With the u flag a surrogate pair is one character, so that the range holds lone ones only.
  const INVALID = /[\0\ud800-\udfff]/u;

  // A form is one kind of object: its types, and its properties in the order they are read, since value is judged by
  // the currency and quantity by the type. "?" is optional.
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

  // What a property must be, its typeof first. All others are text.
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
   * The decimals of a currency, in any case; undefined if it is none that we take.
   *
   * @param {string} code
   */
  function decimalsOf(code) {
    // \w is ASCII: "uſd" in upper case would be USD.
    if (!/^\w{3}$/.test(code)) return;
    for (const decimals in CURRENCIES) {
      const pattern = code[0].toUpperCase() + "([a-z]{2})*" + code.slice(1).toLowerCase();
      if (RegExp(pattern).test(CURRENCIES[decimals])) return decimals;
    }
  }

  /**
   * `value` × 10^`decimals`, rounded half up to a whole number. The point is moved in the decimal text, since
   * multiplying adds noise of its own: 1.005 * 100 is 100.49999999999999.
   *
   * @param {unknown} [value]
   * @param {string | number} [decimals] two are assumed while the currency is wrong
   */
  function rounded(value = 0, decimals = 2) {
    const [digits, exponent = 0] = String(value).split("e");
    const scaled = +`${digits}e${+exponent + +decimals}`;
    return Math.sign(scaled) * Math.round(Math.abs(scaled));
  }

  /**
   * What is wrong with a value of the right kind: a code, or false.
   *
   * @param {any} value
   * @param {string} name
   * @param {Form} form
   * @param {any} fields what was read before
   */
  function judge(value, name, form, fields) {
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
   * Reads an object's properties, those that keep the rules.
   *
   * @param {Form} form
   * @param {any} data
   * @param {string} path where that stands in the event's data: "" or such as "lineItems[1]"
   * @param {Refuse} refuse called for each error
   * @param {string} [orderCurrency] which a line must be in
   */
  function read(form, data, path, refuse, orderCurrency) {
    /** @type {any} */
    const fields = {};
    if (!data || typeof data !== "object" || Array.isArray(data)) return refuse(path, "wrong_type", "object", data);
    if (path) path += ".";
    for (const property of form.properties.split(" ")) {
      const name = property.replace("?", "");
      // Once only: a getter may answer otherwise the second time.
      const value = data[name];
      if (value == null && name !== property) continue;
      const expected =
        name === "type" ? "string of " + form.types : EXPECTED[name] || "string of 1 to 255 characters";
      const code =
        value == null ? "required"
        : !expected.startsWith(typeof value) ? "wrong_type"
        : judge(value, name, form, fields);
      if (code) refuse(path + name, code, expected, value);
      else fields[name.replace(/[A-Z]/g, "_$&").toLowerCase()] = typeof value === "string" ? trim(value) : value;
    }
    const { value, quantity, line_items: lines } = fields;
    const currency = fields.currency?.toUpperCase();
    if (orderCurrency && currency && currency !== orderCurrency) {
      refuse(path + "currency", "currency_mismatch", orderCurrency, currency);
    }
    // In BigInt: where the limit lies, doubles are 128 apart. What is missing counts as 0.
    const total = BigInt(rounded(value, decimalsOf(currency))) * BigInt(rounded(quantity, 3));
    if (total > 1e18) refuse(path + "value", "too_large", "value × quantity to 1e15 minor units", value);
    if (lines) {
      // Spread, so that holes are visited.
      fields.line_items = [...lines].map((line, index) => read(LINE, line, `lineItems[${index}]`, refuse, currency));
    }
    return fields;
  }

  // --------------------------------------------------------------------------------------------------- Identity

  const UUID = "([\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12})";
  const FINGERPRINTS = RegExp(`^${UUID}${UUID}$`);
  const COOKIE = RegExp(`\\b${key}=1\\.${UUID}\\.${UUID}\\.(\\d+)`);

  /**
   * Used only where cookies are blocked. The cookie is read each time: another tab may have changed it.
   *
   * @type {Visitor | undefined}
   */
  let uncookied;

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
   * Who the visitor is, if they allow it and interacted less than a window from `time`.
   *
   * @param {number} time in ms
   * @param {boolean} [isUsing] whether they do so now, to be remembered for a window more. The ids are then the
   *   real widget's, where there is one, or minted.
   */
  function visitorAt(time, isUsing) {
    if (!consent || isOptedOut()) return;
    /** @type {any} */
    let visitor = readCookie() || uncookied;
    if (Math.abs(time - visitor?.time) > maxAge * 1000) visitor = undefined;
    if (isUsing) {
      const user = widgetFingerprint("getFingerprint") || visitor?.user || uuid();
      const faq = widgetFingerprint("getFAQFingerprint") || visitor?.faq || uuid();
      visitor = { user, faq, time };
      writeCookie(`1.${user}.${faq}.${Math.floor(time / 1000)}`, maxAge);
      uncookied = readCookie()?.user === user ? undefined : visitor;
    }
    return visitor;
  }

  // ---------------------------------------------------------------------------------------------------- Privacy

  /** @type {boolean | undefined} undefined: required, and not decided yet */
  let consent = config.consent === "required" ? undefined : true;
  /** @type {(() => void)[]} what waits for that decision, in memory only */
  const held = [];

  const isOptedOut = () => navigator.globalPrivacyControl || ("dnt" in config && navigator.doNotTrack === "1");

  /** @param {unknown} decision */
  function setConsent(decision) {
    if (typeof decision !== "boolean") return complain("setConsent: not boolean:", decision);
    consent = decision;
    if (!decision) purge();
    for (const admit of held.splice(0)) admit();
    later();
  }

  function purge() {
    uncookied = undefined;
    orders = [];
    unstored.clear();
    const empty = (/** @type {Storage} */ storage) =>
      Object.keys(storage).forEach((name) => name.startsWith(key + ":") && storage.removeItem(name));
    attempt(() => empty(localStorage));
    attempt(() => empty(sessionStorage));
    writeCookie("", 0);
  }

  // ----------------------------------------------------------------------------------------------------- Orders
  // Whoever reloads the thank-you page reports its order again. The server would drop it; this spares the call.

  const ORDERS = key + ":orders";
  /** @type {unknown[] | undefined} ids of those that were delivered, the latest last */
  let orders;

  // Not before they are needed: the first touch of storage holds the page up.
  const readOrders = () => (orders = orders || attempt(() => [...JSON.parse(sessionStorage[ORDERS])]) || []);

  /** @param {unknown} id */
  function keepOrder(id) {
    orders = [...readOrders(), id].slice(-20);
    attempt(() => (sessionStorage[ORDERS] = JSON.stringify(orders)));
  }

  // ------------------------------------------------------------------------------------------------------ Queue
  // What no answer has come for is kept in localStorage, each event under a name of its own: tabs overwrite nothing of
  // each other's, and the next page or the next visit sends what this one could not. Where that is blocked or full,
  // it is kept in memory.

  const NAME = RegExp(`^${key}:e(\\d{13}):${UUID}$`);
  /** Older events are refused by the server. */
  const MAX_AGE = 72 * 3600e3;
  const MAX_ATTEMPTS = 50;
  const MAX_EVENTS = 300;
  const MAX_CHARACTERS = 300_000;

  /** @type {Map<string, Entry>} */
  const unstored = new Map();
  let lastTime = 0;

  /**
   * @param {string} name
   * @param {Entry} [entry] none, if it is settled
   */
  function store(name, entry) {
    unstored.delete(name);
    attempt(
      () => (entry ? localStorage.setItem(name, JSON.stringify(entry)) : localStorage.removeItem(name)),
      () => entry && unstored.set(name, entry),
    );
  }

  /**
   * All that waits, the oldest first. What makes no sense is dropped, and what is too much or too old given up.
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
    // As text, which begins with the names.
    found.sort();
    // Sales are given up last, and interactions, which earn them.
    const old = found.filter(([name]) => Date.now() - +timeOf(name) > MAX_AGE).length;
    const excess = found.splice(0, old);
    while (JSON.stringify(found).length > MAX_CHARACTERS || found.length > MAX_EVENTS) {
      // The oldest one of a cart; where there is none, -1: the newest of all.
      excess.push(...found.splice(found.findIndex(([, entry]) => entry[2] === "sendCartEvent"), 1));
    }
    giveUp(excess, "too old or many");
    return found;
  }

  /**
   * @param {Queued[]} queued
   * @param {string} reason
   */
  function giveUp(queued, reason) {
    for (const [name] of queued) store(name);
    if (queued.length) complain(queued.length, "given up:", reason);
  }

  /**
   * Whether nobody has settled it: another tab may have delivered it, or the visitor withdrawn their consent.
   *
   * @param {string} name
   */
  const isQueued = (name) => unstored.has(name) || attempt(() => localStorage[name]);

  /** @param {string} name */
  const timeOf = (name) => new Date(+(NAME.exec(name)?.[1] || 0));

  // -------------------------------------------------------------------------------------------------- Transport
  // One batch after the other, each when the one before was answered: an interaction must be recorded before what it
  // may earn. What cannot wait takes the interactions that are on their way along: twice is once for the server.

  /** What outlives its page may have 64 KiB, all requests together. */
  const KEEPALIVE_BYTES = 60_000;

  /** @type {Set<string>} names */
  const sending = new Set();
  let bytesInFlight = 0;
  /** @type {any} the timer of the pause, if there is one */
  let pause;
  /** @type {any} that of the moment in which a batch is filled */
  let soon;
  /** Whether the server asked for the pause. */
  let isAsked = false;
  let failed = 0;

  /** @param {boolean} [isLeaving] the page may go away: what waits is sent without waiting for answers */
  const flush = guarded((/** @type {boolean | void} */ isLeaving) => {
    clearTimeout(soon);
    soon = 0;
    // What is stored can wait until the server has recovered. What is not is lost with the page.
    if (!consent || (pause && !(isLeaving && (!isAsked || unstored.size)))) return;
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
      // A little more than it takes up in the body, which would have to be made anew for each.
      bytes += bytesOf(JSON.stringify(queued));
      // Where there is no room for a single one, it goes without keepalive, and in company.
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
   * Sends a batch once, and settles what becomes of its events. Never rejects.
   *
   * @param {Queued[]} batch
   * @param {string} body
   * @param {number} bytes 0 without keepalive
   */
  async function send(batch, body, bytes) {
    let status = 0;
    /** @type {any} */
    let answer;
    /** @type {any} one for each event, where the batch was taken */
    let results;
    /** @type {any} seconds or a date, if the server said so */
    let retryAfter;
    for (const [name] of batch) sending.add(name);
    bytesInFlight += bytes;
    try {
      // A string goes as text/plain, which needs no preflight.
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
      // A page of a hotel's network is no answer of our server's.
      results = status === 200 && [...JSON.parse(answer).results];
    } catch (error) {
      if (status === 200) status = 0;
      answer = error;
    }
    for (const [name] of batch) sending.delete(name);
    bytesInFlight -= bytes;
    if (/^(0|408|425|429|5(?!01|05)..)$/.test(`${status}`)) return retry(batch, status, retryAfter);
    failed = 0;
    if (!results) complain(batch.length, "refused:", status, answer);
    batch.forEach(([name, [, , method, data]], index) => {
      const result = { ...results?.[index] };
      if (!isQueued(name)) return;
      store(name);
      note("answered", method, data, status, result);
      if (result.errors) complain(method, "refused:", result.errors);
      else if (results && data.order_id) keepOrder(data.order_id);
    });
    flush();
  }

  /**
   * @param {Queued[]} batch that failed as a whole
   * @param {number} status 0: no answer
   * @param {any} retryAfter seconds or a date, if the server said so
   */
  function retry(batch, status, retryAfter) {
    const asked = /^\d+$/.test(retryAfter) ? +retryAfter * 1000 : Date.parse(retryAfter) - Date.now();
    isAsked = asked >= 0;
    const tired = batch.filter(([name, entry]) => {
      if (isAsked || !isQueued(name)) return;
      entry[4]++;
      store(name, entry);
      return entry[4] >= MAX_ATTEMPTS;
    });
    giveUp(tired, "too many attempts");
    // The jitter keeps browsers that failed together from coming back together.
    const wait = isAsked
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
      // No two events of a page at the same moment: batches may overtake each other, and the server goes by the time.
      const time = (lastTime = Math.max(Date.now(), lastTime + 1));
      const name = `${key}:e${time}:${uuid()}`;

      const admit = () => {
        const id = body.order_id;
        const isKnown = id && [...readOrders(), ...waiting().map(([, entry]) => entry[3].order_id)].includes(id);
        if (isKnown) return note("repeated", method, body);
        const visitor = visitorAt(time, method === "sendInteraction");
        if (!visitor) return note("nobody", method, body, consent);
        store(name, [visitor.user, visitor.faq, method, body, 0]);
        note("queued", method, body);
        if (method === "sendCheckoutEvent") flush();
        else later();
      };
      if (consent !== undefined) return admit();
      note("held", method, body);
      keep(held, admit);
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
      meet();
      if (method === "setConsent") setConsent(data);
      else if (METHODS[method]?.properties) {
        record(method, data);
        if (method !== "sendInteraction") forward(method, data);
      } else complain("no method:", method);
    },
  );

  /** @type {(type: string, productId?: string | null) => void} */
  const interact = (type, productId) => track("sendInteraction", { type, productId });

  // ------------------------------------------------------------------------------------------------- The widget
  // window.gleenWidget belongs to the real Alhena widget, which may be there already, come later, or never. Where
  // there is none, we stand in for its legacy methods.

  /** @type {Record<string, unknown>} */
  const LEGACY = {
    sendCartEvent: (/** @type {unknown} */ data) => track("sendCartEvent", data),
    sendCheckoutEvent: (/** @type {unknown} */ data) => track("sendCheckoutEvent", data),
    getFingerprint: () => visitorAt(Date.now())?.user || "",
    getFAQFingerprint: () => visitorAt(Date.now())?.faq || "",
  };

  /** @type {unknown} the widget whose events we listen to */
  let met;
  /** @type {[method: string, data: unknown][]} calls that no widget was there to receive */
  const missed = [];
  /** @type {unknown} the method being forwarded: the widget may report it to us in turn */
  let forwarding;

  /**
   * A method of the real widget.
   *
   * @param {string} name
   * @returns {((...args: unknown[]) => unknown) | undefined}
   */
  function widgetMethod(name) {
    const widget = window.gleenWidget;
    const method = widget?.[name];
    return typeof method === "function" && method !== LEGACY[name] ? method.bind(widget) : undefined;
  }

  /** @param {string} name of the method that tells it */
  const widgetFingerprint = (name) =>
    RegExp(`^${UUID}$`).exec(String(attempt(() => widgetMethod(name)?.())).toLowerCase())?.[0];

  /**
   * @param {string} method
   * @param {unknown} data as the page gave it: the widget has rules of its own
   */
  function forward(method, data) {
    const receive = widgetMethod(method);
    if (!receive) return keep(missed, [method, data]);
    forwarding = method;
    attempt(() => receive(data));
    forwarding = undefined;
  }

  /** Listens to the real widget once it is there, and hands over what it missed. */
  const meet = guarded(() => {
    const listen = widgetMethod("on");
    const widget = window.gleenWidget;
    if (listen && met !== widget) {
      met = widget;
      // It may be loaded twice; only the one that owns the name counts.
      const count = (/** @type {string} */ type) => () => met === widget && interact(type);
      const isAnswered = config.interactions === "answered";
      const name = isAnswered ? "bot_response_finished" : "message_submitted";
      listen("ticket:" + name, count("CHAT"));
      listen("faqs:" + name, count("FAQ"));
      if (!isAnswered) listen("faqs:question_clicked", count("FAQ"));
      listen("widget:loaded", meet);
    }
    for (const [method, data] of missed.splice(0)) forward(method, data);
  });

  // ------------------------------------------------------------------------------------------------------ Start

  const capture = guarded((/** @type {any} */ { type, target }) => {
    // The document itself may be told that it was clicked.
    if (!target.closest) return;
    // Of <details>, only what opens it counts. (A key that does is a click, too.)
    const faq = type === "click" && target.closest("[data-alhena-faq]:not(details[open])");
    if (faq) interact("FAQ", faq.dataset.alhenaFaq || null);
    // Of a marked form, only its submission counts.
    const use = target.closest("form[data-alhena-chat]") ? "submit" : "click";
    if (type === use && target.closest("[data-alhena-chat]")) interact("CHAT");
  });

  const readPage = () =>
    document.querySelectorAll("template[data-alhena-event]").forEach(
      guarded((/** @type {any} */ { dataset }) => track(dataset.alhenaEvent, JSON.parse(dataset.alhenaData))),
    );

  // A policy may forbid to name a script's file (Trusted Types).
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
    // For datalayer.js: it may keep something of a visitor only while we may.
    window._alhenaTracker = { hasVisitor: () => !!visitorAt(Date.now()) };
    if (isOptedOut()) purge();
    if ("debug" in config || /[?&]alhena_debug=1\b/.test(location.search)) {
      window._alhenaNotes = notes = [];
      load("debug");
    }
    if ("datalayer" in config) load("datalayer");

    // Capturing: the page may stop an event on its way.
    document.addEventListener("click", capture, true);
    document.addEventListener("submit", capture, true);
    document.addEventListener("visibilitychange", () => flush(document.hidden));
    window.addEventListener("pagehide", () => flush(true));
    window.addEventListener("pageshow", () => flush());
    window.addEventListener("online", () => isAsked || resume());

    let widget = window.gleenWidget || { ...LEGACY };
    // A real widget that loads later assigns both. The page's calls must go on reaching us, and through us the widget.
    const share = () =>
      Object.defineProperties(window, {
        gleenWidget: {
          configurable: true,
          get: () => widget,
          set(value) {
            widget = value;
            meet();
          },
        },
        trackAlhenaEvent: { configurable: true, get: () => track, set() {} },
      });
    // What the page declared with var or function cannot be redefined, but assigned.
    attempt(share, () => (window.trackAlhenaEvent = track));
    meet();
    const replay = guarded((/** @type {{ method: unknown, args: unknown }} */ call) => track(call.method, call.args));
    const queue = window._alhenaEventQueue || [];
    queue.splice(0).forEach(replay);
    // Whoever kept the snippet's function goes on pushing here.
    queue.push = (call) => (replay(call), 0);

    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", readPage);
    else readPage();
    // What an earlier visit could not send.
    later();
  })();
})();

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
 *   data-debug           say in the console what becomes of every event
 *
 * Nothing that goes wrong in here may reach the page: what the page or the browser calls is `guarded`, or cannot fail.
 */
(() => {
  "use strict";

  /** @typedef {Record<string, any>} Fields of an event, as the server reads them: in snake_case */
  /** @typedef {{ method: string, body: Fields, isSending?: boolean }} TrackedEvent */
  /** @typedef {{ user: string, faq: string, time: number }} Visitor both fingerprints, the last interaction in ms */
  /** @typedef {{ path?: string, types?: string, properties: string }} Form */
  /** @typedef {(field: string, code: string, expected: string, actual: unknown) => void} Refuse */

  const config = document.currentScript?.dataset || {};
  // The cookie's name, and that of what is stored.
  const key = "alhena_" + config.companyKey;
  const maxAge = +(config.window || 86400);

  // ---------------------------------------------------------------------------------------------------- Failing

  /** @param {unknown[]} message */
  const complain = (...message) => console.error("Alhena:", ...message);

  /** @param {unknown[]} message */
  const explain = (...message) => "debug" in config && console.info("Alhena:", ...message);

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

  // Active ISO 4217 codes of money that people pay with, by the decimals of the minor unit.
  /** @type {Record<string, string>} */
  const CURRENCIES = {
    0: "BIFCLPDJFGNFISKJPYKMFKRWPYGRWFUGXVNDVUVXAFXOFXPF",
    2: "AEDAFNALLAMDAOAARSAUDAWGAZNBAMBBDBDTBMDBNDBOBBRLBSDBTNBWPBYNBZDCADCDFCHFCNYCOPCRCCUPCVECZKDKKDOPDZDEGPERNETBEURFJDFKPGBPGELGHSGIPGMDGTQGYDHKDHNLHTGHUFIDRILSINRIRRJMDKESKGSKHRKPWKYDKZTLAKLBPLKRLRDLSLMADMDLMGAMKDMMKMNTMOPMRUMURMVRMWKMXNMYRMZNNADNGNNIONOKNPRNZDPABPENPGKPHPPKRPLNQARRONRSDRUBSARSBDSCRSDGSEKSGDSHPSLESOSSRDSSPSTNSVCSYPSZLTHBTJSTMTTOPTRYTTDTWDTZSUAHUSDUYUUZSVEDVESWSTXCDXCGYERZARZMWZWG",
    3: "BHDIQDJODKWDLYDOMRTND",
  };

  const WHITE_SPACE = /[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/;
  // With the u flag a surrogate pair is one character, so that the range holds lone ones only.
  const INVALID = /[\0\ud800-\udfff]/u;

  // A form is one kind of object: where it is sent, its types, and its properties in the order they are read, since
  // value is judged by the currency and quantity by the type. "?" is optional.
  /** @type {Form} */
  const LINE = { properties: "productId productName currency value quantity" };
  /** @type {Record<string, Form>} */
  const METHODS = {
    sendInteraction: {
      path: "interactions",
      types: "CHAT FAQ NUDGE",
      properties: "type productId? conversationId? aiProfile?",
    },
    sendCartEvent: {
      path: "cart_events",
      types: "ITEM_ADDED QUANTITY_INCREASED QUANTITY_DECREASED ITEM_REMOVED",
      properties: `type ${LINE.properties} source?`,
    },
    sendCheckoutEvent: {
      path: "checkout_events",
      properties: "orderId? currency value source? lineItems?",
    },
  };

  // What a property must be, its typeof first. All others are text.
  /** @type {Record<string, string>} */
  const EXPECTED = {
    currency: "string: a current ISO 4217 code",
    productName: "string of 1 to 512 characters",
    value: "number from 0 to 1e13 minor units",
    quantity: "number from 0 to 1e6, not 0 if added or ordered",
    lineItems: "object: an array of at most 500",
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
      if (CURRENCIES[decimals].match(/.../g)?.includes(code.toUpperCase())) return decimals;
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
    const [digits, exponent] = String(value).split("e");
    const scaled = +`${digits}e${+(exponent || 0) + +decimals}`;
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
        name === "type" ? "string, one of " + form.types : EXPECTED[name] || "string of 1 to 255 characters";
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
    if (total > 1e18) refuse(path + "value", "too_large", "value × quantity up to 1e15 minor units", value);
    if (lines) {
      // Spread, so that holes are visited.
      fields.line_items = [...lines].map((line, index) => read(LINE, line, `lineItems[${index}]`, refuse, currency));
    }
    return fields;
  }

  // --------------------------------------------------------------------------------------------------- Identity

  const UUID = "([\\da-f-]{36})";
  const COOKIE = RegExp(`\\b${key}=1\\.${UUID}\\.${UUID}\\.(\\d+)`);

  /**
   * Used only where cookies are blocked. The cookie is read each time: another tab may have changed it.
   *
   * @type {Visitor | undefined}
   */
  let uncookied;

  /** A version 4 UUID. crypto.randomUUID is missing on plain-http pages. */
  const uuid = () =>
    "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, (letter) => {
      const digit = crypto.getRandomValues(new Uint8Array(1))[0] & 15;
      return (letter === "x" ? digit : (digit & 3) | 8).toString(16);
    });

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
    if (typeof decision !== "boolean") return complain("setConsent expected boolean, got", decision);
    consent = decision;
    if (!decision) purge();
    for (const admit of held.splice(0)) admit();
  }

  function purge() {
    events.length = 0;
    orders = [];
    attempt(() => delete sessionStorage[key]);
    uncookied = undefined;
    writeCookie("", 0);
  }

  // ----------------------------------------------------------------------------------------------------- Orders
  // Whoever reloads the thank-you page reports its order again. The server would drop it; this spares the call.

  /** @type {unknown[]} ids of those that were delivered, the latest last */
  let orders = attempt(() => [...JSON.parse(sessionStorage[key])]) || [];

  /** @param {unknown} id */
  function keepOrder(id) {
    orders = [...orders, id].slice(-20);
    attempt(() => (sessionStorage[key] = JSON.stringify(orders)));
  }

  // -------------------------------------------------------------------------------------------------- Transport
  // One event after the other, each when the one before was answered: an interaction must be recorded before what it
  // may earn.

  /** @type {TrackedEvent[]} */
  const events = [];
  /** @type {any} the timer of the pause, if there is one */
  let pause;
  let failed = 0;

  /** @param {boolean} [isLeaving] the page may go away: whatever waits is sent without waiting for answers */
  function flush(isLeaving) {
    if (pause && !isLeaving) return;
    for (const event of isLeaving ? events : events.slice(0, 1)) if (!event.isSending) send(event);
  }

  /**
   * Sends an event once, and settles what becomes of it. Never rejects.
   *
   * @param {TrackedEvent} event
   */
  async function send(event) {
    const { method, body } = event;
    let status = 0;
    /** @type {unknown} */
    let answer;
    event.isSending = true;
    try {
      // A string goes as text/plain, which needs no preflight.
      const text = JSON.stringify({ ...body, sent_at: new Date() });
      const response = await fetch(`${config.endpoint}analytics/${METHODS[method].path}`, {
        method: "POST",
        body: text,
        credentials: "omit",
        // What outlives the page may have 64 KiB: this many UTF-16 units never exceed them.
        keepalive: text.length < 20000,
      });
      status = response.status;
      answer = await response.text();
    } catch (error) {
      answer = error;
    }
    event.isSending = false;
    // It was purged on its way.
    if (!events.includes(event)) return;
    explain(method, "answered", status, answer);
    if (/^(0|408|425|429|5(?!01|05)..)$/.test(`${status}`)) {
      // The jitter keeps browsers that failed together from coming back together.
      clearTimeout(pause);
      pause = setTimeout(() => {
        pause = 0;
        flush();
      }, (1 + Math.random()) * Math.min(30000, 500 * 2 ** failed++));
      return;
    }
    failed = 0;
    events.splice(events.indexOf(event), 1);
    if (status > 299) complain(method, "was refused:", status, answer);
    else if (body.order_id) keepOrder(body.order_id);
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
      const time = Date.now();
      body.event_id = uuid();
      body.occurred_at = new Date(time);

      const admit = () => {
        const id = body.order_id;
        const known = [...orders, ...events.map((event) => event.body.order_id)];
        const visitor = !(id && known.includes(id)) && visitorAt(time, method === "sendInteraction");
        if (!visitor) return explain(method, "not sent: no consent, no recent interaction, or sent before");
        body.company_key = config.companyKey;
        body.user_fingerprint = visitor.user;
        body.user_faq_fingerprint = visitor.faq;
        keep(events, { method, body });
        flush();
      };
      if (consent === undefined) keep(held, admit);
      else admit();
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
      else if (Object.keys(METHODS).includes(method)) {
        record(method, data);
        if (method !== "sendInteraction") forward(method, data);
      } else complain("no such method:", method);
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
    if (listen && met !== window.gleenWidget) {
      met = window.gleenWidget;
      listen("ticket:message_submitted", () => interact("CHAT"));
      listen("faqs:question_clicked", () => interact("FAQ"));
      listen("faqs:message_submitted", () => interact("FAQ"));
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

  guarded(() => {
    if (window._alhenaTracker) return;
    if (!config.companyKey || !config.endpoint) return complain("data-company-key or data-endpoint is missing");
    window._alhenaTracker = true;
    if (isOptedOut()) purge();

    // Capturing: the page may stop an event on its way.
    document.addEventListener("click", capture, true);
    document.addEventListener("submit", capture, true);
    document.addEventListener("visibilitychange", () => flush(document.hidden));
    window.addEventListener("pagehide", () => flush(true));

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
    const replay = guarded((/** @type {{ method: unknown, args: unknown }} */ call) => track(call.method, call.args));
    const queue = window._alhenaEventQueue || [];
    queue.splice(0).forEach(replay);
    // Whoever kept the snippet's function goes on pushing here.
    queue.push = (call) => (replay(call), 0);

    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", readPage);
    else readPage();
  })();
})();

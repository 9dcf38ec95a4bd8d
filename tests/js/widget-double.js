/*
 * A test double of the Alhena widget, written from the public documentation of its methods and events
 * (https://alhena.ai/docs/developer-reference/website-sdk/javascript-api and …/events, November 2026): a classic script
 * that finds its configuration in document.gleenConfig, owns window.gleenWidget, and fires widget:loaded a moment later.
 *
 * Beyond that, for the tests: `calls` holds the calls it received, `emit` fires its events, and with
 * `gleenConfig.takesOver` it handles what the snippet has queued, and puts a trackAlhenaEvent of its own into its place.
 */
(() => {
  "use strict";

  const { company, userFingerprint, faqFingerprint, takesOver } = /** @type {any} */ (document).gleenConfig;
  if (!company) return;
  /** @type {Record<string, ((data?: unknown) => void)[]>} */
  const listeners = {};
  /** @type {unknown[][]} */
  const calls = [];
  let isLoaded = false;

  const widget = {
    calls,

    /** @param {string} name @param {(data?: unknown) => void} callback */
    on(name, callback) {
      (listeners[name] ||= []).push(callback);
    },

    /** @param {string} name @param {unknown} [data] */
    emit(name, data) {
      for (const callback of listeners[name] || []) callback(data);
    },

    // The legacy calls, which use `this`: taking them off the widget breaks them.
    /** @param {unknown} data */
    sendCartEvent(data) {
      this.calls.push(["sendCartEvent", data]);
    },
    /** @param {unknown} data */
    sendCheckoutEvent(data) {
      this.calls.push(["sendCheckoutEvent", data]);
    },

    // Fingerprints are known once it is loaded.
    getFingerprint: () => (isLoaded ? userFingerprint : undefined),
    getFAQFingerprint: () => (isLoaded ? faqFingerprint : undefined),

    open() {},
    close() {},
    /** @param {unknown} text */
    sendMessage(text) {
      widget.emit("ticket:message_submitted", { message: text });
      widget.emit("ticket:bot_response_finished", { message: "An answer" });
    },
    unload() {
      delete window.gleenWidget;
    },
  };

  window.gleenWidget = widget;
  if (takesOver) {
    /** @param {any} method @param {unknown} data */
    const call = (method, data) => /** @type {any} */ (widget)[method]?.(data);
    for (const { method, args } of (window._alhenaEventQueue || []).splice(0)) call(method, args);
    window.trackAlhenaEvent = call;
  }
  setTimeout(() => {
    isLoaded = true;
    widget.emit("widget:loaded");
  }, 50);
})();

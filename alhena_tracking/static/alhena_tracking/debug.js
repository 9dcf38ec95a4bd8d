/*
 * Logs the outcome of every event to the console.
 *
 * The tracker loads this file in debug mode (data-debug or ?alhena_debug=1) and writes notes for it.
 */
(() => {
  "use strict";

  /** @typedef {{ status?: string, reason?: string }} Result the server's answer for one event */

  const { companyKey, endpoint, window: seconds } = document.currentScript?.dataset || {};

  /** @param {unknown[]} message */
  const say = (...message) => console.info("Alhena:", ...message);

  /** @param {number} count */
  const events = (count) => (count === 1 ? "1 event" : `${count} events`);

  /** @param {string | undefined} reason */
  const ignored = (reason) =>
    ({
      no_interaction: "the server has no interaction of this visitor within the attribution window",
      privacy_signal: "the browser asks not to be tracked",
      bot: "the user agent is that of a bot",
      test: "this browser is in test mode, which ?alhena_test=0 ends; otherwise it would have been stored as shown",
    })[reason || ""] || reason;

  /**
   * @param {number} status
   * @param {Result} result
   */
  function answered(status, result) {
    if (status === 403) {
      return `rejected (403): is "${companyKey}" the company's key, and ${location.origin} one of its allowed origins?`;
    }
    if (status === 404) return `rejected (404): is alhena_tracking.urls included at ${endpoint}?`;
    if (status !== 200) return `rejected (${status}); it will not be sent again.`;
    if (result.status === "recorded") return "recorded.";
    if (result.status === "duplicate") return "duplicate: it was recorded before and counts once.";
    if (result.status === "ignored") return `received but not recorded: ${ignored(result.reason)}.`;
    return `${result.status}.`;
  }

  /** @param {unknown} consent */
  function unsent(consent) {
    if (consent === false) return "not sent: the visitor declined (setConsent).";
    if (navigator.globalPrivacyControl) return "not sent: the browser asks not to be tracked (Global Privacy Control).";
    return (
      `not sent: the visitor has not used the assistant in the last ${+(seconds || 86400) / 3600} hours. ` +
      "Ask it a question, open an FAQ, or call trackAlhenaEvent('sendInteraction', {type: 'CHAT'})."
    );
  }

  /** @type {Record<string, (...details: any[]) => void>} by the kind of note */
  const MESSAGES = {
    held: (method, data) => say(method, data, "held in memory until trackAlhenaEvent('setConsent', true)."),
    decided: (method, data, isKnown, visitor, consent) =>
      say(
        method,
        data,
        isKnown ? `not sent: order ${data.order_id} was reported before, with the same value.`
        : !visitor ? unsent(consent)
        : data.errors ? "will be reported to the shop's staff."
        : "will be sent.",
      ),
    answered: (method, data, status, result) => data.errors || say(method, data, answered(status, result)),
    failed: (count, status, wait) =>
      say(
        `${events(count)} could not be delivered (${status ? "the server answered " + status : "no answer"});`,
        `next attempt in ${Math.ceil(wait / 1000)} seconds.`,
      ),
  };

  /** @param {unknown[]} note */
  const explain = ([kind, ...details]) => MESSAGES[String(kind)]?.(...details);

  const notes = window._alhenaNotes;
  if (!notes) return;
  say(`debug mode, company "${companyKey}", endpoint ${endpoint}`);
  notes.splice(0).forEach(explain);
  notes.push = (note) => (explain(note), 0);
})();

/*
 * Says in the console what became of every event, in words a shop developer understands.
 *
 * The tracker requests this file where debug mode is on (data-debug, or ?alhena_debug=1), and notes for it what it does.
 */
(() => {
  "use strict";

  /** @typedef {{ status?: string, reason?: string }} Result what the server says of one event */

  const { companyKey, endpoint, window: seconds } = document.currentScript?.dataset || {};

  /** @param {unknown[]} message */
  const say = (...message) => console.info("Alhena:", ...message);

  /** @param {number} count */
  const events = (count) => (count === 1 ? "1 event" : `${count} events`);

  /** @param {string | undefined} reason */
  const ignored = (reason) =>
    ({
      no_interaction: "the server knows of no interaction of this visitor within the attribution window",
      privacy_signal: "the browser asks not to be tracked",
      bot: "the user agent says that it is a robot",
    })[reason || ""] || reason;

  /**
   * @param {number} status
   * @param {Result} result
   */
  function answered(status, result) {
    if (status === 403) {
      return `refused (403): is "${companyKey}" the company's key, and ${location.origin} among its allowed origins?`;
    }
    if (status === 404) return `refused (404): is alhena_tracking.urls included at ${endpoint}?`;
    if (status !== 200) return `refused (${status}), and not sent again.`;
    if (result.status === "recorded") return "recorded.";
    if (result.status === "duplicate") return "the server had it already; it counts once.";
    if (result.status === "ignored") return `received, but not recorded: ${ignored(result.reason)}.`;
    return `${result.status}.`;
  }

  /** @param {unknown} consent */
  function unsent(consent) {
    if (consent === false) return "not sent: the visitor has declined (setConsent).";
    if (navigator.globalPrivacyControl) return "not sent: the browser asks not to be tracked (Global Privacy Control).";
    return (
      `not sent: the visitor has not used the assistant within ${+(seconds || 86400) / 3600} hours. ` +
      "Ask it something, open an FAQ, or call trackAlhenaEvent('sendInteraction', {type: 'CHAT'})."
    );
  }

  /** @type {Record<string, (...about: any[]) => void>} by the kind of note */
  const WORDS = {
    queued: (method, data) => say(method, data, "will be sent."),
    held: (method, data) => say(method, data, "waits in memory for trackAlhenaEvent('setConsent', true)."),
    repeated: (method, data) => say(method, data, `not sent: order ${data.order_id} was reported before.`),
    nobody: (method, data, consent) => say(method, data, unsent(consent)),
    answered: (method, data, status, result) => say(method, data, answered(status, result)),
    failed: (count, status, wait) =>
      say(
        `${events(count)} could not be delivered (${status ? "the server answered " + status : "no answer"});`,
        `the next attempt follows in ${Math.ceil(wait / 1000)} seconds.`,
      ),
  };

  /** @param {unknown[]} note */
  const tell = ([kind, ...about]) => WORDS[String(kind)]?.(...about);

  const notes = window._alhenaNotes;
  if (!notes) return;
  say(`debug mode, company "${companyKey}", endpoint ${endpoint}`);
  notes.splice(0).forEach(tell);
  notes.push = (note) => (tell(note), 0);
})();

/**
 * The recipes of docs/consent.md, each run as it stands there against a stub of what the platform documents and against
 * the tracker.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { CART, ORDER, SNIPPET, openPage } from "./page.js";

const PAGE = readFileSync(new URL("../../docs/consent.md", import.meta.url), "utf8");

/** By their headings. */
const RECIPES = Object.fromEntries(
  [...PAGE.matchAll(/^## (.+)\n[^]*?^```js\n([^]*?)^```$/gm)].map(([, platform, code]) => [platform, code]),
);

/**
 * A stub: what the platform defines before the recipe runs and, once it has run, what it does when a page is loaded and
 * when the visitor chooses. `choice` is what it knows when the page is loaded: undefined where nothing was chosen yet,
 * null where nobody has to. Some report a refusal where nothing was chosen, as the page says.
 *
 * @typedef {(window: any, globals: Record<string, any>) => {
 *   load?: (choice: boolean | undefined | null) => void,
 *   choose: (choice: boolean) => void,
 *   reportsTooEarly?: boolean,
 * }} Platform
 */

/** @param {any} target @param {string} name @param {unknown} [detail] */
const dispatch = (target, name, detail) => {
  const { CustomEvent } = target.defaultView || target;
  target.dispatchEvent(new CustomEvent(name, { detail }));
};

/** @type {Record<string, Platform>} */
const PLATFORMS = {
  Cookiebot(window, globals) {
    globals.Cookiebot = { consent: { necessary: true, preferences: false, statistics: false, marketing: false } };
    const choose = (/** @type {boolean} */ choice) => {
      globals.Cookiebot.consent.statistics = choice;
      dispatch(window, choice ? "CookiebotOnAccept" : "CookiebotOnDecline");
    };
    return { load: (choice) => choice != null && choose(choice), choose };
  },

  OneTrust(window, globals) {
    const update = (/** @type {boolean} */ isActive) => {
      globals.OnetrustActiveGroups = isActive ? ",C0001,C0002," : ",C0001,";
      dispatch(window, "OneTrustGroupsUpdated", isActive ? ["C0001", "C0002"] : ["C0001"]);
    };
    return {
      load: (choice) => update(choice === true),
      choose(choice) {
        update(choice);
        dispatch(window, "OTConsentApplied");
      },
    };
  },

  Usercentrics(window) {
    const report = (/** @type {string} */ action, /** @type {string} */ type, /** @type {boolean} */ isGiven) =>
      dispatch(window, "ucEvent", { event: "consent_status", action, type, Alhena: isGiven, ucCategory: {} });
    return {
      load: (choice) => report("onInitialPageLoad", choice === undefined ? "implicit" : "explicit", choice === true),
      choose: (choice) => report("onUpdateServices", "EXPLICIT", choice),
    };
  },

  Didomi(window) {
    /** @type {((status: boolean | undefined) => void)[]} */
    const subscribers = [];
    const report = (/** @type {boolean | undefined} */ status) => subscribers.forEach((subscriber) => subscriber(status));
    const Didomi = {
      /** @param {string} vendor */
      getObservableOnUserConsentStatusForVendor: (vendor) => ({
        /** @param {(status: boolean | undefined) => void} subscriber */
        subscribe: (subscriber) => assert.equal(vendor, "alhena") ?? subscribers.push(subscriber),
      }),
    };
    return {
      load(choice) {
        window.didomiOnReady.forEach((/** @type {any} */ callback) => callback(Didomi));
        report(choice ?? undefined);
      },
      choose: report,
    };
  },

  CookieYes: ({ document }) => ({
    load: (choice) =>
      dispatch(document, "cookieyes_banner_load", {
        categories: { necessary: true, analytics: choice === true },
        isUserActionCompleted: choice !== undefined,
      }),
    choose: (choice) =>
      dispatch(document, "cookieyes_consent_update", {
        accepted: choice ? ["necessary", "analytics"] : ["necessary"],
        rejected: choice ? [] : ["analytics"],
      }),
  }),

  Klaro(_, globals) {
    globals.klaroConfig = { services: [] };
    const report = (/** @type {boolean} */ choice) =>
      globals.klaroConfig.services.forEach((/** @type {any} */ service) => service.callback(choice, service));
    return { load: (choice) => report(choice === true), choose: report, reportsTooEarly: true };
  },

  tarteaucitron(_, globals) {
    globals.tarteaucitron = { services: {} };
    const report = (/** @type {boolean} */ choice) => {
      for (const key of globals.tarteaucitron.job) {
        const service = globals.tarteaucitron.services[key];
        assert.deepEqual([service.key, service.needConsent], [key, true]);
        if (choice) service.js();
        else service.fallback();
      }
    };
    return { load: (choice) => report(choice === true), choose: report, reportsTooEarly: true };
  },

  "IAB Transparency and Consent Framework"(_, globals) {
    /** @type {((data: unknown, success: boolean) => void)[]} */
    const listeners = [];
    const report = (/** @type {string} */ eventStatus, /** @type {boolean} */ isGiven) =>
      listeners.forEach((listener) =>
        listener({ gdprApplies: true, eventStatus, purpose: { consents: { 1: isGiven } } }, true),
      );
    const applyNot = () => listeners.forEach((listener) => listener({ gdprApplies: false, cmpId: 1000 }, true));
    globals.__tcfapi = (/** @type {string} */ command, /** @type {number} */ version, /** @type {any} */ listener) => {
      assert.deepEqual([command, version], ["addEventListener", 2]);
      listeners.push(listener);
    };
    return {
      load(choice) {
        if (choice === null) applyNot();
        else if (choice === undefined) report("cmpuishown", false);
        else report("tcloaded", choice);
      },
      choose: (choice) => report("useractioncomplete", choice),
    };
  },

  "Google Consent Mode"(_, globals) {
    /** @type {unknown[][]} */
    const commands = [];
    globals.gtag = (/** @type {unknown[]} */ ...command) => commands.push(command);
    return {
      choose(choice) {
        globals.onChoice(choice);
        const [command, about, { analytics_storage }] = /** @type {any[]} */ (commands.at(-1));
        assert.deepEqual([command, about, analytics_storage], ["consent", "update", choice ? "granted" : "denied"]);
      },
    };
  },
};

/**
 * A page of a shop that requires consent, with the recipe where the page says: after the snippet, before the platform.
 *
 * @param {string} name
 */
function open(name) {
  const page = openPage({ attributes: { "data-consent": "required" }, load: false });
  const { window, document } = page;
  /** @type {Record<string, any>} what the recipe finds in its global scope, and what it defines there */
  const globals = {
    window,
    document,
    addEventListener: window.addEventListener.bind(window),
    trackAlhenaEvent: page.track,
  };
  const platform = PLATFORMS[name](window, globals);
  page.run(SNIPPET);
  runInNewContext(RECIPES[name], globals);
  return { page, ...platform };
}

/** @param {any} page */
const visit = (page) => {
  page.track("sendInteraction", { type: "CHAT" });
  page.track("sendCartEvent", CART);
};

/** @param {any} page */
const stored = ({ window, cookie }) => [window.localStorage.length, window.sessionStorage.length, cookie];

test("each recipe of the page is tested here", () => {
  assert.deepEqual(Object.keys(RECIPES), Object.keys(PLATFORMS));
});

for (const name of Object.keys(PLATFORMS)) {
  test(`${name}: consent that is given lets events go, and withdrawn purges`, async () => {
    const { page, load, choose, reportsTooEarly } = open(name);
    visit(page);
    page.loadTracker();
    load?.(undefined);
    await page.deliver();
    assert.deepEqual(page.sent, []);
    assert.deepEqual(stored(page), [0, 0, null]);

    choose(true);
    if (reportsTooEarly) visit(page);
    await page.deliver();
    assert.deepEqual(page.paths, ["interactions", "cart_events"]);
    page.track("sendCheckoutEvent", ORDER);
    await page.deliver();
    assert.equal(page.sent.length, 3);
    assert.equal(page.window.sessionStorage.length, 1);

    page.track("sendCartEvent", CART);
    choose(false);
    visit(page);
    await page.deliver();
    assert.equal(page.sent.length, 3);
    assert.deepEqual(stored(page), [0, 0, null]);
    assert.deepEqual(page.errors, []);
  });

  test(`${name}: consent that is denied drops what was held, for good`, async () => {
    const { page, load, choose } = open(name);
    visit(page);
    page.loadTracker();
    load?.(undefined);
    choose(false);
    visit(page);
    choose(true);
    await page.deliver();
    assert.deepEqual(page.sent, []);
    assert.deepEqual(stored(page), [0, 0, null]);
    assert.deepEqual(page.errors, []);
  });

  for (const isFirst of [true, false]) {
    const when = isFirst ? "before" : "after";
    test(`${name}: a choice of an earlier page is known ${when} the tracker`, async (context) => {
      const { page, load } = open(name);
      if (!load) return context.skip("reports no earlier choice by itself");
      if (isFirst) load(true);
      visit(page);
      page.loadTracker();
      if (!isFirst) load(true);
      await page.deliver();
      assert.deepEqual(page.paths, ["interactions", "cart_events"]);

      const denied = open(name);
      if (isFirst) denied.load?.(false);
      visit(denied.page);
      denied.page.loadTracker();
      if (!isFirst) denied.load?.(false);
      await denied.page.deliver();
      assert.deepEqual(denied.page.sent, []);
      assert.deepEqual(stored(denied.page), [0, 0, null]);
    });
  }
}

test("where the GDPR does not apply, the framework asks nobody", async () => {
  const { page, load } = open("IAB Transparency and Consent Framework");
  visit(page);
  page.loadTracker();
  // Then the specification leaves all but four properties out.
  load?.(null);
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions", "cart_events"]);
});

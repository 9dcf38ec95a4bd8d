/*
 * What the snippet and the tracker of alhena_tracking give to a page, for a shop that writes TypeScript.
 *
 * Copy this file into your project, or refer to it where your package manager has put it:
 *
 *   /// <reference path="…/alhena_tracking/static/alhena_tracking/alhena.d.ts" />
 *
 * It declares globals and imports nothing. What a type cannot say, the tracker checks when it is called: an event that
 * breaks a rule is not sent, and the console names the rule.
 */

declare namespace Alhena {
  /**
   * Strings are trimmed, then not empty, at most 255 characters (a product's name: 512), and hold neither NUL nor lone
   * surrogates.
   */
  interface CartEvent {
    /** What happened to the product. */
    type: "ITEM_ADDED" | "QUANTITY_INCREASED" | "QUANTITY_DECREASED" | "ITEM_REMOVED";
    /** The shop's id of the product. */
    productId: string;
    /** The product's name, for people. */
    productName: string;
    /** ISO 4217, such as "EUR", in upper or lower case. */
    currency: string;
    /**
     * The price of one, after discounts, in the currency's usual unit: 89.5 is 89.50 euros. From 0. (Where the shop's
     * settings have CART_EVENT_VALUE = "total": that of all that is left in the cart.)
     */
    value: number;
    /** How many are left in the cart AFTER the action. Above 0 if added or increased; three decimals are kept. */
    quantity: number;
    /** Free text, such as "SHOPIFY". */
    source?: string | null;
  }

  interface LineItem {
    /** The shop's id of the product. */
    productId: string;
    /** The product's name, for people. */
    productName: string;
    /** The order's currency. */
    currency: string;
    /**
     * The line's total, price × quantity, in the currency's usual unit. (Where the shop's settings have
     * LINE_ITEM_VALUE = "unit": the price of one.)
     */
    value: number;
    /** How many were bought. Above 0. */
    quantity: number;
  }

  interface CheckoutEvent {
    /** The shop's id of the order; the same id is never counted twice. Always give it; "" is an error. */
    orderId?: string | null;
    /** ISO 4217, such as "EUR", in upper or lower case. */
    currency: string;
    /** The order's total, after discounts and taxes, in the currency's usual unit. From 0. */
    value: number;
    /** Free text, such as "SHOPIFY". */
    source?: string | null;
    /** What was bought: at most 500, all in the order's currency. */
    lineItems?: readonly LineItem[] | null;
  }

  interface Interaction {
    /** What of the assistant was used. */
    type: "CHAT" | "FAQ" | "NUDGE";
    /** The product that it was about. */
    productId?: string | null;
    /** The conversation. */
    conversationId?: string | null;
    /** Which of several assistants it was. */
    aiProfile?: string | null;
  }

  /** A call that waits for the tracker. */
  type Call =
    | { method: "sendCartEvent"; args: CartEvent }
    | { method: "sendCheckoutEvent"; args: CheckoutEvent }
    | { method: "sendInteraction"; args: Interaction }
    | { method: "setConsent"; args: boolean };

  /** The calls of older code. The real Alhena widget has more; where there is one, it stands here. */
  interface Widget {
    /** As trackAlhenaEvent("sendCartEvent", data). */
    sendCartEvent(data: CartEvent): void;
    /** As trackAlhenaEvent("sendCheckoutEvent", data). */
    sendCheckoutEvent(data: CheckoutEvent): void;
    /** The visitor's id in the chat, a UUID; "" or undefined where there is none. */
    getFingerprint(): string | undefined;
    /** The visitor's id in the FAQ, a UUID; "" or undefined where there is none. */
    getFAQFingerprint(): string | undefined;
  }
}

/** Reports a change of the cart, if the visitor has used the assistant. */
declare function trackAlhenaEvent(method: "sendCartEvent", data: Alhena.CartEvent): void;
/** Reports an order, if the visitor has used the assistant. */
declare function trackAlhenaEvent(method: "sendCheckoutEvent", data: Alhena.CheckoutEvent): void;
/** Says that the visitor uses the assistant just now. */
declare function trackAlhenaEvent(method: "sendInteraction", data: Alhena.Interaction): void;
/**
 * Says what the visitor has chosen: true sends what was held, false drops it and removes all that was stored. Needed
 * only where the shop's settings have REQUIRE_CONSENT; false works everywhere.
 */
declare function trackAlhenaEvent(method: "setConsent", data: boolean): void;

/** The snippet's queue: what is pushed before the tracker is loaded is handled then, and at once later on. */
declare var _alhenaEventQueue: Alhena.Call[];

/** There once the tracker, or the real Alhena widget, is loaded. */
declare var gleenWidget: Alhena.Widget | undefined;

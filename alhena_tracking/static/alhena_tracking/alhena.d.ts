/*
 * Types of the globals that the snippet and the tracker of alhena_tracking define.
 *
 * Copy this file into your project, or reference it in the installed package:
 *
 *   /// <reference path="…/alhena_tracking/static/alhena_tracking/alhena.d.ts" />
 *
 * It declares globals and imports nothing. The tracker checks what types cannot express. An invalid event is not sent,
 * and the console names the error.
 */

declare namespace Alhena {
  /**
   * Strings are trimmed. They must not be empty, have at most 255 characters (a product's name: 512), and contain
   * neither NUL nor lone surrogates.
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
     * The unit price after discounts, in the currency's main unit: 89.5 is 89.50 euros. Not negative. (With
     * CART_EVENT_VALUE = "total" in the shop's settings: the unit price × the quantity left in the cart.)
     */
    value: number;
    /** The quantity in the cart AFTER the action. Above 0 if added or increased; rounded to three decimals. */
    quantity: number;
    /** The quantity in the cart before the action. Left out if invalid; the event is sent without it. */
    previousQuantity?: number | null;
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
     * The line's total, price × quantity, in the currency's main unit. (With LINE_ITEM_VALUE = "unit" in the shop's
     * settings: the unit price.)
     */
    value: number;
    /** The quantity bought. Above 0. */
    quantity: number;
  }

  interface CheckoutEvent {
    /** The shop's id of the order. The same id never counts twice, so always pass it; "" is an error. */
    orderId?: string | null;
    /** ISO 4217, such as "EUR", in upper or lower case. */
    currency: string;
    /** The order's total after discounts and taxes, in the currency's main unit. Not negative. */
    value: number;
    /** Free text, such as "SHOPIFY". */
    source?: string | null;
    /** The products bought: at most 500, all in the order's currency. */
    lineItems?: readonly LineItem[] | null;
    /** The tax in the value. Left out if invalid, as the next two; the order is sent without it. */
    tax?: number | null;
    /** The shipping costs in the value. */
    shipping?: number | null;
    /** The discounts that the value is less by. */
    discount?: number | null;
  }

  interface Interaction {
    /** The part of the assistant that was used. */
    type: "CHAT" | "FAQ" | "NUDGE";
    /** The product it was about. */
    productId?: string | null;
    /** The id of the conversation. */
    conversationId?: string | null;
    /** The name of the assistant, if the shop has several. */
    aiProfile?: string | null;
    /** Up to 20 ids of products that the assistant recommended. Left out if invalid. */
    recommendedProductIds?: readonly string[] | null;
  }

  /** A call in the queue. */
  type Call =
    | { method: "sendCartEvent"; args: CartEvent }
    | { method: "sendCheckoutEvent"; args: CheckoutEvent }
    | { method: "sendInteraction"; args: Interaction }
    | { method: "setConsent"; args: boolean };

  /** The legacy calls. If the page has the Alhena widget, this is the widget, which has further methods. */
  interface Widget {
    /** Same as trackAlhenaEvent("sendCartEvent", data). */
    sendCartEvent(data: CartEvent): void;
    /** Same as trackAlhenaEvent("sendCheckoutEvent", data). */
    sendCheckoutEvent(data: CheckoutEvent): void;
    /** The visitor's id in the chat, a UUID; "" or undefined if there is none. */
    getFingerprint(): string | undefined;
    /** The visitor's id in the FAQ, a UUID; "" or undefined if there is none. */
    getFAQFingerprint(): string | undefined;
  }
}

/** Report a change of the cart, if the visitor used the assistant. */
declare function trackAlhenaEvent(method: "sendCartEvent", data: Alhena.CartEvent): void;
/** Report an order, if the visitor used the assistant. */
declare function trackAlhenaEvent(method: "sendCheckoutEvent", data: Alhena.CheckoutEvent): void;
/** Report that the visitor uses the assistant now. */
declare function trackAlhenaEvent(method: "sendInteraction", data: Alhena.Interaction): void;
/**
 * Report the visitor's choice: true sends the events held back, false drops them and removes all stored data. Needed
 * only with REQUIRE_CONSENT in the shop's settings; false always works.
 */
declare function trackAlhenaEvent(method: "setConsent", data: boolean): void;

/** The snippet's queue. The tracker handles its calls when it loads, and later ones at once. */
declare var _alhenaEventQueue: Alhena.Call[];

/** Defined once the tracker or the Alhena widget is loaded. */
declare var gleenWidget: Alhena.Widget | undefined;

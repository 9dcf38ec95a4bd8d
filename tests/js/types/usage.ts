/// <reference path="../../../alhena_tracking/static/alhena_tracking/alhena.d.ts" />

/**
 * How a shop's TypeScript uses alhena.d.ts. It is compiled and never run: what is right has to pass, and each line
 * after `@ts-expect-error` has to fail.
 */

const CART: Alhena.CartEvent = {
  type: "ITEM_ADDED",
  productId: "SKU-1",
  productName: "Gooseneck kettle",
  value: 89.5,
  currency: "EUR",
  quantity: 2,
};
const LINE: Alhena.LineItem = {
  productId: "SKU-1",
  productName: "Gooseneck kettle",
  value: 179,
  currency: "EUR",
  quantity: 2,
};
const ORDER: Alhena.CheckoutEvent = { orderId: "1001", value: 179, currency: "EUR", lineItems: [LINE] };

// --------------------------------------------------------------------------------------------------------- Right

trackAlhenaEvent("sendCartEvent", CART);
trackAlhenaEvent("sendCartEvent", { ...CART, type: "QUANTITY_INCREASED", quantity: 0.25, source: "SHOPIFY" });
trackAlhenaEvent("sendCartEvent", { ...CART, type: "QUANTITY_DECREASED" });
trackAlhenaEvent("sendCartEvent", { ...CART, type: "ITEM_REMOVED", quantity: 0 });
trackAlhenaEvent("sendCheckoutEvent", ORDER);
trackAlhenaEvent("sendCheckoutEvent", { value: 179, currency: "EUR" });
trackAlhenaEvent("sendCheckoutEvent", { orderId: null, value: 179, currency: "EUR", lineItems: null });
trackAlhenaEvent("sendCheckoutEvent", { ...ORDER, lineItems: [LINE, LINE] as const });
trackAlhenaEvent("sendInteraction", { type: "CHAT", conversationId: "c-9", aiProfile: "wine" });
trackAlhenaEvent("sendInteraction", { type: "FAQ", productId: "SKU-1" });
trackAlhenaEvent("sendInteraction", { type: "NUDGE", productId: null });
trackAlhenaEvent("setConsent", true);
trackAlhenaEvent("setConsent", false);
window.trackAlhenaEvent("sendCartEvent", CART);
window._alhenaEventQueue.push({ method: "sendCartEvent", args: CART }, { method: "setConsent", args: true });
window.gleenWidget?.sendCartEvent(CART);
window.gleenWidget?.sendCheckoutEvent(ORDER);
const fingerprints: (string | undefined)[] = [gleenWidget?.getFingerprint(), gleenWidget?.getFAQFingerprint()];
export { fingerprints };

// --------------------------------------------------------------------------------------------------------- Wrong

// @ts-expect-error A number as text.
trackAlhenaEvent("sendCartEvent", { ...CART, value: "89.50" });
// @ts-expect-error An amount in an object.
trackAlhenaEvent("sendCartEvent", { ...CART, value: { amount: 89.5 } });
// @ts-expect-error A quantity as text.
trackAlhenaEvent("sendCartEvent", { ...CART, quantity: "2" });
// @ts-expect-error An id that is a number.
trackAlhenaEvent("sendCartEvent", { ...CART, productId: 1 });
// @ts-expect-error A name that may be missing.
trackAlhenaEvent("sendCartEvent", { ...CART, productName: null });
// @ts-expect-error No such type.
trackAlhenaEvent("sendCartEvent", { ...CART, type: "ADDED" });
// @ts-expect-error A type in another case.
trackAlhenaEvent("sendCartEvent", { ...CART, type: "item_added" });
// @ts-expect-error No quantity.
trackAlhenaEvent("sendCartEvent", { type: "ITEM_ADDED", productId: "1", productName: "Tea", value: 4, currency: "EUR" });
// @ts-expect-error No currency.
trackAlhenaEvent("sendCartEvent", { type: "ITEM_ADDED", productId: "1", productName: "Tea", value: 4, quantity: 1 });
// @ts-expect-error A property of the HTTP API.
trackAlhenaEvent("sendCartEvent", { ...CART, product_id: "SKU-1" });
// @ts-expect-error No data.
trackAlhenaEvent("sendCartEvent");
// @ts-expect-error An order without its value.
trackAlhenaEvent("sendCheckoutEvent", { orderId: "1001", currency: "EUR" });
// @ts-expect-error An order's id that is a number.
trackAlhenaEvent("sendCheckoutEvent", { ...ORDER, orderId: 1001 });
// @ts-expect-error One line that is no array.
trackAlhenaEvent("sendCheckoutEvent", { ...ORDER, lineItems: LINE });
// @ts-expect-error A line without its quantity.
trackAlhenaEvent("sendCheckoutEvent", { ...ORDER, lineItems: [{ ...LINE, quantity: undefined }] });
// @ts-expect-error The data of another method.
trackAlhenaEvent("sendCartEvent", ORDER);
// @ts-expect-error No such kind of interaction.
trackAlhenaEvent("sendInteraction", { type: "EMAIL" });
// @ts-expect-error No kind of interaction.
trackAlhenaEvent("sendInteraction", {});
// @ts-expect-error Consent as text.
trackAlhenaEvent("setConsent", "yes");
// @ts-expect-error Consent that is not known.
trackAlhenaEvent("setConsent", undefined);
// @ts-expect-error No such method.
trackAlhenaEvent("sendRefund", ORDER);
// @ts-expect-error The widget may not be there.
window.gleenWidget.sendCartEvent(CART);
// @ts-expect-error No method of the widget that is declared.
gleenWidget?.sendInteraction({ type: "CHAT" });
// @ts-expect-error A queued call with the data of another method.
window._alhenaEventQueue.push({ method: "setConsent", args: CART });
// @ts-expect-error The queue's word for data is args.
window._alhenaEventQueue.push({ method: "setConsent", data: true });

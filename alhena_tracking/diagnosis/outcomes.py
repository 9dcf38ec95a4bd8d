"""The machine codes that events are counted under, and their words."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

INTERACTION, CART_EVENT, ORDER, REFUND = "sendInteraction", "sendCartEvent", "sendCheckoutEvent", "refund"

#: The reason of events of the shop's own process that nobody was left to raise an error for.
FAILED_AFTER_COMMIT = "failed_after_commit"

METHODS = {
    INTERACTION: _("Interactions"),
    CART_EVENT: _("Cart events"),
    ORDER: _("Orders"),
    REFUND: _("Refunds"),
    "": _("Unknown type"),
}

#: In the order in which they are shown.
OUTCOMES = {
    "recorded": _("Recorded"),
    "held": _("Held back for staff to review"),
    "duplicate": _("Duplicate"),
    "confirmed": _("Confirmed after a browser's report"),
    "corrected": _("Corrected by the shop's server"),
    "pending": _("Confirmed, waiting for a browser's report"),
    "ignored": _("Ignored"),
    "left_out": _("Recorded without a part"),
    "refused_in_browser": _("Refused in the browser"),
    "invalid": _("Rejected"),
    "unauthorized": _("Rejected: not authorized"),
    "forbidden": _("Rejected: not allowed"),
    "too_large": _("Rejected: too large"),
    "unsupported_media_type": _("Rejected: not sent as JSON"),
    "rate_limited": _("Rejected: rate-limited"),
    "error": _("Rejected"),
}

#: Outcomes of valid events that are stored, or were before.
ACCEPTED = {"recorded", "held", "duplicate", "confirmed", "corrected", "pending"}
#: Their words give a reason, which is left out where a more exact one is known.
_REASONED = {"unauthorized", "forbidden", "too_large", "unsupported_media_type", "rate_limited"}

REASONS = {
    "no_interaction": _("the visitor had not used the assistant"),
    "privacy_signal": _("the browser asks not to be tracked"),
    "bot": _("a robot"),
    "test": _("a test by the shop's own people"),
    "too_many_claims": _("more of one visitor than is believable"),
    "above_ceiling": _("a value above the ceiling"),
    "unknown_order": _("a refund of an unknown order"),
    "unknown_company": _("unknown company key"),
    "origin_not_allowed": _("the company does not allow this origin"),
    "invalid_key": _("the secret key is wrong or revoked"),
    "key_required": _("a secret key is required"),
    "rate_limited": _("rate-limited"),
    "parse_error": _("not readable as JSON"),
    "unsupported_media_type": _("not sent as JSON"),
    "method_not_allowed": _("not sent by POST"),
    "too_large": _("too large"),
    "required": _("missing"),
    "wrong_type": _("of the wrong type, such as text instead of a number"),
    "invalid_characters": _("contains characters that cannot be stored"),
    "blank": _("empty"),
    "too_long": _("too long"),
    "not_finite": _("not a finite number"),
    "unclear_total": _("the total may or may not contain tax and shipping"),
    "inexact_float": _("a float with more decimals than the currency has"),
    "not_a_number": _("text that is not a number"),
    "ambiguous_number": _("a number that can be read in two ways"),
    "negative": _("negative"),
    "not_positive": _("not above zero"),
    "too_many": _("too many items"),
    "invalid_choice": _("not one of the allowed values"),
    "unknown_currency": _("not a currency code"),
    "currency_mismatch": _("not the order's currency"),
    "invalid_uuid": _("not a UUID"),
    "constant_uuid": _("a UUID that is the same for everybody"),
    "invalid_datetime": _("not a time with its UTC offset"),
    "too_old": _("too old"),
    "exceeds_order": _("more than the rest of the order"),
    "not_storable": _("rejected by the database"),
    "invalid_signature": _("the signature is not by a secret of the connection"),
    "other_shop": _("of another shop"),
    "stale": _("sent too long ago"),
    "unknown_topic": _("of a topic that is not used"),
    "unreadable": _("not in the shape that the platform documents"),
    "sample": _("a sample notification: the connection works"),
    "disconnected": _("the shop has removed the connection"),
    "pos": _("an order at the shop's till"),
    "draft": _("an order that the shop's staff made"),
    "renewal": _("the renewal of a subscription"),
    "placed_by_agent": _("an order that an outside agent placed"),
    "unpaid": _("not paid yet"),
    "no_money": _("a refund that gives no money back"),
    "no_amounts": _("without amounts, which another topic brings"),
    FAILED_AFTER_COMMIT: _("failed after the shop's commit; the log names the error"),
    "checkout_draft": _("a cart that is no order yet"),
    "by_staff": _("entered by the shop's staff"),
    "failed": _("the payment failed"),
    "deleted": _("deleted in the shop"),
    "part_of_order": _("a part of another order, which counts"),
    "refund_deleted": _("a refund that the shop deleted, which still counts"),
    "no_shop": _("the connection does not name the shop"),
    "insecure": _("the shop's address is no https address"),
    "unreachable": _("the shop's API did not answer"),
    "access_denied": _("the shop's API refused the key"),
    "redirected": _("the shop's API is at another address"),
    "http_error": _("the shop's API answered with an error"),
    "outdated": _("the shop's WooCommerce is older than 5.8"),
}


#: Properties of the browser's calls that are left out where they are invalid; the event is sent without them.
_PARTS = {"previousQuantity", "tax", "shipping", "discount", "recommendedProductIds"}


def of_refusal(method: str, errors: Iterable[tuple[str, str]]) -> str:
    """Return the outcome of a call of which the browser could not use what ``errors`` name: refused, or sent in part.

    ``errors`` are pairs of a property's path and a code. GA4's ``items`` are lines, without which an order is sent.
    """

    def is_part(path: str, code: str) -> bool:
        is_line = method == ORDER and path.startswith("items[")
        return is_line or path in _PARTS or code == "unclear_total"

    return "left_out" if all(is_part(path, code) for path, code in errors) else "refused_in_browser"


def method_text(method: str) -> str:
    return str(METHODS.get(method, method))


def outcome_text(outcome: str, reason: str = "") -> str:
    """Name the outcome of events and the reason: ``Ignored: a robot``."""
    if reason not in REASONS:
        return str(OUTCOMES.get(outcome, outcome))
    word = OUTCOMES["invalid"] if outcome in _REASONED else OUTCOMES.get(outcome, outcome)
    return str(_("%(outcome)s: %(reason)s")) % {"outcome": word, "reason": REASONS[reason]}


def code_text(outcome: str, reason: str) -> str:
    """Name the same for machines: ``ignored · bot``."""
    return " · ".join(filter(None, (outcome, reason if reason != outcome else "")))


def reason_text(code: str) -> str:
    return str(REASONS.get(code, ""))

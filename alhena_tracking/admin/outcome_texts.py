"""Plain words for the machine codes that events are counted under."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

_METHODS = {
    "sendInteraction": _("Interactions"),
    "sendCartEvent": _("Cart events"),
    "sendCheckoutEvent": _("Orders"),
    "refund": _("Refunds"),
    "": _("Not known which"),
}

_OUTCOMES = {
    "recorded": _("Recorded"),
    "duplicate": _("Known already"),
    "confirmed": _("Confirmed after a browser had reported it"),
    "pending": _("Confirmed, waiting for a browser's report"),
    "ignored": _("Ignored"),
    "invalid": _("Refused"),
    "unauthorized": _("Refused: not authorized"),
    "forbidden": _("Refused: not allowed"),
    "too_large": _("Refused: too large"),
    "unsupported_media_type": _("Refused: not sent as JSON"),
    "rate_limited": _("Refused: too many at once"),
    "error": _("Refused"),
}

#: Their words say why, which a reason tells better.
_REASONED = {"unauthorized", "forbidden", "too_large", "unsupported_media_type", "rate_limited"}

#: In the order in which outcomes are shown.
OUTCOMES = tuple(_OUTCOMES)
METHODS = tuple(_METHODS)

REASONS = {
    "no_interaction": _("the visitor had not used the assistant"),
    "privacy_signal": _("the browser asks not to be tracked"),
    "bot": _("a robot"),
    "unknown_order": _("a refund of an order that is not known"),
    "unknown_company": _("no company has this key"),
    "origin_not_allowed": _("the company does not list this origin"),
    "invalid_key": _("the secret key is wrong or revoked"),
    "key_required": _("it needs a secret key"),
    "rate_limited": _("too many at once"),
    "parse_error": _("not readable as JSON"),
    "unsupported_media_type": _("not sent as JSON"),
    "method_not_allowed": _("not sent by POST"),
    "too_large": _("too large"),
    "required": _("missing"),
    "wrong_type": _("of the wrong type, such as text instead of a number"),
    "invalid_characters": _("holds characters that cannot be stored"),
    "blank": _("empty"),
    "too_long": _("too long"),
    "not_finite": _("not a finite number"),
    "negative": _("negative"),
    "not_positive": _("not above zero"),
    "too_many": _("too many items"),
    "invalid_choice": _("none of the allowed words"),
    "unknown_currency": _("not a currency's code"),
    "currency_mismatch": _("not the order's currency"),
    "invalid_uuid": _("not a UUID"),
    "constant_uuid": _("a UUID that is the same for everybody"),
    "invalid_datetime": _("not a time with its offset"),
    "too_old": _("happened more than 72 hours ago"),
    "exceeds_order": _("more than what is left of the order"),
    "not_storable": _("the database refuses it"),
}


def method_text(method: str) -> str:
    return str(_METHODS.get(method, method))


def outcome_text(outcome: str, reason: str) -> str:
    """What became of events, and why: ``Ignored: a robot``."""
    if reason not in REASONS:
        return str(_OUTCOMES.get(outcome, outcome))
    word = _OUTCOMES["invalid"] if outcome in _REASONED else _OUTCOMES.get(outcome, outcome)
    return str(_("%(outcome)s: %(reason)s")) % {"outcome": word, "reason": REASONS[reason]}


def code_text(outcome: str, reason: str) -> str:
    """The same for machines: ``ignored · bot``."""
    return " · ".join(filter(None, (outcome, reason if reason != outcome else "")))


def reason_text(code: str) -> str:
    return str(REASONS.get(code, ""))

"""What the findings on the road of every event mean, and what to do about them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alhena_tracking.admin import formats
from alhena_tracking.conf import conf
from alhena_tracking.diagnosis.checks import Check

SNIPPET_CODE = "{% load alhena_tracking %}\n{% alhena_snippet %}"
FAQ_CODE = '<details data-alhena-faq="SKU-1"> … </details>\n<form data-alhena-chat> … </form>'
CART_CODE = (
    'trackAlhenaEvent("sendCartEvent", {\n'
    '  type: "ITEM_ADDED", productId: "SKU-1", productName: "Kettle",\n'
    '  value: 89.0, currency: "EUR", quantity: 1,\n'
    "});"
)
ORDER_CODE = "{% load alhena_tracking %}\n{% alhena_checkout_event order %}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """``seen`` is what was found, ``headline`` the same as the cause of what is wrong, ``todo`` what helps."""

    seen: str
    headline: str = ""
    todo: str = ""
    code: str = ""


def numbers_of(check: Check) -> dict[str, str]:
    return {"count": formats.count(check.count), "total": formats.count(check.total)}


# The road


def on_snippet(check: Check) -> Advice:
    todo = _(
        "Put the tag into the head of the template that all pages of the shop extend, then open a page of the shop."
    )
    match check.finding:
        case "rendered":
            return Advice(seen=_("A page of the shop was rendered with it."))
        case "replaced":
            return Advice(
                seen=_("Not seen here, but interactions arrive, so the shop has it or something in its place.")
            )
        case "ceased":
            return Advice(
                seen=_("No page has been rendered with it lately."),
                headline=_("The snippet has disappeared from the shop's pages."),
                todo=todo,
                code=SNIPPET_CODE,
            )
        case _:
            return Advice(
                seen=_("No page has been rendered with it within 30 days."),
                headline=_("The snippet is not in the shop's pages yet."),
                todo=todo,
                code=SNIPPET_CODE,
            )


def on_interactions(check: Check) -> Advice:
    todo = _(
        "Mark your FAQ and your chat as below, then use one of them in the shop. The Alhena widget needs no mark. A "
        "browser that asks not to be tracked (Sec-GPC, as in Brave) sends nothing."
    )
    if conf.require_consent:
        todo += " " + _("As REQUIRE_CONSENT is set, nothing is sent either before setConsent is called with true.")
    match check.finding:
        case "arriving":
            return Advice(seen=_arriving(check))
        case "ceased":
            return Advice(
                seen=_("Nobody has used the assistant for more than 7 days."),
                headline=_("Interactions have ceased: no use of the assistant has been recorded for more than 7 days."),
                todo=_("Use the chat or a product FAQ yourself. If it does not appear here: what changed on that day?"),
                code=FAQ_CODE,
            )
        case "none_recorded":
            return Advice(
                seen=_none_recorded(check),
                headline=_("Interactions are sent, but none of them is recorded."),
                todo=_("The table below says why."),
            )
        case "not_yet":
            return Advice(seen=_("None yet. First comes the snippet."))
        case _:
            return Advice(
                seen=_("None yet."),
                headline=_("Nobody's use of the assistant has arrived yet."),
                todo=todo,
                code=FAQ_CODE,
            )


def on_cart_events(check: Check) -> Advice:
    todo = _("Call this whenever a cart changes; quantity is what is then in the cart. Then add something to a cart.")
    if not conf.read_datalayer:
        todo += " " + _("If the shop tells Google Analytics 4 of it already, READ_DATALAYER does it by itself.")
    match check.finding:
        case "arriving":
            return Advice(seen=_arriving(check))
        case "ceased":
            return Advice(
                seen=_("None for more than 7 days."),
                headline=_("Cart events have not arrived for more than 7 days."),
                todo=_(
                    "Use the assistant and add something to a cart. If it does not appear here: what changed that day?"
                ),
            )
        case "none_recorded":
            return Advice(
                seen=_none_recorded(check),
                headline=_("Cart events are sent, but none of them is recorded."),
                todo=_("The table below says why."),
            )
        case "not_yet":
            return Advice(seen=_("None yet. Only carts of visitors who used the assistant are recorded."))
        case _:
            return Advice(
                seen=_("None yet, though the assistant was used."),
                headline=_("Interactions arrive, but the shop has not told of any cart yet."),
                todo=todo,
                code=CART_CODE,
            )


def on_orders(check: Check) -> Advice:
    todo = _(
        "Put this tag into the thank-you page, or call record_order_on_commit in the checkout. Then buy something."
    )
    match check.finding:
        case "arriving":
            return Advice(seen=_arriving(check))
        case "ceased":
            return Advice(
                seen=_("None for more than 7 days."),
                headline=_("Orders have not arrived for more than 7 days."),
                todo=_("Use the assistant and buy something. If it does not appear here: what changed on that day?"),
            )
        case "waiting":
            text = ngettext(
                "%(count)s order is confirmed by the shop's server, but no browser has told whose it is.",
                "%(count)s orders are confirmed by the shop's server, but no browser has told whose they are.",
                check.count,
            )
            return Advice(
                seen=text % numbers_of(check),
                headline=_("The shop's server confirms orders, but nothing says which visitor they belong to."),
                todo=_(
                    "Report the same order id on the thank-you page, too, or give record_order_on_commit the request."
                ),
                code=ORDER_CODE,
            )
        case "none_recorded":
            return Advice(
                seen=_none_recorded(check),
                headline=_("Orders are sent, but none of them is recorded."),
                todo=_("The table below says why."),
            )
        case "not_yet":
            return Advice(seen=_("None yet. Only orders of visitors who used the assistant are recorded."))
        case _:
            return Advice(
                seen=_("None yet, though the assistant was used."),
                headline=_("Interactions arrive, but the shop has not told of any order yet."),
                todo=todo,
                code=ORDER_CODE,
            )


def _arriving(check: Check) -> str:
    if not check.count:
        return _("They arrive.")
    text = ngettext("%(count)s recorded in the last 30 days.", "%(count)s recorded in the last 30 days.", check.count)
    return text % numbers_of(check)


def _none_recorded(check: Check) -> str:
    text = ngettext(
        "%(count)s came in the last 30 days and was not recorded.",
        "%(count)s came in the last 30 days, and none was recorded.",
        check.count,
    )
    return text % numbers_of(check)

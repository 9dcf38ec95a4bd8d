"""What the findings on what may stop events mean, and what to do about them."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alhena_tracking.admin.road_advice import Advice, numbers_of
from alhena_tracking.diagnosis.checks import Check, State


def _told(check: Check, sentence: str) -> str:
    """A sentence, and how many events it is true of."""
    text = ngettext(
        "In the last 7 days: %(count)s of %(total)s event.",
        "In the last 7 days: %(count)s of %(total)s events.",
        check.total,
    )
    return f"{sentence} {text % numbers_of(check)}"


def _stopped(check: Check, sentence: str) -> str:
    """The same of what is a problem, unless it is rare."""
    told = _told(check, sentence)
    return told if check.state is State.PROBLEM else f"{told} {_('So few need no attention.')}"


def _nothing() -> Advice:
    return Advice(seen=_("Nothing came in during the last 7 days."))


def on_company_key(check: Check) -> Advice:
    match check.finding:
        case "not_counted":
            return Advice(seen=_("As no COMPANY_KEY is set, events that name an unknown company are counted nowhere."))
        case "nothing":
            return _nothing()
        case "none":
            return Advice(seen=_("No event named a company that there is not."))
        case _:
            return Advice(
                seen=_stopped(check, _("Events name a company key that does not exist.")),
                headline=_("Events arrive that name a company key which does not exist."),
                todo=_("Somewhere the shop names another key than a company's here. The right one stands above."),
            )


def on_origins(check: Check) -> Advice:
    match check.finding:
        case "nothing":
            return _nothing()
        case "none":
            return Advice(seen=_("None was refused."))
        case "listed":
            return Advice(seen=_("What was refused in the last 7 days is listed now:"))
        case _:
            return Advice(
                seen=_stopped(check, _("Events come from origins that the company does not list.")),
                headline=_(
                    "Events are refused because the company does not list the origin of the pages that send them."
                ),
                todo=_("Add those that are yours to the company's allowed origins. It takes effect within seconds."),
            )


def on_limits(check: Check) -> Advice:
    match check.finding:
        case "nothing":
            return _nothing()
        case "none":
            return Advice(seen=_("No event was refused for being one too many."))
        case _:
            return Advice(
                seen=_stopped(check, _("Events are refused as too many at once.")),
                headline=_("Events are refused because more arrive at once than the limits allow."),
                todo=_(
                    "Behind a proxy, say in TRUSTED_PROXIES how many of your own there are; otherwise all visitors "
                    "count as one. If it is real traffic, raise RATE_LIMIT_PER_SOURCE or RATE_LIMIT_PER_COMPANY."
                ),
            )


def on_validity(check: Check) -> Advice:
    match check.finding:
        case "nothing":
            return _nothing()
        case "none":
            return Advice(seen=_("No event was refused for what it says."))
        case _:
            return Advice(
                seen=_stopped(check, _("Events are refused for what they say.")),
                headline=_("Events are refused because what they say breaks the rules of the fields."),
                todo=_("Correct what is most often wrong. The last refused events below name field and error of each."),
            )


def on_secret_key(check: Check) -> Advice:
    if check.finding == "missing":
        headline = _("Calls that need a secret key are made without one.")
    else:
        headline = _("The shop's server calls with a secret key that is wrong or revoked.")
    return Advice(
        seen=_stopped(check, _("Calls are refused for want of the right key.")),
        headline=headline,
        todo=_("Issue a key under “Secret keys” and give it to the server, which sends it with every call."),
        code="Authorization: Bearer …",
    )


def on_privacy(check: Check) -> Advice:
    match check.finding:
        case "nothing":
            return _nothing()
        case "none":
            return Advice(seen=_("No event had to be ignored as a robot's or for a privacy signal."))
        case "few":
            return Advice(
                seen=_told(check, _("Robots and visitors with a privacy signal are ignored, as they should be."))
            )
        case "bot":
            return Advice(
                seen=_told(check, _("All that came is from robots.")),
                headline=_("Everything that arrives comes from robots, which are not recorded."),
                todo=_("If it was a test of yours: use a browser whose User-Agent is not a robot's."),
            )
        case _:
            return Advice(
                seen=_told(check, _("All browsers that sent anything ask not to be tracked.")),
                headline=_("Everything that arrives comes from browsers that ask not to be tracked."),
                todo=_("If you tested it: use a browser that does not send Sec-GPC (or DNT, if RESPECT_DNT is set)."),
            )


def on_credit(check: Check) -> Advice:
    ignored = ngettext(
        "%(count)s of %(total)s event of carts and orders in the last 7 days was ignored, as the visitor had not used "
        "the assistant.",
        "%(count)s of %(total)s events of carts and orders in the last 7 days were ignored, as their visitors had not "
        "used the assistant.",
        check.total,
    ) % numbers_of(check)
    match check.finding:
        case "nothing":
            return Advice(seen=_("No cart event or order came in during the last 7 days."))
        case "none":
            return Advice(seen=_("None was ignored for want of an interaction."))
        case "some":
            return Advice(seen=f"{ignored} " + _("That is as it should be where the shop reports everybody's."))
        case "not_used":
            return Advice(seen=f"{ignored} " + _("That is as it should be until somebody uses it."))
        case "none_qualifies":
            return Advice(
                seen=ignored,
                headline=_(
                    "Carts and orders are ignored because none of the last interactions counts as one that qualifies."
                ),
                todo=_("Have a look at the function that QUALIFYING_INTERACTION names."),
            )
        case _:
            return Advice(
                seen=ignored,
                headline=_(
                    "All carts and orders are ignored: none belongs to a visitor who used the assistant before."
                ),
                todo=_(
                    "If somebody who used it did buy, the shop reports the interaction and the order under different "
                    "fingerprints: give the visitor's request to the functions of alhena_tracking.events, set "
                    "COOKIE_DOMAIN if shop and checkout are on different subdomains, and see that "
                    "ATTRIBUTION_WINDOW is long enough."
                ),
            )


def on_confirmation(check: Check) -> Advice:
    match check.finding:
        case "nothing":
            return Advice(seen=_("No order has arrived yet."))
        case "some":
            text = ngettext(
                "%(count)s of the last %(total)s order is confirmed.",
                "%(count)s of the last %(total)s orders are confirmed.",
                check.total,
            )
            return Advice(seen=text % numbers_of(check))
        case _:
            return Advice(
                seen=_("None of the last orders is confirmed, and CONFIRMED_ORDERS_ONLY is set."),
                headline=_("Orders arrive, but none counts as revenue: only confirmed ones do, and none is confirmed."),
                todo=_("Let the shop's server report orders, too, or take CONFIRMED_ORDERS_ONLY out of the settings."),
            )


def on_clocks(check: Check) -> Advice:
    match check.finding:
        case "nothing":
            return _nothing()
        case "none":
            return Advice(
                seen=_(
                    "No event was refused as too old. A browser's wrong clock is corrected, and none is in the future."
                )
            )
        case "few":
            return Advice(seen=_stopped(check, _("Events are refused as older than 72 hours.")))
        case "too_old":
            return Advice(
                seen=_told(check, _("Events are refused as older than 72 hours.")),
                headline=_("Events are refused because they are dated more than 72 hours ago."),
                todo=_(
                    "Check the clock and the time zone of who sends them; sent_at lets a browser's clock be corrected. "
                    "The history of a shop cannot be brought in afterwards."
                ),
            )
        case _:
            text = ngettext(
                "What the shop's server tells is dated %(count)s minute back (half of the time, or more).",
                "What the shop's server tells is dated %(count)s minutes back (half of the time, or more).",
                check.count,
            )
            return Advice(
                seen=text % numbers_of(check),
                headline=_("The shop's server dates its events long before it tells of them."),
                todo=_(
                    "Check its clock, and that occurred_at names its offset from UTC: 14:00 in Berlin is not 14:00Z."
                ),
            )


def on_order_ids(check: Check) -> Advice:
    text = ngettext(
        "%(count)s of the last %(total)s order came without an id.",
        "%(count)s of the last %(total)s orders came without an id.",
        check.total,
    )
    match check.finding:
        case "nothing":
            return Advice(seen=_("No order has arrived yet."))
        case "none":
            text = ngettext("The last order has one.", "All of the last %(total)s orders have one.", check.total)
            return Advice(seen=text % numbers_of(check))
        case "over":
            return Advice(seen=text % numbers_of(check) + " " + _("The latest all have one."))
        case _:
            return Advice(
                seen=text % numbers_of(check),
                headline=_("Orders arrive without an id, so that a repeated report can only be guessed at."),
                todo=_("Send the shop's order id with every order: by it, the same order is never counted twice."),
                code='orderId: "1001"',
            )


def on_line_values(check: Check) -> Advice:
    match check.finding:
        case "nothing":
            return Advice(seen=_("No order has arrived yet."))
        case "no_lines":
            return Advice(seen=_("The last orders have no lines; they are optional."))
        case "single":
            return Advice(seen=_("The last orders have one piece of each product, which fits either reading."))
        case "fitting":
            return Advice(seen=_("In the last orders, lines add up to about the order's value."))
        case "unit":
            return Advice(
                seen=ngettext(
                    "The lines of %(count)s of the last %(total)s order of several pieces add up only if multiplied "
                    "by their quantities.",
                    "The lines of %(count)s of the last %(total)s orders of several pieces add up only if multiplied "
                    "by their quantities.",
                    check.total,
                )
                % numbers_of(check),
                headline=_("Lines seem to tell the price of one piece, but are read as the whole line's."),
                todo=_(
                    "Send price × quantity as a line's value, or let LINE_ITEM_VALUE say that it is the price of one."
                ),
                code='ALHENA_TRACKING = {"LINE_ITEM_VALUE": "unit"}',
            )
        case "total":
            return Advice(
                seen=ngettext(
                    "The lines of %(count)s of the last %(total)s order of several pieces add up only if not "
                    "multiplied by their quantities.",
                    "The lines of %(count)s of the last %(total)s orders of several pieces add up only if not "
                    "multiplied by their quantities.",
                    check.total,
                )
                % numbers_of(check),
                headline=_("Lines seem to tell the whole line's price, but are read as the price of one piece."),
                todo=_(
                    "Send the price of one piece as a line's value, or let LINE_ITEM_VALUE say that it is the line's."
                ),
                code='ALHENA_TRACKING = {"LINE_ITEM_VALUE": "total"}',
            )
        case _:
            text = ngettext(
                "The lines of %(count)s of the last %(total)s order add up to less than half of its value.",
                "The lines of %(count)s of the last %(total)s orders add up to less than half of their value.",
                check.total,
            )
            return Advice(
                seen=text % numbers_of(check),
                headline=_("The lines of most orders add up to less than half of the order's value."),
                todo=_("Send every line of an order, each with price × quantity as its value."),
            )

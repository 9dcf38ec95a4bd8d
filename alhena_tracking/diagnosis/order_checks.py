"""What may keep carts and orders that arrive out of the figures, or distort the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from alhena_tracking.conf import conf
from alhena_tracking.diagnosis.check import (
    Check,
    CheckResult,
    CountCheck,
    Finding,
    State,
    done,
    last_on,
    problem,
    unknown,
)
from alhena_tracking.diagnosis.event_facts import EventFacts, OrderSums, recent
from alhena_tracking.diagnosis.outcomes import CART_EVENT, INTERACTION, ORDER
from alhena_tracking.diagnosis.setup_steps import QUIET_AFTER
from alhena_tracking.models import ValueBasis

#: How many of the last orders decide whether they have ids, and whether their lines add up.
JUDGED_ORDERS = 20
LAST_ORDERS = 10
#: One pair of ids may be chance.
UNMET_PAIRS = 2

_NO_ORDERS = unknown(_("No orders yet."))
_WAITING = _("Orders of the last 7 days that came before any browser's report: %(count)s.")
_IGNORED = _("Cart events and orders ignored in the last 7 days: %(count)s of %(total)s.")


class AttributionCheck(CountCheck):
    key = "credit"
    title = _("Attribution")

    nothing = unknown(_("No cart events or orders in the last 7 days."))
    none = done(_("All came from visitors who used the assistant."))
    rest_waiting = done(_("All that were credited came from visitors who used the assistant."), _WAITING)
    #: No problem: buyers who never use the assistant report nothing.
    all_waiting = unknown(
        _("Confirmed orders wait for a browser's report; none is credited."),
        _WAITING,
        recommendation=_(
            "No action needed if these buyers did not use the assistant. If one did, pass the visitor's request to the "
            "functions of alhena_tracking.events and set COOKIE_DOMAIN if shop and checkout are on different "
            "subdomains, or report the same order id on the thank-you page as well."
        ),
    )
    some = done(
        _("Carts and orders of visitors who did not use the assistant are ignored, as they should be."), _IGNORED
    )
    not_used = unknown(_("All carts and orders are ignored until a visitor uses the assistant."), _IGNORED)
    none_qualifies = problem(
        _("Carts and orders are ignored because none of the last interactions qualifies."),
        _IGNORED,
        recommendation=_("Check the function that QUALIFYING_INTERACTION names."),
    )
    all_ignored = problem(
        _("All carts and orders are ignored: none is from a visitor who used the assistant before."),
        _IGNORED,
        recommendation=_(
            "If a visitor who used it did buy, the shop reports the interaction and the order under different "
            "fingerprints: pass the visitor's request to the functions of alhena_tracking.events, set COOKIE_DOMAIN "
            "if shop and checkout are on different subdomains, and check that ATTRIBUTION_WINDOW is long enough."
        ),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        uncredited = facts.select(methods=[CART_EVENT, ORDER], reasons=["no_interaction"])
        count = recent(uncredited)
        # Neither what waits nor what repeats something was credited.
        total = count + recent(facts.select(methods=[CART_EVENT, ORDER], outcomes=["recorded", "confirmed"]))
        waiting = recent(facts.select(methods=[ORDER], outcomes=["pending"]))
        if waiting and not count:
            return cls.found(cls.rest_waiting if total else cls.all_waiting, count=waiting, total=total + waiting)
        finding = cls._find(facts, count, total)
        is_blocking = finding.state is State.PROBLEM
        return cls.found(finding, count=count, total=total, on=last_on(uncredited), is_blocking=is_blocking)

    @classmethod
    def _find(cls, facts: EventFacts, count: int, total: int) -> Finding:
        interactions = facts.samples[INTERACTION]
        if count and len(interactions) and not interactions.qualifying:
            return cls.none_qualifies
        if count and count == total:
            # A shop that reports all orders from its server is here until the assistant is used.
            used_at = interactions.last_at
            is_used = facts.accepted(INTERACTION) or (used_at and facts.now - used_at < QUIET_AFTER)
            return cls.all_ignored if is_used else cls.not_used
        if not total:
            return cls.without_counts(facts)
        return cls.some if count else cls.none


class ConfirmationCheck(Check):
    key = "confirmation"
    title = _("Confirmed orders")

    nothing = _NO_ORDERS
    some = done(
        ngettext_lazy(
            "%(count)s of the last %(total)s order is confirmed.",
            "%(count)s of the last %(total)s orders are confirmed.",
            "exact_total",
        )
    )
    none = problem(
        _("Orders arrive, but none counts as revenue: CONFIRMED_ORDERS_ONLY is set, and none is confirmed."),
        recommendation=_(
            "Report orders from the shop's server as well, or remove CONFIRMED_ORDERS_ONLY from the settings."
        ),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        if not conf.confirmed_orders_only:
            return None
        orders = facts.samples[ORDER]
        confirmed = len(orders) - orders.reported
        finding = cls.nothing if not len(orders) else cls.some if confirmed else cls.none
        return cls.found(finding, count=confirmed, total=len(orders))


_WITHOUT_ID = ngettext_lazy(
    "%(count)s of the last %(total)s order came without an ID.",
    "%(count)s of the last %(total)s orders came without an ID.",
    "exact_total",
)


class OrderIdsCheck(Check):
    key = "order_ids"
    title = _("Order IDs")

    nothing = _NO_ORDERS
    none = done(
        ngettext_lazy("The last order has an ID.", "All of the last %(total)s orders have an ID.", "exact_total")
    )
    over = done(_WITHOUT_ID, _("The latest orders all have one."))
    missing = problem(
        _("Orders arrive without an ID, so duplicates can only be guessed."),
        _WITHOUT_ID,
        recommendation=_("Send the shop's order ID with every order, so that no order is counted twice."),
        code='orderId: "1001"',
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        orders = facts.orders
        without = sum(not order.has_id for order in orders)
        is_over = all(order.has_id for order in orders[:LAST_ORDERS])
        finding = cls.nothing if not orders else cls.none if not without else cls.over if is_over else cls.missing
        return cls.found(finding, count=without, total=len(orders), at=facts.samples[ORDER].last_at)


_TRIM_ID = (
    "def order_id(text):  # in shop/orders.py\n"
    '    return text.removeprefix("#")\n\n'
    'ALHENA_TRACKING = {"ORDER_ID": "shop.orders.order_id"}'
)


class UnmetIdsCheck(Check):
    key = "unmet_ids"
    title = _("Two IDs of one order")

    none = done(_("No order seems to have one ID in the browser and another on the shop's server."))
    found_pairs = problem(
        _("Browsers and the shop's server name the same orders by different IDs, so no confirmation finds its order."),
        _("Of the last orders, pairs of equal amount that are less than a day apart: %(count)s."),
        recommendation=_(
            "Send the same ID from both, or set ORDER_ID to a function that brings the IDs to one form on arrival."
        ),
        code=_TRIM_ID,
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        pairs = facts.unmet_ids
        if pairs is None:
            return None
        if len(pairs) < UNMET_PAIRS:
            return cls.found(cls.none)
        return cls.found(cls.found_pairs, count=len(pairs), order_ids=pairs[:UNMET_PAIRS])


class LineValuesCheck(Check):
    key = "line_values"
    title = _("Line item values")

    nothing = _NO_ORDERS
    no_lines = unknown(_("The last orders have no line items; these are optional."))
    single = unknown(_("The last orders have one piece of each product, which fits either reading."))
    fitting = done(_("The line items of the last orders add up to about the order value."))
    unit = problem(
        _("Line items seem to hold the price of one piece, but are read as the total of the line."),
        _("Orders of several pieces that only add up if multiplied by the quantity: %(count)s of %(total)s."),
        recommendation=_(
            "Send price × quantity as the value of a line item, or set LINE_ITEM_VALUE to the price of one piece."
        ),
        code='ALHENA_TRACKING = {"LINE_ITEM_VALUE": "unit"}',
    )
    total = problem(
        _("Line items seem to hold the total of the line, but are read as the price of one piece."),
        _("Orders of several pieces that only add up if not multiplied by the quantity: %(count)s of %(total)s."),
        recommendation=_(
            "Send the price of one piece as the value of a line item, or set LINE_ITEM_VALUE to the total of the line."
        ),
        code='ALHENA_TRACKING = {"LINE_ITEM_VALUE": "total"}',
    )
    short = problem(
        _("The line items of most orders add up to less than half of the order value."),
        _("Such orders: %(count)s of the last %(total)s."),
        recommendation=_("Send every line item of an order, each with price × quantity as its value."),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        with_lines = [order for order in facts.orders if order.has_lines][:JUDGED_ORDERS]
        several = [order for order in with_lines if order.multiplied != order.total]
        is_total = conf.line_item_value != ValueBasis.UNIT
        misread = _count(_is_unit_like if is_total else _is_total_like, several)
        short = _count(_is_short, with_lines)
        if not facts.orders:
            return cls.found(cls.nothing)
        if not with_lines:
            return cls.found(cls.no_lines, total=len(facts.orders))
        if misread and misread * 2 >= len(several):
            return cls.found(cls.unit if is_total else cls.total, count=misread, total=len(several))
        if short * 2 > len(with_lines):
            return cls.found(cls.short, count=short, total=len(with_lines))
        if not several:
            return cls.found(cls.single, total=len(with_lines))
        return cls.found(cls.fitting, count=len(several), total=len(several))


def _count(is_so: Callable[[OrderSums], bool], orders: Iterable[OrderSums]) -> int:
    return sum(map(is_so, orders))


def _is_unit_like(order: OrderSums) -> bool:
    return abs(order.value_minor - order.multiplied) * 2 < abs(order.value_minor - order.total)


def _is_total_like(order: OrderSums) -> bool:
    return abs(order.value_minor - order.divided) * 2 < abs(order.value_minor - order.total)


def _is_short(order: OrderSums) -> bool:
    return order.total * 2 < order.value_minor

"""What comes of conversations with the assistant: the distinct conversation IDs of each session."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from django.utils.translation import gettext_lazy as _

from alhena_tracking.models import Interaction, Order
from alhena_tracking.reports import conversation_sums as sums
from alhena_tracking.reports.cards import Card, CardType, Series, Unit
from alhena_tracking.reports.days import SourceDays
from alhena_tracking.reports.figures import is_mixed, ratio
from alhena_tracking.reports.grouped import Grouped
from alhena_tracking.reports.order_times import OrderTimes, order_times
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import add_up


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFigures:
    """The ``conversations`` of the sessions started in the period, and the period's ``orders`` that are credited to an
    interaction with a conversation ID.

    ``bought_through`` are those of the ``recommending`` conversations with an order of a recommended product by now, in
    any currency. ``is_mixed`` if too many of the orders are in other currencies. ``times`` are those of all orders of
    the report, with a conversation or without.
    """

    conversations: int
    orders: int
    purchase_minor: int
    recommending: int
    bought_through: int
    is_mixed: bool
    times: OrderTimes

    @property
    def cards(self) -> tuple[Card, ...]:
        return tuple(card_type.card(self, None) for card_type in _CARD_TYPES)

    @property
    def orders_per_conversation(self) -> Fraction | None:
        return ratio(self.orders, self.conversations)

    @property
    def revenue_per_conversation_minor(self) -> Fraction | None:
        return None if self.is_mixed else ratio(self.purchase_minor, self.conversations)

    @property
    def buy_through_rate(self) -> Fraction | None:
        return ratio(self.bought_through, self.recommending)


def conversation_figures(query: ReportQuery, days: SourceDays, currency: str) -> ConversationFigures:
    """Read what comes of conversations, by three statements."""
    counts: Counter[str] = Counter()
    for _on, found in add_up(_conversations(query, days), ["on"], using=Interaction.objects.db):
        counts.update(found)
    orders = {
        found_currency: found
        for (found_currency,), found in add_up(_orders(query, days), ["currency"], using=Order.objects.db)
    }
    own = orders.pop(currency, {"conversation_orders": 0, "conversation_minor": 0})
    return ConversationFigures(
        conversations=counts["conversations"],
        orders=own["conversation_orders"],
        purchase_minor=own["conversation_minor"],
        recommending=counts["recommending"],
        bought_through=counts["bought_through"],
        is_mixed=is_mixed(own["conversation_orders"], sum(found["conversation_orders"] for found in orders.values())),
        times=order_times(query, currency),
    )


def _conversations(query: ReportQuery, days: SourceDays) -> list[Grouped]:
    parts: list[Grouped] = []
    if days.visits.rolled_up:
        parts.append(sums.stored_conversation_sums(query, days.visits.rolled_up))
    if days.visits.live:
        parts += sums.conversation_sums(query, days.visits.live)
    return parts


def _orders(query: ReportQuery, days: SourceDays) -> list[Grouped]:
    parts: list[Grouped] = []
    if days.credited.rolled_up:
        parts.append(sums.stored_order_sums(query, days.credited.rolled_up, ["currency"]))
    if days.credited.live:
        parts.append(sums.order_sums(query.orders(*days.credited.live), ["currency"]))
    return parts


_CARD_TYPES = (
    CardType(
        "conversations",
        _("Conversations"),
        _("Conversation IDs of qualifying interactions in sessions started in the period, each once in a session"),
        Unit.COUNT,
        Series.SESSIONS,
    ),
    CardType(
        "orders",
        _("Orders from conversations"),
        _("Orders credited to an interaction with a conversation ID"),
        Unit.COUNT,
        Series.PURCHASES,
    ),
    CardType(
        "orders_per_conversation",
        _("Orders per conversation"),
        _("Orders from conversations ÷ conversations"),
        Unit.RATIO,
        Series.PURCHASES,
    ),
    CardType(
        "purchase_minor",
        _("Revenue from conversations"),
        _("Total value of the orders from conversations, before refunds"),
        Unit.MONEY,
        Series.PURCHASES,
    ),
    CardType(
        "revenue_per_conversation_minor",
        _("Revenue per conversation"),
        _("Revenue from conversations ÷ conversations"),
        Unit.MONEY,
        Series.PURCHASES,
    ),
    CardType(
        "recommending",
        _("Conversations with a recommendation"),
        _("Conversations in which the assistant recommended a product"),
        Unit.COUNT,
        Series.SESSIONS,
    ),
    CardType(
        "bought_through",
        _("Conversations bought through"),
        _("Conversations with an order by now of a product that the assistant recommended in them; all currencies"),
        Unit.COUNT,
        Series.SESSIONS,
    ),
    CardType(
        "buy_through_rate",
        _("Buy-through rate"),
        _("Conversations bought through ÷ conversations with a recommendation"),
        Unit.SHARE,
        Series.SESSIONS,
    ),
)

"""Sums of conversations and of their orders, from the events themselves and from roll-ups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Case, F, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Value, When

from alhena_tracking.models import (
    Company,
    DailyConversations,
    DailyFigures,
    Interaction,
    Order,
    OrderConversation,
    Trust,
)
from alhena_tracking.reports.grouped import COUNT, FoundRows, Grouped, StoredRows, total
from alhena_tracking.reports.periods import Period
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.rolled_up import counted_sums, total_of_trust

#: The key of a conversation, of interactions and of ``OrderConversation``.
_CONVERSATION = ("session_id", "conversation_id")
_BOUGHT_CONVERSATION = ("session_id", "conversation_digest")
#: The columns of these that hold the keys of ``DailyConversations``, and the keys of each of its levels.
_INTERACTION = {"channel": "kind", "ai_profile": "ai_profile"}
_BOUGHT = {"channel": "channel", "ai_profile": "ai_profile"}
_LEVELS = ((), ("channel",), ("ai_profile",), ("channel", "ai_profile"))
_KEYS = ("at_channel", "at_profile")
_COUNTED = {"conversations": COUNT, "recommending": total("recommends")}
_TRUSTED = {
    "reported_bought_through": (Trust.REPORTED,),
    "confirmed_bought_through": (Trust.CONFIRMED,),
    "verified_bought_through": (Trust.VERIFIED,),
    "trusted_bought_through": Trust.by_server(),
}


def order_sums(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Count and sum the orders that are credited to an interaction with a conversation ID."""
    # Looked up by its index: with a join, databases may begin at the interactions.
    credited = Interaction.objects.filter(pk=OuterRef("credited_interaction")).order_by()
    found = orders.annotate(conversation=Subquery(credited.values("conversation_id"))).filter(conversation__gt="")
    return Grouped(FoundRows(found), by, conversation_orders=COUNT, conversation_minor=total("value_minor"))


def stored_order_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """Return the same from roll-ups, under the query's filters."""
    rows = StoredRows(DailyFigures, query.company, periods, query.credit)
    return Grouped(rows, by, **counted_sums("conversation_orders", "conversation_minor"))


def conversation_sums(query: ReportQuery, periods: Sequence[Period]) -> list[Grouped]:
    """Count the conversations of the sessions started in the periods under the query's filters, by day."""
    counting = {**Order.objects.counting(), **({"trust": query.trust} if query.trust else {})}
    visits = {_INTERACTION[name]: value for name, value in query.visits.items()}
    interactions = _interactions(query.company, periods).filter(**visits)
    bought = _bought(query.company, periods, counting).filter(**query.visits)
    by = ["session__started_on"]
    return [
        Grouped(FoundRows(_with_recommendation(interactions.values(*_CONVERSATION, *by))), by, **_COUNTED),
        Grouped(FoundRows(_with_trust(bought.values(*_BOUGHT_CONVERSATION, *by))), by, bought_through=COUNT),
    ]


def stored_conversation_sums(query: ReportQuery, periods: Sequence[Period]) -> Grouped:
    """Return the same from roll-ups."""
    level = {"channel": query.channel, "ai_profile": query.ai_profile}
    rows = StoredRows(DailyConversations, query.company, periods, level)
    sums = {name: total(name) for name in ("conversations", "recommending")}
    bought_through = total_of_trust(query.trust, "bought_through", "bought_through")
    return Grouped(rows, ["on"], **sums, bought_through=bought_through)


def sums_of_day(company: Company, day: Period, alias: str) -> Iterator[Grouped]:
    """Yield the sums of ``DailyConversations``, by channel and AI profile."""
    interactions = _interactions(company, [day], alias)
    bought = _bought(company, [day], {"standing": "COUNTED"}, alias)
    for level in _LEVELS:
        found = _at_level(interactions, level, _INTERACTION, _CONVERSATION)
        yield Grouped(FoundRows(_with_recommendation(found)), _KEYS, **_COUNTED)
        found = _at_level(bought, level, _BOUGHT, _BOUGHT_CONVERSATION)
        sums = {"bought_through": COUNT, **{name: total(name) for name in _TRUSTED}}
        yield Grouped(FoundRows(_with_trust(found)), _KEYS, **sums)


def _interactions(company: Company, periods: Sequence[Period], alias: str | None = None) -> QuerySet[Interaction]:
    """Return the qualifying interactions with a conversation ID, of sessions started in the periods."""
    rows = Interaction.objects.using(alias) if alias else Interaction.objects.all()
    return rows.filter(_started(periods, company), is_qualifying=True).exclude(conversation_id="").order_by()


def _bought(
    company: Company, periods: Sequence[Period], counting: Mapping[str, Any], alias: str | None = None
) -> QuerySet[OrderConversation]:
    """Return the conversations with an order, of sessions started in the periods."""
    rows = OrderConversation.objects.using(alias) if alias else OrderConversation.objects.all()
    orders = {f"order__{name}": value for name, value in counting.items()}
    return rows.filter(_started(periods, company), **orders).order_by()


def _started(periods: Sequence[Period], company: Company) -> Q:
    days = Q(pk__in=())
    for period in periods:
        days |= Q(session__started_on__gte=period.start, session__started_on__lte=period.end)
    return Q(session__company=company, session__excluded_at__isnull=True) & days


def _at_level(rows: Any, level: Sequence[str], columns: Mapping[str, str], keys: Sequence[str]) -> Any:
    """Group conversations by the columns of a level; those without an AI profile have no row of one."""
    if "ai_profile" in level:
        rows = rows.exclude(ai_profile="")
    at = {
        alias: F(columns[name]) if name in level else Value("") for alias, name in zip(_KEYS, _INTERACTION, strict=True)
    }
    return rows.annotate(**at).values(*keys, *at)


def _with_recommendation(conversations: Any) -> Any:
    recommends = Case(When(recommended_product_ids__isnull=False, then=1), default=0, output_field=IntegerField())
    return conversations.annotate(recommends=Max(recommends))


def _with_trust(conversations: Any) -> Any:
    flags = {
        name: Max(Case(When(order__trust__in=levels, then=1), default=0, output_field=IntegerField()))
        for name, levels in _TRUSTED.items()
    }
    return conversations.annotate(**flags)

"""Some weeks of plausible traffic, so that the report has something to tell on the first day.

Every event goes through the ingestion functions, so the rows are the ones real visitors would have left. The same seed
and number of days give the same figures all day long: today's traffic is squeezed into the part of it that has passed.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from alhena_tracking.ingestion import (
    CartEventData,
    InteractionData,
    OrderData,
    Outcome,
    RefundData,
    record,
    review,
)
from alhena_tracking.models import (
    CartEvent,
    Company,
    EventCount,
    ExchangeRate,
    Interaction,
    Order,
    OrderVersion,
    PendingConfirmation,
    Refund,
    RejectedEvent,
    RolledUpDay,
    Trust,
    VisitorSession,
)
from example_project.shop.currencies import JPY
from example_project.shop.models import Product
from example_project.shop.visits import ADVISED, PLANS, POPULARITY, Clock, Event, Plan, Visit

METHODS: dict[type[Event], str] = {
    InteractionData: "sendInteraction",
    CartEventData: "sendCartEvent",
    OrderData: "sendCheckoutEvent",
    RefundData: "refund",
}

VISITS_A_DAY = 15
GROWTH = 0.7  # how many more visits the last day has than the first, as a share
WEEKDAYS = (0.95, 0.85, 0.9, 1.0, 1.1, 1.3, 1.2)
# When people think of coffee: weights of the hours from 6 in the morning to 11 at night.
HOURS = dict(zip(range(6, 24), (2, 5, 8, 9, 8, 6, 5, 5, 4, 4, 4, 4, 5, 7, 9, 9, 6, 2), strict=True))
MORNING = {9: 1, 10: 1, 11: 1}  # leaves a planned visit the time to end on its day
YEN_PER_EURO = 160
RECORDED_AT_ONCE = 100  # events; as one by one, but seven times as fast
ORDER_IDS_SENT_FOR = 10  # days; at most the later half of the history


def lay_history(company: Company, *, days: int, seed: int, now: datetime) -> int:
    """Replace the company's traffic by `days` of it up to `now`, and return how many events were recorded.

    Zero if this history is there already; then it is kept, with everything that has happened in the shop since.
    """
    events = sorted(make_history(company, days=days, seed=seed, now=now), key=lambda event: event.occurred_at)
    first = next(event for event in events if isinstance(event, InteractionData))
    if Interaction.objects.filter(company=company, event_id=first.event_id).exists():
        return 0
    counts: dict[tuple[date, str, str, str], EventCount] = {}
    with transaction.atomic():
        clear_history(company)
        remaining = iter(events)
        while part := list(islice(remaining, RECORDED_AT_ONCE)):
            for event, outcome in zip(part, record(company, part), strict=True):
                add_up(counts, company, event, outcome)
        EventCount.objects.bulk_create(counts.values())
    return sum(row.count for row in counts.values() if row.outcome == "recorded")


def add_up(
    counts: dict[tuple[date, str, str, str], EventCount], company: Company, event: Event, outcome: Outcome
) -> None:
    at = event.received_at
    kind = (at.astimezone(company.zone).date(), METHODS[type(event)], outcome.status, outcome.reason)
    day, method, status, reason = kind
    row = counts.setdefault(
        kind,
        EventCount(company=company, counted_on=day, method=method, outcome=status, reason=reason, count=0, last_at=at),
    )
    row.count += 1
    row.last_at = max(row.last_at, at)


def exclude_test_order(company: Company, user: AbstractBaseUser) -> None:
    """Let staff exclude a recent order with nothing else to see, as if one of them had tried the checkout."""
    orders = Order.objects.included().filter(company=company, trust=Trust.VERIFIED, has_conflict=False)
    orders = orders.filter(refunds=None, several_touches=None)
    *_, order = orders.order_by("-occurred_at")[:4]
    review.exclude_orders([order.pk], user, "Test order: we tried the new checkout.")


def store_rates(today: date, days: int) -> None:
    """Store exchange rates of the yen, so that the report can add up both currencies.

    They are made up; a real shop imports those of the European Central Bank.
    """
    ExchangeRate.objects.store(
        ExchangeRate(currency=JPY.code, on=today - timedelta(days=age), per_euro=YEN_PER_EURO + age % 7)
        for age in range(days + 1)
    )


def clear_history(company: Company) -> None:
    for model in (
        Refund,
        PendingConfirmation,
        OrderVersion,
        Order,
        CartEvent,
        Interaction,
        VisitorSession,
        EventCount,
        RejectedEvent,
        RolledUpDay,
    ):
        model._default_manager.filter(company=company).delete()


def make_history(company: Company, *, days: int, seed: int, now: datetime) -> Iterator[Event]:
    """Visits by chance on each day, those of the `PLANS`, and each day one that buys what the chat recommended."""
    today = now.astimezone(company.zone).date()
    rng = random.Random(f"{seed} {days} {today}")
    products = list(Product.objects.filter(sku__in=POPULARITY))
    clock = Clock(midnight_of(today, company), midnight_of(today + timedelta(days=1), company), now)
    order_ids_since = midnight_of(today - timedelta(days=min(ORDER_IDS_SENT_FOR, (days - 1) // 2)), company)

    def visit(age: int, hours: dict[int, int], plan: Plan | None = None) -> Iterator[Event]:
        (hour,) = rng.choices(list(hours), weights=list(hours.values()))
        midnight = midnight_of(today - timedelta(days=age), company)
        starts_at = midnight + timedelta(hours=hour, seconds=rng.uniform(0, 3600))
        return Visit(rng, products, clock, starts_at=starts_at, order_ids_since=order_ids_since, plan=plan).events()

    for age in reversed(range(days)):
        weekday = (today - timedelta(days=age)).weekday()
        expected = VISITS_A_DAY * WEEKDAYS[weekday] * (1 + GROWTH * (1 - age / days))
        for _ in range(max(1, round(rng.gauss(expected, expected**0.5)))):
            yield from visit(age, HOURS)
    for plan in PLANS:
        yield from visit(min(plan.age, days - 1), MORNING, plan)
    for age in range(days):
        yield from visit(age, MORNING, Plan.purchase(age, "CHAT", ADVISED))


def midnight_of(day: date, company: Company) -> datetime:
    return datetime.combine(day, time.min, tzinfo=company.zone).astimezone(UTC)

"""Generated shops, and the report's figures by plain SQL, independent of the report's code."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from django.db import connection

from alhena_tracking.digests import text_digest
from alhena_tracking.models import (
    Company,
    HeldReason,
    Interaction,
    Order,
    OrderConversation,
    Trust,
    VisitorSession,
)
from alhena_tracking.reports import Period
from tests.support.factories import (
    CartEventFactory,
    InteractionFactory,
    OrderFactory,
    OrderLineFactory,
    RefundFactory,
    VisitorSessionFactory,
    at,
)

CHANNELS = ("CHAT", "FAQ", "NUDGE")
PROFILES = ("", "", "sommelier", "=butler")


def fill(company: Company, rnd: random.Random, start: date, *, days: int, sessions: int) -> None:
    """Random sessions, carts and orders over days and currencies, including all special cases."""

    def some_time(after: datetime, hours: int) -> datetime:
        return after + timedelta(minutes=rnd.choice((0, 0, rnd.randrange(hours * 60))))

    for _ in range(sessions):
        started_at = at(start, 0) + timedelta(minutes=rnd.randrange(days * 24 * 60))
        channel = rnd.choice((*CHANNELS, *CHANNELS, ""))
        profile = rnd.choice(PROFILES) if channel else ""
        session = VisitorSessionFactory.create(
            company=company, started_at=started_at, channel=channel, ai_profile=profile
        )
        interaction = InteractionFactory.create(session=session)
        facts = {"session": session, "credited_interaction": interaction}
        talk = _talk(session, random.Random(f"{started_at}"))
        main_currency = rnd.choice(("EUR", "EUR", "JPY"))
        for _ in range(rnd.choice((0, 1, 2, 5))):
            minor = rnd.randrange(-3000, 5000)
            CartEventFactory.create(
                **facts,
                occurred_at=some_time(started_at, 40),
                channel=rnd.choice((channel or "CHAT", rnd.choice(CHANNELS))),
                ai_profile=rnd.choice((profile, rnd.choice(PROFILES))),
                trust=rnd.choice((Trust.REPORTED, Trust.CONFIRMED)),
                currency=rnd.choice((main_currency, main_currency, "KWD")),
                gmv_minor=minor,
                product_id=rnd.choice(("tea", "=cup", "kettle")),
            )
        for _ in range(rnd.choice((0, 0, 1, 2))):
            is_excluded = rnd.random() < 0.2
            held_reason = HeldReason.NO_FITTING_CLAIM if rnd.random() < 0.1 else ""
            value_minor = rnd.randrange(9000)
            order = OrderFactory.create(
                **facts,
                occurred_at=some_time(started_at, 90),
                channel=rnd.choice((channel or "FAQ", rnd.choice(CHANNELS))),
                ai_profile=rnd.choice((profile, rnd.choice(PROFILES))),
                currency=rnd.choice((main_currency, main_currency, "USD")),
                value_minor=value_minor,
                direct_minor=rnd.randrange(value_minor + 1),
                trust=rnd.choice(Trust.values),
                excluded_at=datetime(2026, 6, 1, tzinfo=UTC) if is_excluded else None,
                held_reason=held_reason,
                is_denied=rnd.random() < 0.1,
            )
            _buy_through(order, talk, random.Random(order.pk))
            for _ in range(rnd.choice((0, 0, 1, 2))):
                RefundFactory.create(
                    refunded_order=order,
                    value_minor=rnd.randrange(1, 2000),
                    occurred_at=some_time(order.occurred_at, 24 * 9),
                )
            for _ in range(rnd.choice((0, 1, 2))):
                OrderLineFactory.create(
                    order=order, product_id=rnd.choice(("tea", "=cup")), total_minor=rnd.randrange(9000)
                )


def _talk(session: VisitorSession, rnd: random.Random) -> list[Interaction]:
    """Random further interactions of a session, most of them in conversations."""
    return [
        InteractionFactory.create(
            session=session,
            occurred_at=session.started_at + timedelta(minutes=number),
            kind=rnd.choice(CHANNELS),
            ai_profile=rnd.choice(PROFILES),
            conversation_id=rnd.choice(("", "talk", "Talk", "t\u00e1lk")),
            recommended_product_ids=rnd.choice((None, ["tea"], ["tea", "=cup"])),
            is_qualifying=rnd.random() < 0.8,
        )
        for number in range(rnd.choice((0, 1, 2, 4)))
    ]


def _buy_through(order: Order, talk: list[Interaction], rnd: random.Random) -> None:
    """Credit an order at random, and have it buy through some of the conversations that recommended something."""
    order.credited_interaction = rnd.choice([order.credited_interaction, *talk])
    minutes = rnd.choice((0.5, 3, 70, 5_000, None))
    order.credited_at = None if minutes is None else order.occurred_at - timedelta(minutes=minutes)
    order.save()
    recommending = [one for one in talk if one.is_qualifying and one.conversation_id and one.recommended_product_ids]
    for digest, channel, profile in {
        (text_digest(one.conversation_id), one.kind, one.ai_profile) for one in recommending if rnd.random() < 0.5
    }:
        OrderConversation.objects.create(
            order=order, session=order.session, conversation_digest=digest, channel=channel, ai_profile=profile
        )


def select(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def figures_by_hand(
    company: Company,
    period: Period,
    currency: str,
    channel: str,
    *,
    profile: str = "",
    trust: str = "",
    until: datetime = datetime(2100, 1, 1, tzinfo=UTC),
) -> dict[str, Any]:
    """The figures by a moment, each by its own plain query, independent of the report's code."""
    by = connection.ops.adapt_datetimefield_value(until)
    visits = [channel, channel, profile, profile]
    in_scope = [company.pk, currency, period.start, period.end, *visits, trust, trust, by]

    gmv_by_day = {
        str(on): int(minor)
        for on, minor in select(
            """SELECT e.occurred_on, SUM(e.gmv_minor) FROM alhena_tracking_cartevent e
            WHERE e.company_id = %s AND e.currency = %s AND e.occurred_on >= %s AND e.occurred_on <= %s
            AND (%s = '' OR e.channel = %s) AND (%s = '' OR e.ai_profile = %s) AND (%s = '' OR e.trust = %s)
            AND e.occurred_at <= %s GROUP BY e.occurred_on""",
            in_scope,
        )
    }
    carts_by_day = {
        str(on): carts
        for on, carts in select(
            """SELECT e.occurred_on, COUNT(*) FROM alhena_tracking_cartevent e
            WHERE e.company_id = %s AND e.currency = %s AND e.occurred_on BETWEEN %s AND %s
            AND (%s = '' OR e.channel = %s) AND (%s = '' OR e.ai_profile = %s) AND (%s = '' OR e.trust = %s)
            AND e.occurred_at <= %s AND NOT EXISTS (
                SELECT 1 FROM alhena_tracking_cartevent earlier
                WHERE earlier.company_id = e.company_id AND earlier.currency = e.currency
                AND earlier.session_id = e.session_id AND earlier.occurred_on = e.occurred_on
                AND (earlier.occurred_at < e.occurred_at
                     OR (earlier.occurred_at = e.occurred_at AND earlier.id < e.id))
            ) GROUP BY e.occurred_on""",
            in_scope,
        )
    }
    [(orders, revenue, direct, confirmed, verified)] = select(
        """SELECT COUNT(*), COALESCE(SUM(o.value_minor), 0), COALESCE(SUM(o.direct_minor), 0),
        COALESCE(SUM(CASE WHEN o.trust = 'CONFIRMED' THEN o.value_minor END), 0),
        COALESCE(SUM(CASE WHEN o.trust = 'VERIFIED' THEN o.value_minor END), 0) FROM alhena_tracking_order o
        WHERE o.company_id = %s AND o.currency = %s AND o.occurred_on BETWEEN %s AND %s
        AND (%s = '' OR o.channel = %s) AND (%s = '' OR o.ai_profile = %s) AND (%s = '' OR o.trust = %s)
        AND o.occurred_at <= %s AND o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = ''""",
        in_scope,
    )
    [(sessions, converted)] = select(
        """SELECT COUNT(*), COALESCE(SUM(CASE WHEN s.id IN (
            SELECT o.session_id FROM alhena_tracking_order o
            WHERE o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = '' AND (%s = '' OR o.trust = %s)
            AND o.occurred_at <= %s
        ) THEN 1 ELSE 0 END), 0) FROM alhena_tracking_visitorsession s
        WHERE s.company_id = %s AND s.started_on BETWEEN %s AND %s
        AND (%s = '' OR s.channel = %s) AND (%s = '' OR s.ai_profile = %s) AND s.started_at <= %s""",
        [trust, trust, by, company.pk, period.start, period.end, *visits, by],
    )
    [(refunded,)] = select(
        """SELECT COALESCE(SUM(r.value_minor), 0) FROM alhena_tracking_refund r
        JOIN alhena_tracking_order o ON o.id = r.refunded_order_id
        WHERE o.company_id = %s AND o.currency = %s AND o.occurred_on BETWEEN %s AND %s
        AND (%s = '' OR o.channel = %s) AND (%s = '' OR o.ai_profile = %s) AND (%s = '' OR o.trust = %s)
        AND o.occurred_at <= %s AND o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = ''
        AND r.occurred_at <= %s""",
        [*in_scope, by],
    )
    [(dated_refunds,)] = select(
        """SELECT COALESCE(SUM(r.value_minor), 0) FROM alhena_tracking_refund r
        JOIN alhena_tracking_order o ON o.id = r.refunded_order_id
        WHERE o.company_id = %s AND o.currency = %s AND r.occurred_on BETWEEN %s AND %s
        AND (%s = '' OR o.channel = %s) AND (%s = '' OR o.ai_profile = %s) AND (%s = '' OR o.trust = %s)
        AND r.occurred_at <= %s AND o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = ''""",
        in_scope,
    )
    [(others,)] = select(
        """SELECT COUNT(*) FROM alhena_tracking_order o
        WHERE o.company_id = %s AND o.currency <> %s AND o.occurred_on BETWEEN %s AND %s
        AND (%s = '' OR o.channel = %s) AND (%s = '' OR o.ai_profile = %s) AND (%s = '' OR o.trust = %s)
        AND o.occurred_at <= %s AND o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = ''""",
        in_scope,
    )
    is_mixed = 100 * others > 5 * (orders + others)
    revenue, total = int(revenue), sum(gmv_by_day.values())
    cart_values = [Fraction(gmv_by_day[on], carts) for on, carts in carts_by_day.items()]
    return {
        "add_to_cart_minor": total,
        "daily_add_to_cart_minor": Fraction(total, len(gmv_by_day)) if gmv_by_day else None,
        "average_cart_minor": sum(cart_values, Fraction()) / len(cart_values) if cart_values else None,
        "purchase_minor": revenue,
        "direct_minor": int(direct),
        "assisted_minor": revenue - int(direct),
        "confirmed_minor": int(confirmed),
        "verified_minor": int(verified),
        "refunded_minor": int(refunded),
        "dated_refunds_minor": int(dated_refunds),
        "net_minor": revenue - int(refunded),
        "carts": sum(carts_by_day.values()),
        "orders": orders,
        "average_order_minor": Fraction(revenue, orders) if orders else None,
        "conversion_rate": Fraction(int(converted), sessions) if sessions else None,
        "revenue_per_session_minor": Fraction(revenue, sessions) if sessions and not is_mixed else None,
    }


def conversations_by_hand(
    company: Company, period: Period, currency: str, channel: str, *, profile: str = "", trust: str = ""
) -> dict[str, Any]:
    """What comes of conversations, row by row, independent of the report's code."""

    def is_asked(row: Any, kind: str) -> bool:
        return channel in {"", kind} and profile in {"", row.ai_profile}

    talks: set[tuple[int, str]] = set()
    recommending: set[tuple[int, str]] = set()
    bought: set[tuple[int, str]] = set()
    for session in VisitorSession.objects.filter(company=company):
        if not period.start <= session.started_on <= period.end or session.excluded_at:
            continue
        for one in session.interactions.all():
            if one.is_qualifying and one.conversation_id and is_asked(one, one.kind):
                talks.add((session.pk, one.conversation_id))
                if one.recommended_product_ids:
                    recommending.add((session.pk, one.conversation_id))
        for link in session.bought_conversations.select_related("order"):
            if link.order.standing == "COUNTED" and trust in {"", link.order.trust} and is_asked(link, link.channel):
                bought.add((session.pk, str(link.conversation_digest)))
    own: list[Order] = []
    others, minutes, undated = 0, [], 0
    for order in Order.objects.filter(company=company, standing="COUNTED").select_related("credited_interaction"):
        is_in = period.start <= order.occurred_on <= period.end and trust in {"", order.trust}
        if not is_in or not is_asked(order, order.channel):
            continue
        if order.credited_interaction.conversation_id:
            if order.currency == currency:
                own.append(order)
            else:
                others += 1
        if order.currency == currency:
            if order.credited_at is None:
                undated += 1
            else:
                minutes.append(int((order.occurred_at - order.credited_at).total_seconds() // 60))
    revenue = sum(order.value_minor for order in own)
    is_mixed = 100 * others > 5 * (len(own) + others)
    return {
        "conversations": len(talks),
        "orders": len(own),
        "purchase_minor": revenue,
        "recommending": len(recommending),
        "bought_through": len(bought),
        "orders_per_conversation": Fraction(len(own), len(talks)) if talks else None,
        "revenue_per_conversation_minor": Fraction(revenue, len(talks)) if talks and not is_mixed else None,
        "buy_through_rate": Fraction(len(bought), len(recommending)) if recommending else None,
        "median_minutes": sorted(minutes)[(len(minutes) - 1) // 2] if minutes else None,
        "timed_orders": len(minutes),
        "undated_orders": undated,
    }

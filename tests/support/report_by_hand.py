"""Generated shops, and the report's figures by plain SQL, independent of the report's code."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import product
from typing import Any

from django.db import connection

from alhena_tracking.digests import text_digest
from alhena_tracking.models import (
    Company,
    HeldReason,
    Interaction,
    Order,
    OrderConversation,
    OrderTouch,
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
PRODUCT_SUMS = ("recommended", "add_to_cart_minor", "purchase_minor", "direct_minor")


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
        interaction = InteractionFactory.create(session=session, ai_profile=profile, is_qualifying=bool(channel))
        facts = {"session": session, "credited_interaction": interaction}
        for _ in range(rnd.choice((0, 0, 1, 3))):
            InteractionFactory.create(
                session=session,
                occurred_at=some_time(started_at, 60),
                kind=rnd.choice(CHANNELS),
                ai_profile=rnd.choice(PROFILES),
                is_qualifying=bool(channel) and rnd.random() < 0.8,
                product_id="kettle",
                recommended_product_ids=rnd.choice((None, ["tea"], ["tea", "=cup"], ["tea", "kettle", "tea", "Tea"])),
            )
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
                tax_minor=rnd.choice((None, rnd.randrange(900))),
                shipping_minor=rnd.choice((None, 0, rnd.randrange(900))),
                discount_minor=rnd.choice((None, rnd.randrange(900))),
                trust=rnd.choice(Trust.values),
                excluded_at=datetime(2026, 6, 1, tzinfo=UTC) if is_excluded else None,
                held_reason=held_reason,
                is_denied=rnd.random() < 0.1,
            )
            touch(order, random.Random(value_minor))
            _buy_through(order, talk, random.Random(order.pk))
            for _ in range(rnd.choice((0, 0, 1, 2))):
                RefundFactory.create(
                    refunded_order=order,
                    value_minor=rnd.randrange(1, 2000),
                    occurred_at=some_time(order.occurred_at, 24 * 9),
                )
            for _ in range(rnd.choice((0, 1, 2))):
                OrderLineFactory.create(
                    order=order,
                    product_id=rnd.choice(("tea", "=cup")),
                    total_minor=rnd.randrange(9000),
                    is_direct=rnd.random() < 0.4,
                )


def touch(order: Order, rnd: random.Random) -> None:
    """Store an order's touches at random: none known, one pair, or several."""
    credited = (order.channel, order.ai_profile)
    others = [pair for pair in product(CHANNELS, dict.fromkeys(PROFILES)) if pair != credited]
    pairs = [credited, *rnd.sample(others, rnd.choice((1, 2, 4)))]
    kind = rnd.choice(("unknown", "one", "several", "several"))
    order.touches = None if kind == "unknown" else []
    if kind == "several":
        rnd.shuffle(pairs)
        order.touches = [[*pair, 1, pair == pairs[0], pair == pairs[-1]] for pair in pairs]
        cuts = sorted([0, *(rnd.randrange(order.value_minor + 1) for _ in pairs[1:]), order.value_minor])
        for touches, start, end in zip(order.touches, cuts, cuts[1:], strict=False):
            values = dict(zip(("channel", "ai_profile", "count", "is_first", "is_last"), touches, strict=True))
            OrderTouch.objects.create(order=order, linear_minor=end - start, **values)
    order.save(update_fields=["touches"])


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
            is_qualifying=bool(session.channel) and rnd.random() < 0.8,
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
    [(tax, shipping, discount, unstated, unlined)] = select(
        """SELECT COALESCE(SUM(o.tax_minor), 0), COALESCE(SUM(o.shipping_minor), 0),
        COALESCE(SUM(o.discount_minor), 0),
        COALESCE(SUM(CASE WHEN o.tax_minor IS NULL AND o.shipping_minor IS NULL THEN 1 END), 0),
        COALESCE(SUM(CASE WHEN o.id NOT IN (SELECT l.order_id FROM alhena_tracking_orderline l)
                     THEN o.value_minor END), 0) FROM alhena_tracking_order o
        WHERE o.company_id = %s AND o.currency = %s AND o.occurred_on BETWEEN %s AND %s
        AND (%s = '' OR o.channel = %s) AND (%s = '' OR o.ai_profile = %s) AND (%s = '' OR o.trust = %s)
        AND o.occurred_at <= %s AND o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = ''""",
        in_scope,
    )
    [(sessions, converted)] = select(
        """SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (
            SELECT 1 FROM alhena_tracking_order o WHERE o.session_id = s.id
            AND o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = '' AND (%s = '' OR o.trust = %s)
            AND (%s = '' OR o.channel = %s) AND (%s = '' OR o.ai_profile = %s) AND o.occurred_at <= %s
        ) THEN 1 ELSE 0 END), 0) FROM alhena_tracking_visitorsession s
        WHERE s.company_id = %s AND s.started_on BETWEEN %s AND %s AND s.started_at <= %s AND EXISTS (
            SELECT 1 FROM alhena_tracking_interaction i WHERE i.session_id = s.id AND i.is_qualifying
            AND i.occurred_at <= %s
        ) AND (EXISTS (
            SELECT 1 FROM alhena_tracking_interaction i WHERE i.session_id = s.id AND i.is_qualifying
            AND (%s = '' OR i.kind = %s) AND (%s = '' OR i.ai_profile = %s) AND i.occurred_at <= %s
        ) OR EXISTS (
            SELECT 1 FROM alhena_tracking_order o WHERE o.session_id = s.id
            AND o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = ''
            AND (%s = '' OR o.channel = %s) AND (%s = '' OR o.ai_profile = %s) AND o.occurred_at <= %s
        ))""",
        [trust, trust, *visits, by, company.pk, period.start, period.end, by, by, *visits, by, *visits, by],
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
        "tax_minor": int(tax),
        "shipping_minor": int(shipping),
        "discount_minor": int(discount),
        "net_of_tax_and_shipping_minor": revenue - int(tax) - int(shipping),
        "unstated_orders": int(unstated),
        "unlined_minor": int(unlined),
        "carts": sum(carts_by_day.values()),
        "orders": orders,
        "sessions": sessions,
        "converted_sessions": int(converted),
        "average_order_minor": Fraction(revenue, orders) if orders else None,
        "conversion_rate": Fraction(int(converted), sessions) if sessions else None,
        "revenue_per_session_minor": Fraction(revenue, sessions) if sessions and not is_mixed else None,
    }


#: What the models give, in the order of the page's columns.
MODELS = (
    "credited_minor",
    "first_minor",
    "last_minor",
    "linear_minor",
    "credited_orders",
    "first_orders",
    "last_orders",
)


def models_by_hand(
    company: Company, period: Period, currency: str, channel: str, *, profile: str = "", trust: str = ""
) -> dict[str, Any]:
    """What the models give to each channel and AI profile, by plain queries over each order and its touches."""
    in_scope = [company.pk, currency, period.start, period.end, channel, channel, profile, profile, trust, trust]
    where = """o.company_id = %s AND o.currency = %s AND o.occurred_on BETWEEN %s AND %s
        AND (%s = '' OR o.channel = %s) AND (%s = '' OR o.ai_profile = %s) AND (%s = '' OR o.trust = %s)
        AND o.excluded_at IS NULL AND NOT o.is_denied AND o.held_reason = ''"""
    touched = select(
        f"""SELECT COALESCE(t.channel, o.channel), COALESCE(t.ai_profile, o.ai_profile),
        SUM(CASE WHEN t.is_first OR t.id IS NULL THEN o.value_minor ELSE 0 END),
        SUM(CASE WHEN t.is_last OR t.id IS NULL THEN o.value_minor ELSE 0 END),
        SUM(COALESCE(t.linear_minor, o.value_minor)),
        COUNT(CASE WHEN t.is_first OR t.id IS NULL THEN 1 END), COUNT(CASE WHEN t.is_last OR t.id IS NULL THEN 1 END)
        FROM alhena_tracking_order o LEFT JOIN alhena_tracking_ordertouch t ON t.order_id = o.id
        WHERE {where} GROUP BY 1, 2""",  # noqa: S608
        in_scope,
    )
    credited = select(
        f"SELECT o.channel, o.ai_profile, SUM(o.value_minor), COUNT(*) FROM alhena_tracking_order o"  # noqa: S608
        f" WHERE {where} GROUP BY 1, 2",
        in_scope,
    )
    [(untouched,)] = select(
        f"SELECT COUNT(*) FROM alhena_tracking_order o WHERE {where} AND o.touches IS NULL",  # noqa: S608
        in_scope,
    )
    found: dict[str, Any] = {"channels": {}, "profiles": {}, "orders_without_touches": untouched}
    for place, kind in enumerate(("channels", "profiles")):
        rows: dict[str, list[int]] = defaultdict(lambda: [0] * len(MODELS))
        for row in touched:
            for column, value in zip((1, 2, 3, 5, 6), row[2:], strict=True):
                rows[row[place]][column] += int(value)
        for row in credited:
            for column, value in zip((0, 4), row[2:], strict=True):
                rows[row[place]][column] += int(value)
        found[kind] = {name: tuple(values) for name, values in rows.items() if any(values)}
    return found


def products_by_hand(
    company: Company, period: Period, currency: str, channel: str, *, profile: str = "", trust: str = ""
) -> dict[str, dict[str, int]]:
    """How often each product was recommended, what it was added to carts and bought for, and what of that is direct."""
    scope = """x.company_id = %s AND x.currency = %s AND x.occurred_on BETWEEN %s AND %s
        AND (%s = '' OR x.channel = %s) AND (%s = '' OR x.ai_profile = %s) AND (%s = '' OR x.trust = %s)"""
    visits = [channel, channel, profile, profile]
    in_scope = [company.pk, currency, period.start, period.end, *visits, trust, trust]
    found: dict[str, dict[str, int]] = {}

    def add(rows: list[tuple[Any, ...]], *names: str) -> None:
        for product_id, *numbers in rows:
            sums = found.setdefault(product_id, dict.fromkeys(PRODUCT_SUMS, 0))
            sums.update(zip(names, map(int, numbers), strict=True))

    add(
        select(
            f"""SELECT x.product_id, SUM(x.gmv_minor) FROM alhena_tracking_cartevent x
            WHERE {scope} GROUP BY x.product_id""",  # noqa: S608
            in_scope,
        ),
        "add_to_cart_minor",
    )
    add(
        select(
            f"""SELECT l.product_id, SUM(l.total_minor), SUM(CASE WHEN l.is_direct THEN l.total_minor ELSE 0 END)
            FROM alhena_tracking_orderline l JOIN alhena_tracking_order x ON x.id = l.order_id WHERE {scope}
            AND x.excluded_at IS NULL AND NOT x.is_denied AND x.held_reason = '' GROUP BY l.product_id""",  # noqa: S608
            in_scope,
        ),
        "purchase_minor",
        "direct_minor",
    )
    interactions = Interaction.objects.filter(company=company, is_qualifying=True, session__excluded_at=None)
    for on, kind, used_profile, product_ids in interactions.values_list(
        "occurred_on", "kind", "ai_profile", "recommended_product_ids"
    ):
        if on in period and channel in {"", kind} and profile in {"", used_profile}:
            for product_id in set(product_ids or ()) & set(found):
                found[product_id]["recommended"] += 1
    return found


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

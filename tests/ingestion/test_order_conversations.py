"""Which conversations an order buys through: those that recommended a product of one of its lines before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import EventData, InteractionData, LineItemData, OrderData, Visitor, record, review
from alhena_tracking.models import Company, Order, OrderConversation, RolledUpDay, Trust, VisitorSession
from alhena_tracking.reports import Period, ReportQuery, Section, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.event_data import GREETING, NOW, chat, order
from tests.support.rolled_up_days import assert_same_as_raw
from tests.support.runs import examples

pytestmark = pytest.mark.django_db

ANN, BOB = (Visitor(uuid4(), None) for _ in "AB")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TALKS = ("c-1", "C-1", "c-2", "", GREETING)


def lines(*products: str) -> tuple[LineItemData, ...]:
    return tuple(
        LineItemData(product_id=product, product_name=product, quantity=Decimal(1), value_minor=100)
        for product in products
    )


def advise(
    at: datetime = NOW, visitor: Visitor = ANN, talk: str = "c-1", products: Sequence[str] = ("mug",), **changes: Any
) -> InteractionData:
    values = {"conversation_id": talk, "recommended_product_ids": list(products) or None, **changes}
    return chat(at, visitor, **values)


def buy(at: datetime = NOW + MINUTE, visitor: Visitor | None = ANN, *products: str, **changes: Any) -> OrderData:
    return order(at, visitor, **{"line_items": lines(*(products or ("mug", "tea"))), **changes})


def say(minutes: int, visitor: Visitor | None = None, **changes: Any) -> OrderData:
    """What the shop's server says of the order, so many minutes after the chat."""
    return buy(visitor=visitor, **{"received_at": NOW + minutes * MINUTE, "trust": Trust.CONFIRMED, **changes})


def bought() -> list[tuple[str, str, str]]:
    """The conversations, channels and AI profiles that the only order has bought through."""
    talks = {text_digest(talk): talk for talk in TALKS}
    rows = OrderConversation.objects.filter(order=Order.objects.get()).order_by("pk")
    return [(talks[row.conversation_digest], row.channel, row.ai_profile) for row in rows]


def is_no_greeting(interaction: Any) -> bool:
    return bool(interaction.conversation_id != GREETING)


@pytest.fixture
def greetings(settings: Any) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "QUALIFYING_INTERACTION": f"{__name__}.is_no_greeting"}


MUG = ("c-1", "CHAT", "")


@pytest.mark.usefixtures("greetings")
@pytest.mark.parametrize(
    ("interactions", "expected"),
    [
        ([advise()], [MUG]),
        ([advise(products=["cup", "tea"])], [MUG]),
        ([advise(products=["cup"]), advise(talk="c-2", products=["tea"])], [("c-2", "CHAT", "")]),
        ([advise(), advise(talk="c-2"), advise(NOW + SECOND)], [MUG, ("c-2", "CHAT", "")]),
        ([advise(), advise(talk="C-1")], [MUG, ("C-1", "CHAT", "")]),
        ([advise(), advise(ai_profile="x"), advise(kind="NUDGE")], [MUG, ("c-1", "CHAT", "x"), ("c-1", "NUDGE", "")]),
        ([advise(NOW + MINUTE + 60 * SECOND), chat(NOW, ANN)], [MUG]),
        ([advise(NOW + MINUTE - DAY), chat(NOW, ANN)], [MUG]),
        ([chat(NOW, ANN, product_id="mug", conversation_id="c-1")], []),
        ([advise(talk="")], []),
        ([advise(talk=GREETING), chat(NOW, ANN)], []),
        ([advise(products=["MUG", "te\u0301a"])], []),
        ([advise(NOW + MINUTE + 61 * SECOND), chat(NOW, ANN)], []),
        ([advise(NOW - DAY + MINUTE - SECOND), chat(NOW, ANN)], []),
        ([advise(visitor=BOB), chat(NOW, ANN)], []),
    ],
)
@pytest.mark.parametrize("order_id", ["1001", ""])
@pytest.mark.parametrize("is_batch", [False, True])
def test_order_when_conversations_recommended_its_products_names_them(
    company: Company,
    interactions: list[InteractionData],
    expected: list[tuple[str, str, str]],
    order_id: str,
    is_batch: bool,
) -> None:
    now = NOW + 5 * MINUTE
    used = [
        chat(
            one.occurred_at,
            one.visitor or ANN,
            received_at=now,
            **{name: getattr(one, name) for name in ("kind", "product_id", "conversation_id", "ai_profile")},
            recommended_product_ids=one.recommended_product_ids,
        )
        for one in interactions
    ]
    sent = [buy(order_id=order_id, received_at=now)]
    batches: list[list[EventData]] = [[*used, *sent]] if is_batch else [[*used], [*sent]]
    for events in batches:
        record(company, events)
    assert sorted(bought()) == sorted(expected)


@pytest.mark.parametrize("is_batch", [False, True])
def test_order_when_sessions_have_the_same_conversation_names_each(company: Company, is_batch: bool) -> None:
    """Two visits by different widgets, which the order ties together."""
    both = Visitor(uuid4(), uuid4())
    used = [
        advise(visitor=Visitor(both.user_fingerprint, None)),
        advise(visitor=Visitor(None, both.faq_fingerprint)),
    ]
    events = [*used, buy(visitor=both)]
    for together in [events] if is_batch else [[one] for one in events]:
        record(company, together)
    assert bought() == [MUG, MUG]
    sessions = list(VisitorSession.objects.order_by("pk").values_list("pk", flat=True))
    assert list(OrderConversation.objects.order_by("session").values_list("session", flat=True)) == sessions


@pytest.mark.parametrize(("function", "expected"), [("before_dash", [MUG]), (None, [])])
def test_order_when_products_have_variants_names_conversations_by_group(
    company: Company, settings: Any, function: str | None, expected: list[Any]
) -> None:
    path = function and f"tests.support.product_groups.{function}"
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "PRODUCT_GROUP": path}
    record(company, [advise(products=["mug-blue"]), buy(NOW + MINUTE, ANN, "mug-red")])
    assert bought() == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"line_items": None}, [MUG]), ({"line_items": lines("tea")}, []), ({"line_items": ()}, [])],
)
@pytest.mark.parametrize("minutes", [(5,), (5, 10)])
def test_order_when_the_server_gives_lines_names_conversations_by_them(
    company: Company, changes: dict[str, Any], expected: list[Any], minutes: tuple[int, ...]
) -> None:
    record(company, [advise(), buy()])
    for minute in minutes:
        record(company, [say(minute, ANN, value_minor=1_000 + minute, **changes)])
    assert bought() == expected


@pytest.mark.parametrize(("reported", "stated"), [(("mug",), None), ((), lines("mug"))])
@pytest.mark.parametrize("is_batch", [False, True])
def test_order_without_id_when_confirmed_names_those_of_known_lines(
    company: Company, reported: tuple[str, ...], stated: Any, is_batch: bool
) -> None:
    record(company, [advise()])
    events = [buy(order_id="", line_items=lines(*reported)), say(5, ANN, order_id="", line_items=stated)]
    for together in [events] if is_batch else [[one] for one in events]:
        record(company, together)
    assert bought() == [MUG]


@pytest.mark.parametrize("has_lines", [True, False])
def test_order_when_its_visitor_changes_names_that_ones_conversations(company: Company, has_lines: bool) -> None:
    record(company, [advise(), buy()])
    items = lines("mug", "tea") if has_lines else None
    record(company, [say(2, line_items=items)])
    record(company, [advise(NOW + 30 * SECOND, BOB, "c-2", ["tea"]), buy(visitor=BOB)])
    assert bought() == [MUG]
    record(company, [say(5, BOB, line_items=items)])
    assert bought() == [("c-2", "CHAT", "")]


def test_order_when_its_session_is_excluded_names_the_other_claims(company: Company) -> None:
    record(company, [advise(), buy()])
    record(company, [advise(visitor=BOB, talk="c-2"), buy(visitor=BOB, value_minor=900)])
    session = Order.objects.get().session_id
    review.exclude_sessions([session], None, "test")
    assert bought() == [("c-2", "CHAT", "")]
    review.include_sessions([session])
    assert bought() == [MUG]


def test_order_when_a_denial_is_lifted_names_conversations(company: Company) -> None:
    assert record(company, [say(2, ANN)])[0].reason == "no_interaction"
    both = Visitor(ANN.user_fingerprint, uuid4())
    record(company, [advise(visitor=both, received_at=NOW + 3 * MINUTE)])
    assert bought() == [MUG]


def test_order_when_first_reported_as_zero_names_those_of_the_second(company: Company) -> None:
    record(company, [advise(), buy(value_minor=0, line_items=())])
    assert bought() == []
    record(company, [buy(NOW + 2 * MINUTE)])
    assert bought() == [MUG]


def test_order_when_nothing_was_recommended_stores_nothing_more(company: Company) -> None:
    record(company, [chat(NOW, ANN, product_id="mug", conversation_id="c-1"), buy()])
    assert (Order.objects.get().recommendations, bought()) == (None, [])


def test_order_when_a_claim_names_a_deleted_session_counts_the_others(company: Company) -> None:
    """Of the two sessions with recommendations, no order or claim holds on to the later one."""
    both = Visitor(uuid4(), uuid4())
    record(company, [chat(NOW - HOUR, BOB), buy(visitor=BOB)])
    record(company, [advise(visitor=Visitor(None, both.faq_fingerprint))])
    record(company, [advise(NOW + SECOND, Visitor(both.user_fingerprint, None), "c-2")])
    record(company, [buy(visitor=both)])
    later = VisitorSession.objects.get(interactions__conversation_id="c-2")
    later.interactions.all().delete()
    later.delete()
    review.exclude_sessions([Order.objects.get().session_id], None, "test")
    assert bought() == [MUG, ("c-2", "CHAT", "")]
    query = ReportQuery(company=company, period=Period(NOW.date(), NOW.date()), sections=frozenset(Section))
    found = revenue_impact(query).conversations
    assert found is not None
    assert (found.conversations, found.recommending, found.bought_through) == (1, 1, 1)


# Roll-ups


def figures(company: Company) -> tuple[int, int, int]:
    period = Period(NOW.date(), NOW.date() + 3 * DAY)
    query = ReportQuery(company=company, period=period, currency="EUR", is_compared=False)
    assert_same_as_raw(query)
    assert [result.failed for result in check_rollups()] == [[]]
    query = ReportQuery(company=company, period=period, currency="EUR", sections=frozenset({Section.CONVERSATIONS}))
    found = revenue_impact(query).conversations
    assert found is not None
    return found.conversations, found.recommending, found.bought_through


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([advise(NOW + 20 * HOUR, talk="c-2", products=())], (2, 1, 1)),
        ([advise(NOW + 20 * HOUR, talk="c-2")], (2, 2, 1)),
        ([buy(NOW + 20 * HOUR, ANN, order_id="7")], (1, 1, 1)),
        ([say(20 * 60, line_items=lines("tea"))], (1, 1, 0)),
        ([say(20 * 60, is_cancelled=True)], (1, 1, 0)),
    ],
)
def test_rollups_when_conversations_change_later_are_made_again(
    company: Company, changes: list[Any], expected: tuple[int, int, int]
) -> None:
    record(company, [advise(), buy()])
    record(company, [say(2)])
    roll_up(NOW + 20 * HOUR)
    assert figures(company) == (1, 1, 1)
    record(company, changes)
    assert figures(company) == expected
    roll_up(NOW + 3 * DAY)
    assert figures(company) == expected


def test_rollups_when_another_session_is_bought_through_are_made_again(company: Company) -> None:
    """Of the two sessions that the order's visitor has had, the order is that of the earlier one."""
    both = Visitor(uuid4(), uuid4())
    night = NOW + 10 * HOUR
    record(company, [chat(night, Visitor(both.user_fingerprint, None))])
    record(company, [advise(night + MINUTE, Visitor(None, both.faq_fingerprint), "c-1")])
    roll_up(NOW + 16 * HOUR)
    assert figures(company) == (1, 1, 0)
    record(company, [buy(NOW + 16 * HOUR, both)])
    assert figures(company) == (1, 1, 1)
    roll_up(NOW + 3 * DAY)
    pk = Order.objects.get().pk
    review.exclude_orders([pk], None, "test")
    assert figures(company) == (1, 1, 0)
    roll_up(NOW + 3 * DAY)
    review.include_orders([pk])
    assert figures(company) == (1, 1, 1)


def test_rollups_when_a_message_adds_nothing_to_its_conversation_stay(company: Company) -> None:
    record(company, [advise()])
    roll_up(NOW + 16 * HOUR)
    record(company, [advise(NOW + 16 * HOUR, products=())])
    assert not RolledUpDay.objects.unfinished().exists()
    assert figures(company) == (1, 1, 0)


# Random histories


@dataclass(frozen=True, slots=True)
class Use:
    at: datetime
    channel: str
    profile: str
    talk: str
    products: tuple[str, ...]
    is_faq: bool


_PRODUCTS = st.sampled_from(("mug", "tea", "cup", "MUG"))
_USES = st.lists(
    st.builds(
        Use,
        at=st.integers(-3000, 3).map(lambda minutes: NOW + minutes * MINUTE),
        channel=st.sampled_from(("CHAT", "FAQ", "NUDGE")),
        profile=st.sampled_from(("", "sales", "Sales")),
        talk=st.sampled_from(TALKS),
        products=st.lists(_PRODUCTS, max_size=3, unique=True).map(tuple),
        is_faq=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=examples(60, full=2_000, sample=15),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(_USES, st.lists(_PRODUCTS, max_size=3), st.booleans(), st.sampled_from(("1001", "")))
def test_order_when_a_history_precedes_it_names_the_conversations_by_hand(
    db: None, uses: Sequence[Use], products: Sequence[str], is_batch: bool, order_id: str
) -> None:
    company = Company.objects.create(key=f"shop-{uuid4()}", name="Shop")
    both, now = Visitor(uuid4(), uuid4()), NOW + HOUR
    ids = Visitor(both.user_fingerprint, None), Visitor(None, both.faq_fingerprint)
    with pytest.MonkeyPatch.context() as patch:
        predicate = f"{__name__}.is_no_greeting"
        patch.setattr("django.conf.settings.ALHENA_TRACKING", {"QUALIFYING_INTERACTION": predicate})
        used = [
            advise(
                use.at,
                ids[use.is_faq],
                use.talk,
                use.products,
                kind=use.channel,
                ai_profile=use.profile,
                received_at=now,
            )
            for use in uses
        ]
        sent = order(NOW, both, order_id=order_id, line_items=lines(*products), received_at=now)
        for events in [[*used, sent]] if is_batch else [[one] for one in [*used, sent]]:
            record(company, events)
    counted = [
        (use, one.event_id)
        for use, one in zip(uses, used, strict=True)
        if use.talk not in {"", GREETING} and NOW - DAY <= use.at <= NOW + MINUTE and set(use.products) & set(products)
    ]
    sessions = dict(company.interaction_set.values_list("event_id", "session"))
    expected = {(sessions[event_id], text_digest(use.talk), use.channel, use.profile) for use, event_id in counted}
    rows = OrderConversation.objects.filter(order__company=company)
    found = list(rows.values_list("session", "conversation_digest", "channel", "ai_profile"))
    assert len(found) == len(expected)
    assert set(found) == expected

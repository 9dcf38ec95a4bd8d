"""What comes of conversations: on the page, under filters, and against plain Python."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alhena_tracking.models import Company, Order, Trust, VisitorSession
from alhena_tracking.reports import ConversationFigures, Period, ReportQuery, Section, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support import factories
from tests.support.admin_pages import REPORT_URL
from tests.support.factories import at
from tests.support.report_by_hand import CHANNELS, PROFILES, conversations_by_hand, fill
from tests.support.rolled_up_days import BEGINS_AT, FIRST
from tests.support.runs import examples

pytestmark = [pytest.mark.django_db, pytest.mark.now(BEGINS_AT)]

SECTIONS = frozenset({Section.CONVERSATIONS})
PAGE = {"start": str(FIRST), "end": str(FIRST), "currency": "EUR", "show": "conversations"}


def asked(company: Company, **changes: Any) -> ConversationFigures:
    values = {"company": company, "period": Period(FIRST, FIRST), "currency": "EUR", "sections": SECTIONS, **changes}
    found = revenue_impact(ReportQuery(**values)).conversations
    assert found is not None
    return found


@pytest.fixture
def talk(company: Company) -> Callable[..., Any]:
    """Adds a session with one interaction in a conversation."""

    def talk(on: date = FIRST, talk: str = "c-1", **changes: Any) -> Any:
        started_at = at(on, 8)
        session = factories.VisitorSessionFactory.create(company=company, started_at=started_at)
        return factories.InteractionFactory.create(session=session, conversation_id=talk, **changes)

    return talk


def order_of(interaction: Any, **changes: Any) -> Order:
    values = {"session": interaction.session, "credited_interaction": interaction, "channel": interaction.kind}
    return factories.OrderFactory.create(**values | {"ai_profile": interaction.ai_profile, **changes})


def test_conversations_when_one_id_is_in_two_sessions_are_two(company: Company, talk: Callable[..., Any]) -> None:
    first, _other = talk(), talk()
    factories.InteractionFactory.create(session=first.session, conversation_id="c-1", kind="FAQ")
    factories.InteractionFactory.create(session=first.session, conversation_id="C-1")
    factories.InteractionFactory.create(session=first.session, conversation_id="")
    factories.InteractionFactory.create(session=first.session, conversation_id="c-2", is_qualifying=False)
    assert asked(company).conversations == 3
    assert asked(company, channel="CHAT").conversations == 3
    assert asked(company, channel="FAQ").conversations == 1
    assert asked(company, channel="NUDGE").conversations == 0


def test_orders_when_credited_to_no_conversation_are_left_out(company: Company, talk: Callable[..., Any]) -> None:
    order_of(talk(), value_minor=900)
    order_of(talk(talk=""), value_minor=100)
    order_of(talk(ai_profile="butler", kind="FAQ"), value_minor=300, trust=Trust.VERIFIED)
    order_of(talk(), value_minor=700, is_denied=True)
    found = asked(company)
    assert (found.conversations, found.orders, found.purchase_minor) == (3, 2, 1_200)
    assert (found.orders_per_conversation, found.revenue_per_conversation_minor) == (Fraction(2, 3), Fraction(400))
    for filters in ({"channel": "FAQ"}, {"ai_profile": "butler"}):
        assert (asked(company, **filters).conversations, asked(company, **filters).purchase_minor) == (1, 300)
    verified = asked(company, trust=Trust.VERIFIED)
    assert (verified.conversations, verified.orders) == (3, 1)


@pytest.mark.parametrize(("others", "is_mixed"), [(1, False), (2, True)])
def test_revenue_when_other_currencies_have_few_orders_is_shown(
    client: Client, log_in: Callable[..., Any], company: Company, talk: Callable[..., Any], others: int, is_mixed: bool
) -> None:
    said, silent = talk(), talk(talk="")
    for number in range(19 + others):
        order_of(said, currency="EUR" if number < 19 else "JPY")
    for _ in range(5):
        order_of(silent, currency="USD")
    assert asked(company).is_mixed == is_mixed
    log_in("view_revenueimpact")
    cards = {card.label: card for card in client.get(REPORT_URL, PAGE).context["conversation_cards"]}
    card = cards["Revenue per conversation"]
    assert (card.value, card.unit) == (("n/a", "") if is_mixed else ("190.00", "EUR"))
    assert card.reason.startswith("More than one in twenty") == is_mixed


def test_page_when_there_are_no_conversations_says_how_to_get_them(
    client: Client, log_in: Callable[..., Any], company: Company, talk: Callable[..., Any]
) -> None:
    order_of(talk(talk=""), credited_at=at(FIRST, 7))
    log_in("view_revenueimpact")
    page = client.get(REPORT_URL, PAGE)
    assert "No interaction of this period has a conversation ID." in page.content.decode()
    values = {card.label: (card.value, bool(card.reason)) for card in page.context["conversation_cards"]}
    assert values["Conversations"] == ("0", False)
    assert values["Buy-through rate"] == values["Revenue per conversation"] == ("n/a", True)
    assert [bar.orders for bar in page.context["times"].bars] == ["0", "0", "0", "0", "1", "0", "0", "0"]
    assert [quartile.time for quartile in page.context["times"].quartiles] == ["1 hour"] * 3


def test_page_when_there_are_no_orders_shows_no_times(
    client: Client, log_in: Callable[..., Any], company: Company, talk: Callable[..., Any]
) -> None:
    talk()
    log_in("view_revenueimpact")
    page = client.get(REPORT_URL, PAGE)
    assert "No interaction of this period" not in page.content.decode()
    assert (page.context["times"].bars, page.context["times"].quartiles) == ([], [])


def test_page_when_an_order_has_no_time_says_so(
    client: Client, log_in: Callable[..., Any], company: Company, talk: Callable[..., Any]
) -> None:
    order_of(talk(), credited_at=None)
    log_in("view_revenueimpact")
    assert "1 order is not included: the time of its interaction" in client.get(REPORT_URL, PAGE).content.decode()


def test_report_when_conversations_are_not_asked_for_does_not_read_them(
    company: Company, talk: Callable[..., Any]
) -> None:
    order_of(talk())
    query = ReportQuery(company=company, period=Period(FIRST, FIRST), currency="EUR")
    with CaptureQueriesContext(connection) as few:
        assert revenue_impact(query).conversations is None
    with CaptureQueriesContext(connection) as more:
        asked(company)
    assert len(more) == len(few) + 3


@pytest.mark.property
@pytest.mark.parametrize("seed", range(examples(2, full=200)))
def test_figures_when_read_in_any_way_are_those_by_hand(company: Company, seed: int) -> None:
    rnd = random.Random(seed)
    fill(company, rnd, FIRST, days=6, sessions=16)
    excluded = VisitorSession.objects.filter(company=company).order_by("pk")[2]
    excluded.excluded_at = at(FIRST)
    excluded.save()
    excluded.orders.update(standing="EXCLUDED")
    questions: list[dict[str, Any]] = [
        {
            "period": Period(FIRST + timedelta(days=start), FIRST + timedelta(days=start + rnd.choice((0, 2, 8)))),
            "currency": rnd.choice(("EUR", "JPY")),
            "channel": rnd.choice(("", *CHANNELS)),
            "profile": rnd.choice(("", *PROFILES)),
            "trust": rnd.choice(("", "", *Trust.values)),
        }
        for start in (0, 1, 3)
    ]
    for _ in range(2):
        for question in questions:
            by_hand = conversations_by_hand(company, **question)
            found = asked(
                company,
                period=question["period"],
                currency=question["currency"],
                channel=question["channel"],
                ai_profile=question["profile"],
                trust=question["trust"],
            )
            times = {
                "timed_orders": found.times.orders,
                "undated_orders": found.times.undated_orders,
                "median_minutes": found.times.median_minutes,
            }
            assert by_hand == {name: times[name] if name in times else getattr(found, name) for name in by_hand}
        roll_up(at(FIRST + timedelta(days=30)))
        assert [result.failed for result in check_rollups()] == [[]]

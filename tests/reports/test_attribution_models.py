"""Attribution models side by side: first, last and linear touch beside what is credited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alhena_tracking.ingestion import InteractionData, OrderData, RefundData, Visitor, record, review
from alhena_tracking.models import Company, DailyTouches, Order, RolledUpDay, Trust
from alhena_tracking.reports import AttributionModels, ModelFigures, Period, ReportQuery, Section, revenue_impact
from alhena_tracking.reports.breakdowns import MOST_PROFILES
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support import factories
from tests.support.admin_pages import REPORT_URL
from tests.support.event_data import NOW, chat, order
from tests.support.exported_files import read_csv
from tests.support.factories import at
from tests.support.published_schema import STAFF_PREFIX
from tests.support.report_by_hand import MODELS
from tests.support.runs import examples
from tests.support.touches_by_hand import Use, linear_by_hand, models_by_hand, uses_in_window

pytestmark = pytest.mark.django_db

ANN, BOB = (Visitor(uuid4(), None) for _ in "AB")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
THAT_DAY = {"start": str(NOW.date()), "end": str(NOW.date()), "currency": "EUR"}


def models(company: Company, **changes: Any) -> AttributionModels:
    """Those of the day, under each of which all purchase revenue and all orders are divided."""
    query = ReportQuery(
        company=company,
        period=Period(NOW.date() - DAY, NOW.date() + DAY),
        currency="EUR",
        is_compared=False,
        sections=frozenset({Section.MODELS}),
    )
    report = revenue_impact(replace(query, **changes))
    found = report.models
    assert found is not None
    for rows in (found.channels, found.profiles, [found.total]):
        for name in MODELS:
            whole = report.current.orders if name.endswith("orders") else report.current.purchase_minor
            assert sum(getattr(row, name) for row in rows) == whole
    return found


def amounts(rows: Sequence[ModelFigures]) -> dict[str | None, tuple[int, ...]]:
    return {row.name: (row.credited_minor, row.first_minor, row.last_minor, row.linear_minor) for row in rows}


def ask(at: Any = NOW, visitor: Visitor = ANN, kind: str = "CHAT", profile: str = "") -> InteractionData:
    return chat(at, visitor, kind=kind, ai_profile=profile, received_at=NOW + HOUR)


def buy(visitor: Visitor | None = ANN, **changes: Any) -> OrderData:
    return order(NOW + 5 * MINUTE, visitor, **{"value_minor": 1_000, "received_at": NOW + HOUR, **changes})


def say(**changes: Any) -> OrderData:
    """What the shop's server says of the order."""
    return buy(**{"visitor": None, "trust": Trust.CONFIRMED, **changes})


CHAT_AND_FAQ = [ask(), ask(NOW + MINUTE, kind="FAQ"), ask(NOW + 2 * MINUTE, kind="FAQ")]


@pytest.fixture(params=["events", "roll-ups"])
def read(request: pytest.FixtureRequest) -> Callable[..., AttributionModels]:
    """Read the models from the events, or from roll-ups that were made of them."""

    def read_from(company: Company, **changes: Any) -> AttributionModels:
        if request.param == "roll-ups":
            roll_up(NOW + 4 * DAY)
            assert not any(result.failed for result in check_rollups())
            assert not RolledUpDay.objects.filter(company=company, is_stale=True).exists()
        return models(company, **changes)

    return read_from


# By hand


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order, and the visitor's uses of the assistant, all recorded before it."""

    uses: tuple[Use, ...]
    value_minor: int
    currency: str
    trust: str


_USES = st.builds(
    Use,
    at=st.integers(-1500, 3).map(lambda minutes: NOW + minutes * MINUTE),
    channel=st.sampled_from(("CHAT", "FAQ", "NUDGE")),
    profile=st.sampled_from(("", "sales", "Sales")),
    products=st.just(()),
)
_PURCHASES = st.lists(
    st.builds(
        Purchase,
        uses=st.lists(_USES, min_size=1, max_size=6).map(tuple),
        value_minor=st.integers(0, 1_000),
        currency=st.sampled_from(("EUR", "EUR", "JPY")),
        trust=st.sampled_from((Trust.REPORTED, Trust.VERIFIED)),
    ),
    min_size=1,
    max_size=4,
)


def by_hand(purchases: Sequence[Purchase], model: str, asked: dict[str, str]) -> list[dict[str, tuple[int, ...]]]:
    """What the models give, by channel and by AI profile: credited, first, last and linear, and the orders of each."""
    rows: list[dict[str, Counter[int]]] = [{}, {}]
    for purchase in purchases:
        uses = uses_in_window(purchase.uses, NOW, DAY)
        if not uses:
            continue
        credited = uses[0 if model == "first_touch" else -1]
        facts = {"channel": credited.channel, "ai_profile": credited.profile, "trust": purchase.trust}
        if purchase.currency != "EUR" or any(facts[name] != value for name, value in asked.items()):
            continue
        ends = models_by_hand(purchase.value_minor, uses)
        linear = linear_by_hand(purchase.value_minor, uses)
        for pair, given_here in ends.items():
            assert abs(given_here.linear - linear[pair]) < 1
            is_credited = pair == (credited.channel, credited.profile)
            first, last = (pair == (use.channel, use.profile) for use in (uses[0], uses[-1]))
            minor = (purchase.value_minor * is_credited, given_here.first, given_here.last, linear[pair])
            for place, name in enumerate(pair):
                row = rows[place].setdefault(name, Counter())
                row.update(dict(enumerate((*minor, is_credited, first, last))))
    return [{name: tuple(row[n] for n in range(7)) for name, row in each.items() if any(row.values())} for each in rows]


@settings(
    max_examples=examples(20, full=1_000, sample=6),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(_PURCHASES, st.sampled_from(("first_touch", "last_touch")))
def test_models_when_a_history_precedes_agree_with_the_sums_by_hand(
    db: None, purchases: Sequence[Purchase], model: str
) -> None:
    company = Company.objects.create(key=f"shop-{uuid4()}", name="Shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.ALHENA_TRACKING", {"ATTRIBUTION_MODEL": model})
        for number, purchase in enumerate(purchases):
            visitor = Visitor(uuid4(), None)
            record(company, [ask(use.at, visitor, use.channel, use.profile) for use in purchase.uses])
            stated = {"value_minor": purchase.value_minor, "currency": purchase.currency, "order_id": str(number)}
            by = Trust.REPORTED if purchase.trust == Trust.REPORTED else Trust.CONFIRMED
            record(company, [order(NOW, visitor, trust=by, received_at=NOW + HOUR, **stated)])
    questions = [{}, {"channel": "CHAT"}, {"ai_profile": "sales"}, {"trust": "VERIFIED", "channel": "FAQ"}]
    for is_rolled_up in (False, True):
        if is_rolled_up:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("alhena_tracking.rollups._companies", lambda: [company])
                roll_up(NOW + 3 * DAY)
                assert not any(result.failed for result in check_rollups())
        for asked in questions:
            found = models(company, **asked)
            for rows, expected in zip((found.channels, found.profiles), by_hand(purchases, model, asked), strict=True):
                assert {row.name: tuple(getattr(row, name) for name in MODELS) for row in rows} == expected
            assert found.orders_without_touches == 0


# What changes an order


def test_models_when_an_order_is_taken_over_have_the_other_touches(
    company: Company, read: Callable[..., AttributionModels]
) -> None:
    record(company, [*CHAT_AND_FAQ, buy(value_minor=900), say(value_minor=900)])
    record(company, [ask(NOW, BOB, "NUDGE", "butler"), ask(NOW + MINUTE, BOB, "FAQ"), buy(BOB)])
    assert amounts(read(company).channels) == {"CHAT": (900, 900, 0, 300), "FAQ": (0, 0, 900, 600)}
    [outcome] = record(company, [say(value_minor=1_000, received_at=NOW + 2 * DAY)])
    assert outcome.status == "corrected"
    assert amounts(read(company).channels) == {"CHAT": (1_000, 1_000, 0, 333), "FAQ": (0, 0, 1_000, 667)}
    record(company, [say(visitor=BOB, received_at=NOW + 3 * DAY)])
    found = read(company)
    assert amounts(found.channels) == {"NUDGE": (1_000, 1_000, 0, 500), "FAQ": (0, 0, 1_000, 500)}
    assert amounts(found.profiles) == {"butler": (1_000, 1_000, 0, 500), "": (0, 0, 1_000, 500)}


def test_rollup_when_only_touches_of_an_order_change_is_made_again(company: Company) -> None:
    """A browser's second report, which the server's figures already are, has another interaction before it."""
    record(company, [ask(), buy(value_minor=0)])
    record(company, [say(value_minor=0, line_items=())])
    record(company, [say(value_minor=1_000, line_items=(), received_at=NOW + DAY)])
    record(company, [ask(NOW + MINUTE, kind="FAQ")])
    for received_at, expected in ((NOW + 2 * DAY, {"CHAT": (1_000,) * 4}), (NOW + 3 * DAY, None)):
        roll_up(received_at)
        assert amounts(models(company).channels) == (
            expected or {"CHAT": (1_000, 1_000, 0, 500), "FAQ": (0, 0, 1_000, 500)}
        )
        assert not any(result.failed for result in check_rollups())
        record(company, [buy(value_minor=1_000, received_at=received_at)])


def test_models_when_orders_do_not_count_leave_them_out(
    company: Company, read: Callable[..., AttributionModels]
) -> None:
    record(company, [*CHAT_AND_FAQ, buy(value_minor=900), say(value_minor=900)])
    pk = Order.objects.get().pk
    review.exclude_orders([pk], None, "test")
    assert read(company) == AttributionModels()
    review.include_orders([pk])
    assert read(company).several_orders == 1
    record(company, [say(is_cancelled=True, received_at=NOW + 2 * DAY)])
    assert read(company) == AttributionModels()


def test_models_when_an_order_is_refunded_stay_before_refunds(
    company: Company, read: Callable[..., AttributionModels]
) -> None:
    refund: dict[str, Any] = {"refund_id": "1", "currency": "EUR", "value_minor": 400, "occurred_at": NOW + HOUR}
    record(company, [*CHAT_AND_FAQ, buy(), RefundData(order_id="1001", received_at=NOW + HOUR, **refund)])
    assert amounts([read(company).total]) == {None: (1_000, 1_000, 1_000, 1_000)}


@pytest.mark.parametrize("is_only_confirmed", [False, True])
def test_models_when_only_confirmed_orders_count_have_these(
    company: Company, read: Callable[..., AttributionModels], settings: Any, is_only_confirmed: bool
) -> None:
    rule = {"CONFIRMED_ORDERS_ONLY": is_only_confirmed}
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, **rule}
    record(company, [*CHAT_AND_FAQ, buy(order_id="1"), say(visitor=ANN, order_id="2", value_minor=90)])
    Order.objects.filter(order_id="1").update(touches=None)
    found = read(company)
    assert found.total.linear_minor == (90 if is_only_confirmed else 1_090)
    assert (found.several_orders, found.orders_without_touches) == ((1, 0) if is_only_confirmed else (2, 1))


# What is not known, and what is too much


def test_orders_without_stored_touches_are_counted_as_touched_once(
    company: Company, read: Callable[..., AttributionModels]
) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=NOW, channel="FAQ")
    stored: tuple[list[Any] | None, ...] = (None, None, [])
    for number, touches in enumerate(stored):
        factories.OrderFactory.create(session=session, order_id=f"old-{number}", touches=touches, value_minor=50)
    record(company, [*CHAT_AND_FAQ, buy()])
    found = read(company)
    assert amounts(found.channels) == {"CHAT": (1_000, 1_000, 0, 333), "FAQ": (150, 150, 1_150, 817)}
    assert (found.several_orders, found.orders_without_touches) == (1, 2)
    assert models(company, channel="CHAT").orders_without_touches == 0


def test_profiles_when_very_many_are_the_first_and_all_others(
    company: Company, read: Callable[..., AttributionModels]
) -> None:
    for number in range(MOST_PROFILES + 3):
        visitor = Visitor(uuid4(), None)
        used = [ask(NOW, visitor, profile=f"p{number:02}"), ask(NOW + MINUTE, visitor, profile="last")]
        record(company, [*used, buy(visitor, order_id=str(number), value_minor=100 - number)])
    found = read(company)
    assert [row.name for row in found.profiles] == [*(f"p{number:02}" for number in range(MOST_PROFILES)), None]
    assert found.profiles[-1].credited_orders == 3
    assert found.profiles[-1].last_minor == found.total.credited_minor


def test_models_take_one_statement_however_many_touches_there_are(
    company: Company, read: Callable[..., AttributionModels]
) -> None:
    def statements(sections: frozenset[Section]) -> int:
        period = Period(NOW.date(), NOW.date())
        query = ReportQuery(company=company, period=period, currency="EUR", is_compared=False, sections=sections)
        with CaptureQueriesContext(connection) as captured:
            revenue_impact(query)
        return len(captured)

    without = statements(frozenset())
    for number in range(7):
        visitor = Visitor(uuid4(), None)
        record(company, [ask(NOW, visitor), ask(NOW, visitor, "FAQ", f"p{number}"), buy(visitor, order_id=str(number))])
    read(company)
    assert statements(frozenset({Section.MODELS})) == without + 1


def test_amounts_when_beyond_32_bits_are_exact(company: Company, read: Callable[..., AttributionModels]) -> None:
    for number in range(3):
        session = factories.VisitorSessionFactory.create(company=company, started_at=NOW)
        stored = factories.OrderFactory.create(session=session, order_id=f"{number}", value_minor=10**13, touches=[])
        for place, channel in enumerate(("CHAT", "FAQ")):
            stored.several_touches.create(
                channel=channel, count=1, is_first=not place, is_last=bool(place), linear_minor=5 * 10**12
            )
    assert amounts(read(company).channels)["FAQ"] == (0, 0, 3 * 10**13, 15 * 10**12)


# The page and the JSON


@pytest.fixture
def reader(client: Client, log_in: Callable[..., Any]) -> Client:
    log_in("view_revenueimpact", "export_revenueimpact")
    return client


def shown(client: Client, **asked: str) -> Any:
    return client.get(REPORT_URL, {**THAT_DAY, "show": "models", **asked}).context["models"]


def test_page_when_models_differ_says_by_how_many_orders(company: Company, reader: Client) -> None:
    record(company, [*CHAT_AND_FAQ, buy(), ask(NOW, BOB, profile="butler"), buy(BOB, order_id="2")])
    text = shown(reader)
    assert text.sentences == ["Models differ by orders that several channels or AI profiles touched: 1 of 2 orders."]
    assert [group.label for group in text.channels.groups] == [label for label, _ in text.explanations]
    assert [(row.label, row.cells) for row in text.profiles.rows] == [
        ("No AI profile", ["1", "10.00", "1", "10.00", "1", "10.00", "10.00"]),
        ("butler", ["1", "10.00", "1", "10.00", "1", "10.00", "10.00"]),
    ]
    assert text.channels.total.cells == ["2", "20.00", "2", "20.00", "2", "20.00", "20.00"]
    assert (
        shown(reader, channel="CHAT").sentences[1].startswith("The filters choose orders by what they are credited to")
    )


def test_page_when_no_order_has_several_touches_says_that_models_agree(company: Company, reader: Client) -> None:
    record(company, [ask(), buy()])
    text = shown(reader)
    assert len(text.sentences) == 1
    assert text.sentences[0].endswith("the models agree.")
    assert text.profiles is None
    Order.objects.update(touches=None)
    assert shown(reader).sentences[1].startswith("1 order has no stored touches")


def test_page_when_there_are_no_orders_has_no_tables(company: Company, reader: Client) -> None:
    record(company, [ask()])
    text = shown(reader)
    assert text.sentences == ["There is no purchase revenue to divide."]
    assert (text.channels, text.profiles) == (None, None)


def test_json_when_not_asked_for_models_has_none(company: Company, reader: Client) -> None:
    record(company, [*CHAT_AND_FAQ, buy()])
    url = f"{STAFF_PREFIX}revenue-impact"
    assert reader.get(url, THAT_DAY).json()["models"] is None
    assert reader.get(url, {**THAT_DAY, "show": "model"}).status_code == 400
    answer = reader.get(url, {**THAT_DAY, "show": "models"}).json()["models"]
    faq = {"credited_minor": 0, "first_minor": 0, "last_minor": 1_000, "linear_minor": 667}
    assert answer["channels"][1] == {"channel": "FAQ", **faq, "credited_orders": 0, "first_orders": 0, "last_orders": 1}
    assert (answer["orders_with_several_touches"], answer["orders_without_touches"]) == (1, 0)


def test_file_when_profiles_are_very_many_names_the_row_of_the_others(
    company: Company, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alhena_tracking.reports.attribution_models.MOST_PROFILES", 1)
    record(company, [*CHAT_AND_FAQ, ask(NOW + 3 * MINUTE, profile="butler"), buy()])
    rows = read_csv(b"".join(reader.get(f"{REPORT_URL}export/models.csv", THAT_DAY)))
    assert [(row["Kind of row"], row["Channel or AI profile"], row["Linear touch"]) for row in rows] == [
        ("Channel", "CHAT", "5.00"),
        ("Channel", "FAQ", "5.00"),
        ("AI profile", "", "7.50"),
        ("Other AI profiles", "", "2.50"),
    ]
    answer = reader.get(f"{STAFF_PREFIX}revenue-impact", {**THAT_DAY, "show": "models"}).json()["models"]
    assert [row["profile"] for row in answer["profiles"]] == ["", None]


# The migration


def test_days_with_orders_when_migrated_are_rolled_up_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    migration = import_module("alhena_tracking.migrations.0010_roll_up_touches")
    monkeypatch.setattr(migration, "CHUNK", 2)
    other = factories.CompanyFactory.create()
    days = [NOW.date() + number * DAY for number in range(5)]
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(days[0]))
    for day in days[::2]:
        factories.OrderFactory.create(session=session, occurred_at=at(day))
    for one in (company, other):
        RolledUpDay.objects.bulk_create(RolledUpDay(company=one, on=day, is_stale=False) for day in days)
    for _ in range(2):  # an interrupted one is run again
        migration.mark_stale(apps, SimpleNamespace(connection=connection))
        stale = RolledUpDay.objects.filter(is_stale=True)
        assert list(stale.order_by("on").values_list("company", "on")) == [(company.pk, day) for day in days[::2]]
    assert not DailyTouches.objects.exists()

"""Which day a moment belongs to: in every zone, about every change of its clocks, by clients' clocks off by days.

And that figures of days add up to those of their range, whichever way the range is parted.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from alhena_tracking.api.ingestion.batches import BatchSerializer
from alhena_tracking.ingestion import InteractionData, record
from alhena_tracking.models import CartEvent, Company, Interaction, Order, Trust, VisitorSession
from alhena_tracking.reports import Figures, Period, ReportQuery, RevenueImpactReport, revenue_impact
from tests.support import factories
from tests.support.days import (
    HOUR,
    MICROSECOND,
    ODD_ZONES,
    SECOND,
    YEAR,
    all_zones,
    calendar_of,
    edges_of,
    hours_of,
    start_of,
)
from tests.support.runs import IS_FULL_RUN, some
from tests.support.zones import move

ZONES = all_zones() if IS_FULL_RUN else {zone: ODD_ZONES[zone] for zone in some(ODD_ZONES, 8)}
DAY = timedelta(days=1)
#: How far a visitor's clock is off; up to a minute is latency, and left alone.
SKEWS = [timedelta(0), 3 * DAY, -3 * DAY, -DAY, 400 * DAY, -4000 * DAY, timedelta(seconds=61), timedelta(seconds=-61)]
OFFSETS = [UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=12)), timezone(timedelta(hours=14))]


@pytest.mark.parametrize("zone", ZONES)
def test_day_of_a_moment_is_that_of_the_zone_s_calendar(zone: str) -> None:
    """At every hour, and on both sides of every second at which a day begins or the clocks are changed."""
    year = ZONES[zone]
    begins, changes = edges_of(zone, year)
    moments = list(hours_of(year)) if IS_FULL_RUN else [edge + HOUR * n for edge in changes for n in range(-50, 50)]
    moments += [edge + off for edge in begins + changes for off in (-SECOND, -MICROSECOND, timedelta(0), MICROSECOND)]
    company = Company(time_zone=zone)
    with calendar_of(zone) as day_of:
        for moment in moments:
            event = InteractionData(visitor=None, occurred_at=moment, received_at=moment, kind="CHAT")
            assert event.fields(company)["occurred_on"] == day_of(moment), moment


def test_odd_zones_are_as_odd_as_they_are_meant_to_be() -> None:
    """Among them are days that do not begin at midnight, that last other than 24 hours, and one that is missing."""
    lengths, days = set(), {}
    for zone, year in ODD_ZONES.items():
        begins, changes = edges_of(zone, year)
        lengths |= {end - begin for begin, end in pairwise(begins)}
        with calendar_of(zone) as day_of:
            days[zone] = [day_of(begin) for begin in begins]
        assert changes or zone in {"Asia/Kathmandu", "Pacific/Kiritimati", "Etc/GMT+12"}
    assert {HOUR * hours for hours in (22, 23, 23.5, 24, 24.5, 25, 26)} <= lengths
    assert date(2011, 12, 30) not in days["Pacific/Apia"]
    assert date(2011, 12, 31) in days["Pacific/Apia"]


class Told:
    """What a company is told in batches, and on which days it must count, by the zone's calendar."""

    def __init__(self, company: Company, rnd: random.Random) -> None:
        self.company, self.rnd = company, rnd
        self.gmv: defaultdict[date, int] = defaultdict(int)
        self.purchases: defaultdict[date, int] = defaultdict(int)
        self.sessions: defaultdict[date, int] = defaultdict(int)
        self.moments: dict[UUID, datetime] = {}

    def tell(self, start: datetime, moments: list[datetime]) -> None:
        """Send one visitor's events, all within a day of ``start``, by a clock that is off."""
        rnd = self.rnd
        skew, offset = rnd.choice(SKEWS), rnd.choice(OFFSETS)
        received_at = start + DAY + SECOND
        events = [self._event(start, skew, offset, "sendInteraction", {"type": "CHAT"})]
        with calendar_of(self.company.time_zone) as day_of:
            self.sessions[day_of(start)] += 1
            for number, moment in enumerate(moments):
                minor, sku = rnd.randrange(1, 10**6), str(number)
                money = {"value": minor / 100, "currency": "EUR"}
                if number % 3:
                    product = {"type": "ITEM_ADDED", "product_id": sku, "product_name": sku, "quantity": 1}
                    events.append(self._event(moment, skew, offset, "sendCartEvent", money | product))
                    self.gmv[day_of(moment)] += minor
                else:
                    order = {"order_id": f"{rnd.getrandbits(64):x}"}
                    events.append(self._event(moment, skew, offset, "sendCheckoutEvent", money | order))
                    self.purchases[day_of(moment)] += minor
        body = {
            "company_key": self.company.key,
            "user_fingerprint": str(UUID(int=rnd.getrandbits(128))),
            "sent_at": (received_at + skew).astimezone(offset).isoformat(),
            "events": events,
        }
        batch = BatchSerializer().parse_batch(body, received_at=received_at, trust=Trust.REPORTED)
        assert not any(batch.errors)
        outcomes = record(self.company, [event for event in batch.events if event is not None])
        assert {outcome.status for outcome in outcomes} == {"recorded"}

    def _event(
        self, moment: datetime, skew: timedelta, offset: timezone, method: str, data: dict[str, Any]
    ) -> dict[str, Any]:
        event_id = UUID(int=self.rnd.getrandbits(128))
        self.moments[event_id] = moment
        told = (moment + skew).astimezone(offset).isoformat()
        return {"method": method, "event_id": str(event_id), "occurred_at": told, "data": data}

    def report(self, period: Period) -> RevenueImpactReport:
        return revenue_impact(ReportQuery(company=self.company, period=period, currency="EUR"))

    def sums(self, days: Iterable[date]) -> tuple[int, int, int]:
        gmv, purchases, sessions = 0, 0, 0
        for day in days:
            gmv += self.gmv.get(day, 0)
            purchases += self.purchases.get(day, 0)
            sessions += self.sessions.get(day, 0)
        return gmv, purchases, sessions


def figures_of(report: RevenueImpactReport) -> tuple[int, int, int]:
    figures = report.current
    assert figures == Figures.of(report.days, report.session_days)
    return figures.add_to_cart_minor, figures.purchase_minor, figures.sessions


def parts_of(period: Period, rnd: random.Random) -> list[Period]:
    """The period in pieces that leave no day out."""
    days = period.days
    cuts = [0, *sorted(rnd.sample(range(1, len(days)), 3)), len(days)]
    return [Period(days[first], days[end - 1]) for first, end in pairwise(cuts)]


@pytest.mark.django_db
@pytest.mark.usefixtures("without_ceilings")
@pytest.mark.parametrize("zone", ZONES)
def test_figures_of_days_add_up_to_those_of_their_range(company: Company, zone: str) -> None:
    rnd = random.Random(zone)
    year = ZONES[zone]
    Company.objects.filter(pk=company.pk).update(time_zone=zone)
    company.refresh_from_db()
    begins, changes = edges_of(zone, year)
    edges = {edge + off for edge in begins + changes for off in (-MICROSECOND, timedelta(0))}
    told = Told(company, rnd)
    factories.VisitorSessionFactory.create(company=company, started_at=start_of(year) - 5 * DAY)
    starts = [change + HOUR * hours for change in changes for hours in (-30, -6)]
    starts += [start_of(year) + rnd.randrange(2, 720) * DAY + rnd.randrange(24 * 60) * HOUR / 60 for _ in range(4)]
    for start in starts if IS_FULL_RUN else rnd.sample(starts, min(len(starts), 3)):
        moments = [start + HOUR * hours for hours in range(1, 24)]
        moments += [edge for edge in edges if start < edge < start + DAY]
        told.tell(start, sorted(moments))

    with calendar_of(zone) as day_of:
        for model in (CartEvent, Order, Interaction):
            for event_id, at, on in model._default_manager.values_list("event_id", "occurred_at", "occurred_on"):
                assert (at, on) == (told.moments[event_id], day_of(told.moments[event_id]))
        for at, on in VisitorSession.objects.values_list("started_at", "started_on"):
            assert on == day_of(at)
        whole = Period(day_of(start_of(year)) - DAY, day_of(start_of(year) + 731 * DAY))
    report = told.report(whole)
    assert (
        figures_of(report)
        == told.sums(whole.days)
        == (
            sum(told.gmv.values()),
            sum(told.purchases.values()),
            sum(told.sessions.values()),
        )
    )
    assert {day.on: day.add_to_cart_minor for day in report.days if day.add_to_cart_minor} == told.gmv
    assert {day.on: day.purchase_minor for day in report.days if day.purchase_minor} == told.purchases
    assert {day.on: day.sessions for day in report.days if day.sessions} == told.sessions
    for part in parts_of(whole, rnd):
        assert figures_of(told.report(part)) == told.sums(part.days)
    some_days = rnd.sample(sorted({*told.gmv, *told.purchases}), 3)
    for day in {*some_days, *(day - DAY for day in some_days)}:
        report = told.report(Period(day, day))
        assert figures_of(report) == told.sums((day,))
        previous = report.previous
        assert previous is not None
        before = told.sums((day - DAY,))
        assert (previous.add_to_cart_minor, previous.purchase_minor, previous.sessions) == before


PIECES = 20


@pytest.mark.django_db
@pytest.mark.usefixtures("without_ceilings")
@pytest.mark.parametrize("piece", range(PIECES if IS_FULL_RUN else 2))
def test_days_of_rows_when_the_company_moves_are_those_of_its_new_zone(company: Company, piece: int) -> None:
    """The same rows in one zone after another: every day of two years, at hours of all kinds."""
    rnd = random.Random(piece)
    zones = [zone for zone, year in all_zones().items() if year == YEAR][piece::PIECES]
    session = factories.VisitorSessionFactory.create(company=company)
    interaction = factories.InteractionFactory.create(session=session)
    facts = {"session": session, "company": company, "credited_interaction": interaction}
    start = start_of(YEAR)
    days = range(730) if IS_FULL_RUN else sorted(rnd.sample(range(730), 40))
    moments = [start + DAY * day + HOUR * hour / 4 for day in days for hour in rnd.sample(range(96), 3)]
    CartEvent.objects.bulk_create(
        [factories.CartEventFactory.build(**facts, occurred_at=at, gmv_minor=rnd.randrange(1000)) for at in moments]
    )
    Order.objects.bulk_create(
        [factories.OrderFactory.build(**facts, occurred_at=at, value_minor=rnd.randrange(1000)) for at in moments[::3]]
    )
    for zone in zones if IS_FULL_RUN else rnd.sample(zones, 6):
        move(company, zone)
        expected: dict[str, defaultdict[date, int]] = {"gmv_minor": defaultdict(int), "value_minor": defaultdict(int)}
        with calendar_of(zone) as day_of:
            for model, name in ((CartEvent, "gmv_minor"), (Order, "value_minor")):
                for at, on, minor in model._default_manager.values_list("occurred_at", "occurred_on", name):
                    assert on == day_of(at), (zone, at)
                    expected[name][on] += minor
        period = Period((start - 2 * DAY).date(), (start + 732 * DAY).date())
        report = revenue_impact(ReportQuery(company=company, period=period, currency="EUR", is_compared=False))
        for name, figure in (("gmv_minor", "add_to_cart_minor"), ("value_minor", "purchase_minor")):
            by_day = {day.on: getattr(day, figure) for day in report.days if getattr(day, figure)}
            assert by_day == {on: minor for on, minor in expected[name].items() if minor}
            assert getattr(report.current, figure) == sum(expected[name].values())

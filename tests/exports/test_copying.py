"""What PostgreSQL writes is what Python writes, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from alhena_tracking import exports
from alhena_tracking.exports import cells
from alhena_tracking.exports.formulas import inert, inert_sql
from alhena_tracking.models import Company
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from tests.support import factories
from tests.support.hostile_texts import HOSTILE
from tests.support.runs import examples

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL writes CSV itself"),
]

DIALECTS = [exports.DATA, *(exports.spreadsheet_dialect(language) for language in ("de", "en"))]
CURRENCIES = ["EUR", "JPY", "KWD"]
ZONES = ["Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "Europe/London", "UTC"]
#: Days around changes of clocks in some of the zones, that of the date line among them.
STARTS = [date(2026, 10, 20), date(2026, 3, 5), date(2011, 12, 25), date(2026, 3, 25), date(2011, 11, 1)]


@pytest.mark.parametrize("seed", range(examples(4, full=40)))
def test_lines_when_copied_are_those_written_in_python(company: Company, seed: int) -> None:
    rnd = Random(seed)
    company.time_zone, start = rnd.choice(ZONES), rnd.choice(STARTS)
    company.save()
    _fill(company, rnd, start)
    for currency in CURRENCIES:
        query = ReportQuery(company=company, period=Period(start, start + timedelta(days=9)), currency=currency)
        report = revenue_impact(query)
        for make, dialect in product(exports.ROW_TABLES.values(), DIALECTS):
            copied = b"".join(exports.csv_chunks(make(report), dialect))
            assert copied == b"".join(exports.csv_chunks(replace(make(report), copied=None), dialect))
            assert copied.count(b"\r\n") >= 2


def _fill(company: Company, rnd: Random, start: date) -> None:
    texts = [*(text[:200] for text in HOSTILE.values()), "", "tea", 'a "b"', "a;=1", "ab\n=1", "100%"]
    for number in range(30):
        at = datetime(start.year, start.month, start.day, tzinfo=UTC) + timedelta(
            days=rnd.randrange(1, 9), seconds=rnd.randrange(86_400), microseconds=rnd.choice((0, 5, 123_456, 999_999))
        )
        session = factories.VisitorSessionFactory.create(company=company, started_at=at - timedelta(hours=1))
        interaction = factories.InteractionFactory.create(session=session, product_id=rnd.choice(texts))
        common = {
            "session": session,
            "credited_interaction": interaction,
            "currency": CURRENCIES[number % 3],
            "occurred_at": at,
            "ai_profile": rnd.choice(texts),
            "attribution_window": rnd.choice(
                [timedelta(hours=24), timedelta(days=30, seconds=61), timedelta(minutes=1)]
            ),
        }
        factories.CartEventFactory.create(
            **common,
            product_id=rnd.choice(texts),
            product_name=rnd.choice(texts),
            value_minor=Decimal(rnd.choice(["0", "1000", "0.5", "1234.5678", "10.1"])),
            quantity=Decimal(rnd.choice(["1", "0.5", "1000000", "10", "2.125", "0"])),
            units=Decimal(rnd.choice(["-3", "0", "1.5", "100"])),
            gmv_minor=rnd.choice([-345, -5, 0, 7, 12345, 10**13]),
        )
        order = factories.OrderFactory.create(
            **common,
            order_id=f"{rnd.choice(texts)}{number}",
            value_minor=rnd.choice([0, 9, 12345]),
            has_conflict=rnd.random() < 0.5,
        )
        for days in rnd.choice([(), (1,), (3, 2), (1, 1, 0)]):
            factories.RefundFactory.create(refunded_order=order, value_minor=2, occurred_at=at + timedelta(days=days))


@settings(max_examples=examples(200, full=5000))
@given(
    st.text(st.sampled_from("=-＝; \t\n\xa0a"))
    | st.text(st.one_of(st.sampled_from("=+-@＝'; \t\r\n\ufeff\xa0\u2003\u3000ab\x07"), st.characters(codec="utf-8")))
)
def test_text_when_made_inert_by_postgresql_is_as_in_python(text: str) -> None:
    text = text.replace("\0", "")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {inert_sql('t.text')} FROM (SELECT %s::text AS text) t", [text])  # noqa: S608
        assert (cursor.fetchone()[0] or "") == inert(text)


@pytest.mark.parametrize("zone", ZONES)
def test_times_when_clocks_change_are_as_in_python(zone: str) -> None:
    period = Period(date(2011, 1, 1), date(2011, 12, 31))
    form = cells.local(ZoneInfo(zone), period)
    rnd = Random(zone)
    times = [datetime(2011, 1, 1, tzinfo=UTC) + timedelta(seconds=rnd.randrange(365 * 86_400)) for _ in range(500)]
    with connection.cursor() as cursor:
        sql = f"SELECT {form.sql('t.at')} FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS t(at, n) ORDER BY n"  # noqa: S608
        cursor.execute(sql.replace("%s", "@").replace("%", "%%").replace("@", "%s"), [times])
        written = [row[0] for row in cursor.fetchall()]
    assert written == [at.astimezone(ZoneInfo(zone)).isoformat(timespec="milliseconds") for at in times]

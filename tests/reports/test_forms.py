"""The report's query string: what it means, and what becomes of a wrong one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from alhena_tracking.models import Company, Trust
from alhena_tracking.reports import Comparison, Grain, Period, Preset, ReportQuery
from alhena_tracking.reports.forms import MOST_DAYS, ReportForm

BERLIN = Company(pk=1, key="berlin", name="Berlin", time_zone="Europe/Berlin")
APIA = Company(pk=2, key="apia", name="Apia", time_zone="Pacific/Apia")
NOW = datetime(2026, 3, 10, 22, 30, tzinfo=UTC)  # the 10th in Berlin, the 11th in Apia
TODAY = date(2026, 3, 10)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def form_of(query_string: str) -> ReportForm:
    return ReportForm(QueryDict(query_string), companies=[BERLIN, APIA])


def ask(query_string: str) -> ReportQuery:
    return form_of(query_string).report_query()


def codes_of(form: ReportForm) -> dict[str, list[str]]:
    return {name: [str(error.code) for error in errors.as_data()] for name, errors in form.errors.items()}


def test_default_is_the_last_30_days_of_the_first_company() -> None:
    form = form_of("")
    assert not form.errors
    assert form.preset is Preset.LAST_30_DAYS
    assert form.report_query() == ReportQuery(company=BERLIN, period=Period(date(2026, 2, 9), TODAY))


@pytest.mark.parametrize(
    ("preset", "start", "end"),
    [
        ("today", TODAY, TODAY),
        ("yesterday", date(2026, 3, 9), date(2026, 3, 9)),
        ("last_7_days", date(2026, 3, 4), TODAY),
        ("last_30_days", date(2026, 2, 9), TODAY),
        ("last_90_days", date(2025, 12, 11), TODAY),
        ("this_month", date(2026, 3, 1), TODAY),
        ("this_quarter", date(2026, 1, 1), TODAY),
        ("year_to_date", date(2026, 1, 1), TODAY),
        ("last_12_months", date(2025, 3, 11), TODAY),
    ],
)
def test_presets_end_today(preset: str, start: date, end: date) -> None:
    assert ask(f"range={preset}").period == Period(start, end)


def test_today_is_the_company_s() -> None:
    assert ask("company=apia&range=today").period == Period(date(2026, 3, 11), date(2026, 3, 11))


@pytest.mark.parametrize(
    ("query_string", "start", "end"),
    [
        ("range=last_7_days", date(2026, 3, 3), date(2026, 3, 9)),
        ("range=this_month", date(2026, 3, 1), date(2026, 3, 9)),
        ("range=last_month", date(2026, 2, 1), date(2026, 2, 28)),
        ("range=today", TODAY, TODAY),
        ("start=2026-03-01&end=2026-03-31", date(2026, 3, 1), date(2026, 3, 9)),
        ("start=2026-03-10&end=2026-03-31", TODAY, date(2026, 3, 31)),
    ],
)
def test_days_when_only_complete_ones_are_asked_for_end_yesterday(query_string: str, start: date, end: date) -> None:
    form = form_of(f"{query_string}&complete=1")
    assert form.period == form.report_query().period == Period(start, end)
    assert "complete=1" in form.query_string()


@pytest.mark.parametrize(
    ("query_string", "start", "end"),
    [
        ("range=last_7_days", date(2026, 2, 25), date(2026, 3, 3)),
        ("range=last_month", date(2026, 1, 1), date(2026, 1, 31)),
        ("range=this_month", date(2026, 2, 1), date(2026, 2, 10)),
        ("range=this_month&complete=1", date(2026, 2, 1), date(2026, 2, 9)),
        ("range=last_7_days&compare=year_ago", date(2025, 3, 5), date(2025, 3, 11)),
        ("range=last_month&compare=year_ago", date(2025, 2, 1), date(2025, 2, 28)),
        ("range=last_7_days&compare=chosen&compare_start=2026-01-01", date(2026, 1, 1), date(2026, 1, 7)),
        ("range=last_7_days&compare=chosen&compare_start=2026-03-03", date(2026, 3, 3), date(2026, 3, 9)),
        ("compare=chosen&compare_start=2026-01-01&compare_end=2026-01-31", date(2026, 1, 1), date(2026, 1, 31)),
    ],
)
def test_period_when_compared_is_that_before_a_year_ago_or_chosen(query_string: str, start: date, end: date) -> None:
    form = form_of(query_string)
    assert not form.errors
    query = form.report_query()
    assert query.compared == Period(start, end)
    assert query.until is None
    # As files name it: by its days.
    days = f"start={query.period.start}&end={query.period.end}"
    assert form_of(f"{days}&compare=chosen&compare_start={start}&compare_end={end}").report_query() == query


@pytest.mark.parametrize(
    ("query_string", "until"),
    [
        ("range=today", datetime(2026, 3, 9, 22, 30, tzinfo=UTC)),
        ("start=2026-03-10&end=2026-03-10", datetime(2026, 3, 9, 22, 30, tzinfo=UTC)),
        ("range=today&compare=year_ago", datetime(2025, 3, 11, 22, 30, tzinfo=UTC)),
        ("range=today&compare=chosen&compare_start=2025-07-01", datetime(2025, 7, 1, 21, 30, tzinfo=UTC)),  # in summer
        ("range=today&company=apia", datetime(2026, 3, 9, 22, 30, tzinfo=UTC)),
        ("range=today&compare=none", None),
        ("range=yesterday", None),
        ("range=last_7_days", None),
        ("range=today&compare=chosen&compare_start=2026-01-01&compare_end=2026-01-02", None),
    ],
)
def test_today_is_compared_with_the_same_hours(query_string: str, until: datetime | None) -> None:
    assert form_of(query_string).report_query().until == until


@pytest.mark.parametrize("grain", Grain)
def test_grain_when_chosen_is_in_the_query_and_the_link(grain: Grain) -> None:
    form = form_of(f"grain={grain}")
    assert form.report_query().grain is grain
    assert form.query_string() == f"?company=berlin&grain={grain}"


def test_link_when_it_changes_the_comparison_drops_the_chosen_days() -> None:
    form = form_of("compare=chosen&compare_start=2026-01-01")
    assert form.query_string() == "?company=berlin&compare=chosen&compare_start=2026-01-01"
    assert form.query_string(compare="year_ago") == "?company=berlin&compare=year_ago"
    assert form_of("compare_start=2026-01-01").query_string() == "?company=berlin"


def test_query_when_all_fields_are_set_holds_them() -> None:
    query = ask(
        "company=apia&currency=JPY&channel=FAQ&profile=butler&trust=CONFIRMED&compare=none"
        "&start=2026-01-01&end=2026-01-31"
    )
    assert query == ReportQuery(
        company=APIA,
        currency="JPY",
        channel="FAQ",
        ai_profile="butler",
        trust="CONFIRMED",
        is_compared=False,
        period=Period(date(2026, 1, 1), date(2026, 1, 31)),
    )


def test_preset_wins_over_days() -> None:
    form = form_of("range=today&start=2026-01-01&end=2026-01-31")
    assert not form.errors
    assert form.preset is Preset.TODAY
    assert form.custom_period is None


def test_link_holds_the_company_that_is_shown() -> None:
    assert form_of("range=today").query_string() == "?company=berlin&range=today"
    assert form_of("company=nobody").query_string() == "?company=berlin"


def test_profile_is_taken_as_it_is() -> None:
    form = form_of("profile=%1Fbutler%20")
    assert form.report_query().ai_profile == "\x1fbutler "
    assert form.query_string().endswith("profile=%1Fbutler+")


def test_unknown_keys_are_ignored() -> None:
    form = form_of("utm_source=mail&e=1&o=-1&q=%00&_facets=True")
    assert not form.errors
    assert form.query_string() == "?company=berlin"


@pytest.mark.parametrize(
    ("query_string", "errors"),
    [
        ("company=globex", {"company": ["invalid_choice"]}),
        ("currency=DOGE", {"currency": ["invalid_choice"]}),
        ("currency=XAU", {"currency": ["invalid_choice"]}),
        ("channel=SMS", {"channel": ["invalid_choice"]}),
        ("range=always", {"range": ["invalid_choice"]}),
        ("trust=hearsay", {"trust": ["invalid_choice"]}),
        ("compare=last_year", {"compare": ["invalid_choice"]}),
        ("compare=chosen", {"compare_start": ["required"]}),
        ("compare=chosen&compare_start=x", {"compare_start": ["invalid"]}),
        ("compare=chosen&compare_start=2026-02-09", {"compare_start": ["too_late"]}),
        ("compare=chosen&compare_start=1999-12-31", {"compare_start": ["too_early"]}),
        ("compare=chosen&compare_start=2026-01-02&compare_end=2026-01-01", {"compare_end": ["reversed"]}),
        ("compare=chosen&compare_start=2020-01-01&compare_end=2026-01-01", {"compare_end": ["too_many"]}),
        ("grain=year", {"grain": ["invalid_choice"]}),
        ("complete=yes", {"complete": ["invalid_choice"]}),
        ("profile=" + "x" * 256, {"profile": ["max_length"]}),
        ("profile=%00", {"profile": ["null_characters_not_allowed"]}),
        ("start=yesterday&end=2026-01-31", {"start": ["invalid"]}),
        ("start=2026-02-30&end=2026-03-01", {"start": ["invalid"]}),
        ("start=2026-01-01", {"end": ["required"]}),
        ("end=2026-01-01", {"start": ["required"]}),
        ("start=2026-01-02&end=2026-01-01", {"end": ["reversed"]}),
        ("start=0001-01-01&end=0001-01-02", {"start": ["too_early"]}),
        ("start=2024-01-01&end=9999-12-31", {"end": ["too_many"]}),
        (
            "channel=SMS&currency=EUR&start=x&end=y",
            {"channel": ["invalid_choice"], "start": ["invalid"], "end": ["invalid"]},
        ),
    ],
)
def test_values_when_invalid_are_replaced_by_the_default(query_string: str, errors: dict[str, list[str]]) -> None:
    form = form_of(query_string)
    assert codes_of(form) == errors
    assert all(str(message) for messages in form.errors.values() for message in messages)
    query = form.report_query()
    assert (query.company, query.channel) == (BERLIN, "")
    assert query.period == Period(date(2026, 2, 9), TODAY)


def test_value_when_invalid_leaves_the_valid_ones_alone() -> None:
    query = ask("company=apia&currency=DOGE&channel=CHAT&range=today")
    assert (query.company, query.currency, query.channel) == (APIA, "", "CHAT")
    assert len(query.period) == 1


def test_longest_range_is_a_leap_year() -> None:
    assert not form_of("start=2024-01-01&end=2024-12-31").errors
    assert codes_of(form_of("start=2024-01-01&end=2025-01-01")) == {"end": ["too_many"]}
    assert MOST_DAYS == 366


def test_query_string_holds_what_is_valid_of_the_state() -> None:
    form = form_of("company=apia&currency=DOGE&channel=FAQ&start=2026-01-01&end=2026-01-31&utm=1")
    assert form.query_string() == "?company=apia&channel=FAQ&start=2026-01-01&end=2026-01-31"
    assert form.query_string(currency="EUR", channel="") == (
        "?company=apia&start=2026-01-01&end=2026-01-31&currency=EUR"
    )


TEXTS = st.text(max_size=20) | st.sampled_from(
    ["", "\0", "\ud800".encode("utf-8", "replace").decode(), "١", "9" * 5000]
)
DAYS = st.dates().map(str) | TEXTS


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "company": TEXTS | st.just("apia"),
            "currency": TEXTS | st.just("EUR"),
            "channel": TEXTS | st.just("CHAT"),
            "profile": TEXTS,
            "trust": TEXTS | st.sampled_from(Trust.values),
            "grain": TEXTS | st.sampled_from(Grain.values),
            "compare": TEXTS | st.sampled_from(Comparison.values),
            "compare_start": DAYS,
            "compare_end": DAYS,
            "complete": TEXTS | st.just("1"),
            "range": TEXTS | st.sampled_from(Preset.values),
            "start": DAYS,
            "end": DAYS,
        },
    )
)
def test_form_when_given_any_query_string_repeats_its_query(data: dict[str, str]) -> None:
    form = ReportForm(data, companies=[BERLIN, APIA])
    query = form.report_query()
    assert timedelta(0) <= query.period.end - query.period.start < timedelta(days=MOST_DAYS)
    assert query.compared is None or query.compared.start < query.period.start
    assert (form.preset is None) == (form.custom_period is not None)
    again = form_of(form.query_string().removeprefix("?"))
    assert not again.errors
    assert again.report_query() == query

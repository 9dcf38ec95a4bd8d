"""The choices the report's page offers. Each is a link that holds the whole state of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.forms import BoundField
from django.utils.translation import gettext as _

from alhena_tracking.admin import formats
from alhena_tracking.forms import Preset, ReportForm
from alhena_tracking.models import Interaction
from alhena_tracking.reports import Period, RevenueImpactReport

_DAY_FIELDS = ("start", "end")
_KEPT_FIELDS = ("company", "currency", "channel", "profile", "trust", "compare")


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter; ``query_string`` leads to the page with it."""

    label: str
    query_string: str
    is_current: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All filters. ``kept_fields`` are what the form of ``day_fields`` has to carry along."""

    companies: list[Choice]
    presets: list[Choice]
    channels: list[Choice]
    other_currencies: list[Choice]
    day_fields: list[BoundField]
    kept_fields: list[tuple[str, str]]
    has_own_days: bool
    has_wrong_days: bool
    messages: list[str]


def filters_of(form: ReportForm, report: RevenueImpactReport) -> Filters:
    query = report.query
    state = form.cleaned_data
    has_wrong_days = any(name in form.errors for name in _DAY_FIELDS)
    days_form = form if has_wrong_days else _filled_in(form, query.period)
    return Filters(
        companies=[
            Choice(company.name, form.query_string(company=company.key, currency=""), company == query.company)
            for company in form.companies.values()
        ],
        presets=[
            Choice(
                str(preset.label),
                form.query_string(range=preset.value, start="", end=""),
                preset is form.preset,
            )
            for preset in Preset
        ],
        channels=[
            Choice(str(label), form.query_string(channel=value), value == query.channel)
            for value, label in [("", _("All channels")), *Interaction.Kind.choices]
        ],
        other_currencies=_other_currencies(form, report),
        day_fields=[days_form[name] for name in _DAY_FIELDS],
        kept_fields=[(name, state[name]) for name in _KEPT_FIELDS if state.get(name)],
        has_own_days=form.preset is None,
        has_wrong_days=has_wrong_days,
        messages=[
            str(message) for name, messages in form.errors.items() if name not in _DAY_FIELDS for message in messages
        ],
    )


def _filled_in(form: ReportForm, period: Period) -> ReportForm:
    """The form with the days that are shown, to be changed."""
    return ReportForm({"start": str(period.start), "end": str(period.end)}, companies=form.companies.values())


@dataclass(frozen=True, slots=True)
class EmptyText:
    """What helps where there is nothing to show: when there was something, and the way to it."""

    last_on: str
    last_days: str
    all_channels: str


def empty_text(form: ReportForm, last_on: date | None) -> EmptyText:
    all_channels = form.query_string(channel="")
    if last_on is None:
        return EmptyText("", "", all_channels)
    period = Period.ending(last_on, days=30)
    last_days = form.query_string(channel="", range="", start=str(period.start), end=str(period.end))
    return EmptyText(formats.day(last_on), last_days, all_channels)


def _other_currencies(form: ReportForm, report: RevenueImpactReport) -> list[Choice]:
    return [
        Choice(
            total.currency,
            form.query_string(currency=total.currency),
            detail=_("%(purchased)s purchased, %(added)s added to carts")
            % {
                "purchased": formats.amount(total.purchase_minor, total.currency),
                "added": formats.amount(total.add_to_cart_minor, total.currency),
            },
        )
        for total in report.other_currencies
    ]

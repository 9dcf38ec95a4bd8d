"""The report's filters. Each choice is a link with the whole state of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.forms import BoundField
from django.utils.translation import gettext as _

from alhena_tracking.admin import formats
from alhena_tracking.models import Channel, Trust
from alhena_tracking.reports import Period, RevenueImpactReport
from alhena_tracking.reports.forms import Comparison, Preset, ReportForm

_DAY_FIELDS = ("start", "end")
_KEPT_FIELDS = ("company", "currency", "channel", "profile", "trust", "compare", "convert")
_NARROWING_FIELDS = ("channel", "profile", "trust")


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter, and the query string of the page with it."""

    label: str
    query_string: str
    is_current: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """A filter shown as a menu; ``is_chosen`` if it is not at its default."""

    label: str
    choices: list[Choice]
    is_chosen: bool

    @property
    def current(self) -> str:
        return next((choice.label for choice in self.choices if choice.is_current), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All filters. ``kept_fields`` are the hidden fields of the form with the ``day_fields``.

    ``active`` are the filters in force, each linked to the page without it; ``without`` is the page without any.
    """

    companies: list[Choice]
    presets: list[Choice]
    channels: list[Choice]
    menus: list[Menu]
    active: list[Choice]
    without: str
    other_currencies: list[Choice]
    conversion: Choice | None
    day_fields: list[BoundField]
    kept_fields: list[tuple[str, str]]
    has_own_days: bool
    has_wrong_days: bool
    messages: list[str]


def filters_of(form: ReportForm, report: RevenueImpactReport, profiles: list[str]) -> Filters:
    """Return the filters in the state of ``form``; ``profiles`` are the AI profiles to choose from."""
    query = report.query
    state = form.cleaned_data
    state["currency"] = report.currency  # all links keep the currency that is shown
    has_wrong_days = any(name in form.errors for name in _DAY_FIELDS)
    if not has_wrong_days:
        form.prefill_days(query.period)
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
            for value, label in [("", _("All channels")), *Channel.choices]
        ],
        menus=_menus(form, report, profiles),
        active=_active(form, report),
        without=_without_filters(form),
        other_currencies=_other_currencies(form, report),
        conversion=_conversion(form, report),
        day_fields=[form[name] for name in _DAY_FIELDS],
        kept_fields=[(name, state[name]) for name in _KEPT_FIELDS if state.get(name)],
        has_own_days=form.preset is None,
        has_wrong_days=has_wrong_days,
        messages=[
            str(message) for name, messages in form.errors.items() if name not in _DAY_FIELDS for message in messages
        ],
    )


def _menus(form: ReportForm, report: RevenueImpactReport, profiles: list[str]) -> list[Menu]:
    query = report.query
    if query.ai_profile:
        profiles = sorted({*profiles, query.ai_profile})
    menus = []
    if profiles:
        choices = [
            Choice(label, form.query_string(profile=value), value == query.ai_profile)
            for value, label in [("", _("All")), *((profile, profile) for profile in profiles)]
        ]
        menus.append(Menu(label=_("AI profile"), choices=choices, is_chosen=bool(query.ai_profile)))
    choices = [
        Choice(str(label), form.query_string(trust=value), value == query.trust)
        for value, label in [("", _("All")), *Trust.choices]
    ]
    menus.append(Menu(label=_("Trust"), choices=choices, is_chosen=bool(query.trust)))
    choices = [
        Choice(str(label), form.query_string(compare=value), query.is_compared == bool(not value))
        for value, label in [("", Comparison.PREVIOUS.label), (Comparison.NOTHING.value, Comparison.NOTHING.label)]
    ]
    menus.append(Menu(label=_("Comparison"), choices=choices, is_chosen=not query.is_compared))
    return menus


def _active(form: ReportForm, report: RevenueImpactReport) -> list[Choice]:
    query = report.query
    values = {
        "channel": str(dict(Channel.choices).get(query.channel, "")),
        "profile": query.ai_profile,
        "trust": str(dict(Trust.choices).get(query.trust, "")),
    }
    return [
        Choice(str(form.fields[name].label), form.query_string(**{name: ""}), detail=values[name])
        for name in _NARROWING_FIELDS
        if values[name]
    ]


def _without_filters(form: ReportForm, **changes: str) -> str:
    return form.query_string(**dict.fromkeys(_NARROWING_FIELDS, ""), **changes)


@dataclass(frozen=True, slots=True)
class EmptyText:
    """The last day with an interaction, and the query string of the 30 days up to it; both empty without any."""

    last_on: str
    last_days: str


def empty_text(form: ReportForm, last_on: date | None) -> EmptyText:
    if last_on is None:
        return EmptyText("", "")
    period = Period.ending(last_on, days=30)
    last_days = _without_filters(form, range="", start=str(period.start), end=str(period.end))
    return EmptyText(formats.day(last_on), last_days)


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


def _conversion(form: ReportForm, report: RevenueImpactReport) -> Choice | None:
    """Return the link that adds up all currencies, or takes that back."""
    if not report.other_currencies:
        return None
    if report.query.is_converted:
        return Choice(_("Hide the converted sum"), form.query_string(convert=""), is_current=True)
    currency = report.query.company.currency or report.currency
    return Choice(_("Add up all currencies in %(currency)s") % {"currency": currency}, form.query_string(convert="1"))

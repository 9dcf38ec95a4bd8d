"""The report's filters. Each choice is a link with the whole state of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.admin import formats
from alhena_tracking.models import Channel, Trust
from alhena_tracking.reports import Comparison, Grain, Period, Preset, RevenueImpactReport, Section
from alhena_tracking.reports.forms import ON, ReportForm

_DAY_FIELDS = ("start", "end")
_NARROWING_FIELDS = ("channel", "profile", "trust")
_STATE_FIELDS = ("company", "currency", *_NARROWING_FIELDS, "grain", "complete", "convert", "show")
_COMPARE_FIELDS = ("compare", "compare_start", "compare_end")
#: The presets that need no menu.
_FIRST_PRESETS = (
    *(Preset.TODAY, Preset.YESTERDAY),
    *(Preset.LAST_7_DAYS, Preset.LAST_30_DAYS, Preset.LAST_90_DAYS),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter, and the query string of the page with it."""

    label: str
    query_string: str
    is_current: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DayForm:
    """A form with ``days``; ``kept`` are its hidden fields."""

    title: str
    days: list[BoundField]
    kept: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """A filter shown as a menu, maybe with a form; ``is_chosen`` if it is not at its default."""

    label: str
    choices: list[Choice]
    is_chosen: bool
    form: DayForm | None = None

    @property
    def current(self) -> str:
        return next((choice.label for choice in self.choices if choice.is_current), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All filters: the first ``presets`` and a menu of ``further_presets`` with a form for other days.

    ``active`` are the filters in force, each linked to the page without it; ``without`` is the page without any.
    """

    companies: list[Choice]
    presets: list[Choice]
    further_presets: Menu
    complete: Choice
    grains: list[Choice]
    channels: list[Choice]
    menus: list[Menu]
    active: list[Choice]
    without: str
    sections: list[Choice]
    other_currencies: list[Choice]
    conversion: Choice | None
    has_wrong_days: bool
    messages: list[str]


def filters_of(form: ReportForm, report: RevenueImpactReport, profiles: list[str]) -> Filters:
    """Return the filters in the state of ``form``; ``profiles`` are the AI profiles to choose from."""
    query = report.query
    form.cleaned_data["currency"] = report.currency  # all links keep the currency that is shown
    has_wrong_days = any(name in form.errors for name in _DAY_FIELDS)
    if not has_wrong_days:
        form.prefill_days(query.period, query.compared)
    return Filters(
        companies=[
            Choice(company.name, form.query_string(company=company.key, currency=""), company == query.company)
            for company in form.companies.values()
        ],
        presets=[_preset(form, preset) for preset in _FIRST_PRESETS],
        further_presets=_further_presets(form),
        complete=Choice(
            _("Complete days only"), form.query_string(complete="" if form.is_complete else ON), form.is_complete
        ),
        grains=[
            Choice(str(grain.label), form.query_string(grain=grain.value), grain is query.grain) for grain in Grain
        ],
        channels=[
            Choice(str(label), form.query_string(channel=value), value == query.channel)
            for value, label in [("", _("All channels")), *Channel.choices]
        ],
        menus=_menus(form, report, profiles),
        active=_active(form, report),
        without=_without_filters(form),
        sections=[
            Choice(str(label), form.query_string(show=value), value == (form.section or ""))
            for value, label in [("", _("Channels and products")), *Section.choices]
        ],
        other_currencies=_other_currencies(form, report),
        conversion=_conversion(form, report),
        has_wrong_days=has_wrong_days,
        messages=[
            str(message) for name, messages in form.errors.items() if name not in _DAY_FIELDS for message in messages
        ],
    )


def _preset(form: ReportForm, preset: Preset) -> Choice:
    query_string = form.query_string(range=preset.value, start="", end="")
    return Choice(str(preset.label), query_string, preset is form.preset)


def _further_presets(form: ReportForm) -> Menu:
    choices = [_preset(form, preset) for preset in Preset if preset not in _FIRST_PRESETS]
    is_chosen = form.preset not in _FIRST_PRESETS
    custom = pgettext("range of days", "Custom") if form.preset is None else ""
    return Menu(
        label=custom or next((choice.label for choice in choices if choice.is_current), _("More")),
        choices=choices,
        is_chosen=is_chosen,
        form=DayForm("", [form[name] for name in _DAY_FIELDS], _kept(form, *_STATE_FIELDS, *_COMPARE_FIELDS)),
    )


def _kept(form: ReportForm, *names: str) -> list[tuple[str, str]]:
    """Return the hidden fields that keep the valid values of these names."""
    state = form.valid_state()
    return [(name, state[name]) for name in names if name in state]


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
    menus.append(_comparisons(form))
    return menus


def _compare_with(form: ReportForm, comparison: Comparison) -> str:
    if comparison is Comparison.CHOSEN:
        return form.query_string()
    return form.query_string(compare="" if comparison is Comparison.PREVIOUS else comparison.value)


def _comparisons(form: ReportForm) -> Menu:
    is_chosen = form.comparison is not Comparison.PREVIOUS
    linked = [one for one in Comparison if one is not Comparison.CHOSEN or one is form.comparison]
    choices = [
        Choice(
            str(one.label),
            _compare_with(form, one),
            one is form.comparison,
        )
        for one in linked
    ]
    kept = [*_kept(form, *_STATE_FIELDS, "range", *_DAY_FIELDS), ("compare", Comparison.CHOSEN.value)]
    return Menu(
        label=_("Comparison"),
        choices=choices,
        is_chosen=is_chosen,
        form=DayForm(str(Comparison.CHOSEN.label), [form["compare_start"]], kept),
    )


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

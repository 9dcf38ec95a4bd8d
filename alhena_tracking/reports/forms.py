"""The form of the report's filters: turns any query string into a valid ``ReportQuery``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from alhena_tracking.conf import conf
from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.models import Channel, Company, Trust
from alhena_tracking.reports import Period, ReportQuery
from alhena_tracking.reports.periods import Comparison, Grain, Preset, until
from alhena_tracking.reports.sections import Section

#: The earliest day and the longest period of a report.
EARLIEST = date(2000, 1, 1)
MOST_DAYS = 366


DEFAULT_PRESET = Preset.LAST_30_DAYS
_DAY_FIELDS = ("start", "end")
_CHOSEN_FIELDS = {"compare_start", "compare_end"}
#: The value of a switch that is on.
ON = "1"


def report_companies(user: AbstractBaseUser | AnonymousUser) -> list[Company]:
    """Return the companies whose figures ``user`` may see, that of ``COMPANY_KEY`` first."""
    companies = Company.objects.visible_to(user)
    return sorted(companies, key=lambda company: (company.key != conf.company_key, company.name, company.key))


def _day_field(label: Any, invalid: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": invalid},
    )


class ReportForm(forms.Form):
    """Validates the report's query string. An invalid value is reported, and treated as absent.

    ``companies`` are those that may be shown: at least one, the default first.
    """

    company = forms.ChoiceField(
        label=_("Company"),
        required=False,
        error_messages={
            "invalid_choice": _("The company “%(value)s” does not exist, or you do not have access to it.")
        },
    )
    currency = forms.ChoiceField(
        label=_("Currency"),
        required=False,
        choices=[(code, code) for code in sorted(MINOR_UNITS)],
        error_messages={"invalid_choice": _("“%(value)s” is not a currency.")},
    )
    channel = forms.ChoiceField(
        label=_("Channel"),
        required=False,
        choices=Channel.choices,
        error_messages={"invalid_choice": _("“%(value)s” is not a channel.")},
    )
    profile = forms.CharField(label=_("AI profile"), required=False, max_length=TEXT_LENGTH, strip=False)
    trust = forms.ChoiceField(
        label=_("Trust"),
        required=False,
        choices=Trust.choices,
        error_messages={"invalid_choice": _("“%(value)s” is not a trust level.")},
    )
    grain = forms.ChoiceField(
        label=pgettext_lazy("day, week or month", "By"),
        required=False,
        choices=Grain.choices,
        error_messages={"invalid_choice": _("“%(value)s” is not day, week or month.")},
    )
    compare = forms.ChoiceField(
        label=_("Comparison"),
        required=False,
        choices=Comparison.choices,
        error_messages={"invalid_choice": _("“%(value)s” is not a comparison.")},
    )
    compare_start = _day_field(
        pgettext_lazy("first day", "From"), _("Enter the first day of the compared period as YYYY-MM-DD.")
    )
    compare_end = _day_field(
        pgettext_lazy("last day", "To"), _("Enter the last day of the compared period as YYYY-MM-DD.")
    )
    complete = forms.ChoiceField(
        label=_("Complete days only"),
        required=False,
        choices=[(ON, ON)],
        error_messages={"invalid_choice": _("“%(value)s” is not 1.")},
    )
    convert = forms.ChoiceField(
        label=_("All currencies in one sum"),
        required=False,
        choices=[(ON, ON)],
        error_messages={"invalid_choice": _("“%(value)s” is not 1.")},
    )
    show = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=Section.choices,
        error_messages={"invalid_choice": _("“%(value)s” is not a part of the report.")},
    )
    range = forms.ChoiceField(
        label=_("Period"),
        required=False,
        choices=Preset.choices,
        error_messages={"invalid_choice": _("“%(value)s” is not a period.")},
    )
    start = _day_field(pgettext_lazy("first day", "From"), _("Enter the start date as YYYY-MM-DD."))
    end = _day_field(pgettext_lazy("last day", "To"), _("Enter the end date as YYYY-MM-DD."))

    def __init__(self, data: Mapping[str, Any], *, companies: Iterable[Company]) -> None:
        super().__init__(data, auto_id="alhena-%s", label_suffix="")
        self.now = timezone.now()
        self.companies = {company.key: company for company in companies}
        choices = [(company.key, company.name) for company in self.companies.values()]
        cast(forms.ChoiceField, self.fields["company"]).choices = choices
        self.full_clean()
        # Links are shared with readers whose default is another company.
        self.cleaned_data["company"] = self.chosen_company.key

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        start, end = cleaned.get("start"), cleaned.get("end")
        if not cleaned.get("range") and (start or end):
            for name, day, message in (
                ("start", start, _("Enter a start date.")),
                ("end", end, _("Enter an end date.")),
            ):
                if day is None and name not in self.errors:
                    self.add_error(name, ValidationError(message, code="required"))
            if start and end:
                self._check_days("", start, end)
        if cleaned.get("compare") == Comparison.CHOSEN:
            self._check_chosen()
        return cleaned

    def _check_days(self, prefix: str, start: date, end: date) -> None:
        if start > end:
            message = _("The end date is before the start date.")
            self.add_error(f"{prefix}end", ValidationError(message, code="reversed"))
        elif start < EARLIEST:
            message = _("The start date is before the year %(year)s.")
            error = ValidationError(message, code="too_early", params={"year": str(EARLIEST.year)})
            self.add_error(f"{prefix}start", error)
        elif len(Period(start, end)) > MOST_DAYS:
            message = _("The period is longer than %(days)s days.")
            self.add_error(f"{prefix}end", ValidationError(message, code="too_many", params={"days": MOST_DAYS}))

    def _check_chosen(self) -> None:
        """Check the compared period, which may reach into the other one but begins before it."""
        start, end = self.cleaned_data.get("compare_start"), self.cleaned_data.get("compare_end")
        if start is None:
            if "compare_start" not in self.errors:
                message = _("Enter the first day of the compared period.")
                self.add_error("compare_start", ValidationError(message, code="required"))
        elif start >= self.period.start:
            message = _("The compared period does not begin before the period of the report.")
            self.add_error("compare_start", ValidationError(message, code="too_late"))
        elif "compare_end" not in self.errors:
            self._check_days("compare_", start, end or start)

    @property
    def chosen_company(self) -> Company:
        default = next(iter(self.companies.values()))
        return self.companies.get(self.cleaned_data.get("company", ""), default)

    @property
    def custom_period(self) -> Period | None:
        """The entered days if they are valid and no preset is chosen."""
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        return Period(start, end) if start and end and not self.cleaned_data.get("range") else None

    @property
    def preset(self) -> Preset | None:
        """The chosen preset; ``None`` if days were entered."""
        if self.custom_period:
            return None
        return Preset(self.cleaned_data.get("range") or DEFAULT_PRESET)

    @property
    def is_complete(self) -> bool:
        """Whether today is left out."""
        return self.cleaned_data.get("complete") == ON

    @property
    def today(self) -> date:
        """Today in the company's time zone."""
        return self.now.astimezone(self.chosen_company.zone).date()

    @property
    def period(self) -> Period:
        """The chosen days; without today where only complete days are asked for and there are any."""
        if custom := self.custom_period:
            return until(custom, self.today - timedelta(days=1)) if self.is_complete else custom
        return (self.preset or DEFAULT_PRESET).period(self.today, is_complete=self.is_complete)

    @property
    def comparison(self) -> Comparison:
        """What is compared with; the default where no valid period was chosen."""
        chosen = Comparison(self.cleaned_data.get("compare") or Comparison.PREVIOUS)
        is_wrong = chosen is Comparison.CHOSEN and not self.cleaned_data.get("compare_start")
        return Comparison.PREVIOUS if is_wrong else chosen

    @property
    def section(self) -> Section | None:
        """The part that is read on request; ``None`` for none."""
        return Section(chosen) if (chosen := self.cleaned_data.get("show")) else None

    @property
    def compared(self) -> Period | None:
        """The period to compare with."""
        period, preset = self.period, self.preset
        match self.comparison:
            case Comparison.PREVIOUS:
                return preset.previous(period) if preset else period.previous
            case Comparison.YEAR_AGO:
                return preset.year_before(period) if preset else period.year_before
            case Comparison.CHOSEN:
                start, end = self.cleaned_data["compare_start"], self.cleaned_data.get("compare_end")
                return Period(start, end) if end else Period.starting(start, days=len(period))
            case Comparison.NOTHING:
                return None

    def prefill_days(self, period: Period, compared: Period | None) -> None:
        """Show periods in the date fields, after validation."""
        self.data = {"start": str(period.start), "end": str(period.end)}
        if compared:
            self.data["compare_start"] = str(compared.start)

    def report_query(self) -> ReportQuery:
        """Return the query, with defaults for absent and invalid values."""
        company, period, compared = self.chosen_company, self.period, self.compared
        return ReportQuery(
            company=company,
            period=period,
            currency=self.cleaned_data.get("currency", ""),
            channel=self.cleaned_data.get("channel", ""),
            ai_profile=self.cleaned_data.get("profile", ""),
            trust=self.cleaned_data.get("trust", ""),
            grain=Grain(self.cleaned_data.get("grain") or Grain.DAY),
            is_compared=compared is not None,
            compared_with=None if compared == period.previous else compared,
            until=self._until(compared) if compared and period == Period(self.today, self.today) else None,
            is_converted=bool(self.cleaned_data.get("convert")),
            sections=frozenset({self.section} if self.section else ()),
        )

    def _until(self, compared: Period) -> datetime | None:
        """Return the present time of day on a compared day; ``None`` for several days."""
        zone = self.chosen_company.zone
        time_of_day = self.now.astimezone(zone).timetz()
        return datetime.combine(compared.start, time_of_day) if len(compared) == 1 else None

    def query_string(self, **changes: str) -> str:
        """Return the valid fields with ``changes`` (empty to leave a field out) as ``?key=value&…``."""
        state = self.valid_state()
        if "compare" in changes:
            state = {name: value for name, value in state.items() if name not in _CHOSEN_FIELDS}
        return "?" + urlencode({name: value for name, value in {**state, **changes}.items() if value})

    def valid_state(self) -> dict[str, str]:
        """Return the valid fields that are in force."""
        unused = set() if self.custom_period else set(_DAY_FIELDS)
        if self.comparison is not Comparison.CHOSEN:
            unused |= _CHOSEN_FIELDS
        if self.comparison != self.cleaned_data.get("compare"):
            unused.add("compare")
        return {name: str(value) for name, value in self.cleaned_data.items() if value and name not in unused}

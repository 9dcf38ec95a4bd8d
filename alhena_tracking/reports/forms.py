"""The form of the report's filters: turns any query string into a valid ``ReportQuery``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from alhena_tracking.conf import conf
from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.models import Channel, Company, Trust
from alhena_tracking.reports import Period, ReportQuery

#: The earliest day and the longest period of a report.
EARLIEST = date(2000, 1, 1)
MOST_DAYS = 366


class Preset(models.TextChoices):
    """Ranges of days relative to today."""

    TODAY = "today", _("Today")
    YESTERDAY = "yesterday", _("Yesterday")
    LAST_7_DAYS = "last_7_days", _("Last 7 days")
    LAST_30_DAYS = "last_30_days", _("Last 30 days")
    LAST_90_DAYS = "last_90_days", _("Last 90 days")

    def period(self, today: date) -> Period:
        yesterday = Period.ending(today, days=1).previous
        return yesterday if self is Preset.YESTERDAY else Period.ending(today, days=_PRESET_DAYS[self])


class Comparison(models.TextChoices):
    """The period that figures are compared with."""

    PREVIOUS = "previous", _("Previous period")
    NOTHING = "none", pgettext_lazy("comparison", "None")


_PRESET_DAYS = {Preset.TODAY: 1, Preset.LAST_7_DAYS: 7, Preset.LAST_30_DAYS: 30, Preset.LAST_90_DAYS: 90}
DEFAULT_PRESET = Preset.LAST_30_DAYS


def report_companies(user: AbstractBaseUser | AnonymousUser) -> list[Company]:
    """Return the companies whose figures ``user`` may see, that of ``COMPANY_KEY`` first."""
    companies = Company.objects.visible_to(user)
    return sorted(companies, key=lambda company: (company.key != conf.company_key, company.name, company.key))


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
    compare = forms.ChoiceField(
        label=_("Comparison"),
        required=False,
        choices=Comparison.choices,
        error_messages={"invalid_choice": _("“%(value)s” is not a comparison.")},
    )
    convert = forms.ChoiceField(
        label=_("All currencies in one sum"),
        required=False,
        choices=[("1", "")],
        error_messages={"invalid_choice": _("Enter 1 to add up all currencies, or nothing.")},
    )
    range = forms.ChoiceField(
        label=_("Period"),
        required=False,
        choices=Preset.choices,
        error_messages={"invalid_choice": _("“%(value)s” is not a period.")},
    )
    start = forms.DateField(
        label=pgettext_lazy("first day", "From"),
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Enter the start date as YYYY-MM-DD.")},
    )
    end = forms.DateField(
        label=pgettext_lazy("last day", "To"),
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Enter the end date as YYYY-MM-DD.")},
    )

    def __init__(self, data: Mapping[str, Any], *, companies: Iterable[Company]) -> None:
        super().__init__(data, auto_id="alhena-%s", label_suffix="")
        self.companies = {company.key: company for company in companies}
        choices = [(company.key, company.name) for company in self.companies.values()]
        cast(forms.ChoiceField, self.fields["company"]).choices = choices
        self.full_clean()
        # Links are shared with readers whose default is another company.
        self.cleaned_data["company"] = self.chosen_company.key

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        start, end = cleaned.get("start"), cleaned.get("end")
        if cleaned.get("range") or not (start or end):
            return cleaned
        for name, day, message in (
            ("start", start, _("Enter a start date.")),
            ("end", end, _("Enter an end date.")),
        ):
            if day is None and name not in self.errors:
                self.add_error(name, ValidationError(message, code="required"))
        if start and end:
            self._check_days(start, end)
        return cleaned

    def _check_days(self, start: date, end: date) -> None:
        if start > end:
            self.add_error("end", ValidationError(_("The end date is before the start date."), code="reversed"))
        elif start < EARLIEST:
            message = _("The start date is before the year %(year)s.")
            self.add_error("start", ValidationError(message, code="too_early", params={"year": str(EARLIEST.year)}))
        elif len(Period(start, end)) > MOST_DAYS:
            message = _("The period is longer than %(days)s days.")
            self.add_error("end", ValidationError(message, code="too_many", params={"days": MOST_DAYS}))

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

    def prefill_days(self, period: Period) -> None:
        """Show a period in the date fields, after validation."""
        self.data = {"start": str(period.start), "end": str(period.end)}

    def report_query(self) -> ReportQuery:
        """Return the query, with defaults for absent and invalid values."""
        company = self.chosen_company
        period = self.custom_period
        if period is None:
            preset = self.preset or DEFAULT_PRESET
            period = preset.period(timezone.localdate(timezone=company.zone))
        return ReportQuery(
            company=company,
            period=period,
            currency=self.cleaned_data.get("currency", ""),
            channel=self.cleaned_data.get("channel", ""),
            ai_profile=self.cleaned_data.get("profile", ""),
            trust=self.cleaned_data.get("trust", ""),
            is_compared=self.cleaned_data.get("compare") != Comparison.NOTHING,
            is_converted=bool(self.cleaned_data.get("convert")),
        )

    def query_string(self, **changes: str) -> str:
        """Return the valid fields with ``changes`` (empty to leave a field out) as ``?key=value&…``."""
        unused = () if self.custom_period else ("start", "end")
        state = {name: str(value) for name, value in self.cleaned_data.items() if value and name not in unused}
        return "?" + urlencode({name: value for name, value in {**state, **changes}.items() if value})

"""The filters of the lists. An invalid parameter is an error, never a wider answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.digests import text_digest
from alhena_tracking.models import CartEvent, Channel, Company, Order, Standing, Trust
from alhena_tracking.querysets import OrderQuerySet

_YES_OR_NO = [("true", "true"), ("false", "false")]


class DayFilter(django_filters.DateFilter):  # type: ignore[misc]
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)


class IdFilter(django_filters.CharFilter):  # type: ignore[misc]
    """An id of the shop's, exactly. It is looked up by its digest, as collations treat other ids as equal."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=TEXT_LENGTH, strip=False, **kwargs)

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(**{f"{self.field_name}_digest": text_digest(value)}) if value else rows


class TruthFilter(django_filters.TypedChoiceFilter):  # type: ignore[misc]
    """``true`` or ``false`` and nothing else (django-filter's own filter ignores other values)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=_YES_OR_NO, coerce=lambda value: value == "true", **kwargs)


class CompanyFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """A company by its key. Its rows are looked up by its id, as they are indexed."""

    companies: Mapping[str, Company]

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(company=self.companies[value]) if value else rows


class RowFilters(django_filters.FilterSet):  # type: ignore[misc]
    """The filters of all rows. ``companies`` are those whose rows the user may see."""

    company = CompanyFilter(empty_label=None)
    channel = django_filters.ChoiceFilter(choices=Channel.choices, empty_label=None)
    profile = django_filters.CharFilter(field_name="ai_profile", max_length=TEXT_LENGTH, strip=False)

    def __init__(self, data: QueryDict, *, queryset: QuerySet[Any], companies: Iterable[Company]) -> None:
        super().__init__(data, queryset=queryset)
        company_filter = self.filters["company"]
        company_filter.companies = {company.key: company for company in companies}
        company_filter.extra["choices"] = [(company.key, company.name) for company in companies]

    def check(self) -> None:
        """Validate the parameters, also together; the errors are in the form's."""
        self.is_valid()
        start, end = (self.form.cleaned_data.get(name) for name in ("start", "end"))
        if start and end and start > end:
            self.form.add_error("end", ValidationError(_("The end date is before the start date."), code="reversed"))


class EventFilters(RowFilters):
    """The filters of cart events and orders."""

    start = DayFilter(field_name="occurred_on", lookup_expr="gte")
    end = DayFilter(field_name="occurred_on", lookup_expr="lte")
    currency = django_filters.ChoiceFilter(choices=[(code, code) for code in sorted(MINOR_UNITS)], empty_label=None)
    trust = django_filters.ChoiceFilter(choices=Trust.choices, empty_label=None)


class OrderFilters(EventFilters):
    order_id = IdFilter()
    has_conflict = TruthFilter()
    is_excluded = TruthFilter(method="filter_excluded")
    is_counted = TruthFilter(method="filter_counted")

    def filter_excluded(self, orders: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        is_excluded = Q(standing=Standing.EXCLUDED)
        return orders.filter(is_excluded if value else ~is_excluded)

    def filter_counted(self, orders: OrderQuerySet[Order], name: str, value: bool) -> QuerySet[Any]:
        return orders.counted() if value else orders.uncounted()


class CartEventFilters(EventFilters):
    type = django_filters.ChoiceFilter(choices=CartEvent.Type.choices, empty_label=None)
    product_id = IdFilter()
    is_excluded = TruthFilter()


class SessionFilters(RowFilters):
    start = DayFilter(field_name="started_on", lookup_expr="gte")
    end = DayFilter(field_name="started_on", lookup_expr="lte")
    is_excluded = TruthFilter(method="filter_excluded")
    has_order = TruthFilter()

    def filter_excluded(self, sessions: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return sessions.filter(excluded_at__isnull=not value)

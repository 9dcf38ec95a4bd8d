"""What staff search and filter lists by, where it makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from alhena_tracking.contract import limits

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

#: How look-ups fail on values that Django cannot compare with or the database does not take.
_REFUSALS = (ArithmeticError, AttributeError, DatabaseError, LookupError, TypeError, ValueError)


class SafeLookupsAdmin(_ModelAdmin):
    """Answers look-ups that Django or the database refuses (NUL bytes, broken patterns, half a range) as Django answers
    other wrong ones.
    """

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        try:
            with transaction.atomic(using=self.get_queryset(request).db):
                return super().get_changelist_instance(request)
        except _REFUSALS as error:
            if not request.GET:
                raise  # nobody asked for anything that could be wrong
            raise IncorrectLookupParameters(str(error)) from error

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find nothing by what no row can hold. Where related rows are searched for, nobody answers errors."""
        if "\0" in search_term or len(search_term) > limits.PRODUCT_NAME_LENGTH:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

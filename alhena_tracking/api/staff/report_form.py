"""The parameters of the report: those of its page, and which products the answer has."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from alhena_tracking.reports.forms import ReportForm
from alhena_tracking.reports.sums import PRODUCT_RANKS

#: How many products an answer has: by itself, and at most.
PRODUCTS = 100
MOST_PRODUCTS = 1000


class StaffReportForm(ReportForm):
    limit = forms.CharField(required=False)
    order = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in PRODUCT_RANKS],
        error_messages={"invalid_choice": _("“%(value)s” is not an order.")},
    )

    def clean_limit(self) -> int:
        text: str = self.cleaned_data["limit"]
        if not text:
            return PRODUCTS
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_PRODUCTS))
        if not (is_number and 1 <= int(text) <= MOST_PRODUCTS):
            message = _("Expected a number from 1 to %(most)s.")
            raise forms.ValidationError(message, code="invalid", params={"most": MOST_PRODUCTS})
        return int(text)

    @property
    def most_products(self) -> int:
        most: int = self.cleaned_data.get("limit", PRODUCTS)
        return most

    @property
    def first_products(self) -> str:
        chosen: str = self.cleaned_data.get("order") or PRODUCT_RANKS[0]
        return chosen

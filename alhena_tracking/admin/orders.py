"""Orders, and their lines, claims, pending confirmations and refunds."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from alhena_tracking.admin import formats
from alhena_tracking.admin.base import (
    CREDIT_FIELDS,
    REPORT_FIELDS,
    ChannelFilter,
    CompanyFilter,
    ReadOnlyMixin,
    RecordAdmin,
    TabularInline,
    may_open,
)
from alhena_tracking.admin.trace_pages.views import OrderTraceMixin, PendingConfirmationTraceMixin
from alhena_tracking.models import (
    Order,
    OrderClaim,
    OrderLine,
    PendingConfirmation,
    Refund,
    Trust,
)


class ExcludedFilter(admin.SimpleListFilter):
    title = _("excluded")
    parameter_name = "excluded"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("no", _("No")), ("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"no", "yes"}:
            return queryset
        return queryset.filter(excluded_at__isnull=self.value() == "no")


class OrderLineInline(ReadOnlyMixin, TabularInline):
    model = OrderLine
    fields = ["product_id", "product_name", "quantity_sold", "total"]
    readonly_fields = ["quantity_sold", "total"]
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Lines need no permission besides the order's."""
        return may_open(self.admin_site, Order, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("order")

    @admin.display(description=_("quantity"))
    def quantity_sold(self, line: OrderLine) -> str:
        return formats.quantity(line.quantity)

    @admin.display(description=_("total"))
    def total(self, line: OrderLine) -> str:
        return formats.money(line.total_minor, line.order.currency)


@admin.register(Order)
class OrderAdmin(OrderTraceMixin, RecordAdmin):
    list_display = [
        "__str__",
        "company",
        "occurred_at",
        "value",
        "channel_name",
        "is_confirmed",
        "remarks",
    ]
    list_filter = [("company", CompanyFilter), ChannelFilter, "trust", "has_conflict", ExcludedFilter]
    date_hierarchy = "occurred_on"
    search_fields = ["order_id"]
    search_help_text = _("Search by order ID.")
    inlines = [OrderLineInline]
    fieldsets = [
        (None, {"fields": ["company", "order_id", "occurred_at", "occurred_on", "value", "has_conflict"]}),
        CREDIT_FIELDS,
        REPORT_FIELDS,
        (_("Exclusion"), {"fields": ["excluded_at", "excluded_by", "exclusion_reason"]}),
    ]

    @admin.display(description=_("confirmed"), boolean=True, ordering="trust")
    def is_confirmed(self, order: Order) -> bool:
        return order.trust == Trust.CONFIRMED

    @admin.display(description=_("notes"), empty_value="")
    def remarks(self, order: Order) -> str:
        """Return whether the order is excluded or in conflict, in words."""
        excluded = pgettext_lazy("order", "excluded") if order.excluded_at else ""
        conflict = _("conflict") if order.has_conflict else ""
        return ", ".join(str(remark) for remark in (excluded, conflict) if remark)


@admin.register(OrderClaim)
class OrderClaimAdmin(RecordAdmin):
    list_display = ["order", "company", "occurred_at", "value", "channel_name", "trust"]
    list_filter = [("company", CompanyFilter), ChannelFilter, "trust"]
    list_select_related = ("company", "order")
    ordering = ("-occurred_at", "-pk")
    date_hierarchy = "occurred_on"
    search_fields = ["order__order_id"]
    search_help_text = _("Search by order ID.")
    fieldsets = [
        (None, {"fields": ["company", "order", "occurred_at", "occurred_on", "value", "line_items"]}),
        CREDIT_FIELDS,
        REPORT_FIELDS,
    ]


@admin.register(PendingConfirmation)
class PendingConfirmationAdmin(PendingConfirmationTraceMixin, RecordAdmin):
    list_display = ["order_id", "company", "occurred_at", "received_at", "value"]
    list_filter = [("company", CompanyFilter)]
    search_fields = ["order_id"]
    search_help_text = _("Search by order ID.")
    fields = ["company", "order_id", "occurred_at", "received_at", "value", "line_items", "source", "event_id"]


@admin.register(Refund)
class RefundAdmin(RecordAdmin):
    list_display = ["refund_id", "order_id", "company", "occurred_at", "value"]
    list_filter = [("company", CompanyFilter)]
    date_hierarchy = "occurred_on"
    search_fields = ["order_id", "refund_id"]
    search_help_text = _("Search by order ID or refund ID.")
    fields = [
        "company",
        "refund_id",
        "order_id",
        "refunded_order",
        "value",
        "occurred_at",
        "occurred_on",
        "received_at",
    ]

"""Orders, and their lines, claims, pending confirmations and refunds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
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
from alhena_tracking.admin.lists.columns import CompanyTime
from alhena_tracking.admin.lists.filters import CurrencyFilter, DayFilter, TextFilter, visible_companies
from alhena_tracking.admin.review import ORDER_DECISIONS, actions_of
from alhena_tracking.admin.trace_pages.lines import StoredLinesMixin
from alhena_tracking.admin.trace_pages.views import OrderTraceMixin, PendingConfirmationTraceMixin
from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.models import (
    Order,
    OrderClaim,
    OrderLine,
    PendingConfirmation,
    Refund,
    Standing,
)
from alhena_tracking.order_ids import in_one_form

_REFUNDED = pgettext_lazy("revenue", "Refunded")
_WAITING = _("waiting for a claim")
#: Under ``CONFIRMED_ORDERS_ONLY``.
_UNCONFIRMED = pgettext_lazy("order", "not confirmed")


def order_id_matches(term: str) -> list[dict[str, Any]]:
    """Return look-ups of an order's id, as it was typed and in the form of ``ORDER_ID``."""
    return [{"order_id_digest": text_digest(text)} for text in dict.fromkeys([in_one_form(term), term])]


class OrderLineInline(ReadOnlyMixin, TabularInline):
    model = OrderLine
    fields = ["product_id", "product_name", "quantity_sold", "total", "is_direct"]
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


class StandingFilter(admin.SimpleListFilter):
    """Offers the orders that the report counts, those that are held back, and those that still wait, apart."""

    title = _("standing")
    parameter_name = "standing"
    waiting = "WAITING"
    unconfirmed = "UNCONFIRMED"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        choices = [*Standing.choices, (self.waiting, _WAITING)]
        return [*choices, (self.unconfirmed, _UNCONFIRMED)] if conf.confirmed_orders_only else choices

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if value == Standing.COUNTED:
            return queryset.counted()
        if value == self.unconfirmed:
            return queryset.included().uncounted()
        if value == Standing.HELD:
            return queryset.held_back()
        if value == self.waiting:
            return queryset.waiting()
        return queryset.filter(standing=value) if value in Standing.values else queryset


@admin.register(Order)
class OrderAdmin(OrderTraceMixin, RecordAdmin):
    decisions = ORDER_DECISIONS
    actions = actions_of(ORDER_DECISIONS)
    amounts = ("value",)
    list_display = [
        "__str__",
        "company",
        CompanyTime(Order, "occurred_at"),
        "value",
        "refunded",
        "net",
        "channel_name",
        "trust_word",
        "remarks",
    ]
    list_filter = [
        ("company", CompanyFilter),
        ("occurred_on", DayFilter),
        ("currency", CurrencyFilter),
        ChannelFilter,
        ("ai_profile", TextFilter),
        "trust",
        StandingFilter,
        "has_conflict",
    ]
    date_hierarchy = "occurred_on"
    search_fields = ["order_id"]
    search_label = _("Search by order ID.")
    inlines = [OrderLineInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "company",
                    "order_id",
                    "occurred_at",
                    "occurred_on",
                    "value",
                    "direct",
                    "standing",
                    "held_reason",
                    "has_conflict",
                ]
            },
        ),
        CREDIT_FIELDS,
        REPORT_FIELDS,
        (_("Acceptance"), {"fields": ["accepted_at", "accepted_by", "acceptance_reason"]}),
        (_("Exclusion"), {"fields": ["excluded_at", "excluded_by", "exclusion_reason"]}),
    ]

    def exact_matches(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        return order_id_matches(term)

    @admin.display(description=pgettext_lazy("revenue", "direct"))
    def direct(self, order: Order) -> str:
        return formats.money(order.direct_minor, order.currency)

    def read_along(self, rows: Sequence[Any]) -> None:
        refunded = Refund.objects.minor_by_order([order.pk for order in rows]) if rows else {}
        for order in rows:
            order.refunded_minor = refunded.get(order.pk, 0)

    @admin.display(description=_REFUNDED, empty_value="")
    def refunded(self, order: Any) -> str:
        """Return what is refunded, if anything. Where rows are shown as cards, which have no titles, it is named."""
        if not order.refunded_minor:
            return ""
        amount = formats.amount(order.refunded_minor, order.currency)
        return format_html('<span class="alhena-label">{}</span> {}', _REFUNDED, amount)

    @admin.display(description=pgettext_lazy("revenue", "Net"))
    def net(self, order: Any) -> str:
        return formats.amount(order.value_minor - order.refunded_minor, order.currency)

    @admin.display(description=_("notes"), empty_value="")
    def remarks(self, order: Order) -> str:
        """Return why the order does not count, if so, and whether it is in conflict: few words, a line each."""
        remarks: list[Any] = []
        if order.standing == Standing.HELD and not order.is_held_back:
            remarks.append(capfirst(_WAITING))
        elif order.standing != Standing.COUNTED:
            remarks.append(formats.STANDING_WORDS[Standing(order.standing)])
        elif not order.is_counted:
            remarks.append(capfirst(_UNCONFIRMED))
        if order.has_conflict:
            remarks.append(_("Conflict"))
        return format_html_join("", "<div>{}</div>", ((remark,) for remark in remarks))


@admin.register(OrderClaim)
class OrderClaimAdmin(StoredLinesMixin, RecordAdmin):
    is_in_menu = False
    amounts = ("value",)
    list_display = ["order", "company", CompanyTime(OrderClaim, "occurred_at"), "value", "channel_name", "trust_word"]
    list_filter = [
        ("company", CompanyFilter),
        ("occurred_on", DayFilter),
        ("currency", CurrencyFilter),
        ChannelFilter,
        "trust",
    ]
    list_select_related = ("company", "order")
    ordering = ("-occurred_at", "-pk")
    date_hierarchy = "occurred_on"
    search_fields = ["order__order_id"]
    search_label = _("Search by order ID.")
    fieldsets = [
        (None, {"fields": ["company", "order", "occurred_at", "occurred_on", "value", "lines"]}),
        CREDIT_FIELDS,
        REPORT_FIELDS,
    ]

    def exact_matches(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        # An order has a bounded number of claims.
        orders = Order.objects.filter(company__in=[company.pk for company in visible_companies(request)])
        pks = [pk for match in order_id_matches(term) for pk in orders.filter(**match).values_list("pk", flat=True)]
        return [{"order__in": pks}] if pks else []


@admin.register(PendingConfirmation)
class PendingConfirmationAdmin(StoredLinesMixin, PendingConfirmationTraceMixin, RecordAdmin):
    amounts = ("value",)
    list_display = [
        "order_id",
        "company",
        CompanyTime(PendingConfirmation, "occurred_at"),
        CompanyTime(PendingConfirmation, "received_at"),
        "value",
    ]
    list_filter = [("company", CompanyFilter), ("currency", CurrencyFilter)]
    search_fields = ["order_id"]
    search_label = _("Search by order ID.")
    fields = ["company", "order_id", "occurred_at", "received_at", "value", "lines", "source", "event_id"]

    def exact_matches(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        return order_id_matches(term)


@admin.register(Refund)
class RefundAdmin(RecordAdmin):
    amounts = ("value",)
    list_display = ["refund_id", "order_id", "company", CompanyTime(Refund, "occurred_at"), "value"]
    list_filter = [("company", CompanyFilter), ("occurred_on", DayFilter), ("currency", CurrencyFilter)]
    date_hierarchy = "occurred_on"
    search_fields = ["order_id", "refund_id"]
    search_label = _("Search by order ID or refund ID.")
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

    def exact_matches(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        return [*order_id_matches(term), {"refund_id_digest": text_digest(term)}]

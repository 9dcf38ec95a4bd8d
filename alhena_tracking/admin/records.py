"""The rows behind the report. Machines write them: staff look at them, edit companies and exclude orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from alhena_tracking import company_cache
from alhena_tracking.admin import formats, moments
from alhena_tracking.admin.links import OpenLinksMixin, may_open
from alhena_tracking.admin.look_ups import SafeLookupsAdmin
from alhena_tracking.admin.traces import CartEventTraceMixin, OrderTraceMixin, PendingConfirmationTraceMixin
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    Order,
    OrderClaim,
    OrderLine,
    PendingConfirmation,
    Refund,
    Trust,
    VisitorSession,
)

if TYPE_CHECKING:
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _TabularInline = admin.TabularInline

_FieldSet: TypeAlias = tuple[Any, Any]

_CREDIT: _FieldSet = (
    _("Credit"),
    {
        "fields": [
            "session",
            "credited_interaction",
            "channel_name",
            "ai_profile",
            "window",
            "attribution_model",
        ]
    },
)
_REPORT: _FieldSet = (
    pgettext_lazy("what somebody told", "Report"),
    {"fields": ["trust", "source", "received_at", "event_id"]},
)


class CompanyFilter(admin.RelatedFieldListFilter):
    """Offers only companies that the user may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        choices: list[tuple[Any, Any]] = field.get_choices(
            include_blank=False, limit_choices_to={"pk__in": Company.objects.visible_to(request.user)}
        )
        return choices


class ChannelFilter(admin.SimpleListFilter):
    title = _("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return Interaction.Kind.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(channel=self.value()) if self.value() in Interaction.Kind.values else queryset


class ExcludedFilter(admin.SimpleListFilter):
    title = _("excluded")
    parameter_name = "excluded"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("no", _("No")), ("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"no", "yes"}:
            return queryset
        return queryset.filter(excluded_at__isnull=self.value() == "no")


class ReadOnlyMixin:
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RecordAdmin(ReadOnlyMixin, OpenLinksMixin, SafeLookupsAdmin):
    """Rows of companies that the user may see, to be looked at."""

    list_select_related: ClassVar[tuple[str, ...]] = ("company",)
    show_full_result_count = False
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(company__in=Company.objects.visible_to(request.user))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django would look for the row first, and so tell who may not see any which there are."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    @admin.display(description=_("channel"), ordering="channel")
    def channel_name(self, row: Any) -> str:
        return str(dict(Interaction.Kind.choices).get(row.channel, formats.MISSING))

    @admin.display(description=_("attribution window"), ordering="attribution_window")
    def window(self, row: Any) -> str:
        return moments.window(row.attribution_window)

    @admin.display(description=_("value"), ordering="value_minor")
    def value(self, row: Any) -> str:
        return formats.money(row.value_minor, row.currency)


@admin.register(Company)
class CompanyAdmin(SafeLookupsAdmin):
    list_display = ["name", "key", "time_zone"]
    search_fields = ["name", "key"]
    fields = ["name", "key", "time_zone", "allowed_origins", "groups"]
    filter_horizontal = ["groups"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        companies: QuerySet[Any] = Company.objects.visible_to(request.user)
        return companies

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["key"] if obj else []  # storefronts name it, and fingerprints are hashed with it

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        company_cache.clear_after_commit()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        company_cache.clear_after_commit()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only a company that was made by mistake can go. Others have rows, which must not all be loaded to say so."""
        if obj is None or not super().has_delete_permission(request, obj):
            return False
        return not any(
            model._default_manager.filter(company=obj.pk).exists()
            for model in (VisitorSession, PendingConfirmation, Refund)
        )


@admin.register(VisitorSession)
class VisitorSessionAdmin(RecordAdmin):
    list_display = ["started_at", "company", "channel_name", "ai_profile", "last_interaction_at"]
    list_filter = [("company", CompanyFilter), ChannelFilter]
    date_hierarchy = "started_on"
    search_fields = ["ai_profile"]
    search_help_text = _("Search by AI profile.")
    fields = [
        "company",
        "started_at",
        "started_on",
        "last_interaction_at",
        "qualified_at",
        "channel_name",
        "ai_profile",
    ]


@admin.register(Interaction)
class InteractionAdmin(RecordAdmin):
    list_display = ["occurred_at", "company", "kind", "product_id", "conversation_id", "ai_profile", "is_qualifying"]
    list_filter = [("company", CompanyFilter), "kind", "is_qualifying", "trust"]
    date_hierarchy = "occurred_on"
    search_fields = ["product_id", "conversation_id", "ai_profile"]
    search_help_text = _("Search by product id, conversation id or AI profile.")
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "company",
                    "occurred_at",
                    "occurred_on",
                    "kind",
                    "is_qualifying",
                    "product_id",
                    "conversation_id",
                    "ai_profile",
                    "session",
                ]
            },
        ),
        _REPORT,
    ]


@admin.register(CartEvent)
class CartEventAdmin(CartEventTraceMixin, RecordAdmin):
    list_display = [
        "occurred_at",
        "company",
        "type",
        "product_name",
        "quantity_reported",
        "gmv",
        "channel_name",
    ]
    list_filter = [("company", CompanyFilter), ChannelFilter, "type", "trust"]
    date_hierarchy = "occurred_on"
    search_fields = ["product_id", "product_name"]
    search_help_text = _("Search by product id or name.")
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "company",
                    "occurred_at",
                    "occurred_on",
                    "type",
                    "product_id",
                    "product_name",
                    "quantity_reported",
                    "value",
                    "value_basis",
                ]
            },
        ),
        (
            pgettext_lazy("of a cart event", "Worth"),
            {"fields": ["units", "gmv", "cart_quantity", "claimed_units", "claimed"]},
        ),
        _CREDIT,
        _REPORT,
    ]

    @admin.display(description=_("quantity"), ordering="quantity")
    def quantity_reported(self, event: CartEvent) -> str:
        return formats.quantity(event.quantity)

    @admin.display(description=_("GMV"), ordering="gmv_minor")
    def gmv(self, event: CartEvent) -> str:
        return formats.money(event.gmv_minor, event.currency)

    @admin.display(description=_("claimed amount"))
    def claimed(self, event: CartEvent) -> str:
        return formats.money(event.claimed_minor, event.currency)


class OrderLineInline(ReadOnlyMixin, _TabularInline):
    model = OrderLine
    fields = ["product_id", "product_name", "quantity_sold", "total"]
    readonly_fields = ["quantity_sold", "total"]
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever may view an order may view its lines."""
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
    search_help_text = _("Search by order id.")
    inlines = [OrderLineInline]
    fieldsets = [
        (None, {"fields": ["company", "order_id", "occurred_at", "occurred_on", "value", "has_conflict"]}),
        _CREDIT,
        _REPORT,
        (_("Exclusion"), {"fields": ["excluded_at", "excluded_by", "exclusion_reason"]}),
    ]

    @admin.display(description=_("confirmed"), boolean=True, ordering="trust")
    def is_confirmed(self, order: Order) -> bool:
        return order.trust == Trust.CONFIRMED

    @admin.display(description=_("remarks"), empty_value="")
    def remarks(self, order: Order) -> str:
        """What keeps the order from being beyond doubt, or from counting."""
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
    search_help_text = _("Search by order id.")
    fieldsets = [
        (None, {"fields": ["company", "order", "occurred_at", "occurred_on", "value", "line_items"]}),
        _CREDIT,
        _REPORT,
    ]


@admin.register(PendingConfirmation)
class PendingConfirmationAdmin(PendingConfirmationTraceMixin, RecordAdmin):
    list_display = ["order_id", "company", "occurred_at", "received_at", "value"]
    list_filter = [("company", CompanyFilter)]
    search_fields = ["order_id"]
    search_help_text = _("Search by order id.")
    fields = ["company", "order_id", "occurred_at", "received_at", "value", "line_items", "source", "event_id"]


@admin.register(Refund)
class RefundAdmin(RecordAdmin):
    list_display = ["refund_id", "order_id", "company", "occurred_at", "value"]
    list_filter = [("company", CompanyFilter)]
    date_hierarchy = "occurred_on"
    search_fields = ["order_id", "refund_id"]
    search_help_text = _("Search by order id or refund id.")
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

"""Rows as JSON. Money is a whole number of minor units of a currency that stands beside it."""

from __future__ import annotations

from typing import Any

from django.db import models
from rest_framework import serializers

from alhena_tracking.api.staff import fields
from alhena_tracking.ingestion.data import CartEventData, OrderData, stated_fields
from alhena_tracking.models import (
    CartEvent,
    Channel,
    HeldReason,
    Interaction,
    Order,
    OrderLine,
    Refund,
    Standing,
    VisitorSession,
)

_EVENT_FIELDS = ("id", "company", "session", "occurred_at", "occurred_on", "received_at", "trust", "source")
_CREDIT_FIELDS = ("channel", "ai_profile", "credited_interaction", "attribution_window", "attribution_model")


def _with_stated(kind: Any, *names: str) -> tuple[str, ...]:
    """Append the fields that events of a kind state and ``names`` leave out, so that none gets lost."""
    return *names, *(name for name in stated_fields(kind) if name not in names)


class StaffSerializer(serializers.Serializer[Any]):
    """An object that staff read. Nothing is ever read from it."""


class RowSerializer(StaffSerializer, serializers.ModelSerializer[Any]):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateField: fields.DayField,
        models.DateTimeField: fields.MomentField,
        models.DecimalField: fields.QuantityField,
        models.DurationField: fields.SecondsField,
    }

    def get_extra_kwargs(self) -> Any:
        return {name: {"read_only": True} for name in self.Meta.fields}


class InteractionSerializer(RowSerializer):
    id = serializers.UUIDField(source="event_id")
    recommended_product_ids = serializers.SerializerMethodField(help_text="Of products that the assistant recommended.")

    class Meta:
        model = Interaction
        fields = ("id", "kind", "product_id", "recommended_product_ids", "occurred_at")

    def get_recommended_product_ids(self, interaction: Interaction) -> list[str]:
        return interaction.recommended_product_ids or []


class EventSerializer(RowSerializer):
    """A credited event. Takes rows with their company and credited interaction."""

    id = serializers.UUIDField(source="event_id")
    company = serializers.CharField(source="company.key")
    session = serializers.IntegerField(source="session_id", help_text="The `id` of its session.")
    currency = fields.CurrencyField(help_text="ISO 4217.")
    currency_decimals = fields.DecimalsField(source="currency")
    channel = serializers.ChoiceField(choices=Channel.choices)
    credited_interaction = InteractionSerializer()


class RefundSerializer(RowSerializer):
    class Meta:
        model = Refund
        fields = ("refund_id", "occurred_at", "occurred_on", "value_minor", "counted_minor")


class LineSerializer(RowSerializer):
    class Meta:
        model = OrderLine
        fields = ("product_id", "product_name", "quantity", "total_minor", "is_direct")


class OrderSerializer(EventSerializer):
    """Takes orders with their lines and refunds, too."""

    refunded_minor = serializers.SerializerMethodField(help_text=fields.MINOR)
    net_minor = serializers.SerializerMethodField(help_text=fields.MINOR)
    assisted_minor = fields.MinorField()
    refunds = RefundSerializer(many=True)
    line_items = LineSerializer(many=True, source="lines")
    held_reason = serializers.ChoiceField(choices=HeldReason.choices, allow_blank=True)
    is_excluded = serializers.SerializerMethodField(help_text="By itself or with its session.")
    is_counted = serializers.BooleanField(help_text="Whether the report counts it.")

    class Meta:
        model = Order
        fields = _with_stated(
            OrderData,
            *_EVENT_FIELDS,
            *("order_id", "currency", "currency_decimals", "value_minor", "direct_minor", "assisted_minor"),
            *("refunded_minor", "net_minor"),
            *("refunds", "line_items", "updated_at", "is_cancelled"),
            *_CREDIT_FIELDS,
            *("has_conflict", "standing", "held_reason", "is_excluded", "exclusion_reason", "is_counted"),
        )

    def get_refunded_minor(self, order: Order) -> int:
        return sum(refund.counted_minor for refund in order.refunds.all())

    def get_net_minor(self, order: Order) -> int:
        return order.value_minor - self.get_refunded_minor(order)

    def get_is_excluded(self, order: Order) -> bool:
        return order.standing == Standing.EXCLUDED


class CartEventSerializer(EventSerializer):
    value_minor = fields.PriceField(help_text="In minor units of the currency; a unit price may have four decimals.")
    is_excluded = serializers.BooleanField(help_text="With its session.")

    class Meta:
        model = CartEvent
        fields = _with_stated(
            CartEventData,
            *_EVENT_FIELDS,
            *("type", "product_id", "product_name", "quantity", "currency", "currency_decimals"),
            *("value_minor", "value_basis", "units", "gmv_minor"),
            *_CREDIT_FIELDS,
            "is_excluded",
        )


class SessionSerializer(RowSerializer):
    """Takes sessions with their company, annotated with ``has_order``."""

    company = serializers.CharField(source="company.key")
    channel = serializers.ChoiceField(choices=Channel.choices, allow_blank=True)
    is_excluded = serializers.SerializerMethodField(help_text="With its cart events and orders.")
    has_order = serializers.BooleanField(help_text="Whether it has an order that the report counts.")

    class Meta:
        model = VisitorSession
        fields = (
            *("id", "company", "started_at", "started_on", "last_interaction_at", "qualified_at"),
            *("channel", "ai_profile", "is_excluded", "exclusion_reason", "has_order"),
        )

    def get_is_excluded(self, session: VisitorSession) -> bool:
        return session.excluded_at is not None

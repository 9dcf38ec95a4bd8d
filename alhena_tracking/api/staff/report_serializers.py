"""The report as JSON. Money is a whole number of minor units of a currency that stands beside it."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from rest_framework import serializers

from alhena_tracking.api.staff import fields
from alhena_tracking.api.staff.serializers import StaffSerializer
from alhena_tracking.models import Channel, Trust
from alhena_tracking.reports import Grain, RevenueImpactReport
from alhena_tracking.reports.cards import CARD_TYPES


class SumsSerializer(StaffSerializer):
    """Figures by their names: amounts, counts and ratios."""

    sums: ClassVar[tuple[str, ...]] = ()
    ratios: ClassVar[tuple[str, ...]] = ()

    def get_fields(self) -> dict[str, Any]:
        sums = {name: fields.MinorField() if name.endswith("_minor") else fields.CountField() for name in self.sums}
        return {**super().get_fields(), **sums, **{name: fields.RatioField() for name in self.ratios}}


class FiguresSerializer(SumsSerializer):
    sums = (
        *("add_to_cart_minor", "purchase_minor", "direct_minor", "assisted_minor"),
        *("verified_minor", "confirmed_minor", "refunded_minor", "dated_refunds_minor", "net_minor"),
        *("tax_minor", "shipping_minor", "discount_minor", "net_of_tax_and_shipping_minor", "unlined_minor"),
        *("cart_days", "carts", "orders", "unstated_orders", "sessions", "converted_sessions"),
    )
    ratios = (
        *("daily_add_to_cart_minor", "average_cart_minor", "average_order_minor", "revenue_per_session_minor"),
        *("conversion_rate", "verified_share", "confirmed_share"),
    )


class ChannelFiguresSerializer(FiguresSerializer):
    channel = serializers.ChoiceField(choices=Channel.choices)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {"channel": instance.channel, **FiguresSerializer().to_representation(instance.figures)}


class RowFiguresSerializer(SumsSerializer):
    """The figures of one channel on one day, or in one week or month."""

    day = fields.DayField(source="on")
    last_day = fields.DayField(source="last_on")
    channel = serializers.ChoiceField(choices=Channel.choices)
    sums = (
        *(
            "add_to_cart_minor",
            "cart_events",
            "carts",
            "purchase_minor",
            "direct_minor",
            "verified_minor",
            "confirmed_minor",
            "refunded_minor",
            "dated_refunds_minor",
        ),
        *("tax_minor", "shipping_minor", "discount_minor", "unlined_minor"),
        *("orders", "unstated_orders", "sessions", "converted_sessions"),
    )


class SessionRowSerializer(SumsSerializer):
    """The sessions that started on one day, or in one week or month: each once, whatever its channels."""

    day = fields.DayField(source="on")
    last_day = fields.DayField(source="last_on")
    sums = ("sessions", "converted_sessions")


class ChangesSerializer(SumsSerializer):
    """By which part of its previous value each figure of the report's cards rose or fell; shares, by points."""

    ratios = tuple(card_type.name for card_type in CARD_TYPES)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return super().to_representation({card.type.name: card.change for card in instance})


class ProductFiguresSerializer(StaffSerializer):
    product_id = serializers.CharField()
    product_name = serializers.CharField(source="name")
    recommended = fields.CountField(help_text="Qualifying interactions that recommended it, whatever the currency.")
    add_to_cart_minor = fields.MinorField()
    units_added = fields.QuantityField()
    purchase_minor = fields.MinorField()
    direct_minor = fields.MinorField()
    units_purchased = fields.QuantityField()


class CompositionSerializer(SumsSerializer):
    """What adds up to the purchase revenue: order lines, what else their orders hold, orders without lines."""

    sums = ("lines_minor", "adjustments_minor", "unlined_minor")


class CurrencyTotalsSerializer(SumsSerializer):
    currency = fields.CurrencyField(help_text="ISO 4217.")
    currency_decimals = fields.DecimalsField(source="currency")
    sums = ("add_to_cart_minor", "cart_events", "purchase_minor", "orders")


class ConvertedFiguresSerializer(SumsSerializer):
    currency = fields.CurrencyField(help_text="ISO 4217.")
    currency_decimals = fields.DecimalsField(source="currency")
    sums = (
        *("orders", "purchase_minor", "converted_purchase_minor", "unconverted_orders"),
        *("refunded_minor", "converted_refunded_minor", "net_minor", "converted_net_minor"),
        *("cart_events", "add_to_cart_minor", "converted_add_to_cart_minor", "unconverted_cart_events"),
    )


class ConversionSerializer(SumsSerializer):
    """All currencies in one sum: that of the converted amounts of `currencies`."""

    currency = fields.CurrencyField(help_text="ISO 4217: the company's main currency.")
    currency_decimals = fields.DecimalsField(source="currency")
    sums = (
        *("orders", "purchase_minor", "refunded_minor", "net_minor", "unconverted_orders"),
        *("add_to_cart_minor", "unconverted_cart_events"),
    )
    currencies = ConvertedFiguresSerializer(many=True, source="parts")


class ChannelDifferenceSerializer(SumsSerializer):
    channel = serializers.ChoiceField(source="key", choices=Channel.choices)
    sums = ("previous_purchase_minor", "purchase_minor", "change_minor", "previous_orders", "orders")


class ProfileDifferenceSerializer(SumsSerializer):
    profile = serializers.CharField(source="key")
    sums = ChannelDifferenceSerializer.sums


class ProductDifferenceSerializer(SumsSerializer):
    product_id = serializers.CharField(source="key")
    product_name = serializers.CharField(source="name")
    sums = ("previous_purchase_minor", "purchase_minor", "change_minor")


class FactorsSerializer(SumsSerializer):
    """How much of the change of purchase revenue comes from sessions, orders per session and average order value."""

    sums = ("sessions_minor", "orders_per_session_minor", "average_order_minor")


class DifferencesSerializer(StaffSerializer):
    """What changed since the previous period: the largest differences first."""

    factors = FactorsSerializer(allow_null=True, help_text="Null where nothing had been bought or no session started.")
    channels = ChannelDifferenceSerializer(many=True)
    profiles = ProfileDifferenceSerializer(many=True, help_text="Those that changed most.")
    other_profiles = ProfileDifferenceSerializer(allow_null=True, help_text="All others together.")
    products = ProductDifferenceSerializer(many=True, help_text="Those that changed most.")


class ModelFiguresSerializer(SumsSerializer):
    sums = (
        *("credited_minor", "first_minor", "last_minor", "linear_minor"),
        *("credited_orders", "first_orders", "last_orders"),
    )


class ChannelModelsSerializer(ModelFiguresSerializer):
    channel = serializers.ChoiceField(source="name", choices=Channel.choices)


class ProfileModelsSerializer(ModelFiguresSerializer):
    profile = serializers.CharField(
        source="name", allow_null=True, help_text="Empty for interactions without one; null for all others together."
    )


class AttributionModelsSerializer(StaffSerializer):
    """Purchase revenue as credited, and by first, last and linear touch."""

    channels = ChannelModelsSerializer(many=True)
    profiles = ProfileModelsSerializer(many=True)
    orders_with_several_touches = fields.CountField(
        source="several_orders", help_text="Only by these do models differ."
    )
    orders_without_touches = fields.CountField(help_text="Those without stored touches, which count as one touch.")


class ProfileFiguresSerializer(SumsSerializer):
    profile = serializers.CharField(source="ai_profile", help_text="Empty for what named none.")
    sums = ("sessions", "converted_sessions", "add_to_cart_minor", "orders", "purchase_minor")
    ratios = (
        *("conversion_rate", "conversion_low", "conversion_high"),
        *("average_order_minor", "revenue_per_session_minor"),
    )


class ProfilesSerializer(StaffSerializer):
    count = fields.CountField(help_text="Of all AI profiles with figures. `rows` has the first ones.")
    rows = ProfileFiguresSerializer(many=True)


class TimeBucketSerializer(SumsSerializer):
    since_minutes = fields.CountField()
    until_minutes = fields.CountField(allow_null=True, help_text="Excluded; null for the last one.")
    sums = ("orders",)


class OrderTimesSerializer(SumsSerializer):
    """The whole minutes from the credited interaction to the order; quartiles are times of orders (nearest rank)."""

    sums = ("orders", "undated_orders")
    lower_quartile_minutes = fields.CountField(allow_null=True)
    median_minutes = fields.CountField(allow_null=True)
    upper_quartile_minutes = fields.CountField(allow_null=True)
    buckets = TimeBucketSerializer(many=True)


class ConversationFiguresSerializer(SumsSerializer):
    sums = ("conversations", "orders", "purchase_minor", "recommending", "bought_through")
    ratios = ("orders_per_conversation", "revenue_per_conversation_minor", "buy_through_rate")
    times = OrderTimesSerializer(help_text="Of all orders of the report, with a conversation or without.")


class ReportSerializer(StaffSerializer):
    company = serializers.CharField(source="query.company.key")
    time_zone = serializers.CharField(source="query.company.time_zone")
    is_redating = serializers.BooleanField(
        help_text="Whether the time zone has changed and earlier events are still being moved to its days."
    )
    start = fields.DayField(source="query.period.start")
    end = fields.DayField(source="query.period.end")
    previous_start = serializers.SerializerMethodField(help_text=fields.DAY)
    previous_end = serializers.SerializerMethodField(help_text=fields.DAY)
    previous_until = fields.MomentField(source="compared_until", allow_null=True)
    recorded_since = fields.DayField(allow_null=True)
    grain = serializers.ChoiceField(source="query.grain", choices=Grain.choices)
    channel = serializers.ChoiceField(source="query.channel", choices=Channel.choices, allow_blank=True)
    profile = serializers.CharField(source="query.ai_profile")
    trust = serializers.ChoiceField(source="query.trust", choices=Trust.choices, allow_blank=True)
    currency = fields.CurrencyField(allow_blank=True, help_text="ISO 4217; empty where nothing was taken.")
    currency_decimals = fields.DecimalsField(source="currency")
    current = FiguresSerializer()
    previous = FiguresSerializer(allow_null=True)
    changes = ChangesSerializer(source="cards")
    channels = ChannelFiguresSerializer(many=True)
    days = RowFiguresSerializer(many=True, source="rows")
    session_days = SessionRowSerializer(many=True, source="session_rows")
    products = ProductFiguresSerializer(many=True)
    product_count = fields.CountField(help_text="Of all products with figures. `products` has the first ones.")
    composition = CompositionSerializer()
    other_currencies = CurrencyTotalsSerializer(many=True)
    conversion = ConversionSerializer(
        allow_null=True, help_text="All currencies in one sum at the day's rates; null unless `convert` asks for it."
    )
    differences = DifferencesSerializer(
        allow_null=True, help_text="Null unless `show` asks for it, and where nothing is compared."
    )
    models = AttributionModelsSerializer(
        allow_null=True, help_text="Attribution models side by side; null unless `show` asks for them."
    )
    profiles = ProfilesSerializer(
        allow_null=True, help_text="By AI profile, the largest purchase revenue first; null unless `show` asks for it."
    )
    conversations = ConversationFiguresSerializer(
        allow_null=True, help_text="What comes of conversations; null unless `show` asks for it."
    )
    held_back_orders = fields.CountField(help_text="Orders of the period that wait for staff, in all currencies.")

    def get_previous_start(self, report: RevenueImpactReport) -> date | None:
        return report.compared.start if report.compared else None

    def get_previous_end(self, report: RevenueImpactReport) -> date | None:
        return report.compared.end if report.compared else None

"""The models: companies, visits, cart events, orders, roll-ups and counts; proxies stand for admin pages."""

from alhena_tracking.models.base import AttributionModel, Trust
from alhena_tracking.models.carts import CartEvent, ValueBasis
from alhena_tracking.models.channels import CHANNEL_DISPLAYS, Channel, ChannelDisplay
from alhena_tracking.models.company import Company, SecretKey
from alhena_tracking.models.conversations import OrderConversation
from alhena_tracking.models.diagnostics import EventCount, EventDiagnostics, RejectedEvent
from alhena_tracking.models.exports import Export, FileFormat
from alhena_tracking.models.integrations import PrivacyRequest, ShopConnection, WebhookDelivery
from alhena_tracking.models.locks import LockRow
from alhena_tracking.models.maintenance import MaintenanceStep
from alhena_tracking.models.orders import (
    HeldReason,
    Order,
    OrderAmounts,
    OrderClaim,
    OrderLine,
    OrderTouch,
    RevenueImpact,
    Standing,
)
from alhena_tracking.models.rates import ExchangeRate
from alhena_tracking.models.redating import Redating
from alhena_tracking.models.restrictions import CompanyGroup
from alhena_tracking.models.rollups import (
    DailyConversations,
    DailyFigures,
    DailyProductFigures,
    DailyProductTotals,
    DailyRecommended,
    DailySessions,
    DailyTouches,
    RolledUpDay,
    WeeklyProductTotals,
)
from alhena_tracking.models.server_orders import OrderVersion, PendingConfirmation, Refund
from alhena_tracking.models.visits import Interaction, VisitorSession

__all__ = [
    "CHANNEL_DISPLAYS",
    "AttributionModel",
    "CartEvent",
    "Channel",
    "ChannelDisplay",
    "Company",
    "CompanyGroup",
    "DailyConversations",
    "DailyFigures",
    "DailyProductFigures",
    "DailyProductTotals",
    "DailyRecommended",
    "DailySessions",
    "DailyTouches",
    "EventCount",
    "EventDiagnostics",
    "ExchangeRate",
    "Export",
    "FileFormat",
    "HeldReason",
    "Interaction",
    "LockRow",
    "MaintenanceStep",
    "Order",
    "OrderAmounts",
    "OrderClaim",
    "OrderConversation",
    "OrderLine",
    "OrderTouch",
    "OrderVersion",
    "PendingConfirmation",
    "PrivacyRequest",
    "Redating",
    "Refund",
    "RejectedEvent",
    "RevenueImpact",
    "RolledUpDay",
    "SecretKey",
    "ShopConnection",
    "Standing",
    "Trust",
    "ValueBasis",
    "VisitorSession",
    "WebhookDelivery",
    "WeeklyProductTotals",
]

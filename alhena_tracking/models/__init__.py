"""The rows: companies, visits, cart changes, orders, and the proxy that stands for the report in the admin."""

from alhena_tracking.models.base import AttributionModel, Trust
from alhena_tracking.models.carts import CartEvent, ValueBasis
from alhena_tracking.models.company import Company
from alhena_tracking.models.orders import Order, OrderClaim, OrderLine, PendingConfirmation, Refund
from alhena_tracking.models.report import RevenueImpact
from alhena_tracking.models.visits import Interaction, VisitorLock, VisitorSession

__all__ = [
    "AttributionModel",
    "CartEvent",
    "Company",
    "Interaction",
    "Order",
    "OrderClaim",
    "OrderLine",
    "PendingConfirmation",
    "Refund",
    "RevenueImpact",
    "Trust",
    "ValueBasis",
    "VisitorLock",
    "VisitorSession",
]

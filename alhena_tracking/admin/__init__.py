"""The admin: the report, the diagnostics, the rows behind them, and the secret keys."""

from alhena_tracking.admin.connections import PrivacyRequestAdmin, ShopConnectionAdmin
from alhena_tracking.admin.diagnosis import EventDiagnosticsAdmin
from alhena_tracking.admin.keys import SecretKeyAdmin
from alhena_tracking.admin.orders import OrderAdmin, OrderClaimAdmin, PendingConfirmationAdmin, RefundAdmin
from alhena_tracking.admin.records import CartEventAdmin, CompanyAdmin, InteractionAdmin, VisitorSessionAdmin
from alhena_tracking.admin.report.page import RevenueImpactAdmin

__all__ = [
    "CartEventAdmin",
    "CompanyAdmin",
    "EventDiagnosticsAdmin",
    "InteractionAdmin",
    "OrderAdmin",
    "OrderClaimAdmin",
    "PendingConfirmationAdmin",
    "PrivacyRequestAdmin",
    "RefundAdmin",
    "RevenueImpactAdmin",
    "SecretKeyAdmin",
    "ShopConnectionAdmin",
    "VisitorSessionAdmin",
]

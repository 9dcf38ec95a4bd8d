"""The faces that staff see: the report, the diagnostics, the rows behind them, and the secret keys."""

from alhena_tracking.admin.diagnosis import EventDiagnosticsAdmin
from alhena_tracking.admin.records import (
    CartEventAdmin,
    CompanyAdmin,
    InteractionAdmin,
    OrderAdmin,
    OrderClaimAdmin,
    PendingConfirmationAdmin,
    RefundAdmin,
    VisitorSessionAdmin,
)
from alhena_tracking.admin.revenue_impact import RevenueImpactAdmin
from alhena_tracking.admin.secret_keys import SecretKeyAdmin

__all__ = [
    "CartEventAdmin",
    "CompanyAdmin",
    "EventDiagnosticsAdmin",
    "InteractionAdmin",
    "OrderAdmin",
    "OrderClaimAdmin",
    "PendingConfirmationAdmin",
    "RefundAdmin",
    "RevenueImpactAdmin",
    "SecretKeyAdmin",
    "VisitorSessionAdmin",
]

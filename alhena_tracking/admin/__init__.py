"""The faces that staff see: the report, and the rows behind it."""

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

__all__ = [
    "CartEventAdmin",
    "CompanyAdmin",
    "InteractionAdmin",
    "OrderAdmin",
    "OrderClaimAdmin",
    "PendingConfirmationAdmin",
    "RefundAdmin",
    "RevenueImpactAdmin",
    "VisitorSessionAdmin",
]

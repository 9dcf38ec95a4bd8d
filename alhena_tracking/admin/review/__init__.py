"""Staff decide what counts: they exclude orders and visitor sessions, include them again, and accept orders."""

from alhena_tracking.admin.review.decisions import ORDER_DECISIONS, SESSION_DECISIONS
from alhena_tracking.admin.review.pages import ReviewMixin, actions_of

__all__ = ["ORDER_DECISIONS", "SESSION_DECISIONS", "ReviewMixin", "actions_of"]

"""The checklist of the diagnosis: what is checked, and what a check says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from alhena_tracking.diagnosis.event_facts import RECENT_DAYS

#: Nobody used the assistant for so long: something broke.
QUIET_AFTER = timedelta(days=RECENT_DAYS)


class State(Enum):
    DONE = "done"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


class CheckName(Enum):
    """What is checked, in the order in which an event comes past it."""

    SNIPPET = "snippet"
    INTERACTIONS = "interactions"
    CART_EVENTS = "cart_events"
    ORDERS = "orders"
    COMPANY_KEY = "company_key"
    ORIGINS = "origins"
    LIMITS = "limits"
    VALIDITY = "validity"
    SECRET_KEY = "secret_key"  # noqa: S105
    PRIVACY = "privacy"
    CREDIT = "credit"
    CONFIRMATION = "confirmation"
    CLOCKS = "clocks"
    ORDER_IDS = "order_ids"
    LINE_VALUES = "line_values"


#: The road that every event takes; the other checks are of what may stop it.
ROAD = (CheckName.SNIPPET, CheckName.INTERACTIONS, CheckName.CART_EVENTS, CheckName.ORDERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one check found: ``count`` of ``total`` events (in the last days, or of the last ones), the last at ``at``
    or, where only the day is known, on ``on``. ``names`` are origins, or fields with codes: whatever callers sent.

    ``is_blocking`` if it alone explains that nothing of a kind arrives.
    """

    name: CheckName
    state: State
    finding: str
    count: int = 0
    total: int = 0
    at: datetime | None = None
    on: date | None = None
    names: tuple[str, ...] = ()
    is_blocking: bool = False

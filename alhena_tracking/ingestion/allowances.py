"""How much browsers' cart events of one session may add within a window, so that a forged cart stays bounded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alhena_tracking.conf import conf
from alhena_tracking.contract.ceilings import ceiling_minor
from alhena_tracking.contract.limits import SESSION_CART_EVENTS
from alhena_tracking.ingestion.data import CartEventData
from alhena_tracking.models import CartEvent, Trust

#: The parts of a ceiling that are counted: amounts of different currencies cannot be added.
_WHOLE = 1_000_000


@dataclass(slots=True)
class CartAllowance:
    """What browsers have used up since ``since``: ``events``, and ``claimed`` millionths of ``MAX_CART_VALUE``."""

    since: datetime | None = None
    events: int = 0
    claimed: int = 0

    def take_event(self, event: CartEventData, window: timedelta) -> bool:
        """Count a browser's event; return whether that was still allowed. A window begins with its first event."""
        if self.since is None or event.received_at - self.since > window:
            self.since, self.events, self.claimed = event.received_at, 0, 0
        if self.events >= SESSION_CART_EVENTS:
            return False
        self.events += 1
        return True

    def take_worth(self, row: CartEvent) -> bool:
        """Count what a browser's event adds to the cart; return whether that was still allowed."""
        ceiling = ceiling_minor(conf.max_cart_value, row.currency)
        if ceiling is None or row.gmv_minor <= 0 or row.trust != Trust.REPORTED:
            return True
        share = int(row.gmv_minor * _WHOLE / ceiling)
        if self.claimed + share > _WHOLE:
            return False
        self.claimed += share
        return True

"""Signals, sent after the commit. A receiver that raises is logged.

The sender is the row's model, ``instance`` the row. ``order_recorded`` is also sent when a recorded order is confirmed,
with ``is_new=False``. ``order_conflicted`` is sent when the first conflict between an order's reports is found, and
``order_corrected`` when the shop's server changes or cancels an order that it confirmed. ``export_requested`` is sent
when staff ask for a file that is made in the background.
"""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger(__name__)


class EventSignal(Signal):
    """A signal whose receivers may be any callables: Django's own log needs their ``__qualname__``."""

    def _log_robust_failure(self, receiver: Any, err: Exception) -> None:
        function = getattr(receiver, "func", receiver)  # of a functools.partial
        name = getattr(function, "__qualname__", type(function).__qualname__)
        logger.error("A receiver of a signal failed: %s", name, exc_info=err)


interaction_recorded = EventSignal()
cart_event_recorded = EventSignal()
order_recorded = EventSignal()
order_conflicted = EventSignal()
order_corrected = EventSignal()
order_refunded = EventSignal()
export_requested = EventSignal()

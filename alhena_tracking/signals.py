"""Signals, sent after the commit. A receiver that raises is logged.

The sender is the row's model, ``instance`` the row. ``order_recorded`` is also sent when a recorded order is confirmed,
with ``is_new=False``. ``order_conflicted`` is sent when the first conflict between an order's reports is found.
"""

from __future__ import annotations

from django.dispatch import Signal

interaction_recorded = Signal()
cart_event_recorded = Signal()
order_recorded = Signal()
order_conflicted = Signal()
order_refunded = Signal()

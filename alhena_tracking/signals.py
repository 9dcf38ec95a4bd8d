"""Signals, sent after the commit. The error of a receiver is logged and has no other effect.

The sender is the row's class, ``instance`` the row. ``order_recorded`` is also sent when a known order is confirmed,
with ``is_new=False``. ``order_conflicted`` is sent when an order's reports first disagree.
"""

from __future__ import annotations

from django.dispatch import Signal

interaction_recorded = Signal()
cart_event_recorded = Signal()
order_recorded = Signal()
order_conflicted = Signal()
order_refunded = Signal()

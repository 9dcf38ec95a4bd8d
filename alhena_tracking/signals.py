"""Sent after what they tell of is committed. A receiver that fails is logged and harms nothing.

The sender is the row's class, ``instance`` the row. ``order_recorded`` is also sent when an order that is known is
confirmed; ``is_new`` tells the two apart. ``order_conflicted`` is sent when an order's reports are first seen to
disagree.
"""

from __future__ import annotations

from django.dispatch import Signal

interaction_recorded = Signal()
cart_event_recorded = Signal()
order_recorded = Signal()
order_conflicted = Signal()
order_refunded = Signal()

"""The functions that end in ``_on_commit``, their arguments, and a checkout that calls them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model

from alhena_tracking import events
from alhena_tracking.events import Visitor
from alhena_tracking.models import CartEvent, Interaction, Order, Refund

VISITOR = Visitor(uuid.UUID(int=7 << 64 | 5), uuid.UUID(int=9 << 64 | 5))
ITEM: dict[str, Any] = {"product_id": "SKU-1", "product_name": "Mug", "currency": "EUR", "value": 1, "quantity": 2}
ORDER: dict[str, Any] = {"order_id": "1001", "value": Decimal("39.98"), "currency": "EUR", "line_items": [ITEM]}
REFUND: dict[str, Any] = {"order_id": "1001", "refund_id": "r1", "value": 1, "currency": "EUR"}

#: Valid arguments of each function, and the rows that it stores.
CALLS: dict[str, dict[str, Any]] = {
    "record_interaction_on_commit": {"visitor": VISITOR, "type": "CHAT", "product_id": "SKU-1"},
    "record_cart_event_on_commit": {"visitor": VISITOR, "type": "ITEM_ADDED", **ITEM},
    "record_order_on_commit": {"visitor": VISITOR, **ORDER},
    "refund_order_on_commit": REFUND,
}
ROWS: dict[str, type[Model]] = dict(zip(CALLS, [Interaction, CartEvent, Order, Refund], strict=True))


def check_out(name: str, call: Mapping[str, Any], order: str = "1001") -> str:
    """Save an order of the shop, report it, and return what the view answers."""
    with transaction.atomic():
        Group.objects.create(name=order)
        getattr(events, name)(**call)
        Group.objects.create(name=f"{order} sent")
    return "thank you"

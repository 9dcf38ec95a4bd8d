"""Examples of the answers to staff: of the report and of a row of each list."""

from __future__ import annotations

from typing import Any

from alhena_tracking.api.staff import documents

_INTERACTION = {
    "id": "0c5b6a49-7f3e-4c1d-8e2a-9b8c7d6e5f40",
    "kind": "FAQ",
    "product_id": "SKU-1",
    "occurred_at": "2026-01-31T12:00:00Z",
}
_CREDIT = {
    "channel": "FAQ",
    "ai_profile": "",
    "credited_interaction": _INTERACTION,
    "attribution_window": 86400,
    "attribution_model": "first_touch",
}
_EVENT = {
    "company": "acme",
    "session": 7,
    "occurred_at": "2026-01-31T12:10:00Z",
    "occurred_on": "2026-01-31",
    "received_at": "2026-01-31T12:10:00Z",
    "trust": "REPORTED",
    "source": "SHOPIFY",
    "currency": "USD",
    "currency_decimals": 2,
    **_CREDIT,
}
ORDER: dict[str, Any] = {
    "id": "5a1e9c3b-2f74-4d86-b0c9-6e7d8f1a2b34",
    **_EVENT,
    "order_id": "1001",
    "value_minor": 17800,
    "refunded_minor": 1990,
    "net_minor": 15810,
    "refunds": [
        {
            "refund_id": "r-7",
            "occurred_at": "2026-02-03T09:00:00Z",
            "occurred_on": "2026-02-03",
            "value_minor": 1990,
        }
    ],
    "line_items": [
        {"product_id": "SKU-1", "product_name": "Gooseneck kettle", "quantity": "2.000", "total_minor": 17800}
    ],
    "has_conflict": False,
    "is_excluded": False,
    "exclusion_reason": "",
    "is_counted": True,
}
CART_EVENT: dict[str, Any] = {
    "id": "b7d0c1de-6a0f-4a55-8f64-0f3a7a0e9d13",
    **_EVENT,
    "type": "ITEM_ADDED",
    "product_id": "SKU-1",
    "product_name": "Gooseneck kettle",
    "quantity": "2.000",
    "value_minor": 8900,
    "value_basis": "unit",
    "units": "2.000",
    "gmv_minor": 17800,
}
SESSION: dict[str, Any] = {
    "id": 7,
    "company": "acme",
    "started_at": "2026-01-31T12:00:00Z",
    "started_on": "2026-01-31",
    "last_interaction_at": "2026-01-31T12:00:00Z",
    "qualified_at": "2026-01-31T12:00:00Z",
    "channel": "FAQ",
    "ai_profile": "",
    "has_order": True,
}
_FIGURES = {
    "add_to_cart_minor": 17800,
    "purchase_minor": 17800,
    "confirmed_minor": 0,
    "refunded_minor": 1990,
    "net_minor": 15810,
    "cart_days": 1,
    "carts": 1,
    "orders": 1,
    "sessions": 3,
    "converted_sessions": 1,
    "daily_add_to_cart_minor": "17800.000000",
    "average_cart_minor": "17800.000000",
    "average_order_minor": "17800.000000",
    "revenue_per_session_minor": "5933.333333",
    "conversion_rate": "0.333333",
    "confirmed_share": "0.000000",
}
REPORT: dict[str, Any] = {
    "company": "acme",
    "time_zone": "Europe/Berlin",
    "start": "2026-01-31",
    "end": "2026-01-31",
    "previous_start": None,
    "previous_end": None,
    "channel": "",
    "profile": "",
    "trust": "",
    "currency": "USD",
    "currency_decimals": 2,
    "current": _FIGURES,
    "previous": None,
    "changes": dict.fromkeys(documents.CHANGES),
    "channels": [{"channel": "FAQ", **_FIGURES}],
    "days": [
        {
            "day": "2026-01-31",
            "channel": "FAQ",
            "add_to_cart_minor": 17800,
            "cart_events": 1,
            "carts": 1,
            "purchase_minor": 17800,
            "confirmed_minor": 0,
            "refunded_minor": 1990,
            "orders": 1,
            "sessions": 3,
            "converted_sessions": 1,
        }
    ],
    "products": [
        {
            "product_id": "SKU-1",
            "product_name": "Gooseneck kettle",
            "add_to_cart_minor": 17800,
            "units_added": "2.000",
            "purchase_minor": 17800,
            "units_purchased": "2.000",
        }
    ],
    "other_currencies": [],
}

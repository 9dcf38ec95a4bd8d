"""Calls of the ingestion endpoints."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

USER = "7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11"
FAQ = "0d4f7a52-93e1-4f0e-8a0b-5f6f4c1f2a77"
IDENTITY = {"company_key": "acme", "user_fingerprint": USER, "user_faq_fingerprint": FAQ}
CART_EVENT = {
    **IDENTITY,
    "type": "ITEM_ADDED",
    "product_id": "SKU-1",
    "product_name": "Mug",
    "value": 19.99,
    "currency": "USD",
    "quantity": 2,
}
ORDER = {**IDENTITY, "order_id": "1001", "value": 39.98, "currency": "USD"}


def post(path: str, body: Any, content_type: str = "application/json", **headers: str) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body)
    response = Client(raise_request_exception=False).post(
        f"/alhena/analytics/{path}", data, content_type=content_type, headers=headers
    )
    return response.status_code, response.json()


def codes(answer: dict[str, Any]) -> dict[str, str]:
    return {error["field"]: error["code"] for error in answer["errors"]}

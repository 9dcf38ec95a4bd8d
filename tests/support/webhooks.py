"""Signed deliveries of webhooks, as a platform sends them."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from django.test import Client

SECRET = "made-up-signing-secret"


def sign(body: bytes, secret: str = SECRET) -> str:
    return b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def deliver(url: str, body: bytes | Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Post a delivery, and return the status and the JSON of the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = Client(raise_request_exception=False)
    response = client.post(url, data, content_type="application/json", headers=headers)
    return response.status_code, response.json()

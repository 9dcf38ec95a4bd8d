"""Shopify's deliveries with Shopify's headers, and the steps that connect a shop."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from alhena_tracking.integrations.platform import find_platform
from alhena_tracking.integrations.shopify.platform import Shopify
from alhena_tracking.models import Company, EventCount, Order, PendingConfirmation, PrivacyRequest, ShopConnection
from alhena_tracking.snippet import snippet_code
from tests.support.shopify import URL
from tests.support.webhooks import deliver

PAYLOADS = Path(__file__).parents[1] / "payloads" / "shopify"
SENT: dict[str, Any] = json.loads((PAYLOADS / "headers.json").read_text())
EXPECTED: dict[str, dict[str, Any]] = json.loads((PAYLOADS / "expected.json").read_text())
VALUES = {
    "webhook_url": "https://analytics.example/alhena/integrations/shopify/acme",
    "company_key": "acme",
    "static_url": "https://analytics.example/static/alhena_tracking/",
    "endpoint": "https://analytics.example/alhena/",
}
#: How a delivery is answered, by the result that its payload has.
ANSWERS = {"order": "pending", "cancel": "pending", "refund": "ignored", "ignore": "ignored", "disconnect": "ignored"}


@pytest.fixture
def connection(company: Company) -> ShopConnection:
    shop = "fixture-kettle-7f3a.myshopify.com"
    return ShopConnection.objects.create(company=company, platform="shopify", shop=shop, secret=SENT["secret"])


def send(file: str, **headers: str) -> tuple[int, Any]:
    body = (PAYLOADS / file).read_bytes()
    return deliver(URL, body, {**SENT["files"][f"shopify/{file}"], **headers})


@pytest.mark.django_db
@pytest.mark.now("2026-11-20T10:00:05Z")
@pytest.mark.parametrize("file", EXPECTED)
def test_delivery_when_signed_by_shopify_is_taken(connection: ShopConnection, file: str) -> None:
    status, answer = send(file)
    assert status == 200
    assert answer["results"][0]["status"] == ANSWERS.get(EXPECTED[file]["result"], "recorded")
    assert send(file) == (200, {"results": [{"status": "duplicate"}]})


@pytest.mark.django_db
@pytest.mark.now("2026-11-20T10:00:05Z")
@pytest.mark.parametrize(
    ("file", "headers", "status"),
    [
        (file, headers, status)
        for file in ("orders_create_basic_usd.json", "customers_redact.json")
        for headers, status in [
            ({"X-Shopify-Hmac-Sha256": "AAAA"}, 401),
            ({"X-Shopify-Shop-Domain": "another.myshopify.com"}, 403),
            ({"X-Shopify-Triggered-At": "2026-11-17T10:00:03.123456789Z"}, 400),
        ]
    ],
)
def test_delivery_when_it_cannot_be_trusted_is_refused(
    connection: ShopConnection, file: str, headers: dict[str, str], status: int
) -> None:
    assert send(file, **headers)[0] == status
    assert not any(model.objects.exists() for model in (Order, PendingConfirmation, PrivacyRequest))


@pytest.mark.django_db
@pytest.mark.now("2026-11-20T10:00:05Z")
def test_privacy_requests_when_delivered_are_kept(connection: ShopConnection) -> None:
    for file in ("customers_data_request.json", "customers_redact.json", "shop_redact.json"):
        send(file)
    orders = ["6412000032775", "6412000098311"]
    requests = PrivacyRequest.objects.order_by("id").values_list("kind", "order_ids")
    assert list(requests) == [("access", orders), ("erase", orders), ("erase_shop", [])]


def test_platform_when_django_starts_is_registered() -> None:
    assert isinstance(find_platform("shopify"), Shopify)
    assert all(len(EventCount.webhook_method("shopify", topic)) <= 64 for topic in Shopify.topics)


@pytest.mark.parametrize("step", Shopify.steps)
def test_code_of_a_step_when_filled_in_is_complete(step: Any) -> None:
    code = step.code_for(**VALUES)
    assert "$" not in code.replace("\\d+$/", "")
    assert set(step.topics) <= Shopify.topics.keys()


@pytest.mark.django_db
def test_page_connect_when_shown_has_the_code_of_all_steps(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    log_in("view_shopconnection", "view_revenueimpact")
    page = unescape(client.get("/admin/alhena_tracking/shopconnection/shopify/?company=acme").content.decode())
    values = {name: value.replace("https://analytics.example", "http://testserver") for name, value in VALUES.items()}
    assert [step.title for step in Shopify.steps if step.code_for(**values) not in page] == []


def test_theme_when_filled_in_loads_the_three_scripts() -> None:
    (theme,) = [step.code_for(**VALUES) for step in Shopify.steps if "shopify.js" in step.code]
    assert theme.splitlines()[0] == f"<script>{snippet_code().splitlines()[0]}"
    scripts = re.findall(r'<script defer src="(.+?)" data-company-key="acme"(.*?)></script>', theme)
    assert scripts == [
        (f"{VALUES['static_url']}tracker.js", ' data-endpoint="https://analytics.example/alhena/"'),
        (f"{VALUES['static_url']}shopify.js", ""),
    ]


@pytest.mark.parametrize("origins", ["null", "https://shop.example\nnull"])
def test_origin_when_it_is_a_sandboxed_frames_is_valid(origins: str) -> None:
    Company(key="acme", name="Acme", allowed_origins=origins).clean_fields()


def test_origin_when_it_only_begins_so_is_not_valid() -> None:
    with pytest.raises(ValidationError, match="nulls"):
        Company(key="acme", name="Acme", allowed_origins="nulls").clean_fields()

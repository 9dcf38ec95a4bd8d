"""Order ids that ``ORDER_ID`` brings to one form, wherever they come from."""

from __future__ import annotations

import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from alhena_tracking import events, shop_functions
from alhena_tracking.models import Company, Order, Refund, SecretKey
from tests.support.api_calls import IDENTITY, ORDER, post

pytestmark = pytest.mark.django_db


def use(settings: Any, name: str) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "ORDER_ID": f"tests.support.order_ids.{name}"}


@pytest.fixture
def key(company: Company) -> str:
    post("interactions", {**IDENTITY, "type": "CHAT"})
    return SecretKey(company=company, name="server").issue()


def test_order_ids_when_there_is_a_function_meet(settings: Any, key: str) -> None:
    use(settings, "digits")
    assert post("checkout_events", {**ORDER, "order_id": " #1001 "})[0] == 201
    anonymous = {"company_key": "acme", "value": 39.98, "currency": "USD"}
    batch = {
        "company_key": "acme",
        "events": [{"method": "sendCheckoutEvent", "data": {**anonymous, "order_id": "1001"}}],
    }
    _, answer = post("batch", batch, Authorization=f"Bearer {key}")
    assert answer["results"] == [{"status": "confirmed"}]
    order: dict[str, Any] = {"order_id": "gid://shopify/Order/1001", "value": Decimal("39.98"), "currency": "USD"}
    assert events.record_order(None, **order).status == "duplicate"
    assert events.record_orders([order])[0].status == "duplicate"
    refund: dict[str, Any] = {"order_id": "SHOP-1001", "refund_id": "#7", "value": 10, "currency": "USD"}
    assert events.refund_order(**refund).status == "recorded"
    assert post("refunds", {"company_key": "acme", **refund}, Authorization=f"Bearer {key}")[1] == {
        "status": "duplicate"
    }
    assert Order.objects.get().order_id == "1001"
    assert Refund.objects.get().refund_id == "#7"


@pytest.mark.parametrize("name", ["broken", "none", "blank", "endless", "unstorable"])
def test_order_id_when_the_function_fails_stays_and_is_logged_once(
    settings: Any, key: str, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    shop_functions.log_once.cache_clear()
    use(settings, name)
    for number in ("#1001", "#1002"):
        assert post("checkout_events", {**ORDER, "order_id": number, "event_id": str(uuid.uuid4())})[0] == 201
    assert {order.order_id for order in Order.objects.all()} == {"#1001", "#1002"}
    (record,) = caplog.records
    assert f"tests.support.order_ids.{name}" in record.getMessage()
    assert "1001" not in caplog.text


def test_order_ids_when_in_a_file_of_exclusions_are_of_the_same_form(
    settings: Any, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(settings, "digits")
    post("checkout_events", ORDER)
    (file := tmp_path / "orders.txt").write_text("#1001\n")
    call_command("alhena_exclude", str(file), company="acme", reason="A test.")
    assert "excluded 1 order of 1" in capsys.readouterr().out

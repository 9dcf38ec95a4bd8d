"""What goes wrong in the integration, or in the project's own functions that it calls, reaches nobody."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.db import connection
from django.test import override_settings
from oscar.core.loading import get_model

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import recording
from alhena_tracking.integrations.oscar import carts, orders, receivers
from alhena_tracking.models import CartEvent, EventCount, Order, Refund
from tests.support.oscar import goods
from tests.support.oscar.shopper import Shopper

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "ada@shop.example"


@pytest.fixture(autouse=True)
def site() -> None:
    """The site, which the emptying of tables by an earlier test may have taken."""
    Site.objects.get_or_create(pk=1, defaults={"domain": "shop.example", "name": "Shop"})
    Site.objects.clear_cache()


@pytest.fixture
def atomic_requests() -> Iterator[None]:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


def fail(*args: Any, **kwargs: Any) -> Any:
    raise AttributeError(f"no attribute of {SECRET}")


def shop_and_refund(shopper: Shopper) -> None:
    """Do all that is reported, and check that the shop has it."""
    shopper.add(goods.product(sku=uuid.uuid4().hex), 2)
    shopper.change_line(quantity=3)
    order = shopper.check_out()
    assert (order.total_incl_tax, order.lines.count()) == (Decimal("86.97"), 1)
    assert order.basket.status == "Submitted"
    kind, _ = get_model("payment", "SourceType").objects.get_or_create(name="Card")
    source = order.sources.create(source_type=kind, currency="EUR", amount_debited=order.total_incl_tax)
    source.refund(Decimal("10"))
    order.set_status("Cancelled")
    order.refresh_from_db()
    assert (source.transactions.count(), order.status) == (1, "Cancelled")


CONFIGURED = {"COMPANY_KEY": "acme", "OSCAR_CANCELLED_STATUSES": ["Cancelled"]}
FAILING = [
    (carts, "change_by_saving", "sendCartEvent"),
    (carts, "cart_event_fields", "sendCartEvent"),
    (carts, "product_id", "sendCartEvent"),
    (carts, "company_of_request", "sendCartEvent"),
    (receivers, "record_cart_event_on_commit", "sendCartEvent"),
    (receivers, "request_of_order", "sendCheckoutEvent"),
    (orders, "order_fields", "sendCheckoutEvent"),
    (orders, "product_id", "sendCheckoutEvent"),
    (receivers, "record_order_on_commit", "sendCheckoutEvent"),
    (orders, "cancellation_fields", "sendCheckoutEvent"),
    (orders, "transaction_refund_fields", "refund"),
    (receivers, "refund_order_on_commit", "refund"),
]


def check_each_failure(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    errors = EventCount.objects.filter(outcome="error", reason="failed_after_commit")
    for module, name, method in FAILING:
        caplog.clear()
        EventCount.objects.all().delete()
        with monkeypatch.context() as patched, caplog.at_level(logging.ERROR, "alhena_tracking"):
            patched.setattr(module, name, fail)
            shop_and_refund(Shopper())
        event_counts.flush()
        assert "AttributeError" in caplog.text, name
        assert SECRET not in caplog.text, name
        assert list(errors.values_list("method", flat=True)) == [method], name


@override_settings(ALHENA_TRACKING=CONFIGURED)
def test_checkout_when_ours_raises_is_untouched(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    check_each_failure(monkeypatch, caplog)


@override_settings(ALHENA_TRACKING=CONFIGURED)
def test_checkout_when_a_transaction_and_ours_raises_is_untouched(
    atomic_requests: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    check_each_failure(monkeypatch, caplog)


def test_checkout_when_the_database_of_events_fails_is_untouched(
    atomic_requests: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shopper = Shopper()

    def fail_in_the_database(*args: Any, **kwargs: Any) -> Any:
        connection.cursor().execute("SELECT no_such_column FROM auth_user")

    with monkeypatch.context() as patched:
        patched.setattr(recording, "record", fail_in_the_database)
        shop_and_refund(shopper)
    assert (CartEvent.objects.count(), Order.objects.count(), Refund.objects.count()) == (0, 0, 0)
    assert caplog.text
    shop_and_refund(shopper)
    assert (CartEvent.objects.count(), Order.objects.count(), Refund.objects.count()) == (2, 1, 1)

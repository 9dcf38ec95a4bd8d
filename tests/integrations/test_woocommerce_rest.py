"""The client of WooCommerce's REST API, by a fake one on 127.0.0.1."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

import pytest

from alhena_tracking.diagnosis.outcomes import REASONS
from alhena_tracking.integrations.woocommerce import rest
from alhena_tracking.integrations.woocommerce.rest import RestApi, RestError
from tests.support.woocommerce import payload
from tests.support.woocommerce_api import API_SECRET, KEY, FakeShop, serve

START = datetime(2026, 11, 19, 9, tzinfo=UTC)


def fault_of(address: str) -> str:
    api = RestApi(address, KEY, API_SECRET)
    with pytest.raises(RestError) as caught:
        api.orders(status="any", modified_after=START)
    assert caught.value.__cause__ is None
    assert API_SECRET not in f"{caught.value!r} {api!r}"
    return caught.value.code


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (401, "access_denied"),
        (403, "access_denied"),
        (404, "http_error"),
        (500, "http_error"),
        (b"<html>Maintenance</html>", "unreadable"),
        (b"{}", "unreadable"),
        (b"[1]", "unreadable"),
        (b"[" * 100_000, "unreadable"),
        (b"\xff", "unreadable"),
    ],
)
def test_answer_when_it_is_no_orders_is_an_error(shop: FakeShop, fault: int | bytes, code: str) -> None:
    shop.faults = {1: fault}
    assert fault_of(shop.url) == code


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_when_answered_is_not_followed(shop: FakeShop, status: int) -> None:
    with serve(FakeShop()) as other:
        shop.faults, shop.location = {1: status}, f"{other.url}/wp-json/wc/v3/orders"
        assert fault_of(shop.url) == "redirected"
        assert other.requests == []


def test_answer_when_too_large_is_not_read_to_its_end(shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "PAGE_BYTES", 100_000)
    shop.faults = {1: b"[" + b" " * 10_000_000 + b"]"}
    assert fault_of(shop.url) == "too_large"


@pytest.mark.real_time
def test_answer_when_slow_ends_in_time(shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.orders = [
        payload("order_created_processing.json", id=number) for number in range(1, 90)
    ]  # comes in several pieces, with a pause after each
    shop.faults = {1: 0.3, 2: 1.0}
    monkeypatch.setattr(rest, "PAGE_SECONDS", 0.2)
    assert fault_of(shop.url) == "unreachable"
    monkeypatch.setattr(rest, "SILENCE_SECONDS", 0.2)
    assert fault_of(shop.url) == "unreachable"


@pytest.mark.real_time
def test_headers_when_they_never_end_are_given_up(shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "PAGE_SECONDS", 0.3)
    shop.drips = True
    began = monotonic()
    assert fault_of(shop.url) == "unreachable"
    assert monotonic() - began < 1.5


def test_shop_when_nobody_listens_is_unreachable() -> None:
    with serve(FakeShop()) as gone:
        url = gone.url
    assert fault_of(url) == "unreachable"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "no_shop"),
        ("http://shop.example", "insecure"),
        ("ftp://shop.example", "insecure"),
        ("file:///etc/passwd", "insecure"),
        ("https://user:word@shop.example", "insecure"),
        ("https://", "insecure"),
        ("https://shop.example:port", "insecure"),
        ("https://[::1", "insecure"),
        ("shop.example\nHost: other", "insecure"),
        ("https://127.0.0.1:1", "unreachable"),
        ("127.0.0.1:1", "unreachable"),
    ],
)
def test_address_when_it_is_no_https_url_is_refused(address: str, code: str) -> None:
    assert fault_of(address) == code


def test_reasons_when_fetching_fails_have_words() -> None:
    assert set(rest.ERRORS) <= set(REASONS)

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.woocommerce_api import FakeShop, serve


@pytest.fixture
def shop() -> Iterator[FakeShop]:
    """A WooCommerce shop's REST API."""
    with serve(FakeShop()) as shop:
        yield shop

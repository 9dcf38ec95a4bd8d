"""The tag that reports an order from the thank-you page."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.diagnosis.outcomes import ORDER
from alhena_tracking.events.shop_orders import ShopOrder, read_order
from alhena_tracking.models import EventCount

logger = logging.getLogger(__name__)

_ORDER_PROPERTIES = {
    "orderId": "order_id",
    "value": "value",
    "currency": "currency",
    "tax": "tax",
    "shipping": "shipping",
    "discount": "discount",
}
_LINE_ITEM_PROPERTIES = {
    "productId": "product_id",
    "productName": "product_name",
    "quantity": "quantity",
    "value": "value",
    "currency": "currency",
}


def render_order(company_key: str, *sources: object) -> SafeString:
    """Render an inert element from which the tracker reports an order, and count how complete the order is.

    ``sources`` are mappings or objects, of which the first has precedence, with the names of ``contract.shop_objects``.
    Never raises, as it would break the page: what fails is logged, counted, and renders nothing. An order without a
    value or a currency is rendered, as the tracker says on the page's console what is missing.
    """
    try:
        order = read_order(*sources, takes_noise=True)
        html = checkout_event_html(order)
    except Exception:
        logger.exception("The tag of an order failed; the page is rendered without it.")
        event_counts.count_rendering(company_key, EventCount.ORDER_TAG, "failed")
        return SafeString()
    missing = [name for name in ("value", "currency") if order.values.get(name) is None]
    for name in missing:
        event_counts.count_rendering(company_key, EventCount.ORDER_TAG, "incomplete", name)
    if not missing:
        event_counts.count_rendering(company_key, EventCount.ORDER_TAG)
    for code in {code for _, code in order.left_out}:
        event_counts.count_rendering(company_key, ORDER, "left_out", code)
    return html


def checkout_event_html(order: ShopOrder) -> SafeString:
    """Render the element."""
    data = _properties(order.values, _ORDER_PROPERTIES)
    if "line_items" in order.values:
        data["lineItems"] = [_properties(item, _LINE_ITEM_PROPERTIES) for item in order.values["line_items"]]
    return format_html(
        '<template data-alhena-event="sendCheckoutEvent" data-alhena-data="{}"></template>',
        json.dumps(data, ensure_ascii=False),
    )


def _properties(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: _json(values[field]) for name, field in names.items() if values.get(field) is not None}


def _json(value: Any) -> Any:
    """Return numbers as numbers, and what is none as text: the tracker says what is wrong with it."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite() and number.adjusted() < _DIGITS:
            return value if isinstance(value, float) else int(number) if number == int(number) else float(number)
        return f"{number:.6E}"
    return str(value)


#: Amounts that the contract allows have less digits.
_DIGITS = 30

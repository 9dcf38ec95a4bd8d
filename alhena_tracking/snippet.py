"""The HTML of the template tags."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from alhena_tracking.conf import conf
from alhena_tracking.models import ValueBasis

_SNIPPET_FILE = Path(__file__).parent / "static" / "alhena_tracking" / "snippet.js"

_ORDER_PROPERTIES = {"orderId": "order_id", "value": "value", "currency": "currency"}
_LINE_ITEM_PROPERTIES = {
    "productId": "product_id",
    "productName": "product_name",
    "quantity": "quantity",
    "value": "value",
    "currency": "currency",
}
_NUMBERS = {"value", "quantity"}


def snippet_html(nonce: str | None = None, company_key: str | None = None) -> SafeString:
    """Render the inline snippet, and the tracker with its configuration in ``data-*``. It holds no visitor's data.

    Raises ``ValueError`` if neither the caller nor ``ALHENA_TRACKING["COMPANY_KEY"]`` names a company.
    """
    company_key = company_key or conf.company_key
    if not company_key:
        raise ValueError('Set ALHENA_TRACKING["COMPANY_KEY"], or name the company: {% alhena_snippet company_key=… %}.')
    configuration = {
        "company-key": company_key,
        "endpoint": reverse("alhena_tracking:cart_events").removesuffix("analytics/cart_events"),
        "window": str(int(conf.attribution_window.total_seconds())),
    }
    if conf.cookie_domain:
        configuration["cookie-domain"] = conf.cookie_domain
    if conf.require_consent:
        configuration["consent"] = "required"
    if conf.respect_dnt:
        configuration["dnt"] = "respect"
    if conf.counted_questions == "answered":
        configuration["interactions"] = "answered"
    if conf.read_datalayer:
        configuration |= _datalayer_configuration()
    configuration["debug-src"] = static("alhena_tracking/debug.js")
    if conf.debug:
        configuration["debug"] = "true"
    nonce_attribute = format_html(' nonce="{}"', nonce) if nonce is not None else ""
    return format_html(
        '<script{}>{}</script>\n<script defer{} src="{}"{}></script>',
        nonce_attribute,
        _snippet_code(),
        nonce_attribute,
        static("alhena_tracking/tracker.js"),
        format_html_join("", ' data-{}="{}"', configuration.items()),
    )


def _datalayer_configuration() -> dict[str, str]:
    """Configure datalayer.js to report amounts as the settings say that the shop does."""
    configuration = {"datalayer": "ga4", "datalayer-src": static("alhena_tracking/datalayer.js")}
    if conf.datalayer_value == "as-is":
        configuration["datalayer-value"] = "as-is"
    if conf.cart_event_value == ValueBasis.TOTAL:
        configuration["cart-event-value"] = "total"
    if conf.line_item_value == ValueBasis.UNIT:
        configuration["line-item-value"] = "unit"
    return configuration


def checkout_event_html(order: object) -> SafeString:
    """Render an inert element from which the tracker reports an order, for the thank-you page.

    ``order`` is a mapping or an object with the fields of ``sendCheckoutEvent``, in camelCase or snake_case: ``value``
    and ``currency``, and optionally ``order_id`` and ``line_items`` (a list, a manager or a method). Ids may be
    integers or UUIDs, amounts ``Decimal``. The tracker reports missing fields on the console of the page.
    """
    data = _properties(order, _ORDER_PROPERTIES)
    items = _line_items(order)
    if items is not None:
        data["lineItems"] = [_properties(item, _LINE_ITEM_PROPERTIES) for item in items]
    return format_html(
        '<template data-alhena-event="sendCheckoutEvent" data-alhena-data="{}"></template>',
        json.dumps(data, ensure_ascii=False),
    )


@cache
def _snippet_code() -> SafeString:
    return mark_safe(_SNIPPET_FILE.read_text().strip())  # noqa: S308  (a file of this package)


def _properties(source: object, names: Mapping[str, str]) -> dict[str, Any]:
    values = {name: _field(source, name, field) for name, field in names.items()}
    return {name: _json_value(name, value) for name, value in values.items() if value is not None}


def _field(source: object, *names: str) -> Any:
    """Return the first of ``names`` that ``source`` has, ``None`` if it has none."""
    for name in names:
        value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
        if value is not None:
            return value() if callable(value) and not hasattr(value, "all") else value
    return None


def _line_items(order: object) -> Iterable[object] | None:
    items: Any = _field(order, "lineItems", "line_items")
    lines: Iterable[object] | None = items.all() if hasattr(items, "all") else items
    return lines


def _json_value(name: str, value: Any) -> Any:
    """Keep numbers, and turn everything else into text: a Django shop's ids are often integers or UUIDs."""
    if name not in _NUMBERS:
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, str | int | float) else str(value)

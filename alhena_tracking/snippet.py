"""The HTML of the snippet and of the tracker."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from alhena_tracking.conf import conf
from alhena_tracking.models import ValueBasis

_SNIPPET_FILE = Path(__file__).parent / "static" / "alhena_tracking" / "snippet.js"


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
        snippet_code(),
        nonce_attribute,
        static("alhena_tracking/tracker.js"),
        format_html_join("", ' data-{}="{}"', configuration.items()),
    )


def _datalayer_configuration() -> dict[str, str]:
    """Configure datalayer.js to report amounts as the settings say that the shop does."""
    configuration = {"datalayer": "ga4", "datalayer-src": static("alhena_tracking/datalayer.js")}
    if conf.datalayer_value != "auto":
        configuration["datalayer-value"] = conf.datalayer_value
    if conf.default_currency:
        configuration["default-currency"] = conf.default_currency
    if conf.cart_event_value == ValueBasis.TOTAL:
        configuration["cart-event-value"] = "total"
    if conf.line_item_value == ValueBasis.UNIT:
        configuration["line-item-value"] = "unit"
    return configuration


@cache
def snippet_code() -> SafeString:
    """Return what the inline element holds."""
    return mark_safe(_SNIPPET_FILE.read_text().strip())  # noqa: S308  (a file of this package)

"""The template tags for a storefront."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from alhena_tracking.conf import conf
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.order_tag import render_order
from alhena_tracking.snippet import snippet_html

register = template.Library()


@register.simple_tag(takes_context=True)
def alhena_snippet(context: template.Context, company_key: str | None = None) -> SafeString:
    """Render the snippet and the tracker, for ``<head>``."""
    html = snippet_html(_csp_nonce(context), company_key)
    event_counts.count_rendering(str(company_key or conf.company_key))
    return html


@register.simple_tag
def alhena_checkout_event(order: object = None, *, company_key: str | None = None, **fields: object) -> SafeString:
    """Report ``order`` from the thank-you page, or one of the named fields, which have precedence.

    ``contract.shop_objects`` has the names that are understood.
    """
    return render_order(str(company_key or conf.company_key), fields, order)


def _csp_nonce(context: template.Context) -> str | None:
    """Return the page's nonce from Django's CSP context processor or from django-csp, ``None`` without one."""
    nonce: Any = context.get("csp_nonce")
    if nonce is None:
        nonce = getattr(context.get("request"), "csp_nonce", None)
    return None if nonce is None else str(nonce)

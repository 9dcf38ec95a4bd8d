"""Template tags for the storefront of a django-oscar shop."""

from __future__ import annotations

import logging
from typing import Any

from django import template

from alhena_tracking.conf import conf
from alhena_tracking.integrations.oscar import companies, products

register = template.Library()
logger = logging.getLogger(__name__)


@register.filter
def alhena_product_id(product: Any) -> str:
    """Return the id under which a product is reported, for ``data-alhena-faq``; an empty text where there is none."""
    try:
        return products.product_id(product)
    except Exception as error:
        logger.error("alhena_product_id: %s", type(error).__name__)
        return ""


@register.simple_tag(takes_context=True)
def alhena_company_key(context: template.Context) -> str | None:
    """Return the key of the company whose site is requested, for ``{% alhena_snippet key %}``."""
    return companies.company_of_request(context.get("request")) or conf.company_key

"""A product's id, the same in carts, orders and interactions."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

from alhena_tracking.conf import conf


def product_id(product: Any, stockrecord: Any = None) -> str:
    """Return the id by ``OSCAR_PRODUCT_ID``: by default the UPC, else the SKU of the partner who delivers it.

    Without a stock record, that of the first partner counts, as for Oscar's own strategy. A product that has neither,
    such as the parent of variants, is ``product-`` and its primary key.
    """
    if conf.oscar_product_id is not None:
        return str(import_string(conf.oscar_product_id)(product, stockrecord))
    if product.upc:
        return str(product.upc)
    if stockrecord is None:
        stockrecord = next(iter(product.stockrecords.all()), None)
    return str(getattr(stockrecord, "partner_sku", None) or f"product-{product.pk}")

"""Variants of one product, mapped to it by the setting ``PRODUCT_GROUP``."""

from __future__ import annotations

from uuid import UUID

from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.shop_functions import applied


def group_digest(product_id: str) -> UUID:
    """Return the digest of the product that an id is a variant of; of the id itself without ``PRODUCT_GROUP``."""
    return text_digest(applied("PRODUCT_GROUP", conf.product_group, product_id))

"""Which products of a cart an order takes where its lines name them by other variants (``PRODUCT_GROUP``). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.product_groups import group_digest


class InCart(NamedTuple):
    """A product in a cart, or removed so shortly before that the shop emptied it: the digest of its id, and its id."""

    digest: str
    product_id: str
    quantity: Decimal


def grouped_lines(lines: Iterable[dict[str, Any]]) -> dict[str, list[str]] | None:
    """Add up the quantities of lines by the digest of their product's id, beside that of its group; ``None`` without
    ``PRODUCT_GROUP``.
    """
    if conf.product_group is None:
        return None
    grouped: dict[str, list[str]] = {}
    for line in lines:
        quantity, group = grouped.get(text_digest(line["product_id"]).hex, ("0", group_digest(line["product_id"]).hex))
        total = Decimal(quantity) + Decimal(line["quantity"])
        grouped[text_digest(line["product_id"]).hex] = [str(total), group]
    return grouped


def lines_in_cart(grouped: Mapping[str, Sequence[str]], cart: Sequence[InCart]) -> dict[str, str]:
    """Return the quantities that lines take, by product: their own, else variants of it that no line names.

    Variants are taken in the order of ``cart``. What none of them has stands for those that were removed.
    """
    taken = {digest: Decimal(quantity) for digest, (quantity, _) in grouped.items()}
    in_cart = {product.digest for product in cart}
    variants: dict[str, list[InCart]] = {}
    for product in cart:
        if product.digest not in grouped:
            variants.setdefault(group_digest(product.product_id).hex, []).append(product)
    for digest, (_, group) in grouped.items():
        if digest in in_cart or group not in variants:
            continue
        left = taken.pop(digest)
        for product in variants[group]:
            before = taken.get(product.digest, Decimal(0))
            if units := min(left, max(product.quantity - before, Decimal(0))):
                taken[product.digest] = before + units
                left -= units
        if left:
            removed = [product for product in variants[group] if not product.quantity]
            for product in removed or variants[group][:1]:
                taken[product.digest] = taken.get(product.digest, Decimal(0)) + left
    return {digest: str(quantity) for digest, quantity in taken.items()}

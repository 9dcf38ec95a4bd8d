"""Functions for ``PRODUCT_GROUP``."""

from __future__ import annotations


def before_dash(product_id: str) -> str:
    """``mug-red`` and ``mug-blue`` are variants of ``mug``."""
    return product_id.split("-")[0]


def broken(product_id: str) -> str:
    raise ValueError(product_id)

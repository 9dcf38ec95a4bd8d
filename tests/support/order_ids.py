"""Functions for ``ORDER_ID``: good ones and bad ones."""

from __future__ import annotations


def digits(order_id: str) -> str:
    """Return an id without a ``#``, a prefix or the path of a ``gid``."""
    return order_id.rpartition("/")[2].removeprefix("#").removeprefix("SHOP-")


def broken(order_id: str) -> str:
    raise KeyError(order_id)


def none(order_id: str) -> None:
    return None


def blank(order_id: str) -> str:
    return " "


def endless(order_id: str) -> str:
    return order_id * 1000


def unstorable(order_id: str) -> str:
    return order_id + "\0"

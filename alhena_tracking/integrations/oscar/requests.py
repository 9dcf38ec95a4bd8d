"""The request in which a basket changes or an order is placed. Nothing here queries the database."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request

#: The request that ``OscarRequestMiddleware`` is serving.
current_request: ContextVar[HttpRequest | None] = ContextVar("alhena_tracking_oscar_request", default=None)


def request_of_strategy(strategy: Any) -> HttpRequest | None:
    """Return the request that a strategy keeps: a basket's ``_strategy``, or a line's that Oscar's form gave it."""
    request = getattr(strategy, "request", None)
    if isinstance(request, Request):
        request = request._request
    return request if isinstance(request, HttpRequest) else None


def request_of_basket(basket: Any, basket_id: Any) -> HttpRequest | None:
    """Return the request of a shopper who changes the basket; ``None`` for baskets of others, and for merges.

    Oscar merges baskets before it gives them a strategy. The middleware's request counts for the basket that Oscar
    has loaded for it.
    """
    request = request_of_strategy(getattr(basket, "_strategy", None))
    if request is None and (current := current_request.get()) is not None:
        own = getattr(current, "_basket_cache", None)
        request = current if basket_id is not None and getattr(own, "pk", None) == basket_id else None
    return request


def request_of_order(order: Any) -> HttpRequest | None:
    """Return the request in which an order is placed: that of its basket's strategy, else the middleware's."""
    return request_of_strategy(getattr(cached(order, "basket"), "_strategy", None)) or current_request.get()


def cached(instance: Any, relation: str) -> Any:
    """Return the related object that is already loaded; ``None`` if there is none."""
    return instance._state.fields_cache.get(relation)

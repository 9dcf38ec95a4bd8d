"""What a saved or deleted line changes in a shopper's cart.

Lines of one product, such as those with different options, count together. A line is read before it is saved or
deleted, in a savepoint where a transaction is open, so that an error of the database leaves the shop's transaction
usable.
"""

from __future__ import annotations

from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connections, transaction
from django.db.models import Q
from django.http import HttpRequest

from alhena_tracking.conf import conf
from alhena_tracking.integrations.oscar.companies import company_of_request
from alhena_tracking.integrations.oscar.orders import SOURCE
from alhena_tracking.integrations.oscar.products import product_id
from alhena_tracking.integrations.oscar.requests import (
    cached,
    current_request,
    request_of_basket,
    request_of_strategy,
)

#: The line that was last merged into an open basket: its reference and the basket's key. Oscar deletes the line that it
#: comes from right after.
merged_line: ContextVar[tuple[str, Any] | None] = ContextVar("alhena_tracking_oscar_merged_line", default=None)


@dataclass(frozen=True, slots=True)
class CartChange:
    """How many units of a line's product are in the cart, before and after."""

    request: HttpRequest
    before: int
    after: int

    @property
    def type(self) -> str:
        if self.after == 0:
            return "ITEM_REMOVED"
        if self.before == 0:
            return "ITEM_ADDED"
        return "QUANTITY_INCREASED" if self.after > self.before else "QUANTITY_DECREASED"


class _Row(NamedTuple):
    pk: Any
    basket_id: Any
    status: str
    quantity: int


def change_by_saving(line: Any, using: str) -> CartChange | None:
    """Return what saving the line will change; ``None`` for baskets that are not open, merges, and no request."""
    basket, quantity = cached(line, "basket"), _whole(line.quantity)
    request, former = request_of_basket(basket, line.basket_id), request_of_strategy(getattr(line, "strategy", None))
    if basket is None or quantity is None or not (request or former or current_request.get()):
        return None
    rows = _rows(line, line.basket_id, using)
    own = next((row for row in rows if not line._state.adding and row.pk == line.pk), None)
    is_here = own is not None and own.basket_id == line.basket_id
    is_open, was_open = basket.status == basket.OPEN, own is not None and own.status == basket.OPEN
    if is_open and (is_here or not was_open):
        others = _others(rows, line, line.basket_id)
        before = others + (own.quantity if own is not None and is_here else 0)
        return _change(request, before, others + quantity)
    if own is not None and was_open and not is_open and not is_here:  # saved for later
        others = _others(_rows(line, own.basket_id, using), line, own.basket_id)
        return _change(former or request_of_basket(None, own.basket_id), others + own.quantity, others)
    return None


def change_by_deleting(line: Any, using: str) -> CartChange | None:
    """Return what deleting the line will change; ``None`` for baskets that are not open, merges, and no request."""
    merged = merged_line.get()
    merged_line.set(None)
    request = request_of_basket(cached(line, "basket"), line.basket_id)
    if request is None or (merged and merged[0] == line.line_reference and merged[1] != line.basket_id):
        return None
    rows = _rows(line, line.basket_id, using)
    own = next((row for row in rows if row.pk == line.pk), None)
    if own is None or own.status != line._meta.get_field("basket").related_model.OPEN:
        return None
    others = _others(rows, line, line.basket_id)
    return _change(request, others + own.quantity, others)


def note_merge(line: Any) -> None:
    """Note that a line was saved in an open basket by no shopper's request, which is what a merge does."""
    basket = cached(line, "basket")
    is_open = basket is not None and basket.status == basket.OPEN
    is_merged = is_open and request_of_basket(basket, line.basket_id) is None
    merged_line.set((line.line_reference, line.basket_id) if is_merged else None)


def cart_event_fields(line: Any, change: CartChange) -> dict[str, Any]:
    """Return the fields of a cart event, at the price of the moment, before offers. Read after the commit."""
    value = _unit_price(line)
    return {
        "company": company_of_request(change.request),
        "type": change.type,
        "product_id": product_id(line.product, line.stockrecord),
        "product_name": line.product.get_title(),
        "value": value * change.after if conf.cart_event_value == "total" and value is not None else value,
        "currency": line.price_currency,
        "quantity": change.after,
        "previous_quantity": change.before,
        "source": SOURCE,
    }


def _unit_price(line: Any) -> Any:
    """Return the price with tax, or without it where the tax is not known yet; else the price stored on the line."""
    if getattr(cached(line, "basket"), "has_strategy", False) or "_info" in line.__dict__:
        price = line.purchase_info.price
        value = price.incl_tax if price.is_tax_known else price.excl_tax
        if value is not None:
            return value
    return line.price_excl_tax if line.price_incl_tax is None else line.price_incl_tax


def _change(request: HttpRequest | None, before: int, after: int) -> CartChange | None:
    return None if request is None or before == after else CartChange(request, before, after)


def _rows(line: Any, basket_id: Any, using: str) -> list[_Row]:
    """Read the line as it is stored, and the lines of its product in a basket."""
    in_basket = Q(basket_id=basket_id, product_id=line.product_id, stockrecord_id=line.stockrecord_id)
    stored = type(line)._base_manager.using(using).filter(Q(pk=line.pk) | in_basket)
    with transaction.atomic(using=using) if connections[using].in_atomic_block else nullcontext():
        return [_Row(*row) for row in stored.values_list("pk", "basket_id", "basket__status", "quantity")]


def _others(rows: list[_Row], line: Any, basket_id: Any) -> int:
    return sum(row.quantity for row in rows if row.pk != line.pk and row.basket_id == basket_id)


def _whole(quantity: object) -> int | None:
    """Return a quantity; ``None`` for an expression, which only the database can compute."""
    return int(quantity) if isinstance(quantity, int | str) else None

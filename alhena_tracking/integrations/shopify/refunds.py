"""Refunds of Shopify: ``refunds/create``, and the ``refunds`` of an order.

A refund gives back what its transactions give back; without one, goods only went back on the shelf. Its lines alone
are not the money: shipping, goodwill and deductions stand in adjustments.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from alhena_tracking.integrations.mapping import Mapped, MappedRefund, MappingOptions, ignored
from alhena_tracking.integrations.shopify import money
from alhena_tracking.integrations.shopify.money import BUYER, SHOP, Side

#: The order of the notifications that Shopify sends for a test.
SAMPLE_ORDER_ID = "820982911946154508"
#: Money that did not move. Pending money counts: nothing says later that it has arrived.
_FAILED = {"failure", "error"}


def map_refund(payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map ``refunds/create``."""
    if str(payload["order_id"]) == SAMPLE_ORDER_ID:
        return ignored("sample")
    if any(transaction.get("test") for transaction in payload["transactions"]):
        return ignored("test")
    refund = refund_of(payload, str(payload["order_id"]))
    return Mapped(events=(refund,)) if refund else ignored("no_money")


def refund_of(refund: Mapping[str, Any], order_id: str) -> MappedRefund | None:
    """Return a refund in the currency of its order; ``None`` if no money moved."""
    value, code = returned(refund)
    if not value:
        return None
    return MappedRefund(
        fields={
            "order_id": order_id,
            "refund_id": str(refund["id"]),
            "value": value,
            "currency": code,
            "occurred_at": refund.get("processed_at") or refund["created_at"],
        }
    )


def returned(refund: Mapping[str, Any]) -> tuple[Decimal, str]:
    """Return the money that a refund gives back, and its currency: the buyer's."""
    sent = [each for each in refund["transactions"] if each["kind"] == "refund" and each["status"] not in _FAILED]
    sets = list(money.sets_within(refund))
    code = money.currency(sets[0]) if sets else str(sent[0]["currency"]) if sent else ""
    value = sum((Decimal(each["amount"]) for each in sent if _code(each, code) == code), Decimal(0))
    foreign = [each for each in sent if _code(each, code) != code]
    if foreign:
        # Some gateways refund in the shop's currency.
        value += _in_buyers_currency(refund, sum((Decimal(each["amount"]) for each in foreign), Decimal(0)), sets)
    return value, code


def _code(transaction: Mapping[str, Any], default: str) -> str:
    return str(transaction.get("currency") or default)


def _in_buyers_currency(refund: Mapping[str, Any], paid: Decimal, sets: list[Mapping[str, Any]]) -> Decimal:
    """Return what the shop's money is in the buyer's currency.

    The lines and adjustments are in both. Whether the tax comes on top is known by the shop's sum, and also whether an
    adjustment only stands for money that is pending.
    """
    for has_tax in (False, True):
        for has_discrepancy in (True, False):
            if _worked_out(refund, SHOP, has_tax=has_tax, has_discrepancy=has_discrepancy) == paid:
                return _worked_out(refund, BUYER, has_tax=has_tax, has_discrepancy=has_discrepancy)
    value = money.converted(paid, SHOP, sets)
    if value is None:
        raise ValueError("a refund in the shop's currency, without a rate")
    return value


def _worked_out(refund: Mapping[str, Any], side: Side, *, has_tax: bool, has_discrepancy: bool) -> Decimal:
    lines = refund["refund_line_items"]
    value = money.total((line["subtotal_set"] for line in lines), side)
    if has_tax:
        value += money.total((line["total_tax_set"] for line in lines), side)
    for adjustment in refund["order_adjustments"]:
        if has_discrepancy or adjustment["kind"] != "refund_discrepancy":
            value -= money.total((adjustment["amount_set"], adjustment["tax_amount_set"]), side)
    return value

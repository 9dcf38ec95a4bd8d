"""The cards: the label, formula and change of each figure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class Unit(StrEnum):
    """The unit of a card's value."""

    MONEY = "money"
    COUNT = "count"
    SHARE = "share"
    RATIO = "ratio"


class Series(StrEnum):
    """The subject of a card, which decides its colour."""

    ADD_TO_CART = "add-to-cart"
    PURCHASES = "purchases"
    SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class CardType:
    """A figure (an attribute of ``Figures`` or of a section's) with its texts."""

    name: str
    label: _StrOrPromise
    formula: _StrOrPromise
    unit: Unit
    series: Series

    def card(self, current: object, previous: object | None) -> Card:
        return Card(self, getattr(current, self.name), getattr(previous, self.name) if previous else None)


@dataclass(frozen=True, slots=True)
class Card:
    """A figure of the period, and of the previous one.

    ``None`` where the divisor is zero, or nothing is compared.
    """

    type: CardType
    value: Fraction | int | None
    previous: Fraction | int | None

    @property
    def change(self) -> Fraction | None:
        """The change as a part of the previous value; of a share, in percentage points."""
        if self.type.unit is Unit.SHARE:
            return point_change(self.value, self.previous)
        return relative_change(self.value, self.previous)


def point_change(value: Fraction | int | None, previous: Fraction | int | None) -> Fraction | None:
    """Return the change of a share in percentage points; ``None`` if either is missing."""
    return None if value is None or previous is None else 100 * Fraction(value - previous)


def relative_change(value: Fraction | int | None, previous: Fraction | int | None) -> Fraction | None:
    """Return the change as a part of the previous value; ``None`` if that is zero or either is missing."""
    if value is None or not previous:
        return None
    return Fraction(value - previous) / (previous if previous > 0 else -previous)


CARD_TYPES = (
    CardType(
        "add_to_cart_minor",
        _("Total add-to-cart GMV"),
        _("Gross merchandise value (GMV) added to carts − removed from carts"),
        Unit.MONEY,
        Series.ADD_TO_CART,
    ),
    CardType(
        "daily_add_to_cart_minor",
        _("Daily cart GMV (avg)"),
        _("Total add-to-cart GMV ÷ days with a cart event"),
        Unit.MONEY,
        Series.ADD_TO_CART,
    ),
    CardType(
        "average_cart_minor",
        _("Average cart value"),
        _("Average over days with a cart event: GMV of the day ÷ carts of the day"),
        Unit.MONEY,
        Series.ADD_TO_CART,
    ),
    CardType(
        "conversion_rate",
        _("Conversion rate"),
        _("Sessions started in the period with an order by now ÷ sessions started in the period; all currencies"),
        Unit.SHARE,
        Series.SESSIONS,
    ),
    CardType(
        "purchase_minor",
        _("Purchase revenue"),
        _("Total value of all orders, before refunds"),
        Unit.MONEY,
        Series.PURCHASES,
    ),
    CardType("orders", _("Orders"), _("Number of orders"), Unit.COUNT, Series.PURCHASES),
    CardType(
        "average_order_minor",
        _("Average order value"),
        _("Purchase revenue ÷ orders"),
        Unit.MONEY,
        Series.PURCHASES,
    ),
    CardType(
        "revenue_per_session_minor",
        _("Revenue per session"),
        _("Purchase revenue ÷ sessions started in the period"),
        Unit.MONEY,
        Series.SESSIONS,
    ),
)

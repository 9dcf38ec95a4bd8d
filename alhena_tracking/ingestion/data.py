"""Validated events, and the outcomes of recording them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Literal, TypeAlias
from uuid import UUID

from alhena_tracking.attribution import Credit
from alhena_tracking.conf import conf
from alhena_tracking.contract.limits import CLOCK_TOLERANCE
from alhena_tracking.digests import fingerprint_digests
from alhena_tracking.models import CartEvent, Company, Trust, ValueBasis
from alhena_tracking.touches import Recommendation, Touch


@dataclass(frozen=True, slots=True)
class Visitor:
    """A visitor, identified by the chat widget's fingerprint, the FAQ widget's, or both."""

    user_fingerprint: UUID | None
    faq_fingerprint: UUID | None

    def digests(self, company: Company) -> tuple[list[UUID], list[UUID]]:
        """Return the digests of the chat and the FAQ fingerprint: by ``SECRET_KEY``, then by its fallbacks."""
        return (
            fingerprint_digests(company.key, self.user_fingerprint) if self.user_fingerprint else [],
            fingerprint_digests(company.key, self.faq_fingerprint) if self.faq_fingerprint else [],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventData:
    """The fields common to all events. ``occurred_at`` is by the server's clock and never after ``received_at``.

    Without a stated time (``is_dated``), both are the same.

    ``visitor`` is ``None`` only for an order that the shop's server confirms without naming one. The further fields of
    each kind of event are stored in its row under the same names, except those in ``stored_apart``.
    """

    #: Fields of this kind of event that its row has no column for.
    stored_apart: ClassVar[frozenset[str]] = frozenset()

    visitor: Visitor | None
    occurred_at: datetime
    received_at: datetime
    event_id: UUID = field(default_factory=uuid.uuid4)
    source: str = ""
    trust: Trust = Trust.REPORTED
    is_dated: bool = True
    #: What could not be used of an event that is valid without it: pairs of a field's path and an error's code.
    left_out: tuple[tuple[str, str], ...] = ()
    #: Whether the shop calls the values of an order's lines totals, so that nothing is to be inferred.
    has_line_totals: bool = False

    @property
    def is_known_by_id(self) -> bool:
        """Whether the same ``event_id`` again, of the same kind and trust, is a duplicate."""
        return True

    def fields(self, company: Company) -> dict[str, Any]:
        """Return the values of the event's row."""
        return {
            **self.stated(),
            "company": company,
            "event_id": self.event_id,
            "trust": self.trust,
            "source": self.source,
            "occurred_at": self.occurred_at,
            "received_at": self.received_at,
            "occurred_on": self.occurred_at.astimezone(company.zone).date(),
        }

    def stated(self) -> dict[str, Any]:
        """Return the values of the fields that only this kind of event has."""
        kind: Any = type(self)
        return dict(zip(stated_fields(kind), _stated_values(kind)(self), strict=True))


@cache
def stated_fields(kind: type[Any]) -> tuple[str, ...]:
    """Name the fields that only this kind of event has, without those that are stored apart."""
    common = {one.name for one in fields(EventData)} | kind.stored_apart
    return tuple(one.name for one in fields(kind) if one.name not in common)


@cache
def _stated_values(kind: Any) -> Callable[[EventData], tuple[Any, ...]]:
    """Return what reads these fields at once: faster than one by one, for every event of a batch."""
    return attrgetter(*stated_fields(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionData(EventData):
    kind: str
    product_id: str = ""
    conversation_id: str = ""
    ai_profile: str = ""
    #: Each once; ``None`` if there is none.
    recommended_product_ids: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CartEventData(EventData):
    """A cart change; ``value_minor`` in minor units of ``currency``, not rounded, ``quantity`` as left in the cart."""

    type: str
    product_id: str
    product_name: str
    currency: str
    value_minor: Decimal | int
    quantity: Decimal
    previous_quantity: Decimal | None = None

    @property
    def most_minor(self) -> Decimal | int:
        """The most that it can add to the cart's worth, in minor units."""
        if self.type not in CartEvent.ADDITIONS:
            return 0
        return self.value_minor if conf.cart_event_value == ValueBasis.TOTAL else self.value_minor * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItemData:
    """An order line; ``value_minor``, not rounded, is its total or its unit price, depending on ``LINE_ITEM_VALUE``."""

    product_id: str
    product_name: str
    quantity: Decimal
    value_minor: Decimal | int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderData(EventData):
    """A purchase; ``value_minor`` is its total after discounts and taxes, in minor units of ``currency``.

    What the shop's server says without ``line_items`` keeps the lines that are known; an empty tuple removes them.

    ``tax_minor``, ``shipping_minor`` and ``discount_minor`` are parts of the value. Only the shop's server states
    ``shop_value_minor`` (the value in the shop's own currency), ``updated_at`` (when it changed the order last) and
    ``is_cancelled``.

    Orders, claims and pending confirmations keep what is stored apart differently.
    """

    stored_apart: ClassVar[frozenset[str]] = frozenset({"order_id", "line_items", "updated_at", "is_cancelled"})

    order_id: str = ""
    currency: str
    value_minor: int
    tax_minor: int | None = None
    shipping_minor: int | None = None
    discount_minor: int | None = None
    shop_currency: str = ""
    shop_value_minor: int | None = None
    line_items: tuple[LineItemData, ...] | None = None
    updated_at: datetime | None = None
    is_cancelled: bool | None = None

    @property
    def version_at(self) -> datetime:
        """When the shop's server made this version; when it arrived, unless it states a time that can be."""
        if self.updated_at is None or self.updated_at - self.received_at > CLOCK_TOLERANCE:
            return self.received_at
        return self.updated_at

    @property
    def server_occurred_at(self) -> datetime | None:
        """The time that the sender stated, if it did."""
        return self.occurred_at if self.is_dated else None

    @property
    def is_known_by_id(self) -> bool:
        # What the shop's server says of an order is compared with what it said before.
        return self.trust == Trust.REPORTED or not self.order_id


#: An order's lines as JSON, with totals in minor units.
Lines: TypeAlias = list[dict[str, Any]]
#: What an order's value consists of or is worth, each empty if it is not stated.
ORDER_PARTS = ("tax_minor", "shipping_minor", "discount_minor", "shop_currency", "shop_value_minor")
#: What an event states of an order beside its figures; where the shop's server states it, it stands.
ORDER_DETAILS = tuple(
    name for name in stated_fields(OrderData) if name not in {"currency", "value_minor", *ORDER_PARTS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundData(EventData):
    """A refund of an order; ``value_minor`` in minor units of ``currency``, which is the order's. It has no visitor."""

    visitor: Visitor | None = None
    trust: Trust = Trust.CONFIRMED
    order_id: str
    refund_id: str
    currency: str
    value_minor: int

    @property
    def is_known_by_id(self) -> bool:
        return False  # but by its refund id


@dataclass(frozen=True, slots=True)
class Attribution:
    """A credit, the attribution rules in force when it was given, and the event's arrival in its session.

    An order also has its ``touches``, the products (digests of their groups) that its touches named or recommended, and
    the ``recommendations`` of conversations.
    """

    credit: Credit
    window: timedelta
    model: str
    arrival: int
    touches: tuple[Touch, ...] = ()
    named_products: tuple[str, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()

    def fields(self) -> dict[str, Any]:
        """Return the values of the columns of ``models.base.Credited``."""
        return {
            "session_id": self.credit.session_id,
            "credited_interaction_id": self.credit.interaction_id,
            "channel": self.credit.channel,
            "ai_profile": self.credit.ai_profile,
            "attribution_window": self.window,
            "attribution_model": self.model,
            "arrival": self.arrival,
        }

    def order_fields(self) -> dict[str, Any]:
        """Return the values of the columns of ``models.orders.CreditedOrder``."""
        return {
            **self.fields(),
            "credited_at": self.credit.occurred_at,
            # A single pair is the order's own channel and AI profile.
            "touches": [list(astuple(touch)) for touch in self.touches] if len(self.touches) > 1 else [],
            "named_products": list(self.named_products) or None,
            "recommendations": [list(one) for one in self.recommendations] or None,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an event, as the API answers it.

    ``id`` is set where a row was stored, ``reason`` where the event was ignored or is invalid (the error's code).
    ``deferred`` only the functions of ``alhena_tracking.events`` return: it is recorded after the caller's commit.
    """

    status: Literal[
        "recorded", "held", "duplicate", "confirmed", "corrected", "pending", "deferred", "ignored", "invalid"
    ]
    id: UUID | None = None
    reason: str = ""

    @property
    def field(self) -> str:
        """The field that an invalid event is refused for by what is stored; empty where it is the whole."""
        return _FIELDS.get(self.reason, "")


#: The fields of events that do not fit what is stored, by the code of the error.
_FIELDS = {"currency_mismatch": "currency", "too_old": "occurred_at"}

DUPLICATE = Outcome("duplicate")
CONFIRMED = Outcome("confirmed")
CORRECTED = Outcome("corrected")
PENDING = Outcome("pending")
HELD = Outcome("held")
TOO_MANY_CLAIMS = Outcome("ignored", reason="too_many_claims")
ABOVE_CEILING = Outcome("ignored", reason="above_ceiling")
NO_INTERACTION = Outcome("ignored", reason="no_interaction")
UNKNOWN_ORDER = Outcome("ignored", reason="unknown_order")
EXCEEDS_ORDER = Outcome("ignored", reason="exceeds_order")
CURRENCY_MISMATCH = Outcome("invalid", reason="currency_mismatch")
TOO_OLD = Outcome("invalid", reason="too_old")

"""What a platform's payload says, in our words: the result of a mapping function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from uuid import UUID

from alhena_tracking.contract.rules import InvalidValue, parse_fingerprint
from alhena_tracking.ingestion import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedOrder:
    """An order, its correction or its cancellation.

    ``fields`` are the arguments of ``events.record_order``, without the visitor. ``visitor`` was named by the shop's
    own server; ``claimed_by`` stands where the buyer could have written it, and is recorded as a browser's report.
    """

    fields: Mapping[str, Any]
    visitor: Visitor | None = None
    claimed_by: Visitor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRefund:
    """A refund; ``fields`` are the arguments of ``events.refund_order``."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedPrivacyRequest:
    """What a customer or the platform requires: a copy or the erasure of what is stored, of these orders or of all."""

    kind: Literal["access", "erase", "erase_shop"]
    order_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """The result of mapping one payload.

    ``reason`` is the code under which a payload is counted that holds no order or refund that counts. It may have an
    event all the same, which takes back what counted before.
    """

    events: tuple[MappedOrder | MappedRefund, ...] = ()
    privacy_request: MappedPrivacyRequest | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingOptions:
    """What a company has chosen: whether an order counts once it is placed, or once it is paid."""

    orders_count_once: Literal["placed", "paid"] = "placed"


#: A pure function. It may raise ``LookupError``, ``TypeError``, ``ValueError``, ``AttributeError`` and
#: ``ArithmeticError`` for a payload of another shape, which is counted as ``unreadable``.
MapPayload: TypeAlias = Callable[[Mapping[str, Any], MappingOptions], Mapped]


def ignored(reason: str) -> Mapped:
    """Return the result for a payload that holds nothing to record."""
    return Mapped(reason=reason)


def visitor_from_text(text: object) -> Visitor | None:
    """Return the visitor of ``"uuid,uuid"``, the chat and the FAQ fingerprint; ``None`` for any other text."""
    if not isinstance(text, str):
        return None
    first, _, second = text.partition(",")
    user, faq = _fingerprint(first), _fingerprint(second)
    return Visitor(user, faq) if user or faq else None


def _fingerprint(text: str) -> UUID | None:
    try:
        return parse_fingerprint(text) if text.strip() else None
    except InvalidValue:
        return None

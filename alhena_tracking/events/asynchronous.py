"""The functions for asynchronous code: the same, in Django's thread for synchronous code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from rest_framework.request import Request

from alhena_tracking.events import after_commit, recording
from alhena_tracking.events.after_commit import Fields
from alhena_tracking.ingestion import Outcome, Visitor


async def arecord_interaction(
    visitor: HttpRequest | Request | Visitor, *, company: str | None = None, **fields: Any
) -> Outcome:
    """``record_interaction`` for asynchronous code."""
    return await sync_to_async(recording.record_interaction)(visitor, company=company, **fields)


async def arecord_cart_event(
    visitor: HttpRequest | Request | Visitor, *, company: str | None = None, **fields: Any
) -> Outcome:
    """``record_cart_event`` for asynchronous code."""
    return await sync_to_async(recording.record_cart_event)(visitor, company=company, **fields)


async def arecord_order(
    visitor: HttpRequest | Request | Visitor | None, *, company: str | None = None, **fields: Any
) -> Outcome:
    """``record_order`` for asynchronous code."""
    return await sync_to_async(recording.record_order)(visitor, company=company, **fields)


async def arecord_orders(orders: Iterable[Mapping[str, Any]], *, company: str | None = None) -> list[Outcome]:
    """``record_orders`` for asynchronous code. A generator of orders may query the database."""
    return await sync_to_async(recording.record_orders)(orders, company=company)


async def arecord_cart_events(events: Iterable[Mapping[str, Any]], *, company: str | None = None) -> list[Outcome]:
    """``record_cart_events`` for asynchronous code. A generator of events may query the database."""
    return await sync_to_async(recording.record_cart_events)(events, company=company)


async def arefund_order(*, company: str | None = None, **fields: Any) -> Outcome:
    """``refund_order`` for asynchronous code."""
    return await sync_to_async(recording.refund_order)(company=company, **fields)


async def arecord_refunds(refunds: Iterable[Mapping[str, Any]], *, company: str | None = None) -> list[Outcome]:
    """``record_refunds`` for asynchronous code. A generator of refunds may query the database."""
    return await sync_to_async(recording.record_refunds)(refunds, company=company)


# No transaction is open in asynchronous code: these record at once, and are those that never raise.


async def arecord_interaction_on_commit(
    visitor: HttpRequest | Request | Visitor, fields: Fields | None = None, *, company: str | None = None, **more: Any
) -> None:
    """``record_interaction_on_commit`` for asynchronous code: it has recorded on return."""
    await sync_to_async(after_commit.record_interaction_on_commit)(visitor, fields, company=company, **more)


async def arecord_cart_event_on_commit(
    visitor: HttpRequest | Request | Visitor, fields: Fields | None = None, *, company: str | None = None, **more: Any
) -> None:
    """``record_cart_event_on_commit`` for asynchronous code, as ``arecord_interaction_on_commit``."""
    await sync_to_async(after_commit.record_cart_event_on_commit)(visitor, fields, company=company, **more)


async def arecord_order_on_commit(
    visitor: HttpRequest | Request | Visitor | None,
    fields: Fields | None = None,
    *,
    company: str | None = None,
    **more: Any,
) -> None:
    """``record_order_on_commit`` for asynchronous code, as ``arecord_interaction_on_commit``."""
    await sync_to_async(after_commit.record_order_on_commit)(visitor, fields, company=company, **more)


async def arefund_order_on_commit(fields: Fields | None = None, *, company: str | None = None, **more: Any) -> None:
    """``refund_order_on_commit`` for asynchronous code, as ``arecord_interaction_on_commit``."""
    await sync_to_async(after_commit.refund_order_on_commit)(fields, company=company, **more)

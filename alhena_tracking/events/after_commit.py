"""Record events after the commit of the caller's transaction, and never raise: tracking must not break a checkout."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from alhena_tracking.diagnosis.outcomes import CART_EVENT, INTERACTION, ORDER, REFUND
from alhena_tracking.events.recording import (
    record_cart_event,
    record_interaction,
    record_order,
    refund_order,
    without_raising,
)
from alhena_tracking.events.transactions import after_commit, open_transactions
from alhena_tracking.ingestion import Visitor

#: What returns the fields of an event, called after the commit; or the fields themselves.
Fields: TypeAlias = Callable[[], Mapping[str, Any]] | Mapping[str, Any]

logger = logging.getLogger(__name__)

#: Tasks that the event loop refers to only weakly.
_tasks: set[asyncio.Task[None]] = set()


def record_interaction_on_commit(
    visitor: HttpRequest | Request | Visitor, fields: Fields | None = None, *, company: str | None = None, **more: Any
) -> None:
    """``record_interaction`` once the open transaction is committed. Errors are logged, never raised.

    ``fields`` are further fields, or a function that returns them. It is called after the commit, so that nothing that
    is evaluated for them can raise in the caller. It may return the ``visitor``, too.
    """
    _after_commit(record_interaction, INTERACTION, fields, {**more, "visitor": visitor, "company": company})


def record_cart_event_on_commit(
    visitor: HttpRequest | Request | Visitor, fields: Fields | None = None, *, company: str | None = None, **more: Any
) -> None:
    """``record_cart_event`` once the open transaction is committed, as ``record_interaction_on_commit``."""
    _after_commit(record_cart_event, CART_EVENT, fields, {**more, "visitor": visitor, "company": company})


def record_order_on_commit(
    visitor: HttpRequest | Request | Visitor | None,
    fields: Fields | None = None,
    *,
    company: str | None = None,
    **more: Any,
) -> None:
    """``record_order`` once the open transaction is committed, as ``record_interaction_on_commit``."""
    _after_commit(record_order, ORDER, fields, {**more, "visitor": visitor, "company": company})


def refund_order_on_commit(fields: Fields | None = None, *, company: str | None = None, **more: Any) -> None:
    """``refund_order`` once the open transaction is committed, as ``record_interaction_on_commit``."""
    _after_commit(refund_order, REFUND, fields, {**more, "company": company})


def _after_commit(
    function: Callable[..., Any], method: str, fields: Fields | None, arguments: Mapping[str, Any]
) -> None:
    called_at = timezone.now()

    def record() -> None:
        further = fields() if callable(fields) else fields
        event = {**arguments, **({} if further is None else further)}
        if event.get("occurred_at") is None:
            event["occurred_at"] = called_at
        function(**event)

    name, company = function.__name__, arguments["company"]
    work = partial(without_raising, name, method, company, record)
    # What is evaluated in the caller's transaction could end it: nothing of the event is before the commit.
    without_raising(name, method, company, partial(_schedule, work))


def _schedule(work: Callable[[], None]) -> None:
    loop = _running_loop()
    if loop is None:
        after_commit(open_transactions(), work)
        return
    # In asynchronous code Django queries no database, so that no transaction is open.
    task = loop.create_task(_in_thread(work))
    _tasks.add(task)
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[None]) -> None:
    _tasks.discard(task)
    if task.cancelled():
        logger.error("An event was lost as the event loop ended: await the function that begins with a.")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of asynchronous code, where Django refuses to query a database."""
    if os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE"):
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _in_thread(work: Callable[[], None]) -> None:
    def work_and_close() -> None:
        try:
            work()
        finally:
            close_old_connections()  # the request may have ended, which closes them otherwise

    await sync_to_async(work_and_close)()

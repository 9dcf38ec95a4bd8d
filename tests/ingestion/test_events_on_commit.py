"""The functions that end in ``_on_commit``: whatever is wrong, the shop's checkout goes on (F37)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import OperationalError, transaction
from django.db.models import Model
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils.functional import lazystr

from alhena_tracking import events, signals
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import Visitor
from alhena_tracking.models import CartEvent, Company, EventCount, Interaction, Order, Refund, Trust
from tests.support.failing_writes import before_writing

USER, FAQ = uuid.UUID(int=7 << 64 | 5), uuid.UUID(int=9 << 64 | 5)
VISITOR = Visitor(USER, FAQ)
ITEM: dict[str, Any] = {"product_id": "SKU-1", "product_name": "Mug", "currency": "EUR", "value": 1, "quantity": 2}
ORDER: dict[str, Any] = {"order_id": "1001", "value": Decimal("39.98"), "currency": "EUR", "line_items": [ITEM]}
REFUND: dict[str, Any] = {"order_id": "1001", "refund_id": "r1", "value": 1, "currency": "EUR"}
SECRET = "a word of the event"

pytestmark = pytest.mark.django_db(transaction=True)


def request() -> HttpRequest:
    made = RequestFactory().post("/checkout")
    made.COOKIES["alhena_acme"] = f"1.{USER}.{FAQ}.1700000000"
    return made


def fail() -> None:
    raise OperationalError(SECRET)


@pytest.fixture
def interacted(company: Company) -> None:
    assert events.record_interaction(VISITOR, type="CHAT").status == "recorded"


# The arguments of each function, all valid

CALLS: dict[str, dict[str, Any]] = {
    "record_interaction_on_commit": {"visitor": VISITOR, "type": "CHAT", "product_id": "SKU-1"},
    "record_cart_event_on_commit": {"visitor": VISITOR, "type": "ITEM_ADDED", **ITEM},
    "record_order_on_commit": {"visitor": VISITOR, **ORDER},
    "refund_order_on_commit": REFUND,
}
ROWS: dict[str, type[Model]] = dict(zip(CALLS, [Interaction, CartEvent, Order, Refund], strict=True))
OPTIONAL = ("company", "source", "event_id", "occurred_at", "fields")


# Values that raise whatever is done with them


class Hostile:
    """An object all of whose attributes, comparisons and texts raise."""

    def _fail(self, *args: object) -> Any:
        raise RuntimeError(SECRET)

    __bool__ = __call__ = __eq__ = __getitem__ = __hash__ = __iter__ = __len__ = __repr__ = __str__ = _fail

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(SECRET)


class HostileText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __hash__ = strip = __str__  # type: ignore[assignment]


class HostileMapping(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        raise RuntimeError(SECRET)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError(SECRET)

    def __len__(self) -> int:
        raise RuntimeError(SECRET)


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __str__


class HostileRequest(HttpRequest):
    def __init__(self) -> None:
        self.META = {}

    @property
    def COOKIES(self) -> Any:  # type: ignore[override]  # noqa: N802
        raise RuntimeError(SECRET)


def generated() -> Iterator[dict[str, Any]]:
    yield ITEM
    raise RuntimeError(SECRET)


def raise_hostile_error() -> Any:
    raise HostileError


def query_in_vain() -> str:
    return str(Group.objects.extra(where=["no_such_column = 1"]).get())


HOSTILE: dict[str, Callable[[], Any]] = {
    "object": Hostile,
    "lazy text": lambda: lazystr(Hostile()),
    "lazy query": lambda: lazystr(_Querying()),
    "kind of text": lambda: HostileText("EUR"),
    "mapping": HostileMapping,
    "generator": generated,
    "request": HostileRequest,
    "function": lambda: raise_hostile_error,
    "wrong": lambda: {SECRET},
}


class _Querying:
    def __str__(self) -> str:
        return query_in_vain()


ARGUMENTS = [(name, argument) for name, call in CALLS.items() for argument in [*call, *OPTIONAL]]


def check_out(name: str, call: Mapping[str, Any], order: str = "1001") -> str:
    """Save an order of the shop, report it, and return what the view answers."""
    with transaction.atomic():
        Group.objects.create(name=order)
        getattr(events, name)(**call)
        Group.objects.create(name=f"{order} sent")
    return "thank you"


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_checkout_when_an_argument_raises_is_untouched(
    interacted: None, name: str, argument: str, caplog: pytest.LogCaptureFixture
) -> None:
    for hostile, make in HOSTILE.items():
        call = {**CALLS[name], argument: make()}
        assert check_out(name, call, hostile) == "thank you"
        getattr(events, name)(**call)  # outside of a transaction
        assert Group.objects.filter(name__startswith=hostile).count() == 2
    assert SECRET not in caplog.text
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_async_view_when_an_argument_raises_is_untouched(
    interacted: None, name: str, argument: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def view() -> str:
        for make in HOSTILE.values():
            call = {**CALLS[name], argument: make()}
            getattr(events, name)(**call)
            await getattr(events, f"a{name}")(**call)
        await asyncio.gather(*events.after_commit._tasks)
        return "thank you"

    assert async_to_sync(view)() == "thank you"
    assert SECRET not in caplog.text


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("error", [OperationalError, RuntimeError, HostileError])
def test_checkout_when_recording_fails_is_untouched(
    interacted: None,
    name: str,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    events.record_order(VISITOR, **ORDER)

    def raise_error(*args: object, **kwargs: object) -> Any:
        raise error(SECRET)

    for function in ("record", "record_refund"):
        monkeypatch.setattr(events.recording, function, raise_error)
    assert check_out(name, {**CALLS[name], "event_id": str(uuid.uuid4())}) == "thank you"
    assert [record.getMessage() for record in caplog.records] == [
        f"{name.removesuffix('_on_commit')}: {error.__name__}"
    ]
    event_counts.flush()
    assert EventCount.objects.get(reason="failed_after_commit").count == 1


def hostile_receiver(**details: Any) -> None:
    raise HostileError


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("receiver", [Hostile.__call__, hostile_receiver, HOSTILE["object"]], ids=["a", "b", "c"])
def test_checkout_when_a_receiver_raises_is_untouched(interacted: None, name: str, receiver: Any) -> None:
    events.record_order(VISITOR, **ORDER)
    sent = [signals.interaction_recorded, signals.cart_event_recorded, signals.order_recorded, signals.order_refunded]
    for signal in sent:
        signal.connect(receiver, weak=False)
    try:
        assert check_out(name, {**CALLS[name], **({"order_id": "1002"} if name == "record_order_on_commit" else {})})
    finally:
        for signal in sent:
            signal.disconnect(receiver)
    assert Group.objects.count() == 2
    assert ROWS[name]._default_manager.exists()


# What is recorded, and when


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("is_called", [True, False])
def test_fields_when_a_function_returns_them_are_read_after_the_commit(
    interacted: None, name: str, is_called: bool
) -> None:
    if name == "refund_order_on_commit":
        events.record_order(VISITOR, **ORDER)
    states = []

    def fields() -> dict[str, Any]:
        states.append(transaction.get_connection().in_atomic_block)
        return given

    given = dict(CALLS[name])
    visitor = {"visitor": given.pop("visitor")} if "visitor" in given else {}
    check_out(name, {**visitor, "fields": fields if is_called else given})
    assert states == ([False] if is_called else [])
    assert ROWS[name]._default_manager.exists()


def test_order_when_recorded_on_commit_depends_on_the_commit(interacted: None) -> None:
    with transaction.atomic():
        events.record_order_on_commit(request(), **ORDER)
        assert not Order.objects.exists()
    assert Order.objects.get().trust == Trust.CONFIRMED
    with transaction.atomic():
        events.record_order_on_commit(request(), **{**ORDER, "order_id": "1002"})
        transaction.set_rollback(True)
    assert Order.objects.count() == 1


def test_order_when_a_function_names_its_visitor_is_that_visitors(interacted: None) -> None:
    events.record_order_on_commit(None, lambda: {"visitor": VISITOR, **ORDER})
    assert Order.objects.get().has_confirmed_visitor


def test_orders_when_an_async_view_reports_them_are_recorded(interacted: None) -> None:
    async def view() -> None:
        events.record_order_on_commit(request(), **ORDER)
        await events.arecord_order_on_commit(request(), **{**ORDER, "order_id": "1002"})
        await asyncio.gather(*events.after_commit._tasks)

    async_to_sync(view)()
    assert sorted(Order.objects.values_list("order_id", flat=True)) == ["1001", "1002"]


def test_order_when_the_event_loop_ends_first_is_logged(interacted: None, caplog: pytest.LogCaptureFixture) -> None:
    async def view() -> None:
        events.record_order_on_commit(request(), **ORDER)
        for task in events.after_commit._tasks:
            task.cancel()

    async_to_sync(view)()
    assert "An event was lost" in caplog.text


@pytest.mark.parametrize("is_in_transaction", [True, False])
def test_events_when_invalid_on_commit_are_logged_without_values(
    interacted: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_in_transaction: bool
) -> None:
    with transaction.atomic() if is_in_transaction else nullcontext():
        events.record_order_on_commit(request(), order_id="1001", value="secret", currency="EUR")
        events.record_cart_event_on_commit(request(), type="ITEM_ADDED")
        events.record_interaction_on_commit(request(), company="nobody", type="CHAT")
        events.refund_order_on_commit(order_id="1001", refund_id="r1", value=0, currency="EUR")
    before_writing(monkeypatch, fail)
    events.record_order_on_commit(request(), **ORDER)
    assert caplog.text.count("ERROR") == 5
    assert "record_order: value: wrong_type" in caplog.text
    assert "OperationalError" in caplog.text
    assert not any(value in caplog.text for value in ("secret", "1001", str(USER), SECRET))

"""Arguments, receivers and databases that fail in ``…_on_commit``: the shop's checkout goes on (F37)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import OperationalError
from django.http import HttpRequest
from django.utils.functional import lazystr

from alhena_tracking import events, signals
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import EventCount
from tests.support.on_commit import CALLS, ITEM, ORDER, ROWS, VISITOR, check_out

pytestmark = pytest.mark.faults

SECRET = "a word of the event"
OPTIONAL = ("company", "source", "event_id", "occurred_at", "fields")


@pytest.fixture
def interacted(transactional_db: None) -> Iterator[None]:
    assert events.record_interaction(VISITOR, type="CHAT").status == "recorded"
    yield
    Group.objects.all().delete()


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

    monkeypatch.setattr(events.recording, "record", raise_error)
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

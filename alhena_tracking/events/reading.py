"""Read the arguments of a call: the company, the visitor, and the fields as a validated event."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from alhena_tracking.api.errors import Error, InvalidRequest, errors_of_values
from alhena_tracking.api.ingestion import serializers
from alhena_tracking.api.ingestion.visitors import is_own, refuses_tracking, visitor_of
from alhena_tracking.company_cache import find_company
from alhena_tracking.conf import conf
from alhena_tracking.contract import limits, normaliser
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.contract.shop_objects import ORDER_NAMES
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.diagnosis.outcomes import CART_EVENT, ORDER, REFUND
from alhena_tracking.events.errors import InvalidEvent, UnknownCompany
from alhena_tracking.events.shop_orders import ShopOrder, read_order
from alhena_tracking.ingestion import EventData, OrderData, Outcome, RefundData, Visitor
from alhena_tracking.ingestion.data import NO_INTERACTION
from alhena_tracking.models import Company, Trust

#: A valid event, or the outcome of one that must not be recorded.
Read: TypeAlias = EventData | Outcome

_Data = TypeVar("_Data")

_REFUND = serializers.RefundSerializer()
_PRIVACY_SIGNAL = Outcome("ignored", reason="privacy_signal")
_TEST = Outcome("ignored", reason="test")


def company_of(key: str | None) -> Company:
    """Return the company with a key, or that of the settings."""
    text = normaliser.text(key or conf.company_key)
    if not isinstance(text, str):
        raise UnknownCompany("Neither the call nor the settings name a company by its key.")
    known = find_company(text)
    if known is None:
        raise UnknownCompany(f"There is no company with the key {text!r}.")
    return known.company


def read_event(method: str, visitor: object, company: Company, fields: Mapping[str, Any]) -> Read:
    """Validate an event or a refund. Raises ``InvalidEvent`` and counts it."""
    try:
        return _read_refund(company, fields) if method == REFUND else _read(method, visitor, company, fields)
    except InvalidEvent as error:
        event_counts.reject(company, method, "invalid", error.errors.items())
        raise


def read_events(method: str, name: str, items: Iterable[Mapping[str, Any]], company: Company) -> list[Read]:
    """Validate events. Raises ``InvalidEvent`` with the errors of all, or about the first 100."""
    events: list[Read] = []
    errors: dict[str, str] = {}
    messages: dict[str, str] = {}
    for index, item in enumerate(items):
        fields = dict(item)
        if "company" in fields:
            raise TypeError(f"{name}[{index}] has a company, which is an argument of the call: all have the same")
        try:
            events.append(read_event(method, fields.pop("visitor", None), company, fields))
        except InvalidEvent as error:
            for path in error.errors:
                full_path = f"{name}[{index}].{path}".removesuffix(".")
                errors[full_path], messages[full_path] = error.errors[path], error.messages[path]
            if len(errors) >= limits.ERRORS:
                break
    if errors:
        raise InvalidEvent(errors, messages)
    return events


def _read(method: str, visitor: object, company: Company, fields: Mapping[str, Any]) -> Read:
    request = visitor._request if isinstance(visitor, Request) else visitor
    is_unknown = is_test = False
    if isinstance(request, HttpRequest):
        if refuses_tracking(request):
            return _PRIVACY_SIGNAL
        visitor = visitor_of(request, company.key)
        is_unknown, is_test = visitor is None, is_own(request)
    body: dict[str, Any] = {"company_key": company.key}
    if isinstance(visitor, Visitor) or is_unknown:
        # The fields are validated as those of a visitor, even if the request names none.
        named = visitor if isinstance(visitor, Visitor) else Visitor(uuid.uuid4(), None)
        body["user_fingerprint"] = str(named.user_fingerprint or "")
        body["user_faq_fingerprint"] = str(named.faq_fingerprint or "")
    elif visitor is not None:
        raise _invalid(
            errors_of_values({"visitor": InvalidValue("wrong_type", expected="request", actual=type(visitor).__name__)})
        )

    serializer = serializers.METHODS[method]

    def parse(values: dict[str, Any]) -> EventData:
        return serializer.parse(values | body, received_at=timezone.now(), trust=Trust.CONFIRMED)

    order = read_order(fields) if method == ORDER else ShopOrder({}, {}, ())
    of_order = {*ORDER_NAMES, "line_items"} if method == ORDER else {}
    values, inexact = normaliser.normalise({name: fields[name] for name in fields if name not in of_order})
    if method == CART_EVENT and values.get("currency") is None:
        values["currency"] = conf.default_currency
    values, inexact, left_out = values | order.values, inexact | order.errors, order.left_out
    for name in [name for name in inexact if getattr(serializer.fields.get(name), "is_lenient", False)]:
        del values[name]
        left_out += ((name, inexact.pop(name).code),)
    event = _valid(values, inexact, parse)
    event = replace(event, left_out=event.left_out + left_out) if left_out else event
    if order.has_line_totals and isinstance(event, OrderData):
        event = replace(event, has_line_totals=True)
    if is_test:
        return _TEST  # once it is known to be valid, which is what a test is for
    if not is_unknown:
        return event
    # Only an order can still be credited: its id connects it to what a browser reports.
    is_awaited = isinstance(event, OrderData) and event.order_id
    return replace(event, visitor=None) if is_awaited else NO_INTERACTION


def _read_refund(company: Company, fields: Mapping[str, Any]) -> RefundData:
    def parse(values: dict[str, Any]) -> RefundData:
        return _REFUND.parse(values | {"company_key": company.key}, received_at=timezone.now())

    return _valid(*normaliser.normalise(fields), parse)


def _valid(values: dict[str, Any], inexact: normaliser.Errors, parse: Callable[[dict[str, Any]], _Data]) -> _Data:
    """Parse normalised fields. Raises ``InvalidEvent`` with the errors of both."""
    errors = errors_of_values(inexact)
    try:
        data = parse(values)
    except InvalidRequest as error:
        raise _invalid([*error.errors, *errors]) from None
    if errors:
        raise _invalid(errors)
    return data


def _invalid(errors: Iterable[Error]) -> InvalidEvent:
    by_path = {error.field: error for error in errors}
    return InvalidEvent(
        {path: error.code for path, error in by_path.items()}, {path: error.message for path, error in by_path.items()}
    )

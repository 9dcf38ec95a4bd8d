"""Several events in one request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rest_framework import serializers

from alhena_tracking.api.errors import InvalidRequest
from alhena_tracking.api.ingestion.envelopes import Envelope, EnvelopeSerializer, Errors, VisitorSerializer
from alhena_tracking.api.ingestion.fields import ChoiceField
from alhena_tracking.api.ingestion.refusals import Refusal, parse_refused
from alhena_tracking.api.ingestion.serializers import METHODS, SERVER_METHODS
from alhena_tracking.contract import limits, rules
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.ingestion import EventData
from alhena_tracking.models import Trust

_METHOD = ChoiceField(choices=METHODS)
_SERVER_METHOD = ChoiceField(choices=SERVER_METHODS)
_VISITOR = VisitorSerializer()


def most_events(trust: Trust) -> int:
    """Return how many events a batch may have."""
    return limits.SERVER_BATCH_EVENTS if trust == Trust.CONFIRMED else limits.BATCH_EVENTS


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in order, for each its method, and either the event or its errors; and what the browser refused."""

    methods: list[str]
    events: list[EventData | None]
    errors: list[Errors]
    refused: list[Refusal]


class RefusedField(serializers.Field[Any, Any, Any, Any]):
    """Stands for what ``parse_refused`` reads."""

    is_lenient = True


class BatchSerializer(EnvelopeSerializer):
    """Several events in one envelope. An invalid event leaves the others valid; an invalid envelope rejects all.

    The shop's server may name the visitor of each event; an event that names none has the envelope's.
    """

    events = serializers.ListField()
    refused = RefusedField(required=False)

    def parse_batch(self, data: object, *, received_at: datetime, trust: Trust) -> Batch:
        """Validate a batch. Raises ``InvalidRequest`` if its envelope is invalid or it has too many events."""
        envelope, errors = self.parse(data, received_at=received_at, trust=trust)
        items = data.get("events") if type(data) is dict else []
        if items is None:
            errors["events"] = InvalidValue("required")
        elif type(items) is not list:
            errors["events"] = InvalidValue("wrong_type", expected="array", actual=rules.json_type(items))
        elif len(items) > (limit := most_events(trust)):
            errors["events"] = InvalidValue("too_many", limit=limit)
        if envelope is None or errors:
            raise InvalidRequest.of_values(errors)
        batch = Batch([], [], [], parse_refused(data.get("refused") if type(data) is dict else None))
        remaining_errors = limits.ERRORS
        for item in items or ():
            method, event, event_errors = _parse_item(item, envelope, max(1, remaining_errors))
            remaining_errors -= len(event_errors)
            batch.methods.append(method)
            batch.events.append(event)
            batch.errors.append(event_errors)
        return batch


def _parse_item(item: object, envelope: Envelope, most_errors: int) -> tuple[str, EventData | None, Errors]:
    if type(item) is not dict:
        return "", None, {"": InvalidValue("wrong_type", expected="object", actual=rules.json_type(item))}
    if item.get("method") is None:
        return "", None, {"method": InvalidValue("required")}
    try:
        method = (_SERVER_METHOD if envelope.trust == Trust.CONFIRMED else _METHOD).parse(item["method"], {})
    except InvalidValue as error:
        return "", None, {"method": error}
    data = item.get("data")
    if type(data) is not dict:
        code = InvalidValue("wrong_type", expected="object", actual=rules.json_type(data))
        return method, None, {"data": InvalidValue("required") if data is None else code}
    errors: Errors = {}
    if envelope.trust == Trust.CONFIRMED:
        visitor, errors = _VISITOR.parse_visitor(item)
        if visitor is not None:
            envelope = replace(envelope, visitor=visitor)
    own = {name: item[name] for name in ("event_id", "occurred_at") if name in item}
    event, event_errors = SERVER_METHODS[method].parse_event(data | own, None if errors else envelope, most_errors)
    return method, event, errors | event_errors

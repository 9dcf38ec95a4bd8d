"""Several events of one visitor in one request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rest_framework import serializers

from alhena_tracking.api.errors import InvalidRequest
from alhena_tracking.api.ingestion.fields import ChoiceField
from alhena_tracking.api.ingestion.serializers import METHODS, Envelope, EnvelopeSerializer, Errors
from alhena_tracking.contract import limits, rules
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.ingestion import EventData
from alhena_tracking.models import Trust

_METHOD = ChoiceField(choices=METHODS)


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one visitor, in order: for each its method, and either the event or its errors."""

    methods: list[str]
    events: list[EventData | None]
    errors: list[Errors]


class BatchSerializer(EnvelopeSerializer):
    """Several events in one envelope. An invalid event leaves the others valid; an invalid envelope rejects all."""

    events = serializers.ListField()

    def parse_batch(self, data: object, *, received_at: datetime, trust: Trust) -> Batch:
        """Validate a batch. Raises ``InvalidRequest`` if its envelope is invalid or it has too many events."""
        envelope, errors = self.parse(data, received_at=received_at, trust=trust)
        items = data.get("events") if type(data) is dict else []
        if items is None:
            errors["events"] = InvalidValue("required")
        elif type(items) is not list:
            errors["events"] = InvalidValue("wrong_type", expected="array", actual=rules.json_type(items))
        elif len(items) > limits.BATCH_EVENTS:
            errors["events"] = InvalidValue("too_many", limit=limits.BATCH_EVENTS)
        if envelope is None or errors:
            raise InvalidRequest.of_values(errors)
        batch = Batch([], [], [])
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
        method = _METHOD.parse(item["method"], {})
    except InvalidValue as error:
        return "", None, {"method": error}
    data = item.get("data")
    if type(data) is not dict:
        code = InvalidValue("wrong_type", expected="object", actual=rules.json_type(data))
        return method, None, {"data": InvalidValue("required") if data is None else code}
    own = {name: item[name] for name in ("event_id", "occurred_at") if name in item}
    event, errors = METHODS[method].parse_event(data | own, envelope, most_errors)
    return method, event, errors

"""What all requests have in common: fields with one rule each, the visitor, and the sender's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from rest_framework import serializers

from alhena_tracking.api.ingestion.fields import (
    BooleanField,
    FingerprintField,
    RuleField,
    TextField,
    TimestampField,
    Values,
)
from alhena_tracking.conf import conf
from alhena_tracking.contract import limits, rules
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.ingestion import Visitor
from alhena_tracking.models import Trust

Errors = dict[str, InvalidValue]


class RuleSerializer(serializers.Serializer[Any]):
    """An object whose fields are ``RuleField``s. Each is a field of ``data_class``, by the name that is its source."""

    data_class: ClassVar[type[Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Bound once, here: the first requests of several threads must not race to do it.
        self.rule_fields = [(name, f) for name, f in self.fields.items() if isinstance(f, RuleField)]
        self.sources = {name: str(f.source) for name, f in self.fields.items()}

    def parse_fields(self, data: object, most_errors: int = limits.ERRORS) -> tuple[Values, Errors]:
        """Return the values of the valid fields and the errors of the others, ``most_errors`` or a few more.

        Lenient fields have no errors. Those of invalid values are named in the value ``left_out``.
        """
        values: Values = {}
        errors: Errors = {}
        if type(data) is not dict:
            return values, {"": InvalidValue("wrong_type", expected="object", actual=rules.json_type(data))}
        for name, field in self.rule_fields:
            if len(errors) >= most_errors:
                break
            value = data.get(name)
            if value is None:
                if field.required:
                    errors[name] = InvalidValue("required")
                else:
                    values[name] = field.missing
                continue
            try:
                values[name] = field.parse(value, values)
            except InvalidValue as error:
                if field.is_lenient:
                    values[name] = field.missing
                    values["left_out"] = (*values.get("left_out", ()), (name, error.code))
                else:
                    errors[name] = error
        self.check(values, errors)
        return values, errors

    def build(self, values: Values, **further: Any) -> Any:
        """Make the ``data_class`` of valid values and of what the request does not state."""
        return self.data_class(**{self.sources.get(name, name): value for name, value in values.items()}, **further)

    def check(self, values: Values, errors: Errors) -> None:
        """Check rules that concern several fields."""
        if "value" in values and "quantity" in values:
            try:
                rules.check_total(values["value"], values["quantity"])
            except InvalidValue as error:
                errors["value"] = error


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all events of a request have in common: the visitor, the sender's clock, and the trust."""

    company_key: str
    visitor: Visitor | None
    sent_at: datetime | None
    received_at: datetime
    trust: Trust

    def placed(self, occurred_at: datetime | None, *, may_be_known: bool) -> datetime:
        """Return when an event happened by the server's clock. Raises ``InvalidValue``.

        What the shop's server says of an order that may be known is never too old here; recording judges it.
        """
        is_by_server = self.trust == Trust.CONFIRMED
        server_age = None if may_be_known else conf.max_age
        return rules.corrected_time(
            occurred_at,
            sent_at=self.sent_at,
            received_at=self.received_at,
            is_clock_trusted=is_by_server,
            max_age=server_age if is_by_server else limits.EVENT_AGE,
        )


_FINGERPRINTS = ("user_fingerprint", "user_faq_fingerprint")


class VisitorSerializer(RuleSerializer):
    """The fingerprints of a visitor."""

    user_fingerprint = FingerprintField(required=False)
    user_faq_fingerprint = FingerprintField(required=False)

    def parse_visitor(self, data: object) -> tuple[Visitor | None, Errors]:
        """Return the visitor that an object names, if it names one, and the errors of its fingerprints."""
        values, errors = self.parse_fields(data)
        return (None if errors else self.visitor_in(values)), errors

    def visitor_in(self, values: Values) -> Visitor | None:
        fingerprints = [values[name] for name in _FINGERPRINTS]
        return Visitor(*fingerprints) if any(fingerprints) else None


class EnvelopeSerializer(VisitorSerializer):
    """The fields of every request."""

    company_key = TextField()
    sent_at = TimestampField(required=False)
    test = BooleanField(is_lenient=True)

    def parse(self, data: object, *, received_at: datetime, trust: Trust) -> tuple[Envelope | None, Errors]:
        """Return the envelope, or its errors. Only the shop's server may leave out the visitor."""
        values, errors = self.parse_fields(data)
        is_anonymous = not any(name in errors or values.get(name) for name in _FINGERPRINTS)
        if is_anonymous and trust == Trust.REPORTED and "" not in errors:
            errors["user_fingerprint"] = InvalidValue("required")
        if errors:
            return None, errors
        visitor = self.visitor_in(values)
        return Envelope(values["company_key"], visitor, values["sent_at"], received_at, trust), {}


ENVELOPE = EnvelopeSerializer()

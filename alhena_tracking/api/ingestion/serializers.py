"""The shape of each event. Serializers only validate; the rules are in ``contract.rules``.

One instance of each is made at import and serves every request, as ``parse()`` writes nothing to it. All errors are
collected, each under the path of its field, such as ``line_items[1].quantity``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast

from rest_framework import serializers

from alhena_tracking.api.errors import InvalidRequest
from alhena_tracking.api.ingestion.fields import (
    BooleanField,
    ChoiceField,
    CurrencyField,
    EventIdField,
    FingerprintField,
    OrderIdField,
    PriceField,
    QuantityField,
    RuleField,
    TextField,
    TimestampField,
    ValueField,
    Values,
)
from alhena_tracking.conf import conf
from alhena_tracking.contract import limits, rules
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.ingestion import (
    CartEventData,
    EventData,
    InteractionData,
    LineItemData,
    OrderData,
    RefundData,
    Visitor,
)
from alhena_tracking.models import CartEvent, Channel, Trust

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


class EventSerializer(RuleSerializer):
    """The fields of every event beside its envelope."""

    source = TextField(required=False)  # type: ignore[assignment]  # a serializer's own name for its argument
    event_id = EventIdField(required=False)
    occurred_at = TimestampField(required=False)

    def parse(self, data: object, *, received_at: datetime, trust: Trust) -> EventData:
        """Validate one event together with its envelope. Raises ``InvalidRequest``, which names every invalid field."""
        envelope, errors = ENVELOPE.parse(data, received_at=received_at, trust=trust)
        event, event_errors = self.parse_event(data, envelope)
        if event is None or errors:
            raise InvalidRequest.of_values(errors | event_errors)
        return event

    def parse_event(
        self, data: object, envelope: Envelope | None, most_errors: int = limits.ERRORS
    ) -> tuple[EventData | None, Errors]:
        """Return the event, if it is valid within a valid envelope, and its errors."""
        values, errors = self.parse_fields(data, most_errors)
        if envelope is None:
            return None, errors
        is_dated = values.get("occurred_at") is not None
        if "occurred_at" in values:
            try:
                values["occurred_at"] = envelope.placed(
                    values["occurred_at"], may_be_known=self.may_lack_visitor(values)
                )
            except InvalidValue as error:
                errors["occurred_at"] = error
        if envelope.visitor is None and not self.may_lack_visitor(values):
            errors.setdefault("user_fingerprint", InvalidValue("required"))
        if errors:
            return None, errors
        values["event_id"] = values["event_id"] or uuid.uuid4()
        return self.build(
            values,
            visitor=envelope.visitor,
            received_at=envelope.received_at,
            trust=envelope.trust,
            is_dated=is_dated,
        ), errors

    def may_lack_visitor(self, values: Values) -> bool:
        """Return whether the shop's server may report the event without a visitor."""
        return False


class InteractionSerializer(EventSerializer):
    data_class = InteractionData

    type = ChoiceField(choices=Channel.values, source="kind")
    product_id = TextField(required=False)
    conversation_id = TextField(required=False)
    ai_profile = TextField(required=False)


class CartEventSerializer(EventSerializer):
    data_class = CartEventData

    type = ChoiceField(choices=CartEvent.Type.values)
    product_id = TextField()
    product_name = TextField(limit=limits.PRODUCT_NAME_LENGTH)
    currency = CurrencyField()
    value = PriceField(source="value_minor")
    quantity = QuantityField(positive_for=sorted(CartEvent.ADDITIONS))
    previous_quantity = QuantityField(is_positive=False, is_lenient=True)


class LineItemSerializer(RuleSerializer):
    data_class = LineItemData

    product_id = TextField()
    product_name = TextField(limit=limits.PRODUCT_NAME_LENGTH)
    currency = CurrencyField()
    value = PriceField(source="value_minor")
    quantity = QuantityField()

    def parse_line(self, item: object, currency: str | None) -> tuple[LineItemData | None, Errors]:
        """Return a line of an order in a currency, if it is valid, and its errors."""
        values, errors = self.parse_fields(item)
        if currency and values.get("currency", currency) != currency:
            errors["currency"] = InvalidValue("currency_mismatch")
        values.pop("currency", None)  # the order's
        return None if errors else self.build(values), errors


LINE_ITEM = LineItemSerializer()


class CheckoutEventSerializer(EventSerializer):
    data_class = OrderData

    order_id = OrderIdField(required=False)
    currency = CurrencyField()
    value = ValueField(source="value_minor")
    tax = ValueField(source="tax_minor", is_lenient=True)
    shipping = ValueField(source="shipping_minor", is_lenient=True)
    discount = ValueField(source="discount_minor", is_lenient=True)
    line_items = LineItemSerializer(many=True, required=False)
    updated_at = TimestampField(is_lenient=True)
    cancelled = BooleanField(source="is_cancelled", is_lenient=True)

    def parse_fields(self, data: object, most_errors: int = limits.ERRORS) -> tuple[Values, Errors]:
        values, errors = super().parse_fields(data, most_errors)
        if type(data) is dict:
            items, currency = data.get("line_items"), values.get("currency")
            values["line_items"] = self._parse_lines(items, currency, errors, most_errors)
        return values, errors

    def build(self, values: Values, **further: Any) -> Any:
        if further["trust"] == Trust.REPORTED:  # a browser knows an order at one moment only
            values |= {"updated_at": None, "cancelled": None}
        return super().build(values, **further)

    def may_lack_visitor(self, values: Values) -> bool:
        return bool(values.get("order_id"))

    def _parse_lines(
        self, items: object, currency: str | None, errors: Errors, most_errors: int
    ) -> tuple[LineItemData, ...] | None:
        if items is None:
            return None
        if type(items) is not list:
            errors["line_items"] = InvalidValue("wrong_type", expected="array", actual=rules.json_type(items))
            return ()
        if len(items) > limits.LINE_ITEMS:
            errors["line_items"] = InvalidValue("too_many", limit=limits.LINE_ITEMS)
            return ()
        lines = []
        for index, item in enumerate(items):
            if len(errors) >= most_errors:
                break
            line, item_errors = LINE_ITEM.parse_line(item, currency)
            for name, error in item_errors.items():
                errors[f"line_items[{index}].{name}".removesuffix(".")] = error
            if line is not None:
                lines.append(line)
        return tuple(lines)


class RefundSerializer(RuleSerializer):
    """A refund, which only the shop's server may report."""

    data_class = RefundData

    company_key = TextField()
    order_id = OrderIdField()
    refund_id = TextField()
    currency = CurrencyField()
    value = ValueField(is_positive=True, source="value_minor")
    occurred_at = TimestampField(required=False)

    def parse(self, data: object, *, received_at: datetime) -> RefundData:
        """Validate one refund. Raises ``InvalidRequest``, which names every invalid field."""
        values, errors = self.parse_fields(data)
        refund = self._build(values, errors, received_at)
        if refund is None:
            raise InvalidRequest.of_values(errors)
        return refund

    def parse_event(
        self, data: dict[str, Any], envelope: Envelope | None, most_errors: int = limits.ERRORS
    ) -> tuple[RefundData | None, Errors]:
        """Return a refund of a batch, if it is valid within a valid envelope, and its errors."""
        if envelope is None:
            return None, self.parse_fields({**data, "company_key": "-"}, most_errors)[1]
        values, errors = self.parse_fields({**data, "company_key": envelope.company_key}, most_errors)
        return self._build(values, errors, envelope.received_at), errors

    def _build(self, values: Values, errors: Errors, received_at: datetime) -> RefundData | None:
        if "occurred_at" in values:
            try:
                values["occurred_at"] = rules.corrected_time(
                    values["occurred_at"], sent_at=None, received_at=received_at, is_clock_trusted=True, max_age=None
                )
            except InvalidValue as error:
                errors["occurred_at"] = error
        if errors:
            return None
        del values["company_key"]  # by which the view has found the company
        return cast("RefundData", self.build(values, received_at=received_at))


#: The serializer of each method of the browser, by its name in a batch.
METHODS: dict[str, EventSerializer] = {
    "sendInteraction": InteractionSerializer(),
    "sendCartEvent": CartEventSerializer(),
    "sendCheckoutEvent": CheckoutEventSerializer(),
}
#: And those of the shop's server.
SERVER_METHODS: dict[str, EventSerializer | RefundSerializer] = {**METHODS, "refund": RefundSerializer()}

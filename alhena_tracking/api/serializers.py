"""The shape of each event. Serializers validate and nothing more; the rules themselves stand in ``rules``.

One instance of each is made at import and serves every request: ``parse()`` (and ``run_validation()``, which calls it)
writes nothing to it. All errors are collected, each under the path of its field, such as ``line_items[1].quantity``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty

from alhena_tracking import limits, rules
from alhena_tracking.ingestion import (
    CartEventData,
    EventData,
    InteractionData,
    LineItemData,
    OrderData,
    Visitor,
)
from alhena_tracking.models import CartEvent, Interaction, Trust
from alhena_tracking.rules import InvalidValue

Values = dict[str, Any]
Errors = dict[str, InvalidValue]


class RuleField(serializers.Field[Any, Any, Any, Any]):
    """A field under one rule of the contract. ``values`` holds the fields declared before it that are valid."""

    missing: Any = None

    def parse(self, value: object, values: Values) -> Any:
        raise NotImplementedError

    def to_internal_value(self, data: object) -> Any:
        return self.parse(data, {})

    def to_representation(self, value: object) -> Any:
        return value


class TextField(RuleField):
    missing = ""

    def __init__(self, *, limit: int = limits.TEXT_LENGTH, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = limit

    def parse(self, value: object, values: Values) -> str:
        return rules.parse_text(value, self.limit)


class ChoiceField(RuleField):
    def __init__(self, *, choices: Iterable[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = tuple(choices)
        self.expected = ", ".join(self.choices)

    def parse(self, value: object, values: Values) -> str:
        return rules.parse_choice(value, self.choices, self.expected)


class CurrencyField(RuleField):
    def parse(self, value: object, values: Values) -> str:
        return rules.parse_currency(value)


class ValueField(RuleField):
    """An amount in the ``currency`` of its object, which is declared before it."""

    def parse(self, value: object, values: Values) -> int:
        return rules.parse_value(value, values.get("currency"))


class QuantityField(RuleField):
    """Above zero for the types of ``positive_for``, and everywhere without them."""

    def __init__(self, *, positive_for: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.positive_for = frozenset(positive_for)

    def parse(self, value: object, values: Values) -> Decimal:
        return rules.parse_quantity(value, positive=not self.positive_for or values.get("type") in self.positive_for)


class FingerprintField(RuleField):
    def parse(self, value: object, values: Values) -> UUID | None:
        if isinstance(value, str) and not value.strip(limits.WHITE_SPACE):
            return None
        return rules.parse_fingerprint(value)


class EventIdField(RuleField):
    def parse(self, value: object, values: Values) -> UUID:
        return rules.parse_fingerprint(value)


class TimestampField(RuleField):
    def parse(self, value: object, values: Values) -> datetime:
        return rules.parse_timestamp(value)


class RuleSerializer(serializers.Serializer[Any]):
    """An object whose fields are ``RuleField``s."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Bound once, here: the first requests of several threads must not race to do it.
        self.rule_fields = [(name, f) for name, f in self.fields.items() if isinstance(f, RuleField)]

    def parse_fields(self, data: object) -> tuple[Values, Errors]:
        """The values of the valid fields, and the errors of the others."""
        values: Values = {}
        errors: Errors = {}
        if type(data) is not dict:
            return values, {"": InvalidValue("wrong_type", expected="object", actual=rules.json_type(data))}
        for name, field in self.rule_fields:
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
                errors[name] = error
        self.check(values, errors)
        return values, errors

    def check(self, values: Values, errors: Errors) -> None:
        """Judge what concerns several fields."""
        if "value" in values and "quantity" in values:
            try:
                rules.check_total(values["value"], values["quantity"])
            except InvalidValue as error:
                errors["value"] = error


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """A valid event and the key of the company it names."""

    company_key: str
    data: EventData


class EventSerializer(RuleSerializer):
    """What every event carries."""

    company_key = TextField()
    user_fingerprint = FingerprintField(required=False)
    user_faq_fingerprint = FingerprintField(required=False)
    source = TextField(required=False)  # type: ignore[assignment]  # a serializer's own name for its argument
    event_id = EventIdField(required=False)
    occurred_at = TimestampField(required=False)
    sent_at = TimestampField(required=False)

    def run_validation(self, data: Any = empty) -> ParsedEvent:
        return self.parse(None if data is empty else data, received_at=timezone.now(), trust=Trust.REPORTED)

    def parse(self, data: object, *, received_at: datetime, trust: Trust) -> ParsedEvent:
        """Validate one event. Raises ``ValidationError`` with ``{path: [error]}`` of every field that is wrong."""
        values, errors = self.parse_fields(data)
        if "" not in errors:
            self._place_in_time(values, errors, received_at, trust)
        if errors:
            raise serializers.ValidationError(
                {path: [ErrorDetail(error.message, error.code)] for path, error in errors.items()}
            )
        common: Values = {
            "visitor": Visitor(values["user_fingerprint"], values["user_faq_fingerprint"]),
            "occurred_at": values["occurred_at"],
            "received_at": received_at,
            "event_id": values["event_id"] or uuid.uuid4(),
            "source": values["source"],
            "trust": trust,
        }
        return ParsedEvent(values["company_key"], self.build(values, common))

    def check(self, values: Values, errors: Errors) -> None:
        super().check(values, errors)
        fingerprints = ("user_fingerprint", "user_faq_fingerprint")
        if not any(name in errors or values[name] for name in fingerprints):
            errors["user_fingerprint"] = InvalidValue("required")

    def build(self, values: Values, common: Values) -> EventData:
        raise NotImplementedError

    @staticmethod
    def _place_in_time(values: Values, errors: Errors, received_at: datetime, trust: Trust) -> None:
        if "occurred_at" in errors or "sent_at" in errors:
            return
        try:
            values["occurred_at"] = rules.corrected_time(
                values["occurred_at"],
                sent_at=values["sent_at"],
                received_at=received_at,
                is_clock_trusted=trust == Trust.CONFIRMED,
            )
        except InvalidValue as error:
            errors["occurred_at"] = error


class InteractionSerializer(EventSerializer):
    type = ChoiceField(choices=Interaction.Kind.values)
    product_id = TextField(required=False)
    conversation_id = TextField(required=False)
    ai_profile = TextField(required=False)

    def build(self, values: Values, common: Values) -> InteractionData:
        return InteractionData(
            kind=values["type"],
            product_id=values["product_id"],
            conversation_id=values["conversation_id"],
            ai_profile=values["ai_profile"],
            **common,
        )


class CartEventSerializer(EventSerializer):
    type = ChoiceField(choices=CartEvent.Type.values)
    product_id = TextField()
    product_name = TextField(limit=limits.PRODUCT_NAME_LENGTH)
    currency = CurrencyField()
    value = ValueField()
    quantity = QuantityField(positive_for=[CartEvent.Type.ITEM_ADDED, CartEvent.Type.QUANTITY_INCREASED])

    def build(self, values: Values, common: Values) -> CartEventData:
        return CartEventData(
            type=values["type"],
            product_id=values["product_id"],
            product_name=values["product_name"],
            currency=values["currency"],
            value_minor=values["value"],
            quantity=values["quantity"],
            **common,
        )


class LineItemSerializer(RuleSerializer):
    product_id = TextField()
    product_name = TextField(limit=limits.PRODUCT_NAME_LENGTH)
    currency = CurrencyField()
    value = ValueField()
    quantity = QuantityField()


_LINE_ITEM = LineItemSerializer()


class CheckoutEventSerializer(EventSerializer):
    order_id = TextField(required=False)
    currency = CurrencyField()
    value = ValueField()
    line_items = LineItemSerializer(many=True, required=False)

    def parse_fields(self, data: object) -> tuple[Values, Errors]:
        values, errors = super().parse_fields(data)
        if type(data) is dict:
            values["line_items"] = self._parse_lines(data.get("line_items"), values.get("currency"), errors)
        return values, errors

    def build(self, values: Values, common: Values) -> OrderData:
        return OrderData(
            order_id=values["order_id"],
            currency=values["currency"],
            value_minor=values["value"],
            line_items=values["line_items"],
            **common,
        )

    def _parse_lines(self, items: object, currency: str | None, errors: Errors) -> tuple[LineItemData, ...]:
        if items is None:
            return ()
        if type(items) is not list:
            errors["line_items"] = InvalidValue("wrong_type", expected="array", actual=rules.json_type(items))
            return ()
        if len(items) > limits.LINE_ITEMS:
            errors["line_items"] = InvalidValue("too_many", limit=limits.LINE_ITEMS)
            return ()
        lines = []
        for index, item in enumerate(items):
            values, item_errors = _LINE_ITEM.parse_fields(item)
            if currency and values.get("currency", currency) != currency:
                item_errors["currency"] = InvalidValue("currency_mismatch")
            for name, error in item_errors.items():
                errors[f"line_items[{index}].{name}".removesuffix(".")] = error
            if not item_errors:
                lines.append(
                    LineItemData(
                        product_id=values["product_id"],
                        product_name=values["product_name"],
                        quantity=values["quantity"],
                        value_minor=values["value"],
                    )
                )
        return tuple(lines)

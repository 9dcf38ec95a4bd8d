"""Serializer fields that apply the rules of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from rest_framework import serializers

from alhena_tracking.contract import limits, rules
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.order_ids import in_one_form

Values = dict[str, Any]


class RuleField(serializers.Field[Any, Any, Any, Any]):
    """A field with one rule of the contract. ``values`` holds the valid fields that are declared before it."""

    missing: Any = None

    def __init__(self, *, is_lenient: bool = False, **kwargs: Any) -> None:
        """``is_lenient``: an invalid value is left out, and the event recorded without it."""
        if is_lenient:
            kwargs["required"] = False
        super().__init__(**kwargs)
        self.is_lenient = is_lenient

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


class TextsField(RuleField):
    """An array of strings; an empty one is as none."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most

    def parse(self, value: object, values: Values) -> list[str] | None:
        return rules.parse_texts(value, self.most) or None


class OrderIdField(TextField):
    """The shop's id of an order, in the form that ``ORDER_ID`` gives to ids."""

    def parse(self, value: object, values: Values) -> str:
        return in_one_form(super().parse(value, values))


class ChoiceField(RuleField):
    def __init__(self, *, choices: Iterable[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = tuple(choices)
        self.expected = ", ".join(self.choices)

    def parse(self, value: object, values: Values) -> str:
        return rules.parse_choice(value, self.choices, self.expected)


class CurrencyField(RuleField):
    missing = ""

    def parse(self, value: object, values: Values) -> str:
        return rules.parse_currency(value)


class ValueField(RuleField):
    """An amount in a currency of its object, a field that is declared before it."""

    def __init__(self, *, is_positive: bool = False, currency: str = "currency", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_positive = is_positive
        self.currency = currency

    def parse(self, value: object, values: Values) -> int:
        minor = rules.parse_value(value, values.get(self.currency))
        if self.is_positive and not minor:
            raise InvalidValue("not_positive")
        return minor


class PriceField(ValueField):
    """An amount that may be the price of one unit, not rounded."""

    def parse(self, value: object, values: Values) -> Any:
        return rules.parse_price(value, values.get(self.currency))


class BooleanField(RuleField):
    def parse(self, value: object, values: Values) -> bool:
        return rules.parse_boolean(value)


class QuantityField(RuleField):
    """A quantity above zero if it ``is_positive``, of an event only for the types in ``positive_for``, if there are."""

    def __init__(self, *, is_positive: bool = True, positive_for: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_positive = is_positive
        self.positive_for = frozenset(positive_for)

    def parse(self, value: object, values: Values) -> Decimal:
        is_for_type = not self.positive_for or values.get("type") in self.positive_for
        return rules.parse_quantity(value, positive=self.is_positive and is_for_type)


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

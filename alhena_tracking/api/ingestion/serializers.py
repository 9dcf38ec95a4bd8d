"""The shape of each event. Serializers only validate; the rules are in ``contract.rules``.

One instance of each is made at import and serves every request, as ``parse()`` writes nothing to it. All errors are
collected, each under the path of its field, such as ``line_items[1].quantity``.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, cast

from alhena_tracking.api.errors import InvalidRequest
from alhena_tracking.api.ingestion.envelopes import ENVELOPE, Envelope, Errors, RuleSerializer
from alhena_tracking.api.ingestion.fields import (
    BooleanField,
    ChoiceField,
    CurrencyField,
    EventIdField,
    OrderIdField,
    PriceField,
    QuantityField,
    TextField,
    TextsField,
    TimestampField,
    ValueField,
    Values,
)
from alhena_tracking.contract import limits, rules
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.ingestion import (
    CartEventData,
    EventData,
    InteractionData,
    LineItemData,
    OrderData,
    RefundData,
)
from alhena_tracking.models import CartEvent, Channel, Trust


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
    recommended_product_ids = TextsField(most=limits.RECOMMENDED_PRODUCTS, is_lenient=True)


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
    shop_currency = CurrencyField(is_lenient=True)
    shop_value = ValueField(source="shop_value_minor", currency="shop_currency", is_lenient=True)
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
        is_reported = further["trust"] == Trust.REPORTED
        if is_reported:  # a browser knows an order at one moment only
            values |= {"updated_at": None, "cancelled": None}
        if is_reported or not values["shop_currency"] or values["shop_value"] is None:
            values |= {"shop_currency": "", "shop_value": None}
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

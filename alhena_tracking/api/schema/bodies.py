"""The bodies of requests: schemas made from the serializers that parse them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from alhena_tracking.api.ingestion import envelopes, fields, serializers
from alhena_tracking.api.ingestion.batches import BatchSerializer
from alhena_tracking.contract import currencies, limits

Schema = dict[str, Any]

_UUID = "[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}"
#: The smallest amount of any currency that is not rounded to zero.
_SMALLEST_VALUE = 10 ** -max(currencies.MINOR_UNITS.values())
_SMALLEST_QUANTITY = 10**-limits.QUANTITY_DECIMALS

_DESCRIPTIONS = {
    "company_key": "The company's public key.",
    "user_fingerprint": "The visitor's id in the chat widget. Null, empty or absent if the other fingerprint is given.",
    "user_faq_fingerprint": "The visitor's id in the FAQ widget. Null, empty or absent if the other one is given.",
    "sent_at": "When this attempt was made, by the sender's clock, so that a wrong clock can be corrected.",
    "source": "Free text, such as SHOPIFY.",
    "event_id": "The event's own id, the same on every retry; an id is never recorded twice.",
    "occurred_at": (
        f"When it happened; now, if absent. A browser's is at most {limits.EVENT_AGE // timedelta(hours=1)} hours ago."
    ),
    "product_id": "The shop's id of the product.",
    "product_name": "The product's name, for people.",
    "conversation_id": "The conversation, for the trace of an order.",
    "ai_profile": "Which of several assistants it was.",
    "recommended_product_ids": f"An array: up to {limits.RECOMMENDED_PRODUCTS} ids of recommended products.",
    "order_id": "The shop's id of the order, which is never recorded twice.",
    "refund_id": "The shop's id of the refund, which is never recorded twice.",
    "tax": "A number: the tax in the order's value.",
    "shipping": "A number: the shipping costs in the order's value.",
    "discount": "A number: the discounts that the order's value is less by.",
    "shop_currency": "With a secret key only: the shop's own currency, where the customer paid in another one.",
    "shop_value": "A number, with a secret key only: the order's value in the shop's own currency.",
    "line_items": "What was bought, all in the order's currency.",
    "updated_at": "A time, with a secret key only: when the shop changed the order. The latest version stands.",
    "cancelled": "A boolean, with a secret key only: true cancels the order, which then counts nowhere.",
    "previous_quantity": "A number: the quantity before the action.",
    "test": "A boolean: true in a browser of the shop's own people, whose events are not recorded.",
    "refused": f"An array: what the tracker refused, without values, at most {limits.REFUSED} calls.",
    "events": f"What happened, in order. At most {limits.BATCH_EVENTS} events without a secret key.",
}
_VALUE_DESCRIPTIONS = {
    "CartEvent": "The price of one, after discounts.",
    "CheckoutEvent": "The order's total, after discounts and taxes.",
    "LineItem": "The line's total: price × quantity.",
    "Refund": "What is given back; all refunds of an order together are at most the order.",
}
_QUANTITY_DESCRIPTION = "The quantity after the action; above zero if {}."
_VALUE_LIMIT = f"At most {limits.VALUE_MINOR} minor units of the currency."

PREFIX = "Alhena"


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{PREFIX}{name}"}


def one_of(*values: str) -> Schema:
    """Return the schema of one of ``values``.

    It is in ``allOf``, because drf-spectacular names every plain enum after its property, and would rename the enums of
    the shop's own ``status`` and ``type`` to make room.
    """
    return {"allOf": [{"type": "string", "enum": list(values)}]}


def variants(key: str, names: Mapping[str, str]) -> Schema:
    """Return the schema of one of several components, by the value of ``key``."""
    mapping = {value: ref(name)["$ref"] for value, name in names.items()}
    return {
        "oneOf": [ref(name) for name in names.values()],
        "discriminator": {"propertyName": key, "mapping": mapping},
    }


def components() -> dict[str, Schema]:
    """Return the schemas of all bodies and of what they share by name."""
    methods = {method: type(serializer) for method, serializer in serializers.METHODS.items()}
    bodies = {_name_of(kind): _body(kind, envelopes.EnvelopeSerializer) for kind in methods.values()}
    for name in ("Interaction", "CartEvent"):  # an order may come without a visitor, from the shop's server
        bodies[name]["anyOf"] = [{"required": ["user_fingerprint"]}, {"required": ["user_faq_fingerprint"]}]
    batched = {
        f"Batched{_name_of(type(serializer))}": _batched(method, type(serializer))
        for method, serializer in serializers.SERVER_METHODS.items()
    }
    schemas = {
        **bodies,
        **batched,
        "LineItem": _body(serializers.LineItemSerializer),
        "Refund": _body(serializers.RefundSerializer),
        "Batch": _body(BatchSerializer),
        "Currency": {
            "type": "string",
            "enum": sorted(currencies.ACTIVE),
            "description": "An active ISO 4217 code of money that people pay with; lower case is taken, too.",
        },
    }
    return {f"{PREFIX}{name}": schema for name, schema in schemas.items()}


def _name_of(serializer: type[envelopes.RuleSerializer]) -> str:
    return serializer.__name__.removesuffix("Serializer")


def _body(serializer: type[envelopes.RuleSerializer], *others: type[envelopes.RuleSerializer]) -> Schema:
    """Return the schema of the object that a serializer and ``others`` parse together."""
    declared = {name: field for kind in (*others, serializer) for name, field in kind().fields.items()}
    required = sorted(name for name, field in declared.items() if field.required)
    properties = {name: _property(name, field, _name_of(serializer)) for name, field in declared.items()}
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _batched(method: str, serializer: type[envelopes.RuleSerializer]) -> Schema:
    """Return the schema of an event of a batch: what is its own, and not only its method's, stands beside its data."""
    data = _body(serializer)
    if issubclass(serializer, serializers.RefundSerializer):
        del data["properties"]["company_key"]
        data["required"].remove("company_key")
        return {
            "type": "object",
            "description": "A refund. With a secret key only.",
            "properties": {
                "method": one_of(method),
                "occurred_at": data["properties"].pop("occurred_at"),
                "data": data,
            },
            "required": ["data", "method"],
        }
    own = {name: data["properties"].pop(name) for name in ("event_id", "occurred_at")}
    visitor = _body(envelopes.VisitorSerializer)["properties"]
    for schema in visitor.values():
        schema["description"] += " With a secret key only. An event that has neither has the batch's."
    return {
        "type": "object",
        "properties": {"method": one_of(method), "data": data, **own, **visitor},
        "required": ["data", "method"],
    }


def _property(name: str, field: Any, owner: str) -> Schema:
    if getattr(field, "is_lenient", False):  # any value is accepted
        return {"description": f"{_DESCRIPTIONS[name]} An invalid value is left out, and the events still recorded."}
    schema = _type_of(field)
    if "$ref" in schema:
        return schema
    description = _DESCRIPTIONS.get(name, "")
    if name == "value":
        description = f"{_VALUE_DESCRIPTIONS[owner]} {_VALUE_LIMIT}"
    if isinstance(field, fields.QuantityField) and field.positive_for:
        description = _QUANTITY_DESCRIPTION.format(" or ".join(sorted(field.positive_for)))
    if description:
        schema["description"] = description
    if not field.required:
        schema["nullable"] = True
    return schema


def _type_of(field: Any) -> Schema:
    match field:
        case fields.TextField():
            # The limits are those of the trimmed text.
            return {"type": "string", "minLength": 1, "maxLength": field.limit}
        case fields.ChoiceField():
            return one_of(*field.choices)
        case fields.CurrencyField():
            return ref("Currency")
        case fields.ValueField():
            return {
                "type": "number",
                "minimum": _SMALLEST_VALUE if field.is_positive else 0,
                "maximum": limits.VALUE_MINOR,
            }
        case fields.QuantityField():
            return {
                "type": "number",
                "minimum": 0 if field.positive_for else _SMALLEST_QUANTITY,
                "maximum": limits.QUANTITY,
            }
        case fields.FingerprintField():
            return {"type": "string", "pattern": f"^({_UUID})?$"}
        case fields.EventIdField():
            return {"type": "string", "format": "uuid", "pattern": f"^{_UUID}$"}
        case fields.TimestampField():
            return {"type": "string", "format": "date-time"}
    if field.field_name == "line_items":
        return {"type": "array", "maxItems": limits.LINE_ITEMS, "items": ref("LineItem")}
    if field.field_name == "events":
        names = {method: f"Batched{_name_of(type(kind))}" for method, kind in serializers.SERVER_METHODS.items()}
        return {"type": "array", "maxItems": limits.SERVER_BATCH_EVENTS, "items": variants("method", names)}
    raise TypeError(f"{field!r} has no schema")

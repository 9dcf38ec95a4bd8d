"""The endpoints of staff's JSON, as OpenAPI's operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from alhena_tracking.api.schema import staff_examples
from alhena_tracking.api.schema.bodies import Schema, one_of, ref
from alhena_tracking.api.staff import documents, errors, pages, views
from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.models import AttributionModel, CartEvent, Interaction, Trust, ValueBasis
from alhena_tracking.reports.forms import MOST_DAYS, Comparison, Preset

TOKEN_SCHEME = "alhenaToken"  # noqa: S105
SESSION_SCHEME = "alhenaSession"

_TEXT: Schema = {"type": "string"}
_URL: Schema = {"type": "string", "format": "uri"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MINOR: Schema = {"type": "integer", "description": "In minor units of the currency."}
_DAY: Schema = {"type": "string", "format": "date", "description": "A day in the company's time zone."}
_MOMENT: Schema = {"type": "string", "format": "date-time", "description": "In UTC."}
_DECIMAL: Schema = {
    "type": "string",
    "pattern": rf"^-?[0-9]+\.[0-9]{{{documents.DECIMALS}}}$",
    "nullable": True,
    "description": "Rounded; null where there is nothing to divide by. Averages are in minor units.",
}
_QUANTITY: Schema = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{3}$"}
_TRUTH: Schema = {"type": "boolean"}
_CURRENCY: Schema = {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217."}
_DECIMALS: Schema = {"type": "integer", "minimum": 0, "maximum": max(MINOR_UNITS.values())}
_CHANNEL = one_of(*Interaction.Kind.values)

_PARAMETERS: dict[str, tuple[str, Schema]] = {
    "company": ("The key of a company. Without it: the report's first one, or the rows of all.", _TEXT),
    "currency": ("An ISO 4217 code. Without it: the busiest of the report, or the rows of all.", _CURRENCY),
    "channel": ("What was credited: a chat, a product FAQ or a nudge.", _CHANNEL),
    "profile": ("The AI profile.", _TEXT),
    "trust": ("Whose word it is.", one_of(*Trust.values)),
    "compare": ("With what the report is compared (default: previous).", one_of(*Comparison.values)),
    "range": (
        "Days that move along with today, by the company's clock (default: last_30_days).",
        one_of(*Preset.values),
    ),
    "start": (f"The first day, included. A report needs `end`, too, and spans at most {MOST_DAYS} days.", _DAY),
    "end": ("The last day, included.", _DAY),
    "order_id": ("The shop's id of the order.", _TEXT),
    "has_conflict": ("Whether reports of the order disagree.", one_of("true", "false")),
    "is_excluded": ("Whether staff have excluded the order.", one_of("true", "false")),
    "is_counted": ("Whether the report counts the order.", one_of("true", "false")),
    "type": ("What happened to the cart.", one_of(*CartEvent.Type.values)),
    "product_id": ("The shop's id of the product.", _TEXT),
    "has_order": ("Whether the session has an order that the report counts.", one_of("true", "false")),
    "page_size": (
        f"How many rows a page has (default: {pages.PAGE_SIZE}).",
        {"type": "integer", "minimum": 1, "maximum": pages.MOST_ROWS},
    ),
    "cursor": ("Where the page begins, as `next` of the page before says it.", _TEXT),
}


def parameters_of(view: type[views.StaffView]) -> list[Schema]:
    return [
        {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
        for name in view.parameters
        for text, schema in [_PARAMETERS[name]]
    ]


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _null(schema: Schema) -> Schema:
    return {**schema, "nullable": True}


def _any_of(*values: str) -> Schema:
    return {"allOf": [{"type": "string", "enum": [*values, ""]}]}


_EVENT: dict[str, Schema] = {
    "id": {"type": "string", "format": "uuid"},
    "company": _TEXT,
    "session": {"type": "integer", "description": "The `id` of its session."},
    "occurred_at": _MOMENT,
    "occurred_on": _DAY,
    "received_at": _MOMENT,
    "trust": one_of(*Trust.values),
    "source": _TEXT,
    "currency": _CURRENCY,
    "currency_decimals": _DECIMALS,
    "value_minor": _MINOR,
    "channel": _CHANNEL,
    "ai_profile": _TEXT,
    "credited_interaction": ref("StaffInteraction"),
    "attribution_window": {"type": "integer", "description": "In seconds."},
    "attribution_model": one_of(*AttributionModel.values),
}
_FIGURES: dict[str, Schema] = {
    **dict.fromkeys(documents.SUMS, _MINOR),
    **dict.fromkeys(documents.COUNTS, _COUNT),
    **dict.fromkeys(documents.RATIOS, _DECIMAL),
}
_DAY_FIGURES = {name: _MINOR if name.endswith("_minor") else _COUNT for name in documents.DAY_SUMS}


def components() -> dict[str, Schema]:
    """The schemas of all answers, by name."""
    schemas: dict[str, Schema] = {
        "StaffInteraction": _object(
            {"id": _EVENT["id"], "kind": _CHANNEL, "product_id": _TEXT, "occurred_at": _MOMENT}
        ),
        "StaffOrder": _object(
            {
                **_EVENT,
                "order_id": _TEXT,
                "refunded_minor": _MINOR,
                "net_minor": _MINOR,
                "refunds": _list(
                    _object({"refund_id": _TEXT, "occurred_at": _MOMENT, "occurred_on": _DAY, "value_minor": _MINOR})
                ),
                "line_items": _list(
                    _object({"product_id": _TEXT, "product_name": _TEXT, "quantity": _QUANTITY, "total_minor": _MINOR})
                ),
                "has_conflict": _TRUTH,
                "is_excluded": _TRUTH,
                "exclusion_reason": _TEXT,
                "is_counted": _TRUTH,
            }
        ),
        "StaffCartEvent": _object(
            {
                **_EVENT,
                "type": one_of(*CartEvent.Type.values),
                "product_id": _TEXT,
                "product_name": _TEXT,
                "quantity": _QUANTITY,
                "value_basis": one_of(*ValueBasis.values),
                "units": _QUANTITY,
                "gmv_minor": _MINOR,
            }
        ),
        "StaffSession": _object(
            {
                "id": {"type": "integer"},
                "company": _TEXT,
                "started_at": _MOMENT,
                "started_on": _DAY,
                "last_interaction_at": _MOMENT,
                "qualified_at": _null(_MOMENT),
                "channel": _any_of(*Interaction.Kind.values),
                "ai_profile": _TEXT,
                "has_order": _TRUTH,
            }
        ),
        "StaffFigures": _object(_FIGURES),
        "StaffReport": _object(
            {
                "company": _TEXT,
                "time_zone": _TEXT,
                "start": _DAY,
                "end": _DAY,
                "previous_start": _null(_DAY),
                "previous_end": _null(_DAY),
                "channel": _any_of(*Interaction.Kind.values),
                "profile": _TEXT,
                "trust": _any_of(*Trust.values),
                "currency": {**_CURRENCY, "pattern": "^([A-Z]{3})?$"},
                "currency_decimals": _DECIMALS,
                "current": ref("StaffFigures"),
                "previous": _null({"type": "object", **_object(_FIGURES)}),
                "changes": _object(dict.fromkeys(documents.CHANGES, _DECIMAL)),
                "channels": _list(_object({"channel": _any_of(*Interaction.Kind.values), **_FIGURES})),
                "days": _list(_object({"day": _DAY, "channel": _any_of(*Interaction.Kind.values), **_DAY_FIGURES})),
                "products": _list(
                    _object(
                        {
                            "product_id": _TEXT,
                            "product_name": _TEXT,
                            "add_to_cart_minor": _MINOR,
                            "units_added": _QUANTITY,
                            "purchase_minor": _MINOR,
                            "units_purchased": _QUANTITY,
                        }
                    )
                ),
                "other_currencies": _list(
                    _object(
                        {
                            "currency": _CURRENCY,
                            "currency_decimals": _DECIMALS,
                            "add_to_cart_minor": _MINOR,
                            "cart_events": _COUNT,
                            "purchase_minor": _MINOR,
                            "orders": _COUNT,
                        }
                    )
                ),
            }
        ),
        **{
            f"Staff{row}s": _object({"next": _null(_URL), "results": _list(ref(f"Staff{row}"))})
            for row in ("Order", "CartEvent", "Session")
        },
        **{
            f"Staff{component}": _object(
                {
                    "status": one_of(errors.WORDS[status]),
                    "errors": {
                        "type": "array",
                        "minItems": 1,
                        "items": _object(
                            {"field": _TEXT, "code": _TEXT, "message": {"type": "string", "minLength": 1}}
                        ),
                    },
                }
            )
            for status, component in _REFUSED.items()
        },
    }
    return {ref(name)["$ref"].rpartition("/")[2]: schema for name, schema in schemas.items()}


_REFUSED = {
    400: "Invalid",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    503: "Unavailable",
}
_REFUSALS: dict[int, tuple[str, errors.Error]] = {
    400: (
        "A parameter is unknown, given twice, or has a wrong value: all that is wrong.",
        ("channel", "invalid_choice", "“SMS” is not a channel."),
    ),
    401: (
        "Nobody is logged in, and there is no token, or a wrong one.",
        ("", "not_authenticated", "Authentication credentials were not provided."),
    ),
    403: (
        "The user is not staff, or lacks the right.",
        ("", "permission_denied", "You do not have permission to perform this action."),
    ),
    404: ("There is no company that the user may see.", ("", "not_found", "There is nothing here that you may see.")),
    405: ("Any method but GET, HEAD and OPTIONS.", ("", "method_not_allowed", 'Method "POST" not allowed.')),
    503: (
        "The database cannot answer now.",
        ("", "unavailable", "The database cannot answer now. Please ask again."),
    ),
}


def refusal(status: int) -> dict[str, Any]:
    """An example of an answer that tells what is wrong."""
    field, code, message = _REFUSALS[status][1]
    return {"status": errors.WORDS[status], "errors": [{"field": field, "code": code, "message": message}]}


def security_definitions() -> dict[str, Schema]:
    return {
        TOKEN_SCHEME: {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, of REST framework's authtoken, where the project has installed it.",
        },
        SESSION_SCHEME: {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of staff who are logged in.",
        },
    }


@dataclass(frozen=True)
class StaffOperation:
    name: str
    summary: str
    description: str
    answer: str
    example: dict[str, Any]
    refused: tuple[int, ...] = (400, 401, 403, 405, 503)

    def document(self, view: type[views.StaffView]) -> Schema:
        """As OpenAPI calls it."""
        responses = {200: _response("The answer.", self.answer, self.example)}
        for status in self.refused:
            responses[status] = _response(_REFUSALS[status][0], f"Staff{_REFUSED[status]}", refusal(status))
        return {
            "operationId": self.name,
            "summary": self.summary,
            "description": f"{self.description} For staff with the right `{view.right}`.",
            "tags": ["alhena"],
            "parameters": parameters_of(view),
            "security": [{TOKEN_SCHEME: []}, {SESSION_SCHEME: []}],
            "responses": {str(status): response for status, response in sorted(responses.items())},
        }


def _response(description: str, component: str, example: dict[str, Any]) -> Schema:
    content = {"schema": ref(component), "examples": {"example": {"value": example}}}
    return {"description": description, "content": {"application/json": content}}


def _page(example: dict[str, Any]) -> dict[str, Any]:
    return documents.list_document([example], None)


#: The operation of each view.
STAFF_OPERATIONS: dict[type[views.StaffView], StaffOperation] = {
    views.RevenueImpactView: StaffOperation(
        name="alhenaRevenueImpact",
        summary="The figures of Revenue impact",
        description="The numbers of the report's page, asked by the same parameters.",
        answer="StaffReport",
        example=staff_examples.REPORT,
        refused=tuple(_REFUSALS),
    ),
    views.OrdersView: StaffOperation(
        name="alhenaOrders",
        summary="Orders, the latest first",
        description="With `is_counted=true`, those that the report counts.",
        answer="StaffOrders",
        example=_page(staff_examples.ORDER),
    ),
    views.CartEventsView: StaffOperation(
        name="alhenaCartEvents",
        summary="Changes of carts, the latest first",
        description="What each is worth in its cart is `gmv_minor`.",
        answer="StaffCartEvents",
        example=_page(staff_examples.CART_EVENT),
    ),
    views.SessionsView: StaffOperation(
        name="alhenaSessions",
        summary="Visitors' sessions, the latest first",
        description="Those in which the assistant was used.",
        answer="StaffSessions",
        example=_page(staff_examples.SESSION),
    ),
}

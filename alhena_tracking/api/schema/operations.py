"""The OpenAPI operations of the ingestion endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alhena_tracking.api.ingestion import views
from alhena_tracking.api.schema import answers, bodies
from alhena_tracking.api.schema.answers import Answer, Answers
from alhena_tracking.api.schema.bodies import Schema

#: The name of the scheme of the company's secret keys.
SECURITY_SCHEME = "alhenaSecretKey"
SECURITY_DEFINITION: Schema = {
    "type": "http",
    "scheme": "bearer",
    "description": "A secret key of the company, for the shop's server. Never put one into a page.",
}

_COMPANY = {"company_key": "acme"}
_VISITOR = {
    "user_fingerprint": "7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11",
    "user_faq_fingerprint": "0d4f7a52-93e1-4f0e-8a0b-5f6f4c1f2a77",
}
_IDENTITY = {**_COMPANY, **_VISITOR}
_TIMES = {"occurred_at": "2026-01-31T12:00:00Z", "sent_at": "2026-01-31T12:00:02Z"}
_EVENT_ID = {"event_id": answers.RECORDED.example["id"]}
_CART_EVENT = {
    "type": "ITEM_ADDED",
    "product_id": "SKU-1",
    "product_name": "Gooseneck kettle",
    "value": 89,
    "currency": "USD",
    "quantity": 2,
    "source": "SHOPIFY",
}
_ORDER = {"order_id": "1001", "value": 178.0, "currency": "USD"}
_LINE_ITEMS = [
    {
        "product_id": "SKU-1",
        "product_name": "Gooseneck kettle",
        "quantity": 2,
        "value": 178.0,
        "currency": "USD",
    }
]


@dataclass(frozen=True)
class Operation:
    """The description of an endpoint that its view does not give."""

    name: str
    summary: str
    description: str
    body: str
    examples: dict[str, dict[str, Any]]
    taken: dict[int, tuple[Answer, ...]]
    needs_key: bool = False

    def document(self, body_bytes: int) -> Schema:
        """Return the OpenAPI operation."""
        taken = {code: Answers(_TAKEN[code], those) for code, those in self.taken.items()}
        responses = taken | answers.rejections(body_bytes, needs_key=self.needs_key)
        content = {
            "schema": bodies.ref(self.body),
            "examples": {name: {"value": value} for name, value in self.examples.items()},
        }
        key: list[Schema] = [{SECURITY_SCHEME: []}]
        return {
            "operationId": self.name,
            "summary": self.summary,
            "description": f"{self.description} At most {body_bytes // 1024} KiB of JSON, under either media type.",
            "tags": ["alhena"],
            "requestBody": {"required": True, "content": dict.fromkeys(views.IngestionView.media_types, content)},
            "security": key if self.needs_key else [*key, {}],
            "responses": {str(code): responses[code].response() for code in sorted(responses)},
        }


_TAKEN = {
    200: "Nothing new was recorded, or an order that is known was confirmed.",
    201: "Recorded and committed.",
    202: "Confirmed before it was reported: it waits for a report of the same order.",
}

#: The operation of each view.
OPERATIONS: dict[type[views.IngestionView], Operation] = {
    views.InteractionView: Operation(
        name="alhenaSendInteraction",
        summary="Report a use of the assistant",
        description="Events of the same visitor are credited to it within the attribution window.",
        body="Interaction",
        examples={"faq": {**_IDENTITY, "type": "FAQ", "product_id": "SKU-1", **_EVENT_ID, **_TIMES}},
        taken={201: (answers.RECORDED,), 200: (answers.DUPLICATE, *answers.INTERACTION_IGNORED)},
    ),
    views.CartEventView: Operation(
        name="alhenaSendCartEvent",
        summary="Report a change of a cart",
        description="The quantity is what is left in the cart after the action.",
        body="CartEvent",
        examples={
            "alhena": {**_IDENTITY, **_CART_EVENT},
            "retried": {**_IDENTITY, **_CART_EVENT, **_EVENT_ID, **_TIMES},
        },
        taken={201: (answers.RECORDED,), 200: (answers.DUPLICATE, *answers.EVENT_IGNORED)},
    ),
    views.CheckoutEventView: Operation(
        name="alhenaSendCheckoutEvent",
        summary="Report or confirm an order",
        description=(
            "One order id is recorded once. With a secret key it is confirmed, and if it has an id, it may come "
            "without a fingerprint."
        ),
        body="CheckoutEvent",
        examples={
            "reported": {**_IDENTITY, **_ORDER, "line_items": _LINE_ITEMS, **_EVENT_ID, **_TIMES},
            "confirmed": {**_IDENTITY, **_ORDER, "source": "webshop"},
        },
        taken={
            201: (answers.RECORDED,),
            200: (answers.DUPLICATE, answers.CONFIRMED, answers.CORRECTED, *answers.EVENT_IGNORED),
            202: (answers.PENDING, answers.HELD),
        },
    ),
    views.BatchView: Operation(
        name="alhenaSendBatch",
        summary="Report several events",
        description=(
            "They are taken in order, in one transaction; one that is invalid does not harm the others. With a secret "
            "key each event may name its own visitor."
        ),
        body="Batch",
        examples={
            "visit": {
                **_IDENTITY,
                "sent_at": _TIMES["sent_at"],
                "events": [
                    {"method": "sendInteraction", "data": {"type": "CHAT"}},
                    {
                        "method": "sendCartEvent",
                        "data": _CART_EVENT,
                        **_EVENT_ID,
                        "occurred_at": _TIMES["occurred_at"],
                    },
                    {"method": "sendCheckoutEvent", "data": {**_ORDER, "line_items": _LINE_ITEMS}},
                ],
            },
            "server": {
                **_COMPANY,
                "events": [
                    {"method": "sendCheckoutEvent", "data": _ORDER, **_VISITOR},
                    {"method": "sendCheckoutEvent", "data": {**_ORDER, "order_id": "1002"}},
                ],
            },
        },
        taken={200: (answers.RESULTS,)},
    ),
    views.RefundView: Operation(
        name="alhenaSendRefund",
        summary="Report a refund of an order",
        description="From the shop's server only.",
        body="Refund",
        examples={"partial": {**_COMPANY, "order_id": "1001", "refund_id": "r-7", "value": 19.9, "currency": "USD"}},
        taken={201: (answers.RECORDED,), 200: (answers.DUPLICATE, *answers.REFUND_IGNORED)},
        needs_key=True,
    ),
}


def components() -> dict[str, Schema]:
    """Return the schemas that the operations refer to by name."""
    return bodies.components() | answers.components()

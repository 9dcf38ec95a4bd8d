"""``docs/http-api.md`` against the code: its examples are sent, and its tables compared."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from alhena_tracking.api.ingestion import envelopes, serializers
from alhena_tracking.api.ingestion.batches import BatchSerializer
from alhena_tracking.api.schema import answers, bodies
from alhena_tracking.api.schema.operations import OPERATIONS
from alhena_tracking.contract import limits
from alhena_tracking.models import Company, SecretKey
from tests.support.documented_pages import Message, tables
from tests.support.published_schema import PREFIX, answer_validator

pytestmark = pytest.mark.any_database

PAGE = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text()
SECRET_KEY = "alhena_sk_…"
LIMITS = {
    "characters of a string": limits.TEXT_LENGTH,
    "characters of `product_name`": limits.PRODUCT_NAME_LENGTH,
    "`value`, in minor units": limits.VALUE_MINOR,
    "`value` × `quantity`, in minor units": limits.TOTAL_MINOR,
    "`quantity`": limits.QUANTITY,
    "decimals of `quantity` that are kept": limits.QUANTITY_DECIMALS,
    "`line_items`": limits.LINE_ITEMS,
    "`recommended_product_ids`": limits.RECOMMENDED_PRODUCTS,
    "events of a batch": limits.BATCH_EVENTS,
    "events of a batch with a secret key": limits.SERVER_BATCH_EVENTS,
    "bytes of a request": limits.BODY_BYTES,
    "bytes of a batch": limits.BATCH_BODY_BYTES,
    "errors in one answer, or a few more": limits.ERRORS,
}


def messages() -> list[Message]:
    return [Message.parse(*block) for block in re.findall(r"```(\w+)\n(.*?)\n```", PAGE, re.DOTALL)]


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def fields(table: list[list[str]]) -> dict[str, bool]:
    """The fields of a table, and whether they are required."""
    return {name.strip("`"): required == "yes" for name, _, required, _ in table}


@pytest.mark.django_db
def test_page_when_its_requests_are_sent_shows_what_is_answered(company: Company) -> None:
    company.allowed_origins = "https://www.shop.example"
    company.save()
    key = SecretKey(company=company, name="server").issue()
    client = Client(raise_request_exception=False)
    request, pairs = None, 0
    for message in messages():
        if not message.is_answer:
            assert request is None, "a request without an answer"
            request = message
            continue
        status = int(message.start.split()[1])
        if request is None:
            validator = answer_validator("cart_events", status)
            assert validator is not None
            validator.validate(json.loads(message.body))
            continue
        method, path = request.start.split()
        assert path.startswith(PREFIX)
        headers = {name: value.replace(SECRET_KEY, key) for name, value in request.headers.items()}
        content_type = headers.pop("Content-Type", "application/octet-stream")
        response = client.generic(method, path, request.body, content_type, headers=headers)
        assert response.status_code == status, response.content
        assert {name: response[name] for name in message.headers} == message.headers
        found, shown = response.content, message.body
        if shown:
            answer, expected = json.loads(found), json.loads(shown)
            pairs_of_results = zip(answer.get("results", [answer]), expected.get("results", [expected]), strict=True)
            for result, shown_result in pairs_of_results:
                result |= {"id": "…"} if shown_result.get("id") == "…" else {}
            assert answer == expected
        else:
            assert not found
        request, pairs = None, pairs + 1
    assert pairs == 16


@pytest.mark.parametrize(
    ("title", "number", "serializer"),
    [
        ("What every event has", 0, serializers.EventSerializer),
        ("Interactions", 0, serializers.InteractionSerializer),
        ("Cart events", 0, serializers.CartEventSerializer),
        ("Orders", 0, serializers.CheckoutEventSerializer),
        ("Orders", 1, serializers.LineItemSerializer),
        ("Refunds", 0, serializers.RefundSerializer),
        ("Batches", 0, BatchSerializer),
    ],
)
def test_fields_when_listed_are_those_that_are_read(
    title: str, number: int, serializer: type[envelopes.RuleSerializer]
) -> None:
    expected = {name: bool(field.required) for name, field in serializer().fields.items()}
    common = {name: bool(field.required) for name, field in serializers.EventSerializer().fields.items()}
    if serializer is serializers.EventSerializer:
        expected |= {name: bool(field.required) for name, field in envelopes.EnvelopeSerializer().fields.items()}
    elif issubclass(serializer, serializers.EventSerializer):
        expected = {name: required for name, required in expected.items() if name not in common}
    assert fields(tables(section(title))[number]) == expected


def test_event_of_a_batch_when_described_has_what_the_schema_has() -> None:
    described = fields(tables(section("Batches"))[1])
    for name in ("Interaction", "CartEvent", "CheckoutEvent"):
        schema = bodies.components()[f"AlhenaBatched{name}"]
        assert described == {name: name in schema["required"] for name in schema["properties"]}


def test_limits_when_listed_are_those_of_the_code() -> None:
    found = {name: int(number) for name, number in tables(section("What every event has"))[1]}
    assert found == LIMITS
    for title, duration in (("What every event has", limits.EVENT_AGE), ("Trust", limits.PENDING_AGE)):
        assert f"{duration // timedelta(hours=1)} hours" in section(title)
    assert f"{limits.CLOCK_TOLERANCE // timedelta(seconds=1)} seconds" in section("What every event has")
    assert f"{limits.EQUAL_ORDER_INTERVAL // timedelta(minutes=1)} minutes" in section("Orders")


def test_answers_when_listed_are_those_of_the_schema() -> None:
    operations = [operation.document(view.body_bytes) for view, operation in OPERATIONS.items()]
    statuses, reasons, codes = tables(section("Answers"))
    words = {
        (code, example["value"].get("status"))
        for operation in operations
        for code, response in operation["responses"].items()
        for example in response["content"]["application/json"]["examples"].values()
    }
    assert {(code, word.strip("`")) for code, word, _, _ in statuses} == words - {("200", None)}
    assert {reason.strip("`") for reason, _ in reasons} == set(answers.REASONS)
    expected = {("400", code) for code in answers.INVALID_CODES}
    for code, components in answers.components().items():
        errors = components["properties"].get("errors")
        if errors and code != "AlhenaInvalid":
            status = next(
                status
                for operation in operations
                for status, response in operation["responses"].items()
                if response["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{code}"}
            )
            (choice,) = errors["items"]["properties"]["code"]["allOf"]
            expected |= {(status, name) for name in choice["enum"]}
    assert {(status, code.strip("`")) for status, code, _ in codes} == expected

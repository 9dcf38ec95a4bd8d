"""The OpenAPI schema: valid, complete, and true of what the views do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import models
from django.urls import include, path
from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import patched_settings
from rest_framework import serializers
from rest_framework.generics import CreateAPIView

from alhena_tracking.api.urls import urlpatterns
from alhena_tracking.contract import currencies, limits
from alhena_tracking.models import Company, SecretKey
from tests.support.api_calls import IDENTITY, post
from tests.support.contract import load_examples, wire
from tests.support.published_schema import (
    PREFIX,
    STAFF_PREFIX,
    answer_validator,
    operation,
    published_schema,
    request_validator,
)

PATHS = ["interactions", "cart_events", "checkout_events", "batch", "refunds"]
PATH_OF_METHOD = {
    "sendInteraction": "interactions",
    "sendCartEvent": "cart_events",
    "sendCheckoutEvent": "checkout_events",
}
STAFF_PATHS = ["revenue-impact", "orders", "cart-events", "sessions"]
MEDIA_TYPES = ["application/json", "text/plain"]
EVERYWHERE = {"400", "401", "403", "405", "413", "415", "429", "503"}

REQUESTS = [
    pytest.param(path, media_type, example["value"], id=f"{path}-{media_type}-{name}")
    for path in PATHS
    for media_type in MEDIA_TYPES
    for name, example in operation(path)["requestBody"]["content"][media_type]["examples"].items()
]
ANSWERS = [
    pytest.param(path, status, example["value"], id=f"{path}-{status}-{name}")
    for path in PATHS
    for status, response in operation(path)["responses"].items()
    for name, example in response["content"]["application/json"]["examples"].items()
]

#: Rules that OpenAPI has no words for: several fields together, minor units, what trimming leaves, characters.
UNWRITTEN = {"blank", "currency_mismatch", "invalid_characters", "not_finite", "not_positive", "too_large"}
EXAMPLES = [
    example
    for example in load_examples()
    if not example["errors"] or not {error["code"] for error in example["errors"]} <= UNWRITTEN
]


def as_stored(value: Any, name: str = "") -> Any:
    """A body without what the contract forgives: white space around, lower case, noise of floats."""
    if isinstance(value, dict):
        return {key: as_stored(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [as_stored(item) for item in value]
    if isinstance(value, str) and name != "type":
        text = value.strip(limits.WHITE_SPACE)
        return text.upper() if name == "currency" else text
    if isinstance(value, float) and value > -0.5:
        return max(0, round(value, 3 if value < limits.QUANTITY else 0))
    return value


def component(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = published_schema()["components"]["schemas"][f"Alhena{name}"]
    return schema


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_schema_when_generated_is_valid_and_warns_of_nothing(tmp_path: Path, version: str) -> None:
    file = tmp_path / "schema.json"
    with patched_settings({"OAS_VERSION": version}):
        call_command("spectacular", "--validate", "--fail-on-warn", format="openapi-json", file=str(file))
    schema = json.loads(file.read_text())
    assert ("nullable" in file.read_text()) == (version == "3.0.3")
    assert schema["openapi"] == version
    assert schema["paths"].keys() == {PREFIX + path for path in PATHS} | {STAFF_PREFIX + path for path in STAFF_PATHS}


def test_schema_when_compared_with_the_urls_has_all_of_them() -> None:
    assert {str(pattern.pattern) for pattern in urlpatterns} == {
        *(f"analytics/{path}" for path in [*PATHS, "events"]),  # the former name of a batch, which is not documented
        *(f"api/{path}" for path in STAFF_PATHS),
    }


def test_schema_when_published_has_only_names_of_ours() -> None:
    names = [name for group in published_schema()["components"].values() for name in group]
    assert {name[:6].lower() for name in names} == {"alhena"}
    assert {operation(path)["operationId"][:6] for path in PATHS} == {"alhena"}


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("interactions", {"200", "201"}),
        ("cart_events", {"200", "201"}),
        ("checkout_events", {"200", "201", "202"}),
        ("batch", {"200"}),
        ("refunds", {"200", "201"}),
    ],
)
def test_operation_when_published_is_complete(path: str, taken: set[str]) -> None:
    described = operation(path)
    assert described["responses"].keys() == EVERYWHERE | taken
    assert list(described["requestBody"]["content"]) == MEDIA_TYPES
    key: list[dict[str, Any]] = [{"alhenaSecretKey": []}]
    assert described["security"] == (key if path == "refunds" else [*key, {}])
    for status in ("429", "503"):
        assert list(described["responses"][status]["headers"]) == ["Retry-After"]
    size = limits.BATCH_BODY_BYTES if path == "batch" else limits.BODY_BYTES
    assert f"{size // 1024} KiB" in described["description"]
    assert f"{size // 1024} KiB" in described["responses"]["413"]["description"]


@pytest.mark.parametrize(("path", "media_type", "body"), REQUESTS)
@pytest.mark.django_db
def test_request_when_it_is_an_example_is_taken(company: Company, path: str, media_type: str, body: Any) -> None:
    request_validator(path).validate(body)
    assert post("interactions", {**IDENTITY, "type": "CHAT"})[0] == 201
    headers = {}
    if path == "refunds":
        assert post("checkout_events", {**IDENTITY, "order_id": "1001", "value": 50, "currency": "USD"})[0] == 201
    if "user_fingerprint" not in body:
        headers["Authorization"] = f"Bearer {SecretKey(company=company, name='server').issue()}"
    status, answer = post(path, body, media_type, **headers)
    validator = answer_validator(path, status)
    assert validator is not None
    validator.validate(answer)
    named = [path == "refunds" or "user_fingerprint" in {**body, **event} for event in body.get("events", [body])]
    assert [result["status"] for result in answer.get("results", [answer])] == [
        "recorded" if is_named else "pending" for is_named in named
    ]


@pytest.mark.parametrize(("path", "status", "answer"), ANSWERS)
def test_answer_when_it_is_an_example_matches_its_schema_only(path: str, status: str, answer: Any) -> None:
    validator = answer_validator(path, int(status))
    assert validator is not None
    validator.validate(answer)
    assert not validator.is_valid({**answer, "extra": 1})
    assert not validator.is_valid({})
    for name in answer:
        assert not validator.is_valid({**answer, name: "other"})


def test_limits_when_published_are_those_of_the_contract() -> None:
    cart = component("CartEvent")["properties"]
    assert cart["company_key"]["maxLength"] == cart["product_id"]["maxLength"] == limits.TEXT_LENGTH
    assert cart["product_name"]["maxLength"] == limits.PRODUCT_NAME_LENGTH
    assert (cart["value"]["minimum"], cart["value"]["maximum"]) == (0, limits.VALUE_MINOR)
    assert (cart["quantity"]["minimum"], cart["quantity"]["maximum"]) == (0, limits.QUANTITY)
    assert component("LineItem")["properties"]["quantity"]["minimum"] == 10**-limits.QUANTITY_DECIMALS
    assert component("CheckoutEvent")["properties"]["line_items"]["maxItems"] == limits.LINE_ITEMS
    assert component("Batch")["properties"]["events"]["maxItems"] == limits.SERVER_BATCH_EVENTS
    assert set(component("Currency")["enum"]) == currencies.ACTIVE


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_contract_when_compared_with_the_schema_agrees(example: dict[str, Any]) -> None:
    data = wire(example["data"]) if example["errors"] else as_stored(wire(example["data"]))
    body = {**data, **IDENTITY} if isinstance(data, dict) else data
    is_valid = request_validator(PATH_OF_METHOD[example["method"]]).is_valid(body)
    assert is_valid == (not example["errors"])


def test_package_when_drf_spectacular_is_absent_works_without() -> None:
    program = """
import sys
sys.modules["drf_spectacular"] = None
import django
django.setup()
from alhena_tracking import urls
from alhena_tracking.api.ingestion import serializers
from alhena_tracking.api.ingestion import views
assert len(urls.urlpatterns) == 11
assert not [name for name in sys.modules if name.startswith(("alhena_tracking.api.schema", "jsonschema"))]
"""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=True,
        env={"DJANGO_SETTINGS_MODULE": "example_project.settings", "PYTHONPATH": "."},
        cwd=Path(__file__).parents[2],
    )


# A shop's own schema


class Trust(models.TextChoices):
    HIGH = "high"
    LOW = "low"


class OrderSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=["SALE", "RETURN"])
    status = serializers.ChoiceField(choices=["open", "paid"])
    channel = serializers.ChoiceField(choices=["web", "store"], allow_blank=True)
    trust = serializers.ChoiceField(choices=Trust.choices)
    kind = serializers.ChoiceField(choices=[("CHAT", "Cat")])


class OrderView(CreateAPIView[Any]):
    schema = AutoSchema()
    serializer_class = OrderSerializer


def shop_schema(*, includes_ours: bool) -> dict[str, Any]:
    patterns: list[Any] = [path("orders", OrderView.as_view())]
    if includes_ours:
        patterns.append(path("alhena/", include("alhena_tracking.urls")))
    schema: dict[str, Any] = SchemaGenerator(patterns=patterns).get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema


def test_schema_when_the_shop_uses_our_names_keeps_its_own() -> None:
    alone, together = shop_schema(includes_ours=False), shop_schema(includes_ours=True)
    names = {"Order", "TypeEnum", "StatusEnum", "ChannelEnum", "TrustEnum", "KindEnum", "BlankEnum"}
    assert alone["components"]["schemas"].keys() == names
    schemas = together["components"]["schemas"]
    assert {name: schemas[name] for name in names} == alone["components"]["schemas"]
    assert all(name.startswith("Alhena") for name in schemas.keys() - names)
    assert together["paths"]["/orders"] == alone["paths"]["/orders"]


@pytest.mark.parametrize(
    "shop_settings",
    [
        {"COMPONENT_SPLIT_REQUEST": True},
        {"COMPONENT_NO_READ_ONLY_REQUIRED": True},
        {"POSTPROCESSING_HOOKS": []},
        {"ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False},
    ],
)
def test_components_when_the_shop_has_other_settings_are_the_same(shop_settings: dict[str, Any]) -> None:
    expected = published_schema()["components"]
    with patched_settings(shop_settings):
        assert shop_schema(includes_ours=True)["components"]["schemas"].items() >= expected["schemas"].items()


def test_schema_when_german_is_active_is_english() -> None:
    with override("de"):
        schema = shop_schema(includes_ours=True)
    assert schema["components"]["schemas"].items() >= published_schema()["components"]["schemas"].items()
    assert all(schema["paths"][path] == item for path, item in published_schema()["paths"].items())

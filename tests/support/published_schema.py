"""The OpenAPI schema as published with drf-spectacular, and validators of its requests and answers."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.protocols import Validator

PREFIX = "/alhena/analytics/"
STAFF_PREFIX = "/alhena/api/"


@cache
def published_schema() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema


def staff_operation(path: str) -> dict[str, Any]:
    found: dict[str, Any] = published_schema()["paths"][STAFF_PREFIX + path]["get"]
    return found


@cache
def staff_validator(path: str, status: int) -> Validator:
    """The validator of an answer to staff."""
    return _validator(staff_operation(path)["responses"][str(status)]["content"]["application/json"]["schema"])


def operation(path: str) -> dict[str, Any]:
    found: dict[str, Any] = published_schema()["paths"][PREFIX + path]["post"]
    return found


@cache
def answer_validator(path: str, status: int) -> Validator | None:
    """The validator of an answer; ``None`` if the schema lacks the status."""
    response = operation(path)["responses"].get(str(status))
    return response and _validator(response["content"]["application/json"]["schema"])


@cache
def request_validator(path: str) -> Validator:
    return _validator(operation(path)["requestBody"]["content"]["application/json"]["schema"])


def _validator(schema: dict[str, Any]) -> Validator:
    components = _as_json_schema(published_schema()["components"])
    # References point into the whole document.
    return Draft202012Validator({**schema, "components": components}, format_checker=FormatChecker(["uuid"]))


def _as_json_schema(schema: Any) -> Any:
    """Convert OpenAPI 3.0's ``nullable`` to JSON Schema's type."""
    if isinstance(schema, list):
        return [_as_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: _as_json_schema(value) for key, value in schema.items()}
    return {"anyOf": [schema, {"type": "null"}]} if schema.pop("nullable", False) else schema

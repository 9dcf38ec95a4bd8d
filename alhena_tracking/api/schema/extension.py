"""Puts the endpoints into the schema that drf-spectacular makes of a shop's API. Importing it is all it takes.

Every name that it adds begins with ``Alhena``, and every enum stands where drf-spectacular does not name it, so that
the shop's own components keep their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.utils.translation import override
from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
    OpenApiViewExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent, is_jsonschema_compliant
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from alhena_tracking.api.schema import staff
from alhena_tracking.api.schema.bodies import PREFIX, Schema, one_of
from alhena_tracking.api.schema.operations import OPERATIONS, SECURITY_DEFINITION, SECURITY_SCHEME, components
from alhena_tracking.api.staff.serializers import StaffSerializer
from alhena_tracking.api.staff.views import RowsView, StaffView
from alhena_tracking.api.urls import urlpatterns


class IngestionSchema(AutoSchema):
    """The operation that ``operations`` declares, and nothing that drf-spectacular would guess from the view."""

    def __init__(self, operation: Schema) -> None:
        super().__init__()
        self.operation = operation

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Schema | None:
        _register(registry, ResolvedComponent.SCHEMA, components())
        _register(registry, ResolvedComponent.SECURITY_SCHEMA, {SECURITY_SCHEME: SECURITY_DEFINITION})
        operation: Schema = _in_version(self.operation)
        return operation


class StaffSchema(AutoSchema):
    """The operation that drf-spectacular makes of the view's serializer and of what ``staff`` declares."""

    def __init__(self, view: type[StaffView]) -> None:
        super().__init__()
        self.view_class = view
        self.staff = next(staff.STAFF_OPERATIONS[kind] for kind in view.__mro__ if kind in staff.STAFF_OPERATIONS)

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Schema | None:
        _register(registry, ResolvedComponent.SCHEMA, staff.error_components())
        _register(registry, ResolvedComponent.SECURITY_SCHEMA, staff.security_schemes())
        return super().get_operation(path, path_regex, path_prefix, method, registry)

    def get_operation_id(self) -> str:
        return self.staff.name

    def get_summary(self) -> str:
        return self.staff.summary

    def get_description(self) -> str:  # type: ignore[override]  # REST framework's own takes more
        return f"{self.staff.description} For staff with the permission `{self.view_class.permission}`."

    def get_tags(self) -> list[str]:
        return ["alhena"]

    def get_auth(self) -> list[Schema]:
        return [{staff.TOKEN_SCHEME: []}, {staff.SESSION_SCHEME: []}]

    def get_override_parameters(self) -> list[Any]:
        declared = [(name, *staff.PARAMETERS[name]) for name in self.view_class.parameters]
        return [OpenApiParameter(name, type=schema, description=text) for name, text, schema in declared]

    def get_response_serializers(self) -> Any:
        found = type(self.view_class.serializer)
        answer = _response(
            _page_of(found) if issubclass(self.view_class, RowsView) else found, "The answer.", self.staff.example()
        )
        errors = {status: staff.ERROR_ANSWERS[status] for status in self.staff.errors}
        return {200: answer} | {
            status: _response(error.schema(), error.description, error.answers[0].example)
            for status, error in errors.items()
        }


def _response(answer: Any, description: str, example: Schema) -> OpenApiResponse:
    return OpenApiResponse(answer, description, [OpenApiExample("example", value=example)])


@cache  # drf-spectacular compares the classes of components that have the same name
def _page_of(row: type[StaffSerializer]) -> type[StaffSerializer]:
    fields = {"next": serializers.URLField(allow_null=True), "results": row(many=True)}
    return type(row.__name__.replace("Serializer", "sSerializer"), (StaffSerializer,), fields)


class DocumentedView(APIView):
    """What drf-spectacular reads in place of an ingestion view, as it reads REST framework's views only."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    versioning_class = None

    def post(self) -> None: ...


# Each view under its first path; other paths of it are former names, and not documented.
for view, pattern in {getattr(each.callback, "view_class", None): each for each in reversed(urlpatterns)}.items():
    if view in OPERATIONS:
        schema = IngestionSchema(OPERATIONS[view].document(view.body_bytes))
        documented = type(view.__name__, (DocumentedView,), {"schema": schema})
        vars(pattern.callback).update(cls=documented, initkwargs={})


class StaffViewExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    target_class = "alhena_tracking.api.staff.views.StaffView"
    match_subclasses = True

    def view_replacement(self) -> type[StaffView]:
        view: type[StaffView] = self.target
        return type(view.__name__, (view,), {"schema": StaffSchema(view)})


class StaffSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Objects with all of their properties and no others, whatever the project's settings say of read-only ones."""

    target_class = "alhena_tracking.api.staff.serializers.StaffSerializer"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: Any) -> str:
        return f"{PREFIX}Staff{type(self.target).__name__.removesuffix('Serializer')}"

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        with override("en"):  # the models' help texts are translated, a schema is not
            schema: Schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]
        schema.pop("description", None)  # the docstring of the class
        properties = {name: _own_property(found) for name, found in schema["properties"].items()}
        return {**schema, "properties": properties, "required": sorted(properties), "additionalProperties": False}


def _own_property(schema: Schema) -> Schema:
    """Return the schema of a property whose enum gets no component of its own: see ``one_of``."""
    schema = {key: value for key, value in schema.items() if key not in {"readOnly", "title", "x-spec-enum-id"}}
    return {**one_of(*schema.pop("enum")), **schema} if "enum" in schema else schema


class PatternFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "alhena_tracking.api.staff.fields.PatternField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        return {"type": "string", "pattern": self.target.pattern}


def _register(registry: ComponentRegistry, kind: str, found: Mapping[str, Schema]) -> None:
    for name, schema in found.items():
        # The object distinguishes components of the same name.
        component = ResolvedComponent(name=name, type=kind, object=IngestionSchema, schema=_in_version(schema))  # type: ignore[no-untyped-call]
        registry.register_on_missing(component)


def _in_version(schema: Any) -> Any:
    """Return the schema in the shop's version of OpenAPI: since 3.1, null is a type."""
    if isinstance(schema, list):
        return [_in_version(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: _in_version(value) for key, value in schema.items()}
    if is_jsonschema_compliant() and schema.pop("nullable", False):  # type: ignore[no-untyped-call]
        schema["type"] = [schema["type"], "null"]
    return schema

"""Puts the endpoints into the schema that drf-spectacular makes of a shop's API. Importing it is all it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent, is_jsonschema_compliant

from alhena_tracking.api.ingestion.views import IngestionView
from alhena_tracking.api.schema import staff
from alhena_tracking.api.schema.bodies import Schema
from alhena_tracking.api.schema.operations import OPERATIONS, SECURITY_DEFINITION, SECURITY_SCHEME, components
from alhena_tracking.api.staff.views import StaffView


class OperationSchema(AutoSchema):
    """The operation as it is written down, whatever drf-spectacular would guess from the view."""

    def __init__(
        self, operation: Schema, components: Mapping[str, Schema], security_schemes: Mapping[str, Schema]
    ) -> None:
        super().__init__()
        self.operation = operation
        self.components = components
        self.security_schemes = security_schemes

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Schema | None:
        for name, schema in self.components.items():
            _register(registry, name, ResolvedComponent.SCHEMA, schema)
        for name, scheme in self.security_schemes.items():
            _register(registry, name, ResolvedComponent.SECURITY_SCHEMA, scheme)
        operation: Schema = _in_version(self.operation)
        return operation


class IngestionViewExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    target_class = "alhena_tracking.api.ingestion.views.IngestionView"
    match_subclasses = True

    def view_replacement(self) -> type[IngestionView]:
        view: type[IngestionView] = self.target
        operation = next(OPERATIONS[kind] for kind in view.__mro__ if kind in OPERATIONS)
        schema = OperationSchema(
            operation.document(view.body_bytes), components(), {SECURITY_SCHEME: SECURITY_DEFINITION}
        )
        return type(view.__name__, (view,), {"schema": schema})


class StaffViewExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    target_class = "alhena_tracking.api.staff.views.StaffView"
    match_subclasses = True

    def view_replacement(self) -> type[StaffView]:
        view: type[StaffView] = self.target
        operation = next(staff.STAFF_OPERATIONS[kind] for kind in view.__mro__ if kind in staff.STAFF_OPERATIONS)
        schema = OperationSchema(operation.document(view), staff.components(), staff.security_definitions())
        return type(view.__name__, (view,), {"schema": schema})


def _register(registry: ComponentRegistry, name: str, kind: str, schema: Schema) -> None:
    # The object is what tells components of the same name apart.
    component = ResolvedComponent(name=name, type=kind, object=OperationSchema, schema=_in_version(schema))  # type: ignore[no-untyped-call]
    registry.register_on_missing(component)


def _in_version(schema: Any) -> Any:
    """The schema as the shop's version of OpenAPI says it: since 3.1, null is a type like any other."""
    if isinstance(schema, list):
        return [_in_version(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: _in_version(value) for key, value in schema.items()}
    if is_jsonschema_compliant() and schema.pop("nullable", False):  # type: ignore[no-untyped-call]
        schema["type"] = [schema["type"], "null"]
    return schema

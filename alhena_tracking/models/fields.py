"""A field for any 128 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _UUIDField = models.UUIDField[Any, Any]
else:
    _UUIDField = models.UUIDField


class ExactUUIDField(_UUIDField):
    """A UUID of any bits: digests, and ids that callers chose.

    MariaDB's own ``uuid`` type refuses a quarter of them ("Incorrect uuid value": versions from 8 on with an old
    variant), so there it is ``binary(16)``.
    """

    def get_internal_type(self) -> str:
        return "ExactUUIDField"  # not "UUIDField", for which the backends have conversions of their own

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return {"postgresql": "uuid", "mysql": "binary(16)"}.get(connection.vendor, "char(32)")

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        identifier: UUID | None = self.to_python(value)
        if identifier is None or connection.vendor == "postgresql":
            return identifier
        return identifier.bytes if connection.vendor == "mysql" else identifier.hex

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> UUID | None:
        if value is None or isinstance(value, UUID):
            return value
        return UUID(bytes=value) if isinstance(value, bytes) else UUID(hex=value)

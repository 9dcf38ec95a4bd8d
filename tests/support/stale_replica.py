"""A primary and a standby that is always behind, with Django's documented router."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import Model
from django.test import override_settings

PRIMARY, REPLICA = "default", "replica"


class PrimaryReplicaRouter:
    """Django's "primary/replica" router with one replica."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return REPLICA

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return PRIMARY

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool:
        return {obj1._state.db, obj2._state.db} <= {PRIMARY, REPLICA}

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        return True


@contextmanager
def replica(file: Path) -> Iterator[None]:
    """Provide a replica with all tables and no rows: an SQLite file, whatever the primary is."""
    options = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}
    connections.settings[REPLICA] = connections.configure_settings({PRIMARY: {}, REPLICA: options})[REPLICA]
    connection = connections[REPLICA]
    try:
        with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
            for model in apps.get_models():
                if model._meta.managed and not model._meta.proxy:
                    editor.create_model(model)
        yield
    finally:
        connection.close()
        del connections[REPLICA], connections.settings[REPLICA]


@contextmanager
def stale(rows: Iterable[Model]) -> Iterator[None]:
    """Let the replica have these rows and no others, for ever: it refuses to be written."""
    for row in rows:
        type(row)._default_manager.using(REPLICA).bulk_create([row])
    with connections[REPLICA].cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        yield
        cursor.execute("PRAGMA query_only = OFF")


@contextmanager
def reads_go_there() -> Iterator[None]:
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.{PrimaryReplicaRouter.__name__}"]):
        yield

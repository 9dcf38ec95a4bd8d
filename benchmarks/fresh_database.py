"""An empty PostgreSQL database for one benchmark, dropped afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

DEFAULT_URL = "postgres://postgres@127.0.0.1:5432/postgres"


@contextmanager
def fresh_database(server_url: str, name: str) -> Iterator[str]:
    """Create the database ``name`` on the server, replacing an existing one, and yield its URL."""
    import psycopg

    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name}")
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield server_url.rpartition("/")[0] + "/" + name
        finally:
            from django.db import connection

            connection.close()
            server.execute(f"DROP DATABASE {name}")


def set_up_django(database_url: str) -> None:
    """Set up Django as the example shop in production, and migrate the database."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ["DJANGO_DEBUG"] = "0"
    import django

    from tests import settings

    settings.DATABASES = {"default": settings.database(database_url)}
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

"""A database of a benchmark's own on a PostgreSQL server: made empty, and dropped afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

DEFAULT_URL = "postgres://postgres@127.0.0.1:5432/postgres"


@contextmanager
def fresh_database(server_url: str, name: str) -> Iterator[str]:
    """Make the database ``name`` on the server, in the place of one of that name, and give its URL."""
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
    """Let this process be the example shop, as a server would run it, on a database that it migrates."""
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

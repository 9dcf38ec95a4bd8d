"""Settings of the test suite: the example shop's, on the database that ``DATABASE_URL`` names (SQLite without it)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import dj_database_url

from example_project import settings as shop
from example_project.settings import *  # noqa: F403


def database(url: str) -> dict[str, Any]:
    if not url:
        # A file, not memory: the browser tests' server gives each request a thread, and each thread a connection.
        name = Path(tempfile.gettempdir()) / f"alhena_tracking_{os.getpid()}.sqlite3"
        found: dict[str, Any] = {**shop.DATABASES["default"], "TEST": {"NAME": str(name)}}
        # What a crash would lose need not be waited for.
        pragmas = f"{found['OPTIONS']['init_command']} PRAGMA synchronous=OFF;"
        return {**found, "OPTIONS": {**found["OPTIONS"], "init_command": pragmas}}
    parsed: dict[str, Any] = {**dj_database_url.parse(url)}
    if parsed["ENGINE"] == "django.db.backends.mysql":
        parsed["OPTIONS"] = {"charset": "utf8mb4", "isolation_level": "read committed"}
        parsed["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"}
    return parsed


DATABASES = {"default": database(os.environ.get("DATABASE_URL", ""))}
INSTALLED_APPS = [*shop.INSTALLED_APPS, "drf_spectacular", "rest_framework.authtoken"]
ALHENA_TRACKING = {"COMPANY_KEY": "acme"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

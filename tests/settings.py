"""Settings of the test suite: the example shop's, on the database that ``DATABASE_URL`` names (SQLite without it)."""

from __future__ import annotations

import os
from typing import Any

import dj_database_url

from example_project.settings import *  # noqa: F403

DATABASE_URL = os.environ.get("DATABASE_URL", "")

if DATABASE_URL:
    database: dict[str, Any] = {**dj_database_url.parse(DATABASE_URL)}
    if database["ENGINE"] == "django.db.backends.mysql":
        database["OPTIONS"] = {"charset": "utf8mb4", "isolation_level": "read committed"}
        database["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"}
    DATABASES = {"default": database}

ALHENA_TRACKING = {"COMPANY_KEY": "acme"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

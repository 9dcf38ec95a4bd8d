"""Settings of the shop in the tests of faults: as in production, with values from the environment."""

from __future__ import annotations

import os
from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import STORAGES, database

DEBUG = False
_limit: Any = os.environ.get("FAULTS_RATE_LIMIT")
ALHENA_TRACKING = {
    "COMPANY_KEY": "acme",
    # All visitors have the same address here.
    "RATE_LIMIT_PER_SOURCE": _limit,
    "RATE_LIMIT_PER_COMPANY": _limit,
}

_database = database(os.environ["DATABASE_URL"])
_database["CONN_MAX_AGE"] = None
_options = _database.setdefault("OPTIONS", {})
_isolation = os.environ.get("FAULTS_ISOLATION")
if _database["ENGINE"] == "django.db.backends.postgresql":
    _options["connect_timeout"] = 2
    _parameters = {
        "default_transaction_isolation": _isolation and _isolation.replace(" ", r"\ "),
        "default_transaction_read_only": os.environ.get("FAULTS_READ_ONLY"),
    }
    _options["options"] = " ".join(f"-c {name}={value}" for name, value in _parameters.items() if value)
elif _isolation:
    _options["isolation_level"] = _isolation
DATABASES = {"default": _database}

if "FAULTS_STORAGE" in os.environ:
    STORAGES["default"] = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": os.environ["FAULTS_STORAGE"]},
    }

if "FAULTS_CACHE" in os.environ:
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["FAULTS_CACHE"]}
    }

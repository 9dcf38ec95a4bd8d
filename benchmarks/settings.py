"""Settings of the benchmark: the bare view and ours with the same server, database and middleware."""

from __future__ import annotations

import os

import dj_database_url

from alhena_tracking.contract import limits

DATABASE_NAME = "alhena_benchmark"

# The row of one visitor sends more than any browser may.
limits.SESSION_CART_EVENTS = 10**9

SECRET_KEY = "insecure-key-of-the-benchmark"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "alhena_tracking",
    "benchmarks",
]
# Sets Content-Length, without which connections are not kept alive.
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "benchmarks.urls"

DATABASES = {
    "default": {
        **dj_database_url.parse(os.environ["DATABASE_URL"]),
        "NAME": DATABASE_NAME,
        "CONN_MAX_AGE": None,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:6379/8"}}

ALHENA_TRACKING = {
    "COMPANY_KEY": "acme",
    # The row of one visitor adds more to its cart than any browser may.
    "MAX_CART_VALUE": {"EUR": None},
    # Counted but never reached.
    "RATE_LIMIT_PER_SOURCE": "100000000/m",
    "RATE_LIMIT_PER_COMPANY": "100000000/m",
    "TRUSTED_PROXIES": 0,
}

USE_TZ = True
TIME_ZONE = "Europe/Berlin"

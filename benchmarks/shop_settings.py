"""Settings of the example shop for ``benchmarks.browser``: as in production, with one more middleware."""

from __future__ import annotations

import os

from example_project.settings import *  # noqa: F403
from example_project.settings import MIDDLEWARE as SHOP_MIDDLEWARE

DEBUG = False
MIDDLEWARE = [*SHOP_MIDDLEWARE, "benchmarks.variants.as_asked"]
# The directory of the wheel's copy of the tracker.
STATICFILES_DIRS = [os.environ["BENCHMARK_STATIC"]]

"""Settings of the example shop as ``benchmarks.browser`` serves it: as in production, but for one middleware."""

from __future__ import annotations

import os

from example_project.settings import *  # noqa: F403
from example_project.settings import MIDDLEWARE as SHOP_MIDDLEWARE

DEBUG = False
MIDDLEWARE = [*SHOP_MIDDLEWARE, "benchmarks.variants.as_asked"]
# Where the copy of the tracker is that a wheel carries.
STATICFILES_DIRS = [os.environ["BENCHMARK_STATIC"]]

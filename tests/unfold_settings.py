"""The example shop in django-unfold's admin."""

from example_project.settings import *  # noqa: F403
from example_project.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = ["unfold", *INSTALLED_APPS]
# Unfold's own scripts are inline.
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("example_project.csp.")]

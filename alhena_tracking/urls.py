"""Include these where the endpoints shall be, such as ``path("alhena/", include("alhena_tracking.urls"))``."""

from alhena_tracking.api.urls import app_name, urlpatterns

__all__ = ["app_name", "urlpatterns"]

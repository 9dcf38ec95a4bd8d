"""Include these where the endpoints shall be, such as ``path("alhena/", include("alhena_tracking.urls"))``."""

from alhena_tracking.api.urls import app_name
from alhena_tracking.api.urls import urlpatterns as of_the_api
from alhena_tracking.integrations.urls import urlpatterns as of_integrations

urlpatterns = [*of_the_api, *of_integrations]

__all__ = ["app_name", "urlpatterns"]

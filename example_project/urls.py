from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("alhena/", include("alhena_tracking.urls")),
    path("", include("example_project.shop.urls")),
]

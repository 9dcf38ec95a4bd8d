from __future__ import annotations

from django.urls import include, path

from benchmarks import views

urlpatterns = [
    path("bare", views.record, name="bare"),
    path("alhena/", include("alhena_tracking.urls")),
]

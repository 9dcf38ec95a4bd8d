"""The URL of webhooks."""

from __future__ import annotations

from django.urls import path

from alhena_tracking.integrations.views import WebhookView

urlpatterns = [
    path("integrations/<slug:platform>/<slug:company_key>", WebhookView.as_view(), name="webhook"),
]

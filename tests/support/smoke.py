"""Try an installed wheel or sdist in an empty project. Run with the Python it is installed in."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

SETTINGS = """
SECRET_KEY = "smoke"
DEBUG = True
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.staticfiles", "rest_framework", "django_filters", "alhena_tracking",
]
ALHENA_TRACKING = {"COMPANY_KEY": "acme"}
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": "smoke.sqlite3",
    "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;", "transaction_mode": "IMMEDIATE", "timeout": 5},
}}
ROOT_URLCONF = "smoke_urls"
STATIC_URL = "static/"
USE_TZ = True
"""
URLS = """
from django.contrib import admin
from django.urls import include, path
urlpatterns = [path("admin/", admin.site.urls), path("alhena/", include("alhena_tracking.urls"))]
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("smoke_settings.py").write_text(SETTINGS)
        Path("smoke_urls.py").write_text(URLS)
        sys.path = [folder, *(entry for entry in sys.path[1:] if entry)]
        os.environ["DJANGO_SETTINGS_MODULE"] = "smoke_settings"
        use()


def use() -> None:
    import django
    from django.contrib.auth import get_user_model
    from django.contrib.staticfiles import finders
    from django.core.management import call_command
    from django.template import Context, Template
    from django.test import Client
    from django.utils import translation

    django.setup()
    import alhena_tracking

    assert "site-packages" in alhena_tracking.__file__, alhena_tracking.__file__
    call_command("check", fail_level="WARNING")
    call_command("migrate", verbosity=0)
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    html = Template("{% load alhena_tracking %}{% alhena_snippet %}").render(Context())
    assert "trackAlhenaEvent" in html
    assert "tracker.js" in html
    for name in ("alhena.d.ts", "revenue_impact.css", "tracker.js"):
        assert finders.find(f"alhena_tracking/{name}"), name
    tracker = Path(str(finders.find("alhena_tracking/tracker.js"))).read_text()
    assert "/**" not in tracker, "the tracker is not minified"

    client = Client()
    visitor = {"company_key": "acme", "user_fingerprint": "7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11"}
    events: dict[str, dict[str, object]] = {
        "interactions": {"type": "CHAT"},
        "checkout_events": {"order_id": "1", "value": 12.5, "currency": "EUR"},
    }
    for path, event in events.items():
        body = json.dumps({**visitor, **event})
        response = client.post(f"/alhena/analytics/{path}", body, content_type="application/json")
        assert response.status_code == 201, response.content
    client.force_login(get_user_model().objects.create_superuser("staff", password="staff"))
    page = client.get("/admin/alhena_tracking/revenueimpact/")
    assert page.status_code == 200
    assert "12.50" in page.content.decode()
    with translation.override("de"):
        assert translation.gettext("Conversion rate") == "Konversionsrate"
    print(f"alhena_tracking {alhena_tracking.__version__} works on Django {django.__version__}")


if __name__ == "__main__":
    main()

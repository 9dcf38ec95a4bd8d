from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.core import checks as django_checks
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AlhenaTrackingConfig(AppConfig):
    name = "alhena_tracking"
    verbose_name = _("Analytics")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from alhena_tracking.checks import (
            check_database,
            check_integrations,
            check_proxies,
            check_rate_limit_cache,
            check_related_databases,
            check_time_zones,
        )
        from alhena_tracking.conf import check_settings
        from alhena_tracking.diagnosis import event_counts
        from alhena_tracking.integrations.shopify import platform as shopify  # noqa: F401  (registers itself)
        from alhena_tracking.integrations.woocommerce import platform as woocommerce  # noqa: F401  (registers itself)

        for check in (
            check_settings,
            check_time_zones,
            check_related_databases,
            check_integrations,
            check_database,
            check_rate_limit_cache,
        ):
            django_checks.register(check)
        django_checks.register(check_proxies, deploy=True)
        event_counts.attend_process()
        post_migrate.connect(create_rows, sender=self, dispatch_uid="alhena_tracking.create_rows")
        if apps.is_installed("drf_spectacular"):
            import alhena_tracking.api.schema.extension  # noqa: F401


def create_rows(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """After ``migrate``, create the company that the settings name and the rows that visitors lock."""
    from alhena_tracking.conf import conf
    from alhena_tracking.models import Company, LockRow

    if not router.allow_migrate_model(using, Company):
        return
    if conf.company_key:
        name = conf.company_key.replace("-", " ").replace("_", " ").title()
        Company.objects.using(using).get_or_create(key=conf.company_key, defaults={"name": name})
    there = set(LockRow.objects.using(using).values_list("pk", flat=True))
    LockRow.objects.using(using).bulk_create(LockRow(pk=row) for row in range(LockRow.ROWS) if row not in there)

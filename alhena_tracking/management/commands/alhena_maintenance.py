"""Maintain from the command line or cron."""

from __future__ import annotations

import logging
from typing import Any

from django.core.management import BaseCommand, CommandError

from alhena_tracking.maintenance import STEPS

logger = logging.getLogger("alhena_tracking.maintenance")


class Command(BaseCommand):
    help = (
        "Re-date events after a change of a company's time zone, and delete what waited for its order in vain. "
        "Safe to run at any time, several times at once, and to interrupt."
    )

    def handle(self, **options: Any) -> None:
        failed = []
        for name, step in STEPS.items():
            try:
                for line in step():
                    self.stdout.write(line)
            except Exception:
                # The steps do not depend on each other.
                logger.exception("The step %s failed.", name)
                failed.append(name)
        if failed:
            raise CommandError(f"These steps failed, and continue when the command runs again: {', '.join(failed)}.")

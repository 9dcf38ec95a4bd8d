"""Maintain from the command line or cron."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management import BaseCommand, CommandError

from alhena_tracking import maintenance
from alhena_tracking.maintenance import State


class Command(BaseCommand):
    help = (
        "Do what has to be done regularly: re-date events after a change of a company's time zone, roll up past days, "
        "delete what is kept no longer, fetch orders that webhooks missed, and make files that staff asked for. "
        "Safe to run at any time, several times at once, and to interrupt."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--only",
            nargs="+",
            default=(),
            choices=tuple(maintenance.STEPS),
            metavar="STEP",
            help="do only these steps: %(choices)s",
        )

    def handle(self, *, only: Sequence[str], **options: Any) -> None:
        began = time.monotonic()
        results = maintenance.run(only, report=self.stdout.write)
        named = {state: ", ".join(each.name for each in results if each.state is state) for state in State}
        if named[State.BUSY]:
            self.stdout.write(f"Another process is at these steps: {named[State.BUSY]}.")
        if named[State.FAILED]:
            raise CommandError(
                f"These steps failed, and continue when the command runs again: {named[State.FAILED]}. See the log."
            )
        self.stdout.write(f"Done in {time.monotonic() - began:.1f} s: {named[State.DONE] or 'nothing'}.")

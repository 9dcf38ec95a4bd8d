"""Roll up from the command line or cron."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.core.management import BaseCommand, CommandError

from alhena_tracking.rollups import check_rollups, roll_up


class Command(BaseCommand):
    help = (
        "Roll up completed days, so that the report stays fast however many events there are. "
        "Safe to run at any time and to interrupt."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="compare the roll-ups with the events without changing anything; exit with 1 if they differ",
        )

    def handle(self, *, check: bool, **options: Any) -> None:
        if check:
            self.check_days()
            return
        for result in roll_up():
            key, days = result.company.key, result.days
            named = "" if not days else f", {days[0]}" if len(days) == 1 else f", from {days[-1]} to {days[0]}"
            self.stdout.write(f"{key}: rolled up {_count(days)}{named}.")
            for day in result.failed:
                self.stderr.write(f"{key}: the sums of {day} are too large to store; reports read its events instead.")

    def check_days(self) -> None:
        results = check_rollups()
        differing = [f"{result.company.key} {day}" for result in results for day in result.failed]
        if differing:
            raise CommandError("These days' roll-ups differ from their events: " + ", ".join(differing))
        for result in results:
            self.stdout.write(f"{result.company.key}: {_count(result.days)} compared, no differences.")


def _count(days: Sequence[date]) -> str:
    return "1 day" if len(days) == 1 else f"{len(days)} days"

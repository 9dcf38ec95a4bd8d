"""Import exchange rates from the command line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import transaction

from alhena_tracking.db.transactions import database, rows_of
from alhena_tracking.exchange_rates import MOST_BYTES, InvalidRates, read_rates
from alhena_tracking.models import ExchangeRate


class Command(BaseCommand):
    help = (
        "Import daily exchange rates, by which the report can add up several currencies. "
        "Reads the European Central Bank's files as they are (eurofxref.csv, eurofxref-hist.zip); "
        "rates of the same days are replaced."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the bank's CSV, or the ZIP that holds it; - reads standard input")
        parser.add_argument(
            "--since", type=_day, metavar="YYYY-MM-DD", help="leave out earlier days (the history begins in 1999)"
        )

    def handle(self, *, file: str, since: date | None, **options: Any) -> None:
        try:
            content = sys.stdin.buffer.read(MOST_BYTES + 1) if file == "-" else _read(Path(file))
            rates = [rate for rate in read_rates(content) if since is None or rate.on >= since]
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except InvalidRates as error:
            raise CommandError(error.message) from error
        if not rates:
            raise CommandError("The file holds no rates of these days.")
        with transaction.atomic(using=database().alias):
            number = rows_of(ExchangeRate).store(rates)
        days = {rate.on for rate in rates}
        self.stdout.write(f"{number:,} rates of {len(days):,} days, from {min(days)} to {max(days)}.")


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)

"""Compare the shop's own orders with the recorded ones from the command line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import no_translations

from alhena_tracking.conf import conf
from alhena_tracking.contract.amounts import in_major_units
from alhena_tracking.exports import csv_chunks, reconciliation_table
from alhena_tracking.models import Company
from alhena_tracking.reconciliation import (
    COLUMNS,
    MOST_BYTES,
    SHOWN_ORDERS,
    ComparedOrder,
    InvalidFile,
    read_orders,
    reconcile,
    sentences,
)


class Command(BaseCommand):
    help = "Compare the orders of a shop's export (CSV) with the recorded ones. Nothing of the file is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the shop's export; - reads standard input")
        parser.add_argument("--company", default=conf.company_key, help="the company's key (default: COMPANY_KEY)")
        parser.add_argument("--output", metavar="CSV", help="write what was found of each order to this file")
        for name in COLUMNS:
            also = ", or a code such as EUR" if name == "currency" else ""
            title = name.replace("_", " ")
            parser.add_argument(f"--{name.replace('_', '-')}", metavar="TITLE", help=f"the column of the {title}{also}")

    @no_translations
    def handle(self, *, file: str, company: str, output: str | None, **options: Any) -> None:
        found = Company.objects.filter(key=company).first()
        if found is None:
            raise CommandError(f"No company has the key {company!r}.")
        chosen = {name: options[name] for name in COLUMNS if options[name]}
        try:
            content = sys.stdin.buffer.read(MOST_BYTES + 1) if file == "-" else _read(Path(file))
            result = reconcile(found, read_orders(content, found, chosen))
            if output:
                Path(output).write_bytes(b"".join(csv_chunks(reconciliation_table(result))))
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        except InvalidFile as error:
            raise CommandError(error.message) from error
        for text in sentences(result):
            self.stdout.write(text)
        noted = result.noted
        for order in noted[:SHOWN_ORDERS]:
            self.stdout.write(_line_of(order))
        if len(noted) > SHOWN_ORDERS:
            self.stdout.write(f"{len(noted) - SHOWN_ORDERS} more: see --output.")


def _line_of(order: ComparedOrder) -> str:
    reasons = f" ({', '.join(map(str, order.reasons))})" if order.reasons else ""
    said = [
        f"{in_major_units(minor, currency)} {currency} {where}"
        for minor, currency, where in (
            (order.file_minor, order.file_currency, "in the file"),
            (order.our_minor, order.our_currency, "recorded"),
        )
        if minor is not None
    ]
    return f"{order.order_id or f'line {order.line}'}: {order.verdict.label}{reasons}; {', '.join(said)}".rstrip("; ")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)

"""Exclude orders in bulk from the command line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from alhena_tracking import company_cache
from alhena_tracking.contract.rules import InvalidValue, parse_text
from alhena_tracking.db.transactions import rows_of
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.review import exclude_orders, include_orders
from alhena_tracking.models import Company, Order
from alhena_tracking.order_ids import in_one_form

#: So many lines are read at once, and so much of each.
_LINES = 500
_LINE_BYTES = 8192


class Command(BaseCommand):
    help = (
        "Exclude orders from all figures, or include them again. "
        "Safe to interrupt: run it again with the same file. Lists ids of no order on stderr."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a text file with one order id a line, in UTF-8; - reads standard input")
        parser.add_argument("--company", required=True, help="the company's key")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--reason", help="why, kept with each order")
        what.add_argument("--include", action="store_true", help="take the exclusion of the orders back")

    def handle(self, *, file: str, company: str, reason: str | None, include: bool, **options: Any) -> None:
        found = company_cache.find_company(company)
        if found is None:
            raise CommandError(f"No company has the key {company!r}.")
        known = unknown = changed = 0
        try:
            reason = parse_text(reason) if reason is not None else None
            # Bytes: a line that is no UTF-8 is the id of no order.
            with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as lines:
                for order_ids in _chunks(_order_ids(iter(partial(lines.readline, _LINE_BYTES), b""))):
                    pks = self.find(found.company, order_ids)
                    known += len(pks)
                    unknown += len(order_ids) - len(pks)
                    changed += include_orders(pks) if reason is None else exclude_orders(pks, None, reason)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except InvalidValue as error:
            raise CommandError(f"--reason: {error.message}") from error
        done = "included again" if include else "excluded"
        self.stdout.write(f"{company}: {done} {_count(changed)} of {known}. Ids of no order: {unknown}.")

    def find(self, company: Company, order_ids: list[str]) -> list[int]:
        """Return the orders with these ids; list the other ids."""
        digests = {text_digest(order_id): order_id for order_id in order_ids}
        orders = rows_of(Order).filter(company=company, order_id_digest__in=digests).order_by("pk")
        pks = []
        for pk, digest in orders.values_list("pk", "order_id_digest"):
            pks.append(pk)
            del digests[digest]
        for order_id in digests.values():
            self.stderr.write(f"No order has the id {order_id!r}.")
        return pks


def _order_ids(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the ids as they are stored: trimmed, in one form. An empty line is none."""
    for number, line in enumerate(lines):
        text = line.decode("utf-8-sig" if number == 0 else "utf-8", errors="backslashreplace")
        try:
            yield in_one_form(parse_text(text))
        except InvalidValue as error:
            if error.code != "blank":
                yield text.strip()


def _chunks(order_ids: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(order_ids, _LINES)):
        yield list(dict.fromkeys(chunk))


def _count(orders: int) -> str:
    return "1 order" if orders == 1 else f"{orders} orders"

"""Create, check and drop the benchmark's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.db import connection

from alhena_tracking.diagnosis import event_counts
from benchmarks.fresh_database import fresh_database
from benchmarks.load import ORIGIN, SECRET_KEY
from benchmarks.settings import DATABASE_NAME


class RunError(Exception):
    """The run is invalid: a wrong answer, a missing or wrong row, or a database that is not durable."""


@contextmanager
def database(url: str) -> Iterator[None]:
    """Create the database with the events' company on the server of ``url``, and drop it afterwards."""
    with fresh_database(url, DATABASE_NAME):
        try:
            _prepare()
            yield
        finally:
            event_counts.forget()  # the counts of this process can no longer be saved


def _prepare() -> None:
    from alhena_tracking.models import Company
    from alhena_tracking.models import SecretKey as StoredKey

    for setting in ("fsync", "synchronous_commit"):
        if _rows(f"SHOW {setting}") != [("on",)]:
            raise RunError(f"PostgreSQL has {setting} off, so acknowledged commits may be lost")
    call_command("migrate", run_syncdb=True, verbosity=0)
    Company.objects.update(allowed_origins=ORIGIN)
    StoredKey.objects.create(company=Company.objects.get(), name="server", digest=StoredKey.digest_of(SECRET_KEY))


def tidy() -> None:
    """Vacuum and analyze, so that autovacuum does not run during a slice."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def version() -> str:
    [(text,)] = _rows("SHOW server_version")
    return str(text)


def backends() -> list[int]:
    """PIDs of the other connections' backend processes."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return [pid for (pid,) in _rows(f"{query} AND backend_type = 'client backend'")]


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of rows."""

    bare: int
    ours: int


def counts() -> Counts:
    from alhena_tracking.models import CartEvent, Interaction
    from benchmarks.models import BareEvent

    return Counts(bare=BareEvent.objects.count(), ours=CartEvent.objects.count() + Interaction.objects.count())


def check_states() -> None:
    """Raise ``RunError`` unless every cart event continues from the one before it.

    The benchmark's quantities only grow with time. So each is claimed in full, and the sum of a product's events is its
    price × the units in the cart.
    """
    wrong = _rows(
        "SELECT count(*) FROM alhena_tracking_cartevent"
        " WHERE (claimed_units, cart_quantity, claimed_minor)"
        " IS DISTINCT FROM (quantity, quantity, quantity * value_minor)"
    )
    wrong_sums = _rows(
        "SELECT count(*) FROM (SELECT 1 FROM alhena_tracking_cartevent GROUP BY session_id, product_id_digest"
        " HAVING sum(units) <> max(quantity) OR sum(gmv_minor) <> max(quantity * value_minor)) AS products"
    )
    if wrong + wrong_sums != [(0,), (0,)]:
        raise RunError(f"{wrong[0][0]} cart events and {wrong_sums[0][0]} products are in a wrong state")


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())

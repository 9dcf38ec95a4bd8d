"""Read and write through the ORM: on every database, and what PostgreSQL need not do faster."""

from alhena_tracking.ingestion.orm.order_states import read_all_claims, read_states, save_states
from alhena_tracking.ingestion.orm.reading import lock_many_sessions, read, read_carts
from alhena_tracking.ingestion.orm.writing import mark_stale, save_emptying, save_worth, write

__all__ = [
    "lock_many_sessions",
    "mark_stale",
    "read",
    "read_all_claims",
    "read_carts",
    "read_states",
    "save_emptying",
    "save_states",
    "save_worth",
    "write",
]

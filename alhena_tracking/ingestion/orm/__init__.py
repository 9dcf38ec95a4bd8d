"""Read and write through the ORM: on every database, and what PostgreSQL need not do faster."""

from alhena_tracking.ingestion.orm.order_states import read_states, save_states
from alhena_tracking.ingestion.orm.reading import read
from alhena_tracking.ingestion.orm.rows import rows_of
from alhena_tracking.ingestion.orm.writing import write

__all__ = ["read", "read_states", "rows_of", "save_states", "write"]

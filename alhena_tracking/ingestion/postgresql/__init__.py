"""Read and write on PostgreSQL, each in one message."""

from alhena_tracking.ingestion.postgresql.reading import read
from alhena_tracking.ingestion.postgresql.writing import write, write_if_unchanged

__all__ = ["read", "write", "write_if_unchanged"]

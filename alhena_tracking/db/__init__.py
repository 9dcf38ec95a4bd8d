"""Transactions, prepared statements, snapshots and SQL of our own, for everything that reads or writes rows."""

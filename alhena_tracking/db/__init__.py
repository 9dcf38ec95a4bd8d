"""Transactions, prepared statements, snapshots, SQL of our own and pages, for all that reads or writes rows."""

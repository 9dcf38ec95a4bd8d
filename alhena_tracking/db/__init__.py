"""Transactions, prepared statements and snapshots, for all who read or write rows."""

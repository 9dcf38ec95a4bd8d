"""The public contract: its limits, currencies and amounts, and the rule of each field."""

"""The JSON for staff: the report and the rows behind it. It is read-only, and other sites cannot read it."""

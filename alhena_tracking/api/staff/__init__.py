"""The JSON that staff read: the report, and the rows behind it. Nothing writes here, and no other site may read it."""

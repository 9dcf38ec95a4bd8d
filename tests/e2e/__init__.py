"""From a click in the example shop to the report, in a real browser."""

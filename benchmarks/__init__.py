"""Benchmarks of ingestion (``python -m benchmarks``), and of the ``browser``, ``report`` and ``export`` beside it."""

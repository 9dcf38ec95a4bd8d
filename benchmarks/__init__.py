"""How fast events are taken, as multiples of a bare Django view that runs side by side: ``python -m benchmarks``."""

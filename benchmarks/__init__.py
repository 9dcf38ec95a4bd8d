"""How fast events are taken, as multiples of a bare Django view that runs side by side: ``python -m benchmarks``.

What the tracker costs a page of a shop: ``python -m benchmarks.browser``.
"""

"""How far chance alone may move a share."""

from __future__ import annotations

import math
from fractions import Fraction

#: Of the normal distribution, 95 % lie within so many standard deviations.
_DEVIATIONS = 1.959963984540054


def wilson_interval(part: int, whole: int) -> tuple[Fraction, Fraction]:
    """Return the 95 % Wilson score interval of the share ``part`` of ``whole``, which is above 0."""
    share, squared = part / whole, _DEVIATIONS**2
    centre = share + squared / (2 * whole)
    margin = _DEVIATIONS * math.sqrt(share * (1 - share) / whole + squared / (4 * whole**2))
    low, high = (max(0.0, min((centre + sign * margin) / (1 + squared / whole), 1.0)) for sign in (-1, 1))
    # Floats would miss these by a hair.
    return Fraction(low if part else 0), Fraction(high if part < whole else 1)

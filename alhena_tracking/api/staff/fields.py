"""How values are written for staff, whatever the project's ``REST_FRAMEWORK`` says of dates and numbers."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rest_framework import ISO_8601, serializers

from alhena_tracking.contract.amounts import decimals_of, with_decimals
from alhena_tracking.contract.currencies import MINOR_UNITS

#: Decimals of what was divided: averages (of minor units), shares and changes.
DECIMALS = 6
DAY = "A day in the company's time zone."
MINOR = "In minor units of the currency."


class PatternField(serializers.Field[Any, Any, Any, Any]):
    """A string of one form."""

    pattern: str

    def to_representation(self, value: Any) -> str:
        return str(value)


class CurrencyField(PatternField):
    def __init__(self, *, allow_blank: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pattern = "^([A-Z]{3})?$" if allow_blank else "^[A-Z]{3}$"


class QuantityField(PatternField):
    pattern = r"^-?[0-9]+\.[0-9]{3}$"

    def __init__(self, *, max_digits: int | None = None, decimal_places: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # the model's digits; a sum may have more

    def to_representation(self, value: Decimal) -> str:
        return f"{value:.3f}"


class PriceField(serializers.FloatField):
    """A price of one unit in minor units: whole, or with up to four decimals."""

    def to_representation(self, value: Decimal | int) -> int | float:  # type: ignore[override]
        return int(value) if value == int(value) else float(value)


class RatioField(PatternField):
    """A quotient; null where there is nothing to divide by."""

    pattern = rf"^-?[0-9]+\.[0-9]{{{DECIMALS}}}$"

    def __init__(self, **kwargs: Any) -> None:
        text = "Rounded; null where there is nothing to divide by. Averages are in minor units."
        super().__init__(allow_null=True, help_text=text, **kwargs)

    def to_representation(self, value: Fraction | int) -> str:
        return f"{with_decimals(value, DECIMALS):f}"


class DecimalsField(serializers.IntegerField):
    """The number of decimals of a currency; 0 without a currency."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=max(MINOR_UNITS.values()), **kwargs)

    def to_representation(self, value: Any) -> int:
        return decimals_of(value) if value else 0


class CountField(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, **kwargs)


class MinorField(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(help_text=MINOR, **kwargs)


class SecondsField(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "help_text": "In seconds."})

    def to_representation(self, value: Any) -> int:
        seconds: int = value // timedelta(seconds=1)
        return seconds


class MomentField(serializers.DateTimeField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format=ISO_8601, default_timezone=UTC, **{**kwargs, "help_text": "In UTC."})


class DayField(serializers.DateField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format=ISO_8601, **{**kwargs, "help_text": DAY})

"""The two currencies of the shop, with rounding and formatting."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True)
class Currency:
    code: str
    name: str
    symbol: str
    decimals: int

    def round(self, amount: Decimal) -> Decimal:
        """Round `amount` half up to whole minor units."""
        return amount.quantize(Decimal(1).scaleb(-self.decimals), rounding=ROUND_HALF_UP)

    def to_minor(self, amount: Decimal) -> int:
        """Convert `amount` to minor units (cents, yen)."""
        return int(self.round(amount).scaleb(self.decimals))

    def format(self, amount: Decimal) -> str:
        return f"{self.symbol}{self.round(amount):,}"


EUR = Currency("EUR", "Euro", "€", 2)
JPY = Currency("JPY", "Japanese yen", "¥", 0)

CURRENCIES = {currency.code: currency for currency in (EUR, JPY)}
DEFAULT_CURRENCY = EUR

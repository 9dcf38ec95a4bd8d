"""Ceilings of what a browser alone may report, so that a forged amount cannot drown the figures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

from alhena_tracking.contract.amounts import decimals_of

#: Ceilings in major units by currency; ``None`` is no ceiling.
Ceilings: TypeAlias = Mapping[str, Decimal | int | None]

#: In thousands of major units, by currency: about 100,000 EUR at the rates of 2026, as 1, 2 or 5 and zeros. They are
#: fixed: rates or a shop's history could be forged or go wrong.
_THOUSANDS = {
    50: "BHD KWD OMR",
    100: "BMD BSD CHF EUR FKP GBP GIP JOD KYD PAB SHP USD",
    200: "AUD AWG AZN BAM BBD BND BZD CAD FJD GEL NZD SGD TOP XCG",
    500: "AED BOB BRL BYN DKK GTQ HKD ILS LYD MYR PEN PGK PLN QAR RON SAR TMT TND WST XCD",
    1_000: "BWP CNY ERN GHS MAD MOP MVR NOK SBD SCR SEK SVC TJS TTD",
    2_000: "CUP CZK HNL LSL MDL MXN NAD SLE STN SZL ZAR ZMW ZWG",
    5_000: "AFN DOP EGP MKD MRU MUR MZN NIO PHP SRD THB TRY TWD UAH UYU",
    10_000: "ALL BDT BTN CVE DZD ETB GMD HTG INR ISK JMD JPY KES KGS NPR RSD RUB VED VES VUV XPF",
    20_000: "DJF GYD LKR LRD PKR YER",
    50_000: "AMD CRC HUF KMF KPW KZT SDG SOS XAF XOF",
    100_000: "AOA ARS CLP IQD KRW MWK NGN RWF",
    200_000: "BIF CDF MMK TZS",
    500_000: "COP KHR MGA MNT SSP UGX",
    1_000_000: "GNF PYG SYP UZS",
    2_000_000: "IDR LAK VND",
    5_000_000: "IRR",
    10_000_000: "LBP",
}

#: The default ceilings in major units.
DEFAULT_CEILINGS: Mapping[str, int] = MappingProxyType(
    {currency: thousands * 1000 for thousands, currencies in _THOUSANDS.items() for currency in currencies.split()}
)


def is_above(ceilings: Ceilings, currency: str, minor: Decimal | int) -> bool:
    """Return whether an amount is above the ceiling of its currency."""
    ceiling = ceiling_minor(ceilings, currency)
    return ceiling is not None and minor > ceiling


def ceiling_minor(ceilings: Ceilings, currency: str) -> Decimal | None:
    """Return the ceiling of a currency in minor units: that of ``ceilings``, else the default; ``None`` for none."""
    ceiling = ceilings.get(currency, DEFAULT_CEILINGS[currency])
    return None if ceiling is None else Decimal(ceiling).scaleb(decimals_of(currency))

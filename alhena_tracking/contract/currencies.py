"""The accepted currencies and their decimals.

The decimals are listed here rather than read from ``iso4217``: amounts are stored as whole minor units, so a currency
that was ever accepted must keep its decimals, whatever later releases of the standard say. ``iso4217`` (ISO 4217, table
A.1) decides which currencies are active today. A test fails when it gains one that is missing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import iso4217

_CODES_BY_MINOR_UNIT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
        "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
        "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD "
        "NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
        "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}

#: ISO 4217 codes that are no money people pay with.
REFUSED = frozenset(
    {"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"}  # funds and indexed units
    | {"XAD", "XDR", "XSU", "XUA", "XBA", "XBB", "XBC", "XBD"}  # units of account and bond markets
    | {"XAG", "XAU", "XPD", "XPT", "XTS", "XXX"}  # metals, tests, none
)

#: Decimals of every currency that rows may hold, by code. Codes are added, never removed and never changed.
MINOR_UNITS: Mapping[str, int] = MappingProxyType(
    {code: minor_unit for minor_unit, codes in _CODES_BY_MINOR_UNIT.items() for code in codes.split()}
)

#: The codes that new events may name.
ACTIVE = frozenset(MINOR_UNITS) & {currency.code for currency in iso4217.Currency}

#: Decimals assumed for an invalid currency, so that the other fields can still be validated.
DEFAULT_MINOR_UNIT = 2

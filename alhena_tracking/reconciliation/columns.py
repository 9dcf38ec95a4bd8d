"""The columns of a shop's export: found by their usual names, or chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

#: The usual titles of each column, the surest first, as ``_plain`` writes them. docs/reconciliation.md lists them.
USUAL_TITLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "order_id": (
            *("order id", "order number", "order no", "order", "transaction id", "increment id", "order name", "name"),
            *("bestellnummer", "bestell nr", "bestellung", "auftragsnummer", "belegnummer"),
            *("numéro de commande", "n de commande", "commande", "reference", "référence", "number", "id"),
        ),
        "value": (
            *("order total", "grand total", "total", "order total amount", "total incl tax", "total amount"),
            *("order value", "total price", "amount", "value", "revenue"),
            *("gesamtbetrag", "gesamtsumme", "gesamt", "bestellwert", "betrag", "summe"),
            *("total ttc", "montant total", "montant"),
        ),
        "currency": ("currency", "order currency", "currency code", "währung", "devise", "monnaie"),
        "date": (
            *("order date", "created at", "date created", "purchase date", "placed at", "date placed", "paid at"),
            *("date", "bestelldatum", "datum", "date de commande", "date de création"),
        ),
        "visitor": (
            *("user fingerprint", "user faq fingerprint", "fingerprint", "visitor id", "visitor"),
            *("besucher id", "besucher", "visiteur"),
        ),
    }
)


def find_column(titles: Sequence[str], name: str, chosen: str = "") -> int | None:
    """Return the place of a column: of the ``chosen`` title, else of the first usual one; ``None`` if there is none."""
    plain = [_plain(title) for title in titles]
    wanted = (_plain(chosen),) if chosen else USUAL_TITLES[name]
    return next((plain.index(title) for title in wanted if title in plain), None)


def _plain(title: str) -> str:
    """Return a title in lower case, with single spaces in place of all other characters than letters and digits."""
    return re.sub(r"[\W_]+", " ", title).strip().casefold()

"""The connection of a company to its shop on a platform: from the settings, else from its row."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.views.decorators.debug import sensitive_variables

from alhena_tracking.conf import conf
from alhena_tracking.db.transactions import rows_of
from alhena_tracking.integrations.mapping import MappingOptions
from alhena_tracking.integrations.platform import Platform
from alhena_tracking.models import Company, ShopConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """``shop`` is a domain, or empty for any. Of two ``secrets``, either may sign."""

    shop: str = ""
    options: MappingOptions = field(default_factory=MappingOptions)
    secrets: tuple[str, ...] = field(repr=False)
    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)


@sensitive_variables()
def find_connection(company: Company, platform: Platform) -> Connection | None:
    """Return the connection, ``None`` if there is none."""
    in_settings = connection_in_settings(company, platform)
    if in_settings is not None:
        return in_settings
    row = rows_of(ShopConnection).filter(company=company, platform=platform.name).first()
    return row and of_row(row)


@sensitive_variables()
def connection_in_settings(company: Company, platform: Platform) -> Connection | None:
    values = conf.integrations.get(company.key, {}).get(platform.name)
    if values is None:
        return None
    return Connection(
        shop=values.get("SHOP", ""),
        options=MappingOptions(orders_count_once=values.get("ORDERS_COUNT_ONCE", "placed")),
        secrets=tuple(values["SECRETS"]),
        api_key=values.get("API_KEY", ""),
        api_secret=values.get("API_SECRET", ""),
    )


@sensitive_variables()
def of_row(row: ShopConnection) -> Connection:
    return Connection(
        shop=row.shop,
        options=MappingOptions(orders_count_once="paid" if row.orders_count_once == "paid" else "placed"),
        secrets=tuple(filter(None, (row.secret, row.previous_secret))),
        api_key=row.api_key,
        api_secret=row.api_secret,
    )


def is_of_shop(stated: str, shop: str) -> bool:
    """Return whether a domain or URL that a delivery states is that of the connection."""
    return not shop or host_of(stated) == host_of(shop)


def host_of(shop: str) -> str:
    """Return the domain of a domain or URL, in lower case."""
    return shop.strip().lower().rpartition("://")[2].partition("/")[0]

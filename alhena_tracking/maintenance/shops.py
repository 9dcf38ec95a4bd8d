"""What shops' webhooks missed, from their APIs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.db.transactions import rows_of
from alhena_tracking.integrations.connections import find_connection
from alhena_tracking.integrations.woocommerce.platform import WooCommerce
from alhena_tracking.integrations.woocommerce.pull import Pulled, pull
from alhena_tracking.models import Company, ShopConnection

_PLATFORM = WooCommerce()


def fetch_orders() -> Iterator[str]:
    """Fetch what was changed since the last run from each WooCommerce shop whose API key is known."""
    for company in rows_of(Company).order_by("key"):
        pulled = _pull(company)
        if pulled is not None:
            yield from _lines(company, pulled)


@sensitive_variables()
def _pull(company: Company) -> Pulled | None:
    connection = find_connection(company, _PLATFORM)
    if connection is None or not connection.api_key:
        return None
    # Connections of the settings have a row for this alone.
    rows = rows_of(ShopConnection)
    found: datetime | None = (
        rows.filter(company=company, platform=_PLATFORM.name).values_list("pulled_until", flat=True).first()
    )
    # Before, browsers' reports no longer wait for a confirmation.
    since = found or timezone.now() - PENDING_AGE
    pulled = pull(company, connection, since)
    if pulled.until != found:
        rows.update_or_create(company=company, platform=_PLATFORM.name, defaults={"pulled_until": pulled.until})
    return pulled


def _lines(company: Company, pulled: Pulled) -> Iterator[str]:
    line = f"{company.key}: orders fetched from {_PLATFORM.title}: {pulled.orders}."
    yield line if pulled.is_complete or pulled.error else f"{line} There are more, for the next run."
    for order_id, refund_id in pulled.deleted_refunds:
        yield f"{company.key}: the shop has deleted refund {refund_id} of order {order_id}, which still counts."
    if pulled.error:
        yield f"{company.key}: fetching ended, and continues in the next run: {pulled.error}."

"""Order ids in one form, as the setting ``ORDER_ID`` writes them, so that ``#1001`` and ``1001`` are one order."""

from __future__ import annotations

from alhena_tracking.conf import conf
from alhena_tracking.shop_functions import applied


def in_one_form(order_id: str) -> str:
    """Return what the function of ``ORDER_ID`` makes of a valid id; the id as it is where that fails."""
    return applied("ORDER_ID", conf.order_id, order_id)

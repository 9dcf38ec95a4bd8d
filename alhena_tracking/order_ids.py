"""Order ids in one form, as the setting ``ORDER_ID`` writes them, so that ``#1001`` and ``1001`` are one order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

from django.utils.module_loading import import_string

from alhena_tracking.conf import conf
from alhena_tracking.contract.rules import InvalidValue, parse_text

logger = logging.getLogger(__name__)


def in_one_form(order_id: str) -> str:
    """Return what the function of ``ORDER_ID`` makes of a valid id; the id as it is where that fails."""
    path = conf.order_id
    if path is None:
        return order_id
    try:
        function: Callable[[str], object] = import_string(path)
        return parse_text(function(order_id))
    except InvalidValue as error:
        _log_once(path, f"returned no valid id ({error.code})")
    except Exception as error:
        _log_once(path, f"failed ({type(error).__name__})")
    return order_id


@cache
def _log_once(path: str, what: str) -> None:
    logger.error("ORDER_ID: %s %s; such order ids stay as they were sent.", path, what)

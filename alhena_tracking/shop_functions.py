"""The shop's own functions of ids, which settings name. One that fails is logged, and the id stays."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

from django.utils.module_loading import import_string

from alhena_tracking.contract.rules import InvalidValue, parse_text

logger = logging.getLogger(__name__)


def applied(setting: str, path: str | None, value: str) -> str:
    """Return what the function at ``path`` makes of a valid id; the id as it is without one, and where that fails."""
    if path is None:
        return value
    try:
        function: Callable[[str], object] = import_string(path)
        return parse_text(function(value))
    except InvalidValue as error:
        log_once(setting, path, f"returned no valid id ({error.code})")
    except Exception as error:
        log_once(setting, path, f"failed ({type(error).__name__})")
    return value


@cache
def log_once(setting: str, path: str, what: str) -> None:
    logger.error("%s: %s %s; such ids stay as they were sent.", setting, path, what)

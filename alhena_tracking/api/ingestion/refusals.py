"""What a visitor's browser refused to send. Anything may be in it, and none of it makes a batch invalid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from alhena_tracking.api.ingestion.serializers import METHODS
from alhena_tracking.contract import limits
from alhena_tracking.diagnosis import outcomes
from alhena_tracking.diagnosis.event_counts import KEPT_ERRORS

#: Paths as shops write them: properties of our calls, and names of GA4.
_PATH = re.compile(r"[A-Za-z_]{1,40}(\[\d{1,4}\](\.[A-Za-z_]{1,40})?)?", re.ASCII)


class Refusal(NamedTuple):
    """A call of the shop's: its method, and for each error the path of a property and a code."""

    method: str
    errors: list[tuple[str, str]]


def parse_refused(refused: object) -> list[Refusal]:
    """Return what is in our own words of the first refusals of a body."""
    items = islice(refused, limits.REFUSED) if type(refused) is list else ()
    refusals = [
        Refusal(item["method"], sorted(islice(_errors(item.get("errors")), KEPT_ERRORS), key=_is_detail))
        for item in items
        if type(item) is dict and type(item.get("method")) is str and item["method"] in METHODS
    ]
    return [refusal for refusal in refusals if refusal.errors]


def _is_detail(error: tuple[str, str]) -> bool:
    """A call is counted under its first error; what a check of its own looks for comes first."""
    return error[1] != "unclear_total"


def _errors(errors: Any) -> Iterator[tuple[str, str]]:
    for error in islice(errors, limits.ERRORS) if type(errors) is list else ():
        if type(error) is dict and type(code := error.get("code")) is str and code in outcomes.REASONS:
            path = error.get("field")
            yield path if type(path) is str and _PATH.fullmatch(path) else "", code

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from alhena_tracking.api.errors import InvalidRequest
from alhena_tracking.api.ingestion.batches import BatchSerializer
from alhena_tracking.api.ingestion.serializers import METHODS
from alhena_tracking.contract import limits
from alhena_tracking.models import Trust

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ENVELOPE = {"company_key": "acme", "user_fingerprint": str(uuid4())}
#: An order of which every line lacks all of its five fields.
WRONG_ORDER: dict[str, Any] = {"value": 1, "currency": "EUR", "line_items": [{}] * limits.LINE_ITEMS}


def test_errors_when_an_order_has_more_than_may_be_told_are_the_first_ones() -> None:
    with pytest.raises(InvalidRequest) as caught:
        METHODS["sendCheckoutEvent"].parse(ENVELOPE | WRONG_ORDER, received_at=NOW, trust=Trust.REPORTED)
    assert len(caught.value.errors) == limits.ERRORS
    assert caught.value.errors[-1].field == f"line_items[{limits.ERRORS // 5 - 1}].quantity"


def test_errors_when_a_batch_has_more_than_may_be_told_are_one_of_each_further_event() -> None:
    events = [{"method": "sendCheckoutEvent", "data": WRONG_ORDER}, *[{"method": "sendCartEvent", "data": {}}] * 99]
    batch = BatchSerializer().parse_batch(ENVELOPE | {"events": events}, received_at=NOW, trust=Trust.REPORTED)
    assert batch.events == [None] * 100
    assert [len(errors) for errors in batch.errors] == [limits.ERRORS, *[1] * 99]

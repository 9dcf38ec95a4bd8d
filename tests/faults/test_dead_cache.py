"""The cache of the rate limits is down (F7)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from django.db import connection

from tests.support.faults.books import check_books
from tests.support.faults.delivery import post
from tests.support.faults.events import interaction, new_visitor
from tests.support.faults.load import Load
from tests.support.faults.server import Server
from tests.support.runs import examples, require

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="one database is enough; set DATABASE_URL"),
]

#: So little that the test itself shows whether it is kept.
LIMIT = "1/h"


def test_events_when_the_cache_is_down_are_recorded(start_server: Callable[..., Server]) -> None:
    require("redis", find_spec("redis") is not None, "redis is not installed: pip install --group databases")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and closed to connections
        server = start_server(FAULTS_CACHE=f"redis://127.0.0.1:{unused.getsockname()[1]}", FAULTS_RATE_LIMIT=LIMIT)
        with Load(server) as load:
            load.wait_for(examples(50, full=2000), seconds=120)
    assert {answer.status for answer in load.answers} == {200, 201}
    check_books(load.events)


def test_events_when_the_cache_works_are_limited(start_server: Callable[..., Server]) -> None:
    """Or the test above would prove nothing."""
    server = start_server(workers=1, FAULTS_RATE_LIMIT=LIMIT)
    answers = [post(server, interaction(new_visitor()).message()) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 429]

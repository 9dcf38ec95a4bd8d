from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from alhena_tracking.models import Company, SecretKey
from tests.support.faults.database import database_url
from tests.support.faults.delivery import deliver
from tests.support.faults.events import Event, interaction, new_visitor
from tests.support.faults.server import Server
from tests.support.runs import require


@pytest.fixture(scope="module")
def lasting_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require("gunicorn", find_spec("gunicorn") is not None, "gunicorn is not installed: pip install --group databases")
    with Server(database_url(), tmp_path_factory.mktemp("server") / "log") as server:
        yield server


@pytest.fixture
def server(transactional_db: None, lasting_server: Server) -> Server:
    """The shop on the test database, served by two workers that earlier tests of the module have used, too."""
    return lasting_server


@pytest.fixture
def start_server(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a shop of the test's own: ``start_server(workers=4, FAULTS_ISOLATION="serializable")``."""
    require("gunicorn", find_spec("gunicorn") is not None, "gunicorn is not installed: pip install --group databases")
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Server(database_url(), tmp_path / "log", **options))


@pytest.fixture
def credential(server: Server) -> dict[str, str]:
    """The header by which the shop's own server is known."""
    key = SecretKey(company=Company.objects.get(key="acme"), name="tests").issue()
    server.kill_workers()  # they remember the company without it
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def chat(server: Server) -> Event:
    """How a visitor used the assistant, recorded."""
    chat = interaction(new_visitor())
    assert deliver(server, chat.message())[-1].words == ["recorded"]
    return chat

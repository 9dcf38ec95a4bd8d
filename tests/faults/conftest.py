from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.db.models import Model
from pytest_django import DjangoDbBlocker

from alhena_tracking.models import (
    CartEvent,
    Company,
    DailyFigures,
    DailyProductFigures,
    DailyProductTotals,
    DailySessions,
    EventCount,
    Export,
    Interaction,
    Order,
    OrderClaim,
    OrderLine,
    PendingConfirmation,
    Redating,
    Refund,
    RejectedEvent,
    RolledUpDay,
    SecretKey,
    VisitorSession,
    WeeklyProductTotals,
)
from tests.support.faults.database import database_url
from tests.support.faults.delivery import deliver
from tests.support.faults.events import Event, interaction, new_visitor
from tests.support.faults.server import Server
from tests.support.runs import require

#: Each before those that it refers to.
_EMPTIED: tuple[type[Model], ...] = (
    *(Refund, OrderClaim, OrderLine, PendingConfirmation, Order, CartEvent, Interaction, VisitorSession),
    *(Export, SecretKey, EventCount, RejectedEvent, Redating),
    *(RolledUpDay, DailyFigures, DailySessions, DailyProductFigures, DailyProductTotals, WeeklyProductTotals),
)


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In the place of pytest-django's: the test database, written for good and emptied afterwards.

    The company and the rows to lock stay. To ``flush`` them, too, and make them anew takes a second each time.
    """
    with django_db_blocker.unblock():
        yield
        for model in _EMPTIED:
            model._default_manager.all().delete()


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

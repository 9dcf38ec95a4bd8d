"""Steps of maintenance: one process at a time, each by itself, and what is seen of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from alhena_tracking import maintenance
from alhena_tracking.diagnosis.checklist import diagnose
from alhena_tracking.diagnosis.event_facts import read_facts
from alhena_tracking.diagnosis.maintenance_check import MaintenanceCheck
from alhena_tracking.maintenance import State, running
from alhena_tracking.models import Company, MaintenanceStep, RolledUpDay
from tests.support import factories

pytestmark = pytest.mark.django_db(transaction=True)

DIAGNOSTICS_URL = "/admin/alhena_tracking/eventdiagnostics/"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], Iterator[str]]]:
    """Steps of the test's own, to be filled."""
    found: dict[str, Callable[[], Iterator[str]]] = {}
    monkeypatch.setattr(maintenance, "STEPS", found)
    return found


def two_lines() -> Iterator[str]:
    yield "one"
    yield "two"


def fail() -> Iterator[str]:
    yield "begun"
    raise RuntimeError("out of order")


def test_steps_when_run_report_each_line_at_once(steps: dict[str, Any]) -> None:
    heard: list[str] = []

    def listening() -> Iterator[str]:
        yield "first"
        assert heard == ["one", "two", "first"]

    steps.update({"a": two_lines, "b": listening})
    results = maintenance.run(report=heard.append)
    assert [(each.name, each.state, each.lines) for each in results] == [
        ("a", State.DONE, ("one", "two")),
        ("b", State.DONE, ("first",)),
    ]
    for row in MaintenanceStep.objects.all():
        assert row.started_at
        assert row.finished_at
        assert row.started_at <= row.finished_at
        assert (row.failed_at, row.holder, row.run, row.held_until) == (None, "", None, None)


def test_step_when_it_fails_is_noted_and_the_others_run(steps: dict[str, Any], caplog: Any) -> None:
    steps.update({"a": fail, "b": two_lines})
    assert [each.state for each in maintenance.run()] == [State.FAILED, State.DONE]
    assert "out of order" in caplog.text
    row = MaintenanceStep.objects.get(name="a")
    assert (row.has_failed, row.finished_at, row.held_until) == (True, None, None)
    steps["a"] = two_lines
    assert maintenance.run()[0].state is State.DONE
    row.refresh_from_db()
    assert not row.has_failed


def test_step_when_another_process_is_at_it_is_left_alone(steps: dict[str, Any]) -> None:
    def second() -> Iterator[str]:
        yield str([each.state.name for each in maintenance.run(["a"])])

    steps["a"] = second
    assert maintenance.run()[0].lines == ("['BUSY']",)


@pytest.mark.parametrize(
    ("holder", "ago", "state"),
    [
        ("elsewhere:1", timedelta(minutes=-5), State.BUSY),
        ("elsewhere:1", timedelta(seconds=1), State.DONE),
        ("{host}:{own}", timedelta(minutes=-5), State.BUSY),
        ("{host}:1", timedelta(minutes=-5), State.BUSY),
        ("{host}:{gone}", timedelta(minutes=-5), State.DONE),
    ],
)
def test_step_when_its_holder_is_silent_or_gone_is_taken(
    steps: dict[str, Any], holder: str, ago: timedelta, state: State
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    holder = holder.format(host=socket.gethostname()[:80], own=os.getpid(), gone=ended.pid)
    MaintenanceStep.objects.create(
        name="a", holder=holder, run="6b1f0c0e-6a52-4d46-9a0c-0d8a24b7c001", held_until=timezone.now() - ago
    )
    steps["a"] = two_lines
    assert maintenance.run()[0].state is state


def test_step_when_it_goes_on_is_held_longer(steps: dict[str, Any]) -> None:
    held: list[Any] = []

    def look() -> Iterator[str]:
        for number in range(2):
            yield str(number)
            MaintenanceStep.objects.update(held_until=timezone.now())
        held.append(MaintenanceStep.objects.get().held_until)
        yield "last"
        held.append(MaintenanceStep.objects.get().held_until)

    steps["a"] = look
    maintenance.run()
    assert held[1] - held[0] > running.HELD_FOR / 2


def test_steps_when_only_one_is_asked_for_leave_out_the_rest(steps: dict[str, Any]) -> None:
    steps.update({"a": two_lines, "b": two_lines})
    assert [each.name for each in maintenance.run(["b"])] == ["b"]
    with pytest.raises(ValueError, match="There is no step c: choose from a, b"):
        maintenance.run(["b", "c"])


def test_command_when_run_says_what_it_did(company: Company) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=timezone.now() - timedelta(days=9))
    output = StringIO()
    call_command("alhena_maintenance", only=["roll-up"], stdout=output)
    first, last = output.getvalue().splitlines()
    assert first.startswith("acme: rolled up days: ")
    assert last.startswith("Done in ")
    assert last.endswith(" s: roll-up.")
    assert RolledUpDay.objects.filter(on=session.started_on, is_stale=False).exists()


def test_command_when_a_step_is_busy_or_fails_says_so(steps: dict[str, Any]) -> None:
    MaintenanceStep.objects.create(name="a", holder="elsewhere:1", held_until=timezone.now() + timedelta(minutes=1))
    steps.update({"a": two_lines, "b": fail})
    output = StringIO()
    with pytest.raises(CommandError, match=r"These steps failed, .*: b\. See the log"):
        call_command("alhena_maintenance", stdout=output)
    assert output.getvalue().splitlines() == ["begun", "Another process is at these steps: a."]


def found(company: Company) -> Any:
    [result] = [
        each for each in diagnose(read_facts(company, now=timezone.now())).problems if each.check is MaintenanceCheck
    ]
    return result


def test_diagnostics_say_whether_maintenance_runs(
    company: Company, steps: dict[str, Any], client: Client, log_in: Callable[..., Any]
) -> None:
    assert found(company).finding is MaintenanceCheck.never
    steps.update({"a": two_lines, "b": fail})
    maintenance.run()
    assert (found(company).finding, found(company).names) == (MaintenanceCheck.failing, ("b",))
    steps["b"] = two_lines
    maintenance.run()
    assert found(company).finding is MaintenanceCheck.regular
    MaintenanceStep.objects.update(started_at=timezone.now() - timedelta(hours=25))
    assert found(company).finding is MaintenanceCheck.quiet
    log_in("view_eventdiagnostics")
    assert "Maintenance has not run for more than a day." in client.get(DIAGNOSTICS_URL).text

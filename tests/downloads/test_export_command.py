from __future__ import annotations

import io
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from alhena_tracking import exports
from alhena_tracking.models import Company
from tests.support import factories
from tests.support.exported_files import read_csv, read_xlsx
from tests.support.factories import at

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
THAT_WEEK = {"start": "2026-03-02", "end": "2026-03-08"}


@pytest.fixture(autouse=True)
def orders(company: Company) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    for number in range(3):
        factories.OrderFactory.create(session=session, order_id=str(number), value_minor=1050)


def test_file_when_exported_to_a_path_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"of yesterday")
    call_command("alhena_export", "orders", output=str(path), **THAT_WEEK, stderr=io.StringIO())
    assert [row["Order ID"] for row in read_csv(path.read_bytes())] == ["0", "1", "2"]
    assert [each.name for each in tmp_path.iterdir()] == ["orders.csv"]


def test_file_when_exporting_fails_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        yield b"half"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "csv_chunks", fail)
    path = tmp_path / "orders.csv"
    path.write_bytes(b"of yesterday")
    with pytest.raises(CommandError, match="No space left"):
        call_command("alhena_export", "orders", output=str(path), **THAT_WEEK)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("orders.csv", b"of yesterday")]


def test_file_when_exported_to_stdout_is_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    output, errors = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    call_command("alhena_export", "orders", format="excel", language="de", **THAT_WEEK, stderr=errors)
    content = output.buffer.getvalue().decode()
    assert content.startswith("\ufeff")
    assert ";10,50;" in content
    assert errors.getvalue() == "3 rows.\n"


def test_workbook_when_exported_has_the_figures(tmp_path: Path) -> None:
    path = tmp_path / "figures.xlsx"
    call_command("alhena_export", "figures", output=str(path), **THAT_WEEK, stderr=io.StringIO())
    assert "Key figures" in read_xlsx(path.read_bytes())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"company": "nowhere"}, "No company has the key 'nowhere'"),
        ({"start": "2026-03-09", "end": "2026-03-08"}, "The end date is before the start date"),
        ({"channel": "SMS"}, "“SMS” is not a channel"),
        ({"output": "/nowhere/orders.csv"}, "/nowhere"),
    ],
)
def test_command_when_something_is_wrong_says_it(options: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("alhena_export", "orders", **{**THAT_WEEK, **options})


def test_command_when_there_is_no_such_file_says_it() -> None:
    with pytest.raises(CommandError, match="no file of cards as xlsx"):
        call_command("alhena_export", "cards", format="xlsx")

"""The programs that people open the files with read them right."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.utils import translation

from alhena_tracking.downloads import Asked, make_at_once
from alhena_tracking.models import Company, FileFormat
from alhena_tracking.reports import Period, ReportQuery
from tests.support import factories
from tests.support.factories import at
from tests.support.runs import IS_FULL_RUN, require

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
NAMES = ["Tea", 'Tea, "green"', "Tee; süß", "two\nlines", "茶 🧀", "=1+1", "100 % tea", ""]
#: What LibreOffice's dialog preselects: separator, quote, UTF-8, first line, language, no quoted texts, dates detected.
LANGUAGES = {
    "de": "59,34,76,1,,1031,false,true",
    "fr": "59,34,76,1,,1036,false,true",
    "en": "44,34,76,1,,1033,false,true",
}


@pytest.fixture
def make(company: Company, tmp_path: Path) -> Callable[[FileFormat, str], Path]:
    """Make a file of cart events with awkward names, in a language."""
    Company.objects.filter(pk=company.pk).update(time_zone="Asia/Kathmandu")
    company.refresh_from_db()
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY, 9))
    for number, name in enumerate(NAMES):
        factories.CartEventFactory.create(
            session=session,
            product_id=f"sku-{number}",
            product_name=name,
            gmv_minor=123_456_789 if number == 0 else -number * 101,
            occurred_at=at(MONDAY, 9, number),
        )

    def make(file_format: FileFormat, language: str = "en") -> Path:
        query = ReportQuery(company=company, period=Period(MONDAY, MONDAY), currency="EUR")
        with translation.override(language):
            made = make_at_once(Asked("cart_events", file_format, query))
        path = tmp_path / f"file.{file_format.suffix}"
        made.file.seek(0)
        path.write_bytes(made.file.read())
        made.file.close()
        return path

    return make


GMV = [1234567.89, *(-number * 1.01 for number in range(1, len(NAMES)))]
#: As they are in files, where they cannot become formulas.
SHOWN = ["'=1+1" if name == "=1+1" else name for name in NAMES]


def test_csv_when_read_by_pandas_has_its_columns(make: Callable[..., Path]) -> None:
    require("readers", find_spec("pandas") is not None, "pandas is not installed: pip install --group readers")
    import pandas

    frame = pandas.read_csv(make(FileFormat.CSV))
    assert frame["GMV"].dtype.kind == "f"
    assert list(frame["GMV"]) == pytest.approx(GMV)
    assert [name for name in frame["Product"].fillna("")] == SHOWN  # noqa: C416 (a Series)
    assert str(pandas.to_datetime(frame["Time (UTC)"])[0]) == "2026-03-02 09:00:00+00:00"
    assert str(pandas.to_datetime(frame["Time (Asia/Kathmandu)"])[0]) == "2026-03-02 14:45:00+05:45"


def test_csv_when_read_by_polars_has_its_columns(make: Callable[..., Path]) -> None:
    require("readers", find_spec("polars") is not None, "polars is not installed: pip install --group readers")
    import polars

    frame = polars.read_csv(make(FileFormat.CSV))
    assert frame["GMV"].to_list() == pytest.approx(GMV)
    assert [name or "" for name in frame["Product"].to_list()] == SHOWN
    assert frame["Quantity in the cart"].dtype.is_integer()


def test_csv_when_read_by_duckdb_has_its_columns(make: Callable[..., Path]) -> None:
    require("readers", find_spec("duckdb") is not None, "DuckDB is not installed: pip install --group readers")
    import duckdb

    frame = duckdb.read_csv(str(make(FileFormat.CSV)))
    types = dict(zip(frame.columns, map(str, frame.types), strict=True))
    assert (types["Day"], types["GMV"]) == ("DATE", "DOUBLE")
    assert types["Time (UTC)"].startswith("TIMESTAMP")
    rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.fetchall()]
    assert [row["GMV"] for row in rows] == pytest.approx(GMV)
    assert [row["Product"] or "" for row in rows] == SHOWN


def opened_by_libreoffice(path: Path, options: str = "") -> list[tuple[Any, ...]]:
    """The first sheet as LibreOffice has it once it has opened the file."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    require("libreoffice", program is not None, "LibreOffice is not installed: apt-get install libreoffice-calc-nogui")
    assert program
    out = path.parent / "opened"
    chosen = [f"--infilter=CSV:{options}"] if options else []
    subprocess.run(
        [
            *(program, f"-env:UserInstallation=file://{path.parent}/profile", "--headless", *chosen),
            *("--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(out), str(path)),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    book = openpyxl.load_workbook(out / "file.xlsx")
    return list(book[book.sheetnames[0]].iter_rows(values_only=True))


@pytest.mark.real_time
@pytest.mark.skipif(not IS_FULL_RUN, reason="starts LibreOffice; ALHENA_FULL_RUN=1")
@pytest.mark.parametrize("file_format", [FileFormat.EXCEL, FileFormat.XLSX])
@pytest.mark.parametrize("language", LANGUAGES)
def test_file_when_opened_by_libreoffice_has_cells_and_types(
    make: Callable[..., Path], language: str, file_format: FileFormat
) -> None:
    path = make(file_format, language)
    options = LANGUAGES[language] if file_format == FileFormat.EXCEL else ""
    columns, *rows = opened_by_libreoffice(path, options)
    assert len(columns) == 20
    assert len(rows) == len(NAMES)
    places = {name: place for place, name in enumerate(columns)}
    with translation.override(language):
        day, product, gmv = (places[translation.gettext(name)] for name in ("Day", "Product", "GMV"))
    assert [row[gmv] for row in rows] == pytest.approx(GMV)
    assert {row[day] for row in rows} == {datetime(2026, 3, 2)}  # noqa: DTZ001
    assert rows[0][day + 1] == datetime(2026, 3, 2, 14, 45)  # noqa: DTZ001
    assert rows[0][day + 2] == datetime(2026, 3, 2, 9)  # noqa: DTZ001
    shown = NAMES if file_format == FileFormat.XLSX else SHOWN
    assert [row[product] or "" for row in rows] == shown

"""Export the report from the command line."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils import translation

from alhena_tracking import exports
from alhena_tracking.conf import conf
from alhena_tracking.downloads import WORKBOOK, Asked, TooManyRows, make_file
from alhena_tracking.models import Company, FileFormat
from alhena_tracking.reports.forms import ReportForm

_TABLES = (*exports.FIGURE_TABLES, WORKBOOK, *exports.ROW_TABLES)


class Command(BaseCommand):
    help = "Export a table of the report: the same file as in the admin, of any size. A file is there once it is whole."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("table", choices=_TABLES, help=f"the table; {WORKBOOK} is a workbook (xlsx)")
        parser.add_argument("--output", default="-", help="the file to write (default: standard output)")
        parser.add_argument("--format", choices=FileFormat.values, help="the format (default: csv)")
        parser.add_argument("--language", default=settings.LANGUAGE_CODE, help="of titles, and of CSV for Excel")
        parser.add_argument("--company", default=conf.company_key, help="the company's key (default: COMPANY_KEY)")
        parser.add_argument("--start", help="the first day, as YYYY-MM-DD (default: 30 days up to today)")
        parser.add_argument("--end", help="the last day")
        chosen = ("range", "complete", "currency", "channel", "profile", "trust", "grain")
        for name in (*chosen, "compare", "compare_start", "compare_end"):
            parser.add_argument(f"--{name}", help=f"as {name} in the report's URL")

    def handle(self, *, table: str, output: str, format: str | None, language: str, **options: Any) -> None:  # noqa: A002
        file_format = format or (FileFormat.XLSX if table == WORKBOOK else FileFormat.CSV)
        if not Asked.is_offered(table, file_format):
            needed = " (pip install alhena-tracking[xlsx])" if not exports.has_xlsx() else ""
            raise CommandError(f"There is no file of {table} as {file_format}{needed}.")
        asked = Asked(table, FileFormat(file_format), self.form(options).report_query())
        try:
            with translation.override(language):
                number = _write_to_output(asked, sys.stdout.buffer) if output == "-" else _write(asked, Path(output))
        except OSError as error:
            raise CommandError(f"{error.filename or output}: {error.strerror}") from error
        except TooManyRows as error:
            raise CommandError(f"{error.row_count} rows; a file of this kind holds at most {error.most}.") from error
        # On stderr, so that stdout has nothing but the file.
        self.stderr.write(f"{number} rows.", self.style.SUCCESS)

    def form(self, options: dict[str, Any]) -> ReportForm:
        companies = list(Company.objects.filter(key=options["company"] or ""))
        if not companies:
            raise CommandError(f"No company has the key {options['company']!r}.")
        names = ReportForm.base_fields
        form = ReportForm({name: options[name] for name in names if options.get(name)}, companies=companies)
        if form.errors:
            raise CommandError(" ".join(str(text) for texts in form.errors.values() for text in texts))
        return form


def _write_to_output(asked: Asked, output: IO[bytes]) -> int:
    with tempfile.TemporaryFile() as file:
        made = make_file(asked, file)
        file.seek(0)
        shutil.copyfileobj(file, output)
        output.flush()
    return made.row_count


def _write(asked: Asked, path: Path) -> int:
    """Write beside the file, and put it in its place once it is whole."""
    with tempfile.NamedTemporaryFile(dir=path.resolve().parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            made = make_file(asked, file)
            file.flush()
            os.fsync(file.fileno())
            # As open for others as a file made by open() is.
            umask = os.umask(0)
            os.umask(umask)
            Path(file.name).chmod(0o666 & ~umask)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return made.row_count

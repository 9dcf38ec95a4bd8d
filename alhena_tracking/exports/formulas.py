"""Texts that a spreadsheet could read as formulas, made inert."""

from __future__ import annotations

import re

# The start of a formula, also after invisible characters, and after semicolons, tabs or line breaks, which spreadsheets
# in other languages treat as the end of a cell. See OWASP, "CSV Injection". Characters are listed, as the classes of
# PostgreSQL and Python differ.
_SIGNS = "[=+@＝＋－＠-]"
_INVISIBLE = "[\x01-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]*"
_INSIDE = f"([;\t\r\n])(?={_INVISIBLE}{_SIGNS})"
_START = f"^({_INVISIBLE}{_SIGNS}|[\t\r\n])"
#: Where it finds nothing, nothing is changed: without a look ahead, which takes PostgreSQL longer.
_GUARD = f"(^|[;\t\r\n]){_INVISIBLE}{_SIGNS}|^[\t\r\n]"

_inside = re.compile(_INSIDE)
_start = re.compile(_START)
#: A cheap first test.
_suspect = re.compile("[=+@＝＋－＠\t\r\n-]")


def inert(text: str) -> str:
    """Put a ``'`` before everything that a spreadsheet could read as the start of a formula."""
    if not _suspect.search(text):
        return text
    return ("'" if _start.match(text) else "") + _inside.sub(r"\1'", text)


def inert_sql(column: str) -> str:
    """Return PostgreSQL's expression for ``inert``, null for an empty text."""
    start = f"CASE WHEN {column} ~ '{_START}' THEN '''' ELSE '' END"
    replaced = f"{start} || regexp_replace({column}, '{_INSIDE}', '\\1''', 'g')"
    return f"CASE WHEN {column} ~ '{_GUARD}' THEN {replaced} ELSE NULLIF({column}, '') END"

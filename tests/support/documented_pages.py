"""Requests, answers and tables in the pages of ``docs/``."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Message:
    """A request or an answer of the page."""

    start: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    @classmethod
    def parse(cls, language: str, text: str) -> Message:
        if language == "http":
            head, _, body = text.partition("\n\n")
            start, *headers = head.splitlines()
            return cls(start, dict(header.split(": ", 1) for header in headers), body)
        _, url, *arguments = shlex.split(text.replace("\\\n", ""))
        options = list(zip(arguments[::2], arguments[1::2], strict=True))
        headers = [value for option, value in options if option == "-H"]
        (body,) = (value for option, value in options if option == "-d")
        return cls(f"POST {urlsplit(url).path}", dict(header.split(": ", 1) for header in headers), body)

    @property
    def is_answer(self) -> bool:
        return self.start.startswith("HTTP/")


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table's rows, without the header."""
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]
        for table in re.findall(r"(?:^\|.*\|\n)+", text + "\n", re.MULTILINE)
    ]

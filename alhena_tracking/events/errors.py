"""Why an event cannot be recorded."""

from __future__ import annotations

from collections.abc import Mapping


class EventError(Exception):
    """An event that cannot be recorded, and need not be tried again."""


class UnknownCompany(EventError):
    """There is no company with this key, or neither the call nor the settings name one."""


class InvalidEvent(EventError):
    """An event with invalid fields.

    ``errors`` maps the path of each, such as ``line_items[1].quantity``, to a code, and ``messages`` to a sentence,
    which may quote the value.
    """

    def __init__(self, errors: Mapping[str, str], messages: Mapping[str, str] | None = None) -> None:
        self.errors = dict(errors)
        self.messages = dict(messages or {})
        super().__init__("; ".join(self._described(path) for path in self.errors))

    @property
    def codes(self) -> str:
        """All errors without a word of the event, for logs."""
        return ", ".join(f"{path}: {code}" if path else code for path, code in self.errors.items())

    def _described(self, path: str) -> str:
        described = f"{path}: {self.errors[path]}" if path else self.errors[path]
        return f"{described} ({self.messages[path]})" if path in self.messages else described

"""Pages of the admin: their URLs and contents."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from django.urls import reverse

from alhena_tracking import models

REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
RECORDS = [
    models.VisitorSession,
    models.Interaction,
    models.CartEvent,
    models.Order,
    models.OrderClaim,
    models.PendingConfirmation,
    models.Refund,
]


def admin_url(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:alhena_tracking_{model._meta.model_name}_{page}", args=args)


class Page(HTMLParser):
    """Collect inline code that a strict Content-Security-Policy blocks, and what assistive technology relies on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.blocked: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._is_inline_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        self._is_inline_script = tag == "script" and "src" not in attributes
        is_data = (attributes.get("type") or "").endswith("json")
        if tag == "style" or (self._is_inline_script and not is_data):
            self.blocked.append(tag)
        self.blocked += [name for name in attributes if name == "style" or name.startswith("on")]
        self.blocked += [value for value in attributes.values() if value and value.lower().startswith("javascript:")]

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)

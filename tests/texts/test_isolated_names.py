"""Names in another script than the page's do not reorder what stands beside them: ``<bdi>`` sets them apart."""

from __future__ import annotations

from datetime import date
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from django.test import Client

from alhena_tracking.models import Company
from tests.support import factories
from tests.support.factories import at
from tests.support.hostile_texts import fill, lists_of, pages_of

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

NAME = "سجاد فاخر"
MONDAY = date(2026, 3, 2)
_INLINE = {"a", "b", "code", "em", "i", "input", "label", "small", "span", "strong", "time", "u", "wbr", "br", "svg"}
#: What has its own direction, or cannot hold elements.
_APART = {"bdi", "option", "title", "textarea", "script", "style", "button", "select"}
_VOID = {"input", "br", "wbr", "img", "link", "meta", "hr", "col", "area", "base", "source", "track"}


class Blocks(HTMLParser):
    """The texts of a page's blocks, without what is set apart in them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.texts: list[list[str]] = [[]]
        self.mixed: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        is_apart = tag in _APART or (tag != "html" and "dir" in dict(attrs))
        self.open.append((tag, is_apart))
        if tag not in _INLINE | _APART:
            self.texts.append([])

    def handle_endtag(self, tag: str) -> None:
        while self.open and tag in {name for name, _ in self.open}:
            closed, _ = self.open.pop()
            if closed not in _INLINE | _APART:
                self._close_block()
            if closed == tag:
                return

    def _close_block(self) -> None:
        text = " ".join("".join(self.texts.pop()).split())
        rest = text.replace(NAME, "").strip()
        if NAME in text and rest:
            self.mixed.append(text)

    def handle_data(self, data: str) -> None:
        if not any(is_apart for _, is_apart in self.open):
            self.texts[-1].append(data)


def test_blocks_when_a_name_stands_beside_another_text_are_found() -> None:
    html = f"<p>{NAME} <a>1</a></p><p><bdi>{NAME}</bdi> 1</p><p>{NAME}</p><ul><li>{NAME}<li>2</ul>"
    assert Blocks(html).mixed == [f"{NAME} 1"]


@pytest.mark.parametrize("companies", [1, 2])
def test_names_when_shown_beside_other_texts_are_set_apart(client: Client, company: Company, companies: int) -> None:
    Company.objects.filter(pk=company.pk).update(name=NAME)
    rows = fill(company, NAME, at(MONDAY))
    factories.CompanyFactory.create_batch(companies - 1)
    client.force_login(factories.UserFactory.create(is_superuser=True))
    report, *lists = lists_of(rows, f"start={MONDAY}&end={MONDAY}&company={company.key}")
    # Django writes rows into its titles, links and breadcrumbs as they call themselves.
    by_django = {text for row in rows.values() for text in (str(row), f"Change history: {row}")}
    mixed = {}
    for url in [report, f"{report}&profile={quote(NAME)}", *lists, *pages_of(rows)]:
        found = Blocks(client.get(url).content.decode()).mixed
        if texts := [text for text in found if text not in by_django and not text.startswith("Home ›")]:
            mixed[url] = texts
    assert mixed == {}

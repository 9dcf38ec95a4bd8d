"""A chart's texts in the browser, and the width of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def is_wider_than_its_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


class Chart:
    """The texts of the first chart of a page."""

    def __init__(self, page: Page) -> None:
        figure = page.locator("[data-alhena-chart]").first
        self.reader = figure.get_by_role("slider")
        self._when, self._total = figure.locator("[data-alhena-when]"), figure.locator("[data-alhena-total]")
        self._amounts = figure.locator("[data-alhena-amount]")

    @property
    def shown(self) -> tuple[str, list[str], str]:
        return self._when.inner_text(), self._amounts.all_inner_texts(), self._total.inner_text()

    @property
    def announced(self) -> list[str]:
        return (self.reader.get_attribute("aria-valuetext") or "").splitlines()

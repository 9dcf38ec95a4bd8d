"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Playwright

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


class Chromium:
    def __init__(self, playwright: Playwright, path: str) -> None:
        self._type = playwright.chromium
        self._path = path

    @contextmanager
    def browser(self, *arguments: str, path: str | None = None, **options: Any) -> Iterator[Browser]:
        """Launch a browser, with further ``arguments`` of Chromium and ``options`` of Playwright's ``launch``."""
        browser = self._type.launch(executable_path=path or self._path, args=[*ARGUMENTS, *arguments], **options)
        try:
            yield browser
        finally:
            browser.close()

    @contextmanager
    def profile(self, folder: str) -> Iterator[BrowserContext]:
        """Launch a browser with the profile in ``folder``."""
        context = self._type.launch_persistent_context(folder, executable_path=self._path, args=ARGUMENTS)
        try:
            yield context
        finally:
            context.close()

"""How the browser is started, and who watches what its pages do beside what tests ask of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import ConsoleMessage, Error, Page, Request

CHROMIUM = "/usr/bin/chromium"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--expose-gc",
]

_HOSTS_OWN_ERRORS = (
    "Canceled future for .*_request message",  # a kernel that JupyterLab's own parts still ask is restarted or ended
    "(?s)'removeChild'.*jlab_core",  # its splash, when the theme changes twice in a moment
)
"""Patterns of what hosts themselves complain of."""


class Watch:
    """Collects errors of pages, and requests that leave this machine."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.outside: list[str] = []
        self._pages: list[Page] = []
        self._allowed = list(_HOSTS_OWN_ERRORS)

    def add(self, page: Page) -> None:
        self._pages.append(page)
        page.on("pageerror", self._on_page_error)
        page.on("console", self._on_console)
        page.on("request", self._on_request)

    def allow(self, pattern: str) -> None:
        """Expect an error, or a request."""
        self._allowed.append(pattern)

    def close(self) -> None:
        for page in self._pages:
            page.remove_listener("pageerror", self._on_page_error)
            page.remove_listener("console", self._on_console)
            page.remove_listener("request", self._on_request)

    def take_pictures(self, folder: Path) -> None:
        for number, page in enumerate(self._pages):
            if not page.is_closed():
                page.screenshot(path=folder / f"page-{number}.png")

    def _on_page_error(self, error: Error) -> None:
        self._add(self.errors, f"{error}\n{error.stack}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._add(self.errors, f"{message.text} ({message.location['url']})")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "file") and parts.hostname != "127.0.0.1":
            self._add(self.outside, request.url)

    def _add(self, found: list[str], what: str) -> None:
        if not any(re.search(pattern, what) for pattern in self._allowed):
            found.append(what)

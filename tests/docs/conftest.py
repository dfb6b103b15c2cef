"""The documentation, built once."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


class _Reader(HTMLParser):
    """Notes what other pages may point to, and what this one points to."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.parts: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        # What a browser fetches by itself.
        if tag == "link" and given.get("rel") in {"stylesheet", "preload", "icon"}:
            self.parts.add(given["href"])
        self.parts |= {given[name] for name in ("src", "data-src", "poster") if name in given}


@dataclass(frozen=True)
class Page:
    """A built page."""

    path: Path

    @cached_property
    def html(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def text(self) -> str:
        """All text in one line, tags left out."""
        return text_of(self.html)

    def section(self, name: str) -> str:
        """The text of a section that has no sections in it."""
        start = self.html.index(f'<section id="{name}">')
        return text_of(self.html[start : self.html.index("</section>", start)])

    @cached_property
    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.html)
        return reader

    @property
    def ids(self) -> set[str]:
        return self._read.ids

    @property
    def links(self) -> set[str]:
        return self._read.links

    @property
    def parts(self) -> set[str]:
        return self._read.parts


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


@dataclass(frozen=True)
class Site:
    """The built pages."""

    folder: Path
    warnings: str

    @cached_property
    def pages(self) -> dict[str, Page]:
        """All of them, by their path without ``.html``."""
        found = sorted(self.folder.rglob("*.html"))
        found = [path for path in found if "_static" not in path.parts]
        return {str(path.relative_to(self.folder).with_suffix("")): Page(path) for path in found}

    def reference(self, name: str) -> Page:
        return self.pages[f"docs/reference/{name}"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The documentation as ``make docs`` builds it."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-c", "docs", "-b", "html", "-d", str(folder / "read")]
    built = subprocess.run([*command, ".", str(folder / "html")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return Site(folder / "html", built.stderr)

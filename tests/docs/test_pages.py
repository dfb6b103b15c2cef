"""The pages as a whole: no warning, no dead link, nothing fetched from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from tests.docs.conftest import Page, Site

ROOT = Path(__file__).resolve().parent.parent.parent


def local(page: Page, address: str) -> tuple[Path, str] | None:
    """The file and the anchor that an address leads to; None for one elsewhere."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    target = page.path.parent / unquote(parts.path) if parts.path else page.path
    return target.resolve(), unquote(parts.fragment)


def test_there_is_no_warning(site: Site) -> None:
    assert site.warnings == ""


def test_every_link_leads_somewhere(site: Site) -> None:
    pages = {page.path.resolve(): page for page in site.pages.values()}
    dead, count = [], 0
    for name, page in site.pages.items():
        for address in page.links:
            if (found := local(page, address)) is None:
                continue
            count += 1
            target, anchor = found
            is_there = target.is_file() and (not anchor or target not in pages or anchor in pages[target].ids)
            if not is_there:
                dead.append(f"{name}: {address}")
    assert dead == []
    assert count > 1000


def test_nothing_is_fetched_from_elsewhere(site: Site) -> None:
    wrong = []
    for name, page in site.pages.items():
        for address in page.parts:
            if address.startswith("data:"):
                continue
            found = local(page, address)
            if found is None or not found[0].is_file():
                wrong.append(f"{name}: {address}")
    assert wrong == []


def test_every_page_can_be_reached_from_the_first(site: Site) -> None:
    pages = {page.path.resolve(): name for name, page in site.pages.items()}
    reached, waiting = set(), ["docs/index"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        page = site.pages[name]
        targets = {found[0] for address in page.links if (found := local(page, address))}
        waiting += [pages[target] for target in targets if target in pages and pages[target] not in reached]
    # The front door leads to the first page; a server shows 404 by itself; the search box calls the search.
    assert site.pages.keys() - reached <= {"index", "404", "search", "genindex", "py-modindex"}


def test_the_front_door_leads_to_the_first_page(site: Site) -> None:
    assert 'content="0; url=docs/index.html"' in site.pages["index"].html


def test_a_page_for_what_is_not_there(site: Site) -> None:
    assert {"docs/index.html", "search.html"} <= site.pages["404"].links


def test_the_theme_chooses_between_light_and_dark_pictures(site: Site) -> None:
    html = site.pages["docs/notebook"].html
    assert html.count('class="only-light"') == html.count('class="only-dark"') > 3


def test_formulas_are_drawn_by_the_browser(site: Site) -> None:
    page = site.pages["notebooks/teaching/20_stft_and_phase"]
    assert "<math" in page.html
    assert not [address for address in page.parts if "mathjax" in address.lower()]


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", (ROOT / "README.md").read_text("utf-8"))
    paths = [link.partition("#")[0] for link in links if not urlsplit(link).scheme]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert len(paths) > 5

"""What stays of a player where no kernel runs: in the saved notebook, in its HTML, in a page of its own."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.e2e.cells import COMPARISON, LONG_SONG, SHOW, TONES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.e2e.browsing import Watch
    from tests.e2e.notebook import Notebook

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def shown(content: dict[str, Any], cell: int) -> dict[str, Any]:
    """Return the one bundle of representations that a cell of a saved notebook shows."""
    (output,) = (it for it in content["cells"][cell]["outputs"] if "data" in it)
    data: dict[str, Any] = output["data"]
    return data


def test_a_saved_notebook_becomes_html_with_picture_and_table(
    open_notebook: Callable[..., Notebook], page: Page, tmp_path: Path, watch: Watch
) -> None:
    watch.allow("cdnjs.cloudflare.com|cdn.jsdelivr.net")  # nbconvert's own frame wants RequireJS, MathJax, Mermaid
    notebook = open_notebook(TONES, SHOW)
    notebook.run_cell(0)
    notebook.run_cell(1)
    data = shown(notebook.save(), 1)

    assert WIDGET_VIEW in data
    assert "".join(data["text/html"])
    assert base64.b64decode("".join(data["image/png"])).startswith(b"\x89PNG")

    made, _ = HTMLExporter(embed_images=True).from_notebook_node(nbformat.read(notebook.file, as_version=4))  # type: ignore[no-untyped-call]
    (tmp_path / "made.html").write_text(made)
    page.route(re.compile("^https?:"), lambda route: route.abort())
    page.goto((tmp_path / "made.html").as_uri())
    picture = page.locator(".jp-OutputArea-output img").first
    assert picture.evaluate("(img) => img.complete && img.naturalWidth") > 100
    for stem in ("vocals", "drums", "bass"):
        assert page.locator(".jp-OutputArea-output").get_by_text(stem).first.is_visible()


def test_saved_spectrograms_become_html_with_a_picture(
    open_notebook: Callable[..., Notebook], page: Page, tmp_path: Path, watch: Watch
) -> None:
    watch.allow("cdnjs.cloudflare.com|cdn.jsdelivr.net")  # as above
    notebook = open_notebook(TONES, COMPARISON)
    before = notebook.file.stat().st_size
    notebook.run_cell(0)
    notebook.run_cell(1)
    data = shown(notebook.save(), 1)
    grown = notebook.file.stat().st_size - before
    print(f"5 spectrograms: the notebook grew by {grown / 1000:.0f} kB")  # noqa: T201 - a figure

    assert WIDGET_VIEW in data
    assert base64.b64decode("".join(data["image/png"])).startswith(b"\x89PNG")
    assert grown < 200_000
    made, _ = HTMLExporter(embed_images=True).from_notebook_node(nbformat.read(notebook.file, as_version=4))  # type: ignore[no-untyped-call]
    (tmp_path / "made.html").write_text(made)
    page.route(re.compile("^https?:"), lambda route: route.abort())
    page.goto((tmp_path / "made.html").as_uri())
    picture = page.locator(".jp-OutputArea-output img").first
    assert picture.evaluate("(img) => img.complete && img.naturalWidth") > 100
    for signal in ("mixture", "vocals", "residual"):
        assert page.locator(".jp-OutputArea-output").get_by_text(signal).first.is_visible()


@pytest.mark.parametrize(("static", "most"), [("image", 200_000), ("preview", 1_500_000), ("none", 200_000)])
def test_a_notebook_grows_little_by_a_long_song(static: str, most: int, open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook(LONG_SONG, f"StemPlayer(stems, sample_rate=rate, title='Long', static={static!r})")
    before = notebook.file.stat().st_size
    notebook.run_cell(0)
    notebook.run_cell(1)
    assert WIDGET_VIEW in shown(notebook.save(), 1)

    grown = notebook.file.stat().st_size - before
    print(f"4 minutes, 5 stems, static={static!r}: the notebook grew by {grown / 1000:.0f} kB")  # noqa: T201 - a figure
    assert grown < most

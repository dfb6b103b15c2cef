"""The same widgets in Notebook 7, Voila and marimo: shown, played, one stem alone; spectrograms, zoomed."""

from __future__ import annotations

import json
import re
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

from tests.e2e import hosts
from tests.e2e.cells import LINKED, SHOW, TONE_HERTZ, TONES
from tests.e2e.comparison import Comparison
from tests.e2e.notebook import until
from tests.e2e.player import Player

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.e2e.browsing import Watch

NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": it}
            for i, it in enumerate((TONES + SHOW, LINKED))
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
)
MARIMO = f"""
import marimo
app = marimo.App()
@app.cell
def _():
{indent(TONES + SHOW, "    ")}
    return mixture, player, rate, stems
@app.cell
def _(mixture, player, rate, stems):
{indent(LINKED, "    ")}
    return
"""


def assert_works(page: Page) -> None:
    player = player_in(page)
    assert_looks(comparison_in(page), player)
    assert_plays(player)
    page.close()  # before its server ends, or it complains


def player_in(page: Page) -> Player:
    return Player(page, page.locator(".snb-root", has=page.locator(".snb-player")))


def comparison_in(page: Page) -> Comparison:
    return Comparison(page, page.locator(".snb-root", has=page.locator(".snb-spectrogram")))


def assert_looks(view: Comparison, player: Player) -> None:
    view.root.wait_for()
    view.wait_until_sharp()
    assert view.panes == ["mixture", *TONE_HERTZ, "residual"]
    view.root.scroll_into_view_if_needed()
    view.point_at(0.5)
    view.wheel(-900, key="Control")
    until(view.page, lambda: view.span()[1] < 15, "it shows less")
    view.wait_until_sharp()
    assert view.span() == pytest.approx((10 - 10 / 1.0025**900, 10 + 10 / 1.0025**900), abs=0.1)
    assert not view.read_at(0.5, 0.5).caveats
    view.click(0.5)
    until(view.page, lambda: player.position == pytest.approx(10, abs=0.1), "the player is there")


def assert_plays(player: Player) -> None:
    player.wait_until_drawn()
    player.play()
    player.until_heard(hertz_500=True, hertz_1500=True, hertz_2500=True)
    player.stem("drums").button("^solo").click()
    player.until_heard(hertz_500=False, hertz_1500=True, hertz_2500=False)
    player.pause()


def test_notebook_7(tmp_path: Path, page: Page, watch: Watch, kernels_environment: Mapping[str, str]) -> None:
    watch.allow("(?s)reading 'schema'.*notebook_core")  # its own settings
    with hosts.notebook_7(tmp_path, kernels_environment) as host:
        (host.work / "song.ipynb").write_text(NOTEBOOK)
        page.goto(f"{host.url}/notebooks/song.ipynb")
        page.wait_for_function(
            "globalThis.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        assert_works(page)


def test_voila(tmp_path: Path, page: Page, watch: Watch, kernels_environment: Mapping[str, str]) -> None:
    # Voila's own frame wants Font Awesome, and offers extensions of JupyterLab parts that it has not.
    watch.allow("fortawesome|shareKey")
    with hosts.voila(tmp_path, kernels_environment) as host:
        (host.work / "song.ipynb").write_text(NOTEBOOK)
        page.goto(f"{host.url}/voila/render/song.ipynb")
        assert_works(page)


def test_the_application_in_a_page_of_its_own(
    tmp_path: Path, page: Page, watch: Watch, kernels_environment: Mapping[str, str]
) -> None:
    watch.allow("fortawesome|shareKey")  # as above
    with hosts.application(tmp_path, kernels_environment) as host:
        address = re.search(rf"{host.url}/\S*token=\w+", host.log.read_text())
        assert address
        page.goto(address[0])
        page.get_by_role("button", name=re.compile("demo", re.IGNORECASE)).click()
        page.locator(".snb-player").wait_for()
        player = player_in(page)
        player.play()
        player.stem("vocals").button("^solo").click()
        page.get_by_role("tab", name="Spectrograms").click()
        comparison_in(page).wait_until_sharp()
        page.close()


def test_marimo(tmp_path: Path, page: Page, kernels_environment: Mapping[str, str]) -> None:
    with hosts.marimo(tmp_path, MARIMO, kernels_environment) as host:
        page.goto(host.url)
        assert_works(page)

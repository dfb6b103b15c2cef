"""The same player in Notebook 7, Voila and marimo: shown, played, one stem alone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.e2e import hosts
from tests.e2e.cells import SHOW, TONES
from tests.e2e.player import Player

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.e2e.browsing import Watch

SOURCE = f"{TONES}\n{SHOW}"
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "code", "id": "c", "metadata": {}, "outputs": [], "execution_count": None, "source": SOURCE}
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
)
_MARIMO_CELL = "".join(f"    {line}\n" for line in SOURCE.splitlines())
MARIMO = f"import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n{_MARIMO_CELL}    return\n"


def assert_plays(page: Page) -> None:
    player = Player(page, page.locator(".snb-root"))
    player.wait_until_drawn()
    player.play()
    player.until_heard(hertz_500=True, hertz_1500=True, hertz_2500=True)
    player.stem("drums").button("^solo").click()
    player.until_heard(hertz_500=False, hertz_1500=True, hertz_2500=False)
    player.pause()
    page.close()  # before its server ends, or it complains


def test_notebook_7(tmp_path: Path, page: Page, watch: Watch, kernels_environment: Mapping[str, str]) -> None:
    watch.allow("(?s)reading 'schema'.*notebook_core")  # its own settings
    with hosts.notebook_7(tmp_path, kernels_environment) as host:
        (host.work / "song.ipynb").write_text(NOTEBOOK)
        page.goto(f"{host.url}/notebooks/song.ipynb")
        page.wait_for_function(
            "globalThis.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        assert_plays(page)


def test_voila(tmp_path: Path, page: Page, watch: Watch, kernels_environment: Mapping[str, str]) -> None:
    # Voila's own frame wants Font Awesome, and offers extensions of JupyterLab parts that it has not.
    watch.allow("fortawesome|shareKey")
    with hosts.voila(tmp_path, kernels_environment) as host:
        (host.work / "song.ipynb").write_text(NOTEBOOK)
        page.goto(f"{host.url}/voila/render/song.ipynb")
        assert_plays(page)


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
        player = Player(page, page.locator(".snb-root", has=page.locator(".snb-player")))
        player.play()
        player.stem("vocals").button("^solo").click()
        page.close()


def test_marimo(tmp_path: Path, page: Page, kernels_environment: Mapping[str, str]) -> None:
    with hosts.marimo(tmp_path, MARIMO, kernels_environment) as host:
        page.goto(host.url)
        assert_plays(page)

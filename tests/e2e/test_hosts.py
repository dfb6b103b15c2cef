"""The same widget in Notebook 7, Voila and marimo: shown, played, one stem alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e import hosts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.e2e.browsing import Watch

SHOW = """
import anywidget
class W(anywidget.AnyWidget):
    _esm = "export default {render({model, el}) {el.textContent = 'shown';}}"
w = W()
w
"""
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "code", "id": "c", "metadata": {}, "outputs": [], "execution_count": None, "source": SHOW}
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
{"".join("    " + line + chr(10) for line in SHOW.splitlines())}    return


if __name__ == "__main__":
    app.run()
"""


def test_notebook_7(tmp_path: Path, page: Page, kernels_environment: Mapping[str, str]) -> None:
    with hosts.notebook_7(tmp_path, kernels_environment) as host:
        (host.work / "song.ipynb").write_text(NOTEBOOK)
        page.goto(f"{host.url}/notebooks/song.ipynb")
        page.wait_for_function("jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        page.get_by_text("shown", exact=True).wait_for()
        page.screenshot(path="/tmp/e2e/nb7.png")


def test_voila(tmp_path: Path, page: Page, kernels_environment: Mapping[str, str]) -> None:
    with hosts.voila(tmp_path, kernels_environment) as host:
        (host.work / "song.ipynb").write_text(NOTEBOOK)
        page.goto(f"{host.url}/voila/render/song.ipynb")
        page.get_by_text("shown", exact=True).wait_for()
        page.screenshot(path="/tmp/e2e/voila.png")


def test_marimo(tmp_path: Path, page: Page, kernels_environment: Mapping[str, str]) -> None:
    with hosts.marimo(tmp_path, MARIMO, kernels_environment) as host:
        page.goto(host.url)
        page.get_by_text("shown", exact=True).wait_for()
        page.screenshot(path="/tmp/e2e/marimo.png")

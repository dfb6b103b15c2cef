"""Songs come from the browser: whole, also through a reload, or not at all."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from tests.e2e.notebook import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.e2e.notebook import Notebook

PICKER = """
import pathlib, zlib
import spleeter_nb as snb
arrived = pathlib.Path({arrived!r})
picker = snb.FilePicker(["."], upload_dir=arrived)
picker
"""


def picker_cell(folder: Path) -> str:
    return PICKER.format(arrived=str(folder / "arrived"))


def song(folder: Path, *, megabytes: int) -> Path:
    path = folder / f"song of {megabytes} MB.wav"
    noise = np.random.default_rng(megabytes).integers(-20_000, 20_000, (megabytes * 250_000, 2), np.int16)
    soundfile.write(path, noise, 44_100, subtype="PCM_16")
    return path


def choose(shown: Locator, path: Path) -> None:
    shown.locator("input[type=file]").set_input_files(path)


def until_arrived(notebook: Notebook, path: Path) -> None:
    """Wait until the song is chosen in the kernel, and compare it."""
    notebook.until_value("picker.value")
    assert notebook.value("[path.name for path in picker.paths]") == [path.name]
    assert notebook.value("zlib.crc32(picker.paths[0].read_bytes())") == zlib.crc32(path.read_bytes())


def received(notebook: Notebook) -> int:
    return int(notebook.value("sum(upload['received'] for upload in picker.uploads)"))


@pytest.mark.parametrize("megabytes", [12, 60])
def test_an_upload_arrives_whole(megabytes: int, open_notebook: Callable[..., Notebook], tmp_path: Path) -> None:
    path = song(tmp_path, megabytes=megabytes)
    notebook = open_notebook(picker_cell(tmp_path))
    notebook.run_cell()

    choose(notebook.cell(), path)

    until_arrived(notebook, path)
    assert notebook.cell().get_by_text(path.name).first.is_visible()


def test_an_upload_goes_on_after_a_reload(open_notebook: Callable[..., Notebook], page: Page, tmp_path: Path) -> None:
    path = song(tmp_path, megabytes=60)
    notebook = open_notebook(picker_cell(tmp_path), page=page)
    notebook.run_cell()
    notebook.save()
    choose(notebook.cell(), path)
    until(page, lambda: received(notebook) > 5_000_000, "some is there")

    notebook.load()

    before = received(notebook)
    assert 5_000_000 < before < path.stat().st_size
    notebook.cell().locator(".snb-root").wait_for()
    choose(notebook.cell(), path)
    until_arrived(notebook, path)
    assert notebook.value("len(picker.uploads)") == 1


def test_an_upload_is_cancelled(open_notebook: Callable[..., Notebook], tmp_path: Path) -> None:
    path = song(tmp_path, megabytes=60)
    notebook = open_notebook(picker_cell(tmp_path))
    notebook.run_cell()
    choose(notebook.cell(), path)
    until(notebook.page, lambda: received(notebook) > 1_000_000, "some is there")

    notebook.cell().get_by_role("button", name="Cancel").click()

    notebook.until_value("not picker.uploads and not list(arrived.iterdir())")
    assert notebook.value("picker.value") == []


def test_a_song_of_the_server_is_chosen_by_keyboard(stage: Notebook) -> None:
    shown = stage.run_code("import spleeter_nb as snb\npicker = snb.FilePicker([snb.demo_song().path.parent])\npicker")
    press = stage.page.keyboard.press
    shown.get_by_text("mixture.flac").wait_for()
    shown.locator("[role=gridcell][tabindex='0']").focus()
    press("m")
    press("Space")

    stage.until_value("[path.name for path in picker.paths] == ['mixture.flac']")

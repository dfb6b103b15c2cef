"""Separation in the notebook: the application, jobs and magics, with the real model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.e2e.notebook import until
from tests.e2e.player import Player

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.notebook import Notebook

APP = """
import spleeter_nb as snb
app = snb.app()
app
"""


def test_the_application_separates_the_demonstration_song(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook(APP)
    notebook.run_cell()
    shown = notebook.cell()

    shown.get_by_role("button", name=re.compile("demo", re.IGNORECASE)).click()

    shown.locator(".snb-player").wait_for()
    player = Player(notebook.page, shown.locator(".snb-root", has=notebook.page.locator(".snb-player")))
    player.wait_until_drawn()
    player.play()
    player.stem("vocals").button("^solo").click()
    assert notebook.value("[sorted(result) for result in app.results]") == [["accompaniment", "vocals"]]


def test_the_application_stops_a_job(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook(APP, "rng = __import__('numpy').random.default_rng(0)\n")
    notebook.python(
        "import numpy, soundfile\n"
        "noise = numpy.random.default_rng(0).uniform(-0.3, 0.3, (600 * 44100, 2)).astype('float32')\n"
        "soundfile.write('long.wav', noise, 44100)"
    )
    notebook.run_cell()
    notebook.python("app.files.value = ['long.wav']")
    shown = notebook.cell()
    shown.get_by_role("button", name=re.compile("^Separate", re.IGNORECASE)).click()
    shown.locator(".snb-job[data-state=running]").wait_for()

    shown.locator(".snb-job").get_by_role("button", name=re.compile("^Cancel")).click()

    shown.locator(".snb-job[data-state=cancelled]").wait_for()
    assert notebook.value("app.results") == []


def test_a_magic_shows_table_and_player(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook(
        "%load_ext spleeter_nb", "import spleeter_nb as snb\nsong = snb.demo_song()", "%separate song"
    )
    notebook.run_cell(0)
    assert notebook.outputs(0) == []  # it prints nothing
    notebook.run_cell(1)
    notebook.run_cell(2)

    shown = notebook.cell(2)
    player = Player(notebook.page, shown.locator(".snb-root"))
    player.wait_until_drawn()
    player.play()
    until(notebook.page, lambda: player.position > 0.2, "it plays")
    *_, output = (it for it in notebook.outputs(2) if "data" in it)  # progress comes before
    assert "<table" in output["data"]["text/html"]
    assert notebook.value("sorted(_)") == ["accompaniment", "vocals"]

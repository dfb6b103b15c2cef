"""Spectrograms of what the real model separated: of a result, of two, of the magic, in the application."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.e2e.axe import assert_axe_finds_nothing_serious
from tests.e2e.comparison import Comparison, number_in
from tests.e2e.notebook import until
from tests.e2e.player import Player

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page

    from tests.e2e.notebook import Notebook

PANES = ["mixture", "vocals", "accompaniment", "residual"]

CLOSE_DB = 0.5

_SEPARATE = """
import spleeter_nb as snb
if "result" not in globals():
    result = snb.separate(snb.demo_song(), progress=False)
"""


@pytest.fixture
def separated(stage: Notebook) -> Iterator[Notebook]:
    """The stage, whose kernel has separated the demonstration song: `result`; tests show `view`."""
    stage.python(_SEPARATE)
    yield stage
    stage.python("view.close()")


def player_in(page: Page, place: Locator) -> Player:
    return Player(page, place.locator(".snb-root", has=page.locator(".snb-player")))


def comparison_in(page: Page, place: Locator) -> Comparison:
    return Comparison(page, place.locator(".snb-root", has=page.locator(".snb-spectrogram")))


def shown(notebook: Notebook, code: str) -> Comparison:
    view = comparison_in(notebook.page, notebook.run_code(code))
    view.root.wait_for()
    view.wait_until_sharp()
    return view


def exact_level(notebook: Notebook, signal: str, *, seconds: float, hertz: float) -> float:
    """Return the dB that the kernel knows of a place, in the nearest bin of the nearest column."""
    place = f"round({hertz} * 4096 / view.sample_rate), round({seconds} * view.sample_rate / 1024)"
    return float(notebook.value(f"float(view.spectrogram({signal!r})[{place}])"))


def assert_in_step(view: Comparison, player: Player) -> None:
    """A click in the spectrograms is the player's place, their region is its loop, their button plays it."""
    view.click(0.5)
    until(view.page, lambda: player.position == pytest.approx(view.reading().seconds, abs=0.1), "the player is there")
    assert player.position > 5
    view.drag(0.25, 0.75, key="Shift")
    until(view.page, player.root.get_by_role("textbox", name="Loop start").is_visible, "it has a loop")
    view.button("^play").click()
    until(view.page, lambda: not player.sound.is_silent(), "it is heard")
    view.button("^pause").click()
    until(view.page, player.sound.is_silent, "it is silent")


def test_a_result_shows_its_spectrograms(separated: Notebook) -> None:
    player = Player(separated.page, separated.run_code("result", 3).locator(".snb-root"))
    player.root.wait_for()
    view = shown(separated, "view = result.spectrograms()\nview")

    assert view.panes == PANES
    silent_db = separated.value("view.full_db") - 127  # what is below is called silent
    for across, up in [(0.3, 0.4), (0.6, 0.6), (0.6, 0.95)]:
        said = view.read_at(across, up)
        for signal in PANES:
            level = exact_level(separated, signal, seconds=said.seconds, hertz=said.hertz)
            read = number_in(said.values[signal])
            assert max(read, silent_db) == pytest.approx(max(level, silent_db), abs=CLOSE_DB)
    # Above its band the network decides nothing: all of the mixture is left.
    assert said.hertz > separated.value("view.band_limit")
    assert said.values["vocals"] == said.values["accompaniment"] == "silent"
    assert said.values["residual"] == said.values["mixture"] != "silent"
    assert_in_step(view, player)
    start, stop = separated.value("view.region")
    seconds = separated.value("view.frames / view.sample_rate")
    assert (start, stop) == pytest.approx((0.25 * seconds, 0.75 * seconds), abs=0.1)
    assert separated.value("view.selected()['vocals'].shape[0] / view.sample_rate") == pytest.approx(stop - start)


def test_band_limit_and_borders_of_segments_are_drawn_on_request(separated: Notebook) -> None:
    view = shown(separated, "view = result.spectrograms(player=None, y_axis='linear')\nview")
    limit, borders, seconds = separated.value("[view.band_limit, view.segments, view.frames / view.sample_rate]")
    nyquist = separated.value("view.sample_rate / 2")
    assert limit == pytest.approx(11025, abs=20)
    assert borders  # the song is longer than what the network sees at once
    view.page.mouse.move(1, 1)
    bare = view.drawn_marks()
    assert not view.lines(across=True)
    assert not view.lines(across=False)

    view.button("^band limit").click()
    separated.until_value("view.show_band_limit")
    until(view.page, lambda: view.lines(across=True), "the limit is drawn")
    assert view.lines(across=True) == pytest.approx([1 - limit / nyquist], abs=0.02)
    assert not view.lines(across=False)
    view.button("^borders of segments").click()
    separated.until_value("view.show_segments")
    until(view.page, lambda: view.lines(across=False), "the borders are drawn")
    assert view.lines(across=False) == pytest.approx([border / seconds for border in borders], abs=0.005)

    view.button("^borders of segments").click()
    separated.python("view.show_band_limit = False")
    separated.until_value("not view.show_segments")
    view.page.mouse.move(1, 1)
    until(view.page, lambda: np.array_equal(view.drawn_marks(), bare), "both are gone")


def test_two_separations_of_the_real_model_are_compared(separated: Notebook) -> None:
    separated.python("lapped = snb.separate(snb.demo_song(), overlap=0.25, progress=False)")
    view = shown(separated, "view = snb.compare(result, lapped)\nview")

    one, other = "vocals (A)", "vocals (B)"
    between = f"{one} \N{MINUS SIGN} {other}"
    assert view.panes[:3] == [one, other, between]
    said = view.read_at(0.55, 0.5, pane=2)
    levels = [exact_level(separated, signal, seconds=said.seconds, hertz=said.hertz) for signal in (one, other)]
    assert [number_in(said.values[signal]) for signal in (one, other)] == pytest.approx(levels, abs=CLOSE_DB)
    assert number_in(said.values[between]) == pytest.approx(levels[0] - levels[1], abs=2 * CLOSE_DB)
    numbers = separated.value("{name: it['RMS'] for name, it in view.numbers().items()}")
    assert numbers["vocals (A - B)"] < numbers[one] - 6  # nearly the same is left out


def test_a_magic_shows_spectrograms_below_the_player(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook(
        "%load_ext spleeter_nb\nimport spleeter_nb as snb\nsong = snb.demo_song()", "%separate song --spectrograms"
    )
    notebook.run_cell(0)
    notebook.run_cell(1)

    player, view = (find(notebook.page, notebook.cell(1)) for find in (player_in, comparison_in))
    view.wait_until_sharp()
    assert view.panes == PANES
    boxes = [it.root.bounding_box() for it in (player, view)]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    assert_in_step(view, player)
    assert notebook.value("sorted(_)") == ["accompaniment", "vocals"]


_CARD = "app.children[-1].children[0].children[1]"


def test_the_application_shows_spectrograms_when_their_tab_is_opened(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook("import spleeter_nb as snb\napp = snb.app()\napp")
    notebook.run_cell()
    page, cell = notebook.page, notebook.cell()
    cell.get_by_role("button", name=re.compile("demo", re.IGNORECASE)).click()
    player, view = player_in(page, cell), comparison_in(page, cell)
    player.wait_until_drawn()
    player.play()
    assert notebook.value(f"[type(it).__name__ for it in {_CARD}.children[1].children]") == ["Label"]

    cell.get_by_role("tab", name="Spectrograms").click()

    view.wait_until_sharp()
    assert view.panes == PANES
    assert player.root.is_hidden()
    notebook.python(f"view, player = {_CARD}.children[1].children[0], {_CARD}.children[0]")
    assert notebook.value("view.link == player.link")
    assert view.button("^pause").is_visible()  # what was played goes on
    assert not player.sound.is_silent()
    view.button("^pause").click()
    until(page, player.sound.is_silent, "it is silent")
    view.click(0.5)
    view.drag(0.25, 0.75, key="Shift")
    notebook.until_value("view.region is not None and view.region == player.loop")
    tabs = cell.locator(".widget-tab")
    assert_axe_finds_nothing_serious(tabs)

    cell.get_by_role("tab", name="Listen").click()
    player.root.wait_for()
    assert view.root.is_hidden()
    seconds = notebook.value("player.frames / player.sample_rate")
    assert player.position == pytest.approx(seconds / 2, abs=0.1)
    assert_axe_finds_nothing_serious(tabs)
    cell.get_by_role("tab", name="Spectrograms").click()
    view.wait_until_sharp()

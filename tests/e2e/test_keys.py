"""The keyboard: the player's keys do what they say, and nothing that is typed into a widget reaches the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.cells import TONE_HERTZ
from tests.e2e.notebook import until

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.e2e.comparison import Comparison
    from tests.e2e.notebook import Notebook
    from tests.e2e.player import Player

PLAYERS_KEYS = (
    *("Space", "ArrowLeft", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowRight", "Home", "End"),
    *("1", "2", "3", "9", "m", "s", "x", "l", "[", "]", "+", "-", "?", "M", "S"),
)
NOTEBOOKS_KEYS = (
    # In JupyterLab's command mode these insert, delete, cut, copy, paste, move, merge and change cells, show line
    # numbers, interrupt or restart the kernel.
    *("a", "b", "d", "d", "x", "c", "v", "Shift+V", "z", "y", "r", "j", "k", "o", "q", "e", "f", "h", "p", "u", "w"),
    *("i", "i", "0", "0", "1", "2", "Delete", "Backspace", "ArrowUp", "ArrowDown", "Shift+M", "Shift+L", "Shift+J"),
)
CONTROLS = "button, input, select, textarea, summary, [tabindex='0']"

# Each stem has the same controls: those of the first will do.
IS_OF_LATER_STEM = "(it) => ['drums', 'bass'].includes(it.closest('[role=group]')?.getAttribute('aria-label'))"


def state_of(notebook: Notebook) -> object:
    """Return what keys could have changed: cells and what they say, the mode, dialogs."""
    return notebook.on_panel(
        """
        const cells = notebook.widgets.map(({ model }) => [model.id, model.type, model.sharedModel.getSource()]);
        return [cells, notebook.mode, document.querySelectorAll(".jp-Dialog").length];
        """
    )


def focusable(shown: Player | Comparison) -> list[Locator]:
    return [it for it in shown.root.locator(CONTROLS).all() if it.is_visible() and it.is_enabled()]


def test_no_key_reaches_the_notebook(player: Player, stage: Notebook) -> None:
    controls = [it for it in focusable(player) if not it.evaluate(IS_OF_LATER_STEM)]
    assert len(controls) > 15
    assert_keys_stay(controls, stage)


def test_no_key_reaches_the_notebook_from_spectrograms(linked: Comparison, stage: Notebook) -> None:
    controls = focusable(linked)
    assert len(controls) > 15
    assert_keys_stay(controls, stage)


def assert_keys_stay(controls: list[Locator], stage: Notebook) -> None:
    before = state_of(stage)
    for control in controls:
        if not control.is_visible():
            continue  # a key has switched it off
        for key in (*NOTEBOOKS_KEYS, *PLAYERS_KEYS):
            control.focus()
            stage.page.keyboard.press(key)
        assert state_of(stage) == before, control.evaluate("(it) => it.outerHTML")
    assert stage.value("list(stems)") == list(TONE_HERTZ)  # the kernel goes on


def test_keys_drive_the_player(player: Player, stage: Notebook) -> None:
    press = stage.page.keyboard.press
    player.slider("^position").focus()

    press("Space")
    until(player.page, lambda: player.is_playing and not player.sound.is_silent(), "Space plays")
    press("2")
    press("s")
    player.until_heard(hertz_500=False, hertz_1500=True, hertz_2500=False)
    press("s")
    press("1")
    press("m")
    player.until_heard(hertz_500=False, hertz_1500=True, hertz_2500=True)
    press("x")
    player.until_heard(hertz_1500=False, hertz_4000=True)
    press("x")
    press("Space")
    until(player.page, lambda: not player.is_playing, "Space pauses")
    stage.until_value("player.muted == ['vocals'] and not player.original")


@pytest.mark.parametrize(
    ("key", "seconds"),
    [("ArrowRight", 12), ("ArrowLeft", 8), ("Shift+ArrowRight", 15), ("Shift+ArrowLeft", 5), ("Home", 0), ("End", 20)],
)
def test_keys_move_the_play_head(key: str, seconds: float, player: Player) -> None:
    player.seek(10)
    player.button("^play").focus()
    player.root.locator(".snb-title").click()  # the focus goes where keys are the player's
    player.page.keyboard.press(key)
    until(
        player.page, lambda: abs(player.position - seconds) < 0.01, f"{key} goes to {seconds} s, not {player.position}"
    )


def test_keys_of_loop_zoom_and_help(player: Player, stage: Notebook) -> None:
    press = stage.page.keyboard.press
    player.root.locator(".snb-title").click()
    player.seek(4)
    press("[")
    player.seek(9)
    press("]")
    stage.until_value("player.loop is not None and [round(edge, 3) for edge in player.loop] == [4, 9]")
    press("l")
    stage.until_value("player.loop is None")

    vocals = player.stem("vocals")
    whole = vocals.pixels()
    press("+")
    until(player.page, lambda: vocals.pixels() != whole, "+ zooms in")
    press("-")
    until(player.page, lambda: vocals.pixels() == whole, "- zooms out")
    press("?")
    until(player.page, player.root.locator("kbd").first.is_visible, "? shows help")
    press("?")
    until(player.page, lambda: not player.root.locator("kbd").first.is_visible(), "? hides it")


def test_keys_that_are_not_the_players_pass(player: Player, stage: Notebook) -> None:
    player.root.locator(".snb-title").click()
    count = stage.execution_count(1)
    stage.page.keyboard.press("Shift+Enter")
    until(stage.page, lambda: stage.execution_count(1) != count, "Shift+Enter runs the cell")

    stage.on_panel("notebook.widgets[0].model.sharedModel.updateSource(0, 0, '# changed\\n')")
    player.root.locator(".snb-title").click()
    stage.page.keyboard.press("Control+s")
    until(stage.page, lambda: "# changed" in stage.file.read_text(), "Ctrl+S saves")

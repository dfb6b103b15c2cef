"""How soon a song of 4 minutes and 5 stems is seen and heard: figures are printed, that it happens is tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.cells import LONG_SONG
from tests.e2e.player import Player

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.e2e.notebook import Notebook

_UNTIL_DRAWN = """
jupyterapp.shell.activateById(panel.id);
notebook.activeCellIndex = given;
const began = performance.now();
jupyterapp.commands.execute("notebook:run-cell");
const isDrawn = (canvas) => {
  if (!canvas.width || !canvas.height) return false;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Uint32Array(data.buffer).some(Boolean);
};
for (;;) {
  await new Promise(requestAnimationFrame);
  const lanes = [...notebook.widgets[given].node.querySelectorAll(".snb-row canvas")];
  if (lanes.length >= 5 && lanes.every(isDrawn)) return performance.now() - began;
}
"""
_UNTIL_HEARD = """
async (button) => {
  const began = performance.now();
  button.click();
  while (e2eSound.level() < 1e-3) await new Promise((resolve) => setTimeout(resolve, 5));
  return performance.now() - began;
}
"""


def test_a_long_song_is_soon_seen_and_heard(open_notebook: Callable[..., Notebook], page: Page) -> None:
    make = "player = StemPlayer(stems, sample_rate=rate, title='Long')"
    notebook = open_notebook(LONG_SONG, make, "player", f"{make}\nplayer", page=page)
    notebook.run_cell(0)
    notebook.run_cell(1)

    drawn = notebook.on_panel(_UNTIL_DRAWN, 2)
    player = Player(page, notebook.cell(2).locator(".snb-root"))
    heard = player.button("^play").evaluate(_UNTIL_HEARD)
    both = notebook.on_panel(_UNTIL_DRAWN, 3)

    print(f"4 minutes, 5 stems: drawn {drawn:.0f} ms after display, heard {heard:.0f} ms after the click")  # noqa: T201 - figures
    print(f"made, displayed and drawn in {both:.0f} ms")  # noqa: T201 - a figure
    assert player.sound.level() > 0

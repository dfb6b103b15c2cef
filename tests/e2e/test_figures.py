"""How soon long songs are seen and heard: figures are printed, that it happens is tested."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tests.e2e.cells import LONG_SONG, TEN_MINUTES
from tests.e2e.comparison import Comparison
from tests.e2e.player import Player

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

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


_SPECTROGRAMS_DRAWN = """
jupyterapp.shell.activateById(panel.id);
notebook.activeCellIndex = given;
const began = performance.now();
jupyterapp.commands.execute("notebook:run-cell");
// The first and the last tenth of a picture: where tiles meet, one side may be drawn from the overview yet.
const edgesOf = (canvas) => {
  const { width, height } = canvas;
  if (!width || !height) return null;
  const part = Math.floor(width / 10);
  const context = canvas.getContext("2d");
  const edges = [0, width - part].map((x) => new Uint32Array(context.getImageData(x, 0, part, height).data.buffer));
  const isDrawn = edges.every((it) => it.some((one) => one !== it[0]));
  return isDrawn ? edges.map((it) => it.reduce((sum, one) => (31 * sum + one) | 0, 0)) : null;
};
const root = notebook.widgets[given].node;
let first = null;
const times = {};
let last = began;
while (!times.tiles) {
  await new Promise(requestAnimationFrame);
  const now = [...root.querySelectorAll(".snb-lane canvas")].map(edgesOf);
  if (now.length !== 7 || now.some((it) => it === null)) continue;
  if (first === null) {
    first = now;
    times.overview = performance.now() - began;
  }
  const isOther = now.every((edges, pane) => edges.every((it, i) => it !== first[pane][i]));
  if (isOther) times.tiles = performance.now() - began;
}
// What is lacking is known a moment after it was drawn.
while (performance.now() < last + 500 || last === began) {
  if (!root.querySelector(".snb-sharpening").hidden || last === began) last = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 50));
}
times.exact = last - began;
return times;
"""
_BY_HAND = """
async (lane, [what, seconds]) => {
  const { left, top, width, height } = lane.getBoundingClientRect();
  const began = performance.now();
  const send = (Kind, type, across, more) =>
    lane.dispatchEvent(
      new Kind(type, {
        ...{ bubbles: true, cancelable: true, isPrimary: true, pointerId: 1, pointerType: "mouse" },
        ...{ clientX: left + across * width, clientY: top + height / 2, ...more },
      }),
    );
  const zoom = (turn) => {
    // Into the song and out again, at ever other places.
    const [place, step] = [Math.floor(turn / 80) % 5, turn % 80];
    send(WheelEvent, "wheel", 0.1 + 0.2 * place, { ctrlKey: true, deltaY: step < 40 ? -30 : 30 });
  };
  const pan = (turn) => send(PointerEvent, "pointermove", 0.5 + 0.4 * Math.sin(turn / 40), { buttons: 1 });
  if (what === "pan") send(PointerEvent, "pointerdown", 0.5, { buttons: 1 });
  for (let now = began; now < began + 1000 * seconds; now = performance.now()) {
    ({ zoom, pan })[what](Math.floor((now - began) / 8));
    await new Promise((resolve) => setTimeout(resolve, 8));
  }
  if (what === "pan") send(PointerEvent, "pointerup", 0.5, { button: 0 });
}
"""
"""A wheel or a mouse in a hand, which tells every 8 ms where it is; `page.mouse` waits for a frame, or longer, each."""

MOST_MEMORY = 150e6
_SECONDS = 5.0


def test_ten_minutes_of_spectrograms(open_notebook: Callable[..., Notebook], page: Page, browser: Browser) -> None:
    """Zoom and pan are measured in a trace of the browser: the frames that it has drawn while events came."""
    make = "view = SpectrogramComparison(stems, mixture=mixture, sample_rate=rate, title='Long')\nview"
    notebook = open_notebook(TEN_MINUTES, make, page=page)
    notebook.run_cell(0)

    times = notebook.on_panel(_SPECTROGRAMS_DRAWN, 1)
    print(  # noqa: T201 - figures
        f"10 minutes, 5 stems, after the cell was run: 7 panes drawn from the overview in {times['overview']:.0f} ms, "
        f"from tiles (sampled or exact) in {times['tiles']:.0f} ms, all exact in {times['exact']:.0f} ms"
    )
    view = Comparison(page, notebook.cell(1).locator(".snb-root"))
    assert len(view.panes) == 7

    for what in ("zoom", "pan"):
        view.wait_until_sharp()
        if what == "pan":
            view.point_at(0.5)
            view.wheel(-1200, key="Control")
        page.mouse.move(0, 0)
        browser.start_tracing(
            page=page, categories=["devtools.timeline", "disabled-by-default-devtools.timeline.frame"]
        )
        view.lane(3).evaluate(_BY_HAND, [what, _SECONDS])
        intervals = frame_intervals(browser.stop_tracing())
        view.lane().dblclick()
        middle, most = np.median(intervals), intervals.max()
        print(f"{what}: {1000 / middle:.0f} frames a second ({middle:.1f} ms apart, median), at worst {most:.0f} ms")  # noqa: T201 - figures
        assert len(intervals) > 10
    view.wait_until_sharp()
    added = notebook.value("[highest - baseline, process.memory_info().rss - baseline]")
    print(f"the kernel took at most {added[0] / 1e6:.0f} MB more, {added[1] / 1e6:.0f} MB at the end")  # noqa: T201 - figures
    assert added[0] < MOST_MEMORY


def frame_intervals(trace: bytes) -> np.ndarray:
    """Return the milliseconds between frames that the browser has drawn."""
    events = json.loads(trace)["traceEvents"]
    drawn = sorted(event["ts"] for event in events if event["name"] == "DrawFrame")
    return np.diff(drawn) / 1000

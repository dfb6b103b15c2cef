"""A comparison and the player that it is linked with: one place, one region, one sound."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.e2e.cells import COMPARISON, RATE, TONE_HERTZ
from tests.e2e.comparison import Comparison
from tests.e2e.notebook import until
from tests.e2e.player import Player

if TYPE_CHECKING:
    from tests.e2e.notebook import Notebook

IN_STEP_S = 0.02

# A sine whose frequency tells the time: 1000 Hz at first, 500 Hz more with every second.
_CHIRP = """
samples = 8 * rate
moment = np.arange(samples) / rate
chirp = (0.3 * np.sin(2 * np.pi * (1000 * moment + 250 * moment ** 2))).astype(np.float32)
chirp = np.repeat(chirp[:, None], 2, axis=1)
player = StemPlayer({"vocals": chirp, "drums": chirp / 100}, sample_rate=rate)
"""
_CHIRP_SHOWN = """
from spleeter_nb import SpectrogramComparison
view = SpectrogramComparison({"vocals": chirp, "drums": chirp / 100}, sample_rate=rate, player=player)
view
"""

# For some frames: where the play head is drawn in both widgets (pixels from the left edge of the song), where the
# session says that it is (samples), and what sounds: the newest samples at the analyser, and when those will be heard.
_MEASURE = """
async ([link, seconds]) => {
  const roots = [...document.querySelectorAll(".snb-root")].filter((it) => it.checkVisibility());
  const overlays = [".snb-player", ".snb-spectrogram"].map((one) => {
    const root = roots.find((it) => it.querySelector(one));
    return { canvas: root.querySelector(".snb-marks canvas"), axis: root.querySelector(".snb-ruler") };
  });
  const headIn = ({ canvas, axis }) => {
    const [outer, inner] = [canvas.getBoundingClientRect(), axis.getBoundingClientRect()];
    const y = Math.round(inner.top - outer.top + inner.height / 2);
    const { data, width } = canvas.getContext("2d").getImageData(0, y, canvas.width, 1);
    const opaque = [];
    for (let x = 0; x < width; x++) if (data[4 * x + 3] > 200) opaque.push(x);
    if (!opaque.length) return null;
    return ((opaque[0] + opaque.at(-1) + 1) / 2 - (inner.left - outer.left)) / inner.width;
  };
  const session = globalThis[Symbol.for("spleeter_nb")].sessions.get(link);
  const found = [];
  const ends = performance.now() + 1000 * seconds;
  while (performance.now() < ends) {
    await new Promise(requestAnimationFrame);
    const position = session.position;
    const heard = e2eSound.newest();
    // After the repaint of this frame.
    await new Promise((resolve) => setTimeout(resolve));
    found.push({ heads: overlays.map(headIn), position, heard });
  }
  return found;
}
"""


def hertz_at_the_end(samples: np.ndarray) -> float:
    """Return the frequency of a sine at the last of its samples: from where it crosses zero upwards."""
    rising = np.flatnonzero((samples[:-1] < 0) & (samples[1:] >= 0))
    crossings = rising + samples[rising] / (samples[rising] - samples[rising + 1])
    # Phase is a parabola of time.
    curve = np.polyfit(crossings - len(samples), np.arange(len(crossings)), 2)
    return float(curve[1] * RATE)


def test_the_play_head_is_where_the_sound_is(stage: Notebook) -> None:
    stage.python(_CHIRP)
    player = Player(stage.page, stage.run_code("player", 3).locator(".snb-root"))
    player.root.wait_for()
    view = Comparison(stage.page, stage.run_code(_CHIRP_SHOWN).locator(".snb-root"))
    view.wait_until_sharp()
    stage.page.mouse.move(1, 1)
    player.play()
    stage.page.wait_for_timeout(1000)

    frames = stage.page.evaluate(_MEASURE, [stage.value("player.link"), 3])
    stage.python("player.pause()")

    heads = 8 * np.array([it["heads"] for it in frames], float)
    positions = np.array([it["position"] for it in frames]) / RATE
    heard = np.array([(hertz_at_the_end(np.array(it["heard"]["samples"])) - 1000) / 500 for it in frames])
    latency = np.array([it["heard"]["latency"] for it in frames])
    apart = np.abs(heads[:, 0] - heads[:, 1])
    from_clock = np.abs(heads[:, 1] - positions)
    from_sound = np.abs(heads[:, 1] - (heard - latency))
    pixel = 8 / view.box()["width"]
    for what, errors in {"player": apart, "audio clock": from_clock, "sound": from_sound}.items():
        print(  # noqa: T201 - figures
            f"play head and {what} are apart by {1000 * np.median(errors):.1f} ms (median), at most "
            f"{1000 * errors.max():.1f} ms; a pixel is {1000 * pixel:.1f} ms"
        )
    assert positions[-1] - positions[0] > 1
    assert apart.max() < IN_STEP_S
    assert np.median(from_clock) < IN_STEP_S
    assert np.median(from_sound) < IN_STEP_S
    stage.python("view.close(); player.close()")


def test_a_region_is_the_players_loop_and_the_sound_loops(linked: Comparison, player: Player, stage: Notebook) -> None:
    linked.drag(0.5, 0.55, key="Shift")
    stage.until_value("player.loop is not None and view.region == player.loop")
    start, stop = stage.value("player.loop")
    assert (start, stop) == pytest.approx((10, 11), abs=0.1)

    linked.click(0.5)
    linked.button("^play").click()
    until(stage.page, lambda: not player.sound.is_silent(), "it plays")
    seen = []

    def has_gone_back() -> bool:
        seen.append(player.position)
        return any(later < earlier - 0.5 for earlier, later in itertools.pairwise(seen))

    until(stage.page, has_gone_back, "it goes back")
    assert max(seen) < stop + 0.1
    assert min(seen) > start - 0.1
    player.until_heard(**{f"hertz_{hertz:.0f}": True for hertz in TONE_HERTZ.values()})
    linked.button("^pause").click()

    linked.button("^region$").click()
    stage.until_value("player.loop is None and view.region is None")


def test_a_loop_of_the_player_is_drawn(linked: Comparison, stage: Notebook) -> None:
    bare = linked.drawn_marks()
    stage.python("player.loop = [4, 8]")

    until(stage.page, lambda: not np.array_equal(linked.drawn_marks(), bare), "it is drawn")
    assert stage.value("view.region") == [4, 8]
    columns = np.flatnonzero((linked.drawn_marks() != bare)[-20].any(axis=1))
    box, tracks = linked.box(), linked.marks.bounding_box()
    assert tracks
    shares = (columns - (box["x"] - tracks["x"])) / box["width"]
    assert (shares.min(), shares.max()) == pytest.approx((0.2, 0.4), abs=0.01)
    stage.python("view.region = [1, 2]")
    stage.until_value("player.loop == [1, 2]")


def test_a_click_goes_there(linked: Comparison, player: Player, stage: Notebook) -> None:
    linked.click(0.75, pane=3)
    until(stage.page, lambda: player.position == pytest.approx(15, abs=0.05), "the player is there")

    linked.root.locator(".snb-title").click()
    stage.page.keyboard.press("Space")
    until(stage.page, lambda: player.is_playing and player.position > 15.2, "Space plays")
    stage.page.keyboard.press("Space")
    until(stage.page, lambda: not player.is_playing, "Space pauses")


def test_it_plays_although_no_player_is_shown(stage: Notebook) -> None:
    stage.python("player = StemPlayer(stems, mixture=mixture, sample_rate=rate)")
    view = Comparison(
        stage.page, stage.run_code(COMPARISON.replace("title=", "player=player, title=")).locator(".snb-root")
    )
    view.wait_until_sharp()
    heard = Player(stage.page, view.root)

    view.button("^play").click()
    heard.until_heard(hertz_500=True, hertz_1500=True, hertz_2500=True)
    stage.until_value("player.playing and player.position > 0.5")
    view.button("^pause").click()
    until(stage.page, heard.sound.is_silent, "it is silent")
    stage.python("view.close(); player.close()")


def test_without_its_player_it_goes_on(linked: Comparison, stage: Notebook) -> None:
    linked.button("^play").wait_for()
    stage.python("player.close()")

    until(stage.page, lambda: not linked.button("^play").count(), "it cannot be played")
    linked.drag(0.25, 0.5, key="Shift")
    stage.until_value("view.region is not None and abs(view.region[0] - 5) < 0.1")
    linked.click(0.25)
    stage.python("player = StemPlayer(stems, mixture=mixture, sample_rate=rate)")

"""A player in JupyterLab: seen, heard, and driven as people do."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tests.e2e.cells import BUSY, MIXTURE_HERTZ, TONE_HERTZ
from tests.e2e.notebook import until
from tests.e2e.player import Player

if TYPE_CHECKING:
    from tests.e2e.notebook import Notebook

STEMS = tuple(TONE_HERTZ)


def heard(player: Player) -> set[str]:
    """Return the names of the stems that sound, ``mixture`` for the original."""
    names = [*STEMS, "mixture"]
    tones = player.sound.tones(*TONE_HERTZ.values(), MIXTURE_HERTZ)
    return {name for name, sounds in zip(names, tones, strict=True) if sounds}


def until_heard(player: Player, *names: str) -> None:
    until(player.page, lambda: heard(player) == set(names), f"{names} are heard, not {heard(player)}")


def test_shows_all_stems_and_draws_them(player: Player, stage: Notebook) -> None:
    player.wait_until_drawn()

    for stem in STEMS:
        assert player.stem(stem).root.is_visible()
    assert player.root.get_by_text("Tones").is_visible()
    assert not player.root.get_by_label("Loop start").is_visible()
    assert not player.is_playing
    assert player.sound.is_silent()
    assert repr_of(stage) == stage.value("repr(player)")


def repr_of(notebook: Notebook) -> str:
    return str(notebook.outputs(1)[0]["data"]["text/plain"])


def test_plays_all_stems_and_the_position_advances(player: Player, stage: Notebook) -> None:
    player.play()

    until_heard(player, *STEMS)
    first = player.position
    until(player.page, lambda: player.position > first + 0.5, "the play head moves")
    stage.until_value("player.playing and player.position > 0.5")

    player.pause()
    stage.until_value("not player.playing")
    stays = player.position
    player.page.wait_for_timeout(300)
    assert player.position == stays


def test_solo_and_mute(player: Player, stage: Notebook) -> None:
    player.play()

    player.stem("drums").button("^solo").click()
    until_heard(player, "drums")
    player.stem("bass").button("^solo").click()  # one at a time
    until_heard(player, "bass")
    player.stem("bass").button("^solo").click()
    until_heard(player, *STEMS)
    player.stem("vocals").button("^mute").click()
    until_heard(player, "drums", "bass")

    stage.until_value("player.muted == ['vocals'] and player.soloed == ''")


def test_a_setting_of_python_is_heard_and_shown(player: Player, stage: Notebook) -> None:
    player.play()

    stage.python("player.soloed = 'vocals'")

    until_heard(player, "vocals")
    assert player.stem("vocals").button("^solo").get_attribute("aria-pressed") == "true"
    stage.python("player.pause()")
    until(player.page, lambda: not player.is_playing and player.sound.is_silent(), "paused by Python")
    stage.python("player.seek(7.5); player.play()")
    until(player.page, lambda: player.is_playing and player.position >= 7.5, "played by Python")


def test_volume_is_heard(player: Player, stage: Notebook) -> None:
    player.play()
    stage.python("player.soloed = 'vocals'")
    until_heard(player, "vocals")
    before = player.sound.level()

    volume = player.stem("vocals").slider("^volume")
    volume.fill("-20")

    until(player.page, lambda: abs(player.sound.level() / before - 0.1) < 0.02, "a tenth is heard")
    assert volume.get_attribute("aria-valuetext") == "-20 dB"
    stage.until_value("player.gains_db['vocals'] == -20")


def test_seek(player: Player, stage: Notebook) -> None:
    player.play()

    player.seek(12)
    until(player.page, lambda: 12 <= player.position < 14, "it goes there")
    until_heard(player, *STEMS)
    stage.until_value("player.position >= 12")
    player.pause()
    player.seek(3)
    until(player.page, lambda: player.position == 3, "it goes there while paused")
    stage.until_value("player.position == 3 and not player.playing")


def test_a_click_into_the_waveform_seeks(player: Player) -> None:
    player.wait_until_drawn()
    canvas = player.stem("drums").root.locator("canvas").first
    box = canvas.bounding_box()
    assert box
    player.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    until(player.page, lambda: abs(player.position - 10) < 0.3, "it goes to the middle")


def test_loop(player: Player, stage: Notebook) -> None:
    stage.python("player.loop = (5.0, 6.0); player.seek(5.0)")
    player.play()

    positions = [player.position]

    def wrapped() -> bool:
        positions.append(player.position)
        return any(later < earlier for earlier, later in pairwise(positions))

    until(player.page, wrapped, "it goes back")
    assert max(positions) < 6.1
    player.button("^loop$").click()
    stage.until_value("player.loop is None")
    until(player.page, lambda: player.position > 6.5, "it goes on behind the loop")


def test_a_b(player: Player, stage: Notebook) -> None:
    player.play()

    player.button("hear the original").click()
    until_heard(player, "mixture")
    stage.until_value("player.original")
    player.button("hear the original").click()
    until_heard(player, *STEMS)


def test_speed_shifts_the_pitch(player: Player, stage: Notebook) -> None:
    stage.python("player.soloed = 'drums'; player.speed = 0.5")
    player.play()

    until(player.page, lambda: player.sound.tones(750, 1500) == [True, False], "an octave lower")


def test_zoom(player: Player) -> None:
    player.wait_until_drawn()
    whole = player.stem("vocals").pixels()

    player.button("zoom in").click()

    until(player.page, lambda: player.stem("vocals").pixels() != whole, "it is drawn otherwise")
    for _ in range(16):
        player.button("zoom in").click()
    player.wait_until_drawn()
    player.button("^show the whole").click()
    until(player.page, lambda: player.stem("vocals").pixels() == whole, "it is drawn as before")


def test_theme(player: Player, stage: Notebook) -> None:
    player.wait_until_drawn()
    light = player.pixels()
    stage.command("apputils:change-theme", theme="JupyterLab Dark")
    try:
        until(player.page, lambda: player.root.get_attribute("data-snb-theme") == "dark", "it is dark")
        until(player.page, lambda: all(map(differ, light, player.pixels())), "the canvases have other colours")
    finally:
        stage.command("apputils:change-theme", theme="JupyterLab Light")
    until(player.page, lambda: player.root.get_attribute("data-snb-theme") == "light", "it is light")


def differ(one: dict[str, int], other: dict[str, int]) -> bool:
    """Tell whether two canvases have hardly a colour in common, but for where nothing is drawn."""
    common = set(one) & set(other) - {"0"}
    return sum(one[colour] for colour in common) < 0.1 * sum(one.values())


def test_a_second_view_follows_the_same_clock(player: Player, stage: Notebook) -> None:
    other = Player(stage.page, stage.run_code("player").locator(".snb-root"))

    player.play()

    until(player.page, lambda: other.is_playing and other.position > 0.5, "the other one plays")
    assert abs(other.position - player.position) < 0.3
    other.stem("bass").button("^solo").click()
    until_heard(player, "bass")
    assert player.stem("bass").button("^solo").get_attribute("aria-pressed") == "true"
    other.pause()
    until(player.page, lambda: not player.is_playing, "both are paused")


def test_running_the_cell_again_stops_the_old_sound(player: Player, stage: Notebook) -> None:
    player.play()

    stage.run_cell(1)

    until(player.page, player.sound.is_silent, "it is silent")
    again = Player(stage.page, stage.cell(1).locator(".snb-root"))
    assert not again.is_playing
    again.play()
    until_heard(again, *STEMS)


def test_starting_another_player_stops_this_one(player: Player, stage: Notebook) -> None:
    shown = stage.run_code("StemPlayer({'vocals': tone(3200)}, sample_rate=rate)")
    other = Player(stage.page, shown.locator(".snb-root"))
    player.play()

    other.play()

    until(player.page, lambda: not player.is_playing and heard(player) == set(), "the first one stopped")
    assert player.sound.tones(3200) == [True]


def test_play_while_the_kernel_is_busy(player: Player, stage: Notebook) -> None:
    """What was sent when the view was made is enough: nobody has to answer."""
    player.wait_until_drawn()
    stage.start_code(BUSY)
    until(stage.page, lambda: "busy" in str(stage.outputs(2)), "the kernel is busy")

    player.play()
    until_heard(player, *STEMS)
    player.stem("drums").button("^solo").click()
    until_heard(player, "drums")
    player.seek(15)
    until(player.page, lambda: player.position > 15.5, "it goes on at the end of the song")

    stage.interrupt()
    stage.until_value("player.soloed == 'drums'")


def test_shown_while_the_kernel_is_busy(stage: Notebook) -> None:
    shown = stage.start_code(f"display(StemPlayer(stems, sample_rate=rate))\n{BUSY}")
    busy = Player(stage.page, shown.locator(".snb-root"))

    busy.root.wait_for()
    busy.wait_until_drawn()
    assert stage.kernel_status() == "busy"

    stage.interrupt()
    busy.play()
    until_heard(busy, *STEMS)

"""Players live as long as somebody has use for them: reloads, restarts, and what is cleared away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.cells import COMPARISON, LINKED, SHOW, TONE_HERTZ, TONES
from tests.e2e.comparison import Comparison
from tests.e2e.notebook import until
from tests.e2e.player import Player

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.e2e.notebook import Notebook

ALL = {f"hertz_{hertz:.0f}": True for hertz in TONE_HERTZ.values()}


def player_in(notebook: Notebook, cell: int) -> Player:
    return Player(notebook.page, notebook.cell(cell).locator(".snb-root"))


def test_a_reloaded_page_finds_the_player_as_it_was(open_notebook: Callable[..., Notebook], page: Page) -> None:
    notebook = open_notebook(TONES, SHOW, page=page)
    notebook.run_cell(0)
    notebook.run_cell(1)
    player = player_in(notebook, 1)
    player.play()
    player.stem("drums").button("^solo").click()
    notebook.until_value("player.soloed == 'drums'")
    notebook.save()

    notebook.load()

    again = player_in(notebook, 1)
    again.wait_until_drawn()
    assert again.sound.is_silent()
    assert again.stem("drums").button("^solo").get_attribute("aria-pressed") == "true"
    again.play()
    again.until_heard(hertz_500=False, hertz_1500=True, hertz_2500=False)


def test_a_restarted_kernel_makes_a_new_player_in_the_same_place(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook(TONES, SHOW)
    notebook.run_cell(0)
    notebook.run_cell(1)
    player = player_in(notebook, 1)
    player.play()

    notebook.restart_kernel()
    notebook.run_cell(0)
    notebook.run_cell(1)

    until(notebook.page, player.sound.is_silent, "the player of the old kernel is silent")
    player_in(notebook, 1).play()
    player.until_heard(**ALL)


def test_a_player_whose_kernel_has_gone_goes_on_with_what_it_has(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook(TONES, SHOW)
    notebook.run_cell(0)
    notebook.run_cell(1)
    player = player_in(notebook, 1)
    player.play()
    player.until_heard(**ALL)
    until(notebook.page, lambda: player.position > 1, "some was sent")

    notebook.on_panel("await panel.sessionContext.shutdown()")

    player.pause()
    player.seek(0)
    player.play()
    player.until_heard(**ALL)


def test_clearing_the_output_stops_the_sound(player: Player, stage: Notebook) -> None:
    player.play()

    stage.clear_outputs()

    until(stage.page, player.sound.is_silent, "it is silent")


WATCH_LIVES = """
() => {
  const found = { roots: new Set(), engines: new Set(), buffers: new Set() };
  const seen = new WeakSet();
  const see = (kind, it) => {
    if (seen.has(it)) return;
    seen.add(it);
    found[kind].add(new WeakRef(it));
  };
  globalThis.e2eLook = () => {
    for (const root of document.querySelectorAll(".snb-root")) see("roots", root);
    for (const engine of globalThis[Symbol.for("spleeter_nb")]?.engines ?? []) see("engines", engine);
  };
  globalThis.e2eSeen = () => Object.fromEntries(Object.entries(found).map(([kind, them]) => [kind, them.size]));
  globalThis.e2eAlive = async () => {
    // From a task of its own: in ours, it takes numbers that lie on the stack for pointers, and spares what they name.
    await gc({ type: "major", execution: "async" });
    const alive = (them) => [...them].filter((it) => it.deref()).length;
    return Object.fromEntries(Object.entries(found).map(([kind, them]) => [kind, alive(them)]));
  };
  const decode = BaseAudioContext.prototype.decodeAudioData;
  BaseAudioContext.prototype.decodeAudioData = function (...given) {
    return decode.apply(this, given).then((buffer) => {
      see("buffers", buffer);
      return buffer;
    });
  };
}
"""

DISPLAYS = 50

SHORT = """
import gc, weakref
players = weakref.WeakSet()
def new_player():
    player = StemPlayer({name: stem[:rate] for name, stem in stems.items()}, mixture=mixture[:rate], sample_rate=rate)
    players.add(player)
    return player
"""


def test_fifty_displays_leave_nothing_alive(open_notebook: Callable[..., Notebook], page: Page) -> None:
    notebook = open_notebook(TONES, SHORT, "player = new_player()\ndisplay(player)", page=page)
    page.evaluate(WATCH_LIVES)
    notebook.run_cell(0)
    notebook.run_cell(1)
    for number in range(DISPLAYS):
        notebook.run_cell(2)
        player = player_in(notebook, 2)
        player.root.wait_for()
        if number % 5 == 0:
            player.play()
        page.evaluate("e2eLook()")
        notebook.clear_outputs()
        notebook.python("player.close(); player = None")
    seen = page.evaluate("e2eSeen()")
    assert seen["roots"] >= DISPLAYS
    assert seen["engines"] >= DISPLAYS / 5
    assert seen["buffers"] >= 4 * DISPLAYS / 5

    notebook.until_value("gc.collect() is not None and not len(players)")
    until(page, lambda: not any(page.evaluate("e2eAlive()").values()), "views, engines and buffers are gone")
    assert page.evaluate("globalThis[Symbol.for('spleeter_nb')].playing.size") == 0


def comparison_in(notebook: Notebook, cell: int) -> Comparison:
    return Comparison(notebook.page, notebook.cell(cell).locator(".snb-root"))


def test_a_reloaded_page_finds_the_spectrograms_as_they_were(
    open_notebook: Callable[..., Notebook], page: Page
) -> None:
    notebook = open_notebook(TONES, SHOW, LINKED, page=page)
    for cell in range(3):
        notebook.run_cell(cell)
    view = comparison_in(notebook, 2)
    view.wait_until_sharp()
    view.slider("Gain").fill("20")
    view.drag(0.25, 0.5, key="Shift")
    notebook.until_value("view.gain_db == 20 and view.region is not None and view.region == player.loop")
    page.mouse.move(1, 1)
    before = view.pictures()
    notebook.save()

    notebook.load()

    again = comparison_in(notebook, 2)
    again.root.wait_for()
    again.wait_until_sharp()
    assert again.slider("Gain").input_value() == "20"
    assert again.pictures() == before
    again.button("^play").click()
    player_in(notebook, 1).until_heard(**ALL)


def test_a_restarted_kernel_and_a_cell_run_again_make_new_spectrograms(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook(TONES, COMPARISON)
    notebook.run_cell(0)
    notebook.run_cell(1)
    comparison_in(notebook, 1).wait_until_sharp()

    notebook.restart_kernel()
    view = comparison_in(notebook, 1)
    old = view.pictures()
    view.point_at(0.5)
    view.wheel(-900, key="Control")
    until(notebook.page, lambda: view.pictures() != old, "what was sent can be looked at")
    notebook.run_cell(0)
    for _ in range(2):
        notebook.run_cell(1)
        view = comparison_in(notebook, 1)
        view.root.wait_for()
        view.wait_until_sharp()
        view.point_at(0.5)
        view.wheel(-900, key="Control")
        view.wait_until_sharp()


SPECTROGRAM_DISPLAYS = 30

NEW_COMPARISON = """
import gc, weakref
from spleeter_nb import SpectrogramComparison
views = weakref.WeakSet()
def new_view():
    view = SpectrogramComparison({name: stem[:rate] for name, stem in stems.items()}, sample_rate=rate)
    views.add(view)
    return view
"""


def test_thirty_displays_of_spectrograms_leave_nothing_alive(
    open_notebook: Callable[..., Notebook], page: Page
) -> None:
    notebook = open_notebook(TONES, NEW_COMPARISON, "view = new_view()\ndisplay(view)", page=page)
    page.evaluate(WATCH_LIVES)
    notebook.run_cell(0)
    notebook.run_cell(1)
    for number in range(SPECTROGRAM_DISPLAYS):
        notebook.run_cell(2)
        view = comparison_in(notebook, 2)
        view.root.wait_for()
        if number % 5 == 0:
            view.wait_until_sharp()
            view.point_at(0.5)
        page.evaluate("e2eLook()")
        notebook.clear_outputs()
        notebook.python("view.close(); view = None")
    assert page.evaluate("e2eSeen()")["roots"] >= SPECTROGRAM_DISPLAYS

    notebook.until_value("gc.collect() is not None and not len(views)")
    until(page, lambda: not page.evaluate("e2eAlive()")["roots"], "views are gone")
    assert page.evaluate("globalThis[Symbol.for('spleeter_nb')].sessions.size") == 0

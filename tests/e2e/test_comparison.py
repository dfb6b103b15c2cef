"""A comparison of spectrograms in JupyterLab, driven as people do; without a player."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.e2e.cells import BUSY, COMPARISON, TONES
from tests.e2e.comparison import Comparison, is_drawn, number_in, shares_in
from tests.e2e.notebook import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.e2e.notebook import Notebook


_LONG = """
from spleeter_nb import SpectrogramComparison
view = SpectrogramComparison({name: np.tile(stem, (12, 1)) for name, stem in stems.items()}, sample_rate=rate)
view
"""

_WATCH_SENT = """
() => {
  if (!globalThis.e2eSent) {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      e2eSent.push(typeof data === "string" ? data : new TextDecoder("latin1").decode(data));
      return send.call(this, data);
    };
  }
  globalThis.e2eSent = [];
}
"""


def messages_of(page: Page) -> list[str]:
    """Return what widgets have told the kernel since `_WATCH_SENT`."""
    return [it for it in page.evaluate("e2eSent") if "comm_msg" in it]


def until_changed(comparison: Comparison, before: list[bytes], what: str) -> None:
    until(comparison.page, lambda: all(map(bytes.__ne__, comparison.pictures(), before)), what)


# Time and frequency


def test_ctrl_and_wheel_zoom_at_the_pointer_and_double_click_fits(comparison: Comparison) -> None:
    assert comparison.span() == pytest.approx((0, 20), abs=0.001)
    comparison.point_at(0.25)
    comparison.wheel(-500, key="Control")

    until(comparison.page, lambda: comparison.span()[1] < 19, "it shows less")
    first, stop = comparison.span()
    assert first + (stop - first) / 4 == pytest.approx(5, abs=0.01)
    assert stop - first == pytest.approx(20 / 1.0025**500, rel=0.01)
    comparison.drag(0.75, 0.25)
    assert comparison.span()[0] == pytest.approx(first + (stop - first) / 2, abs=0.02)

    comparison.lane().dblclick()
    until(comparison.page, lambda: comparison.span() == pytest.approx((0, 20), abs=0.001), "all is shown")


def test_alt_and_wheel_zoom_frequencies_at_the_pointer(comparison: Comparison, stage: Notebook) -> None:
    before = comparison.read_at(0.5, 0.5).hertz
    comparison.wheel(-300, key="Alt")

    stage.until_value("view.fmin > 0 and view.fmax < 22050")
    assert comparison.read_at(0.5, 0.5).hertz == pytest.approx(before, rel=0.02)
    assert comparison.span() == pytest.approx((0, 20), abs=0.001)
    comparison.lane().dblclick()
    stage.until_value("(view.fmin, view.fmax) == (0, 22050)")


def test_frequencies_are_typed(comparison: Comparison, stage: Notebook) -> None:
    before = comparison.pictures()
    comparison.field("^lowest frequency").fill("400")
    comparison.field("^highest frequency").fill("3000")
    comparison.page.keyboard.press("Enter")

    stage.until_value("(view.fmin, view.fmax) == (400, 3000)")
    until_changed(comparison, before, "other frequencies are drawn")


def test_a_plain_wheel_is_the_pages(comparison: Comparison) -> None:
    comparison.point_at(0.5)
    comparison.page.mouse.wheel(0, 100)
    comparison.page.wait_for_timeout(200)

    assert comparison.span() == pytest.approx((0, 20), abs=0.001)


def test_the_cross_hair_is_in_all_panes(comparison: Comparison) -> None:
    bare = comparison.drawn_marks()
    bare_panes = [comparison.marks_in(pane) for pane in range(len(comparison.panes))]
    comparison.point_at(0.4, 0.3, pane=2)
    until(comparison.page, lambda: not np.array_equal(comparison.drawn_marks(), bare), "it is drawn")

    for pane, before in enumerate(bare_panes):
        changed = (comparison.marks_in(pane) != before).any(axis=2)
        height, width = changed.shape
        assert abs(changed.sum(axis=0).argmax() - 0.4 * width) <= 3
        assert abs(changed.sum(axis=1).argmax() - 0.7 * height) <= 3


def test_a_click_without_a_player_puts_the_cross_hair_there(comparison: Comparison) -> None:
    comparison.click(0.25)
    comparison.page.mouse.move(1, 1)
    until(comparison.page, lambda: comparison.reading().seconds == pytest.approx(5, abs=0.05), "it stays")
    comparison.page.keyboard.press("ArrowUp")
    comparison.page.keyboard.press("Shift+ArrowRight")
    until(comparison.page, lambda: comparison.reading().seconds > 5.2, "keys move it")


# The region


def test_shift_and_drag_mark_a_region(comparison: Comparison, stage: Notebook) -> None:
    comparison.drag(0.25, 0.5, key="Shift")

    stage.until_value("view.region is not None and abs(view.region[0] - 5) < 0.1 and abs(view.region[1] - 10) < 0.1")
    assert stage.value("view.selected()['vocals'].shape[0] / rate") == pytest.approx(5, abs=0.2)
    until_marked(comparison, 0.25, 0.5)
    inside = np.array_split(comparison.marks_in(1), 20, axis=1)[7]
    assert not inside[..., 3].any()  # its colours are levels
    comparison.root.get_by_text("Numbers of the region").click()
    table = comparison.root.locator("table")
    table.wait_for()
    until(stage.page, lambda: "vocals" in table.inner_text(), "the numbers of the region stand there")
    said = number_in(table.get_by_role("row").filter(has_text="vocals").get_by_role("cell").nth(1).inner_text())
    assert said == pytest.approx(stage.value("view.numbers()['vocals']['RMS']"), abs=0.06)

    comparison.button("^region$").click()
    stage.until_value("view.region is None")
    until_marked(comparison)


def until_marked(comparison: Comparison, *edges: float) -> None:
    """Wait until the edges of the region are drawn there, in shares of the width."""
    comparison.page.mouse.move(1, 1)  # or its cross-hair is there, too
    until(comparison.page, lambda: comparison.lines(across=False) == pytest.approx(edges, abs=0.005), "it is marked")


def test_a_region_of_python_is_drawn_and_its_edge_can_be_moved(comparison: Comparison, stage: Notebook) -> None:
    stage.python("view.region = [5, 10]")
    until_marked(comparison, 0.25, 0.5)

    comparison.drag(0.5, 0.75)

    stage.until_value("view.region[0] == 5 and abs(view.region[1] - 15) < 0.1")
    comparison.button("^zoom to the region").click()
    until(stage.page, lambda: comparison.span() == pytest.approx((5, 15), abs=0.1), "it is in view")


# The look


@pytest.mark.parametrize("control", ["Gain", "Range", "Colour map"])
def test_colours_change_without_a_word_of_the_kernel(control: str, comparison: Comparison, stage: Notebook) -> None:
    stage.page.evaluate(_WATCH_SENT)
    stage.start_code(BUSY, 3)
    until(stage.page, lambda: "busy" in str(stage.outputs(3)), "the kernel is busy")
    before = comparison.pictures()[:4]  # the residual is as silent as ever

    if control == "Colour map":
        comparison.choice(control).select_option("gray")
    else:
        comparison.slider(control).fill("40")

    until(stage.page, lambda: all(map(bytes.__ne__, comparison.pictures()[:4], before)), "other colours")
    assert not any("want_tiles" in it for it in messages_of(stage.page))
    stage.interrupt()
    trait = {"Gain": "view.gain_db == 40", "Range": "view.top_db == 40", "Colour map": "view.cmap == 'gray'"}[control]
    stage.until_value(trait)


def test_gain_is_as_many_decibels_brighter(comparison: Comparison, stage: Notebook) -> None:
    stage.python("view.cmap = 'gray'; view.top_db = 100")
    until(stage.page, lambda: is_gray(comparison.picture(1)), "gray")
    comparison.wait_until_sharp()
    before = shares_in(comparison.picture(1), "gray")

    comparison.slider("Gain").fill("-20")
    stage.until_value("view.gain_db == -20")
    until(stage.page, lambda: shares_in(comparison.picture(1), "gray").max() < 0.9, "it is darker")

    after = shares_in(comparison.picture(1), "gray")
    assert np.abs(after - np.clip(before - 0.2, 0, 1))[before < 1].max() < 0.01


def is_gray(picture: np.ndarray) -> bool:
    return bool((picture[..., :1] == picture).all())


def test_settings_of_python_are_drawn(comparison: Comparison, stage: Notebook) -> None:
    before = comparison.pictures()
    heights = [comparison.box(pane)["height"] for pane in range(5)]

    stage.python("view.pane_height = 200; view.note_names = True; view.y_axis = 'mel'")

    until(stage.page, lambda: comparison.box()["height"] == pytest.approx(200, abs=2), "panes are higher")
    assert heights == pytest.approx([140] * 5, abs=2)
    until(stage.page, lambda: comparison.choice("Frequency scale").input_value() == "mel", "mel")
    until_changed(comparison, before, "it is drawn otherwise")
    assert comparison.button("^names of notes").get_attribute("aria-pressed") == "true"


# Panes


def test_panes_are_added_moved_and_removed(comparison: Comparison, stage: Notebook) -> None:
    comparison.button("^panes$").click()
    comparison.root.get_by_label("vocals", exact=True).first.uncheck()
    stage.until_value("['level', 'vocals', ''] not in view.panes and len(view.panes) == 4")
    comparison.button("^move drums up$").click()
    stage.until_value("view.panes[0] == ['level', 'drums', '']")
    comparison.button("^remove residual$").click()
    comparison.root.get_by_role("group", name="Masks").get_by_label("vocals", exact=True).check()
    comparison.choice("Difference of").select_option("drums")
    comparison.choice("Difference from").select_option("bass")
    comparison.button("^add the difference$").click()

    stage.until_value("view.panes[-1] == ['difference', 'drums', 'bass']")
    wanted = ["drums", "mixture", "bass", "mask of vocals", "drums \N{MINUS SIGN} bass"]
    until(stage.page, lambda: comparison.panes == wanted, "all are there")
    comparison.wait_until_sharp()


def test_masks_differences_and_the_residual_say_what_was_done(stage: Notebook) -> None:
    shown = stage.run_code(
        "view = SpectrogramComparison(stems, mixture=sum(stems.values()), sample_rate=rate, panes=["
        "('mask', 'vocals'), ('difference', 'vocals', 'drums'), 'residual'], y_axis='linear', fmax=5000)\nview"
    )
    view = Comparison(stage.page, shown.locator(".snb-root"))
    until(stage.page, lambda: view.panes and view.root.locator(".snb-sharpening").is_hidden(), "all is there")
    view.page.wait_for_timeout(500)
    height = int(view.box()["height"])
    vocals, drums = int(height * 0.9), int(height * 0.7)

    mask = shares_in(view.picture(0), "viridis")
    assert mask[vocals, 300] == pytest.approx(1, abs=0.03)
    assert mask[drums, 300] < 0.03
    difference = shares_in(view.picture(1), "coolwarm")
    assert difference[vocals, 300] == 1  # by 24 dB and more
    assert difference[drums, 300] == 0
    assert len(np.unique(view.picture(2))) <= 3  # nothing was left
    said = view.read_at(0.5, 0.1, pane=1).values
    assert number_in(said["mask of vocals"]) == pytest.approx(1, abs=0.03)
    assert said["residual"] == "silent"
    stage.python("view.close()")


def test_blink_shows_one_pane_in_the_place_of_another(comparison: Comparison, stage: Notebook) -> None:
    one, other, *rest = comparison.pictures()
    comparison.slider("Cross-hair, time").focus()

    stage.page.keyboard.press("b")
    until(stage.page, lambda: comparison.pictures() == [other, other, *rest], "the second in the first one's place")
    assert comparison.lane(0).inner_text().startswith("vocals")
    stage.page.keyboard.press("b")
    until(stage.page, lambda: comparison.pictures() == [one, other, *rest], "the first again")

    comparison.button("^blink").click()
    seen = set()

    def has_changed_twice() -> bool:
        seen.add(comparison.picture().tobytes())
        return seen == {one, other}

    until(stage.page, has_changed_twice, "it blinks")
    comparison.button("^blink").click()
    until(stage.page, lambda: comparison.picture().tobytes() == one, "it has stopped")


# A kernel that computes


def test_a_busy_kernel_leaves_what_was_sent(open_notebook: Callable[..., Notebook]) -> None:
    stage = open_notebook(TONES, _LONG, BUSY)
    # Kernels that have subshells would answer beside a cell that runs.
    stage.on_panel("panel.sessionContext.session.kernel.commsOverSubshells = 'disabled'")
    stage.run_cell(0)
    stage.run_cell(1)
    view = Comparison(stage.page, stage.cell(1).locator(".snb-root"))
    view.wait_until_sharp()
    stage.start_cell(2)
    until(stage.page, lambda: "busy" in str(stage.outputs(2)), "the kernel is busy")
    whole = view.pictures()

    view.point_at(0.5)
    view.wheel(-1500, key="Control")
    until_changed(view, whole, "it zooms")
    zoomed = view.span()
    view.drag(0.25, 0.75)
    until(stage.page, lambda: view.span()[0] < zoomed[0], "it pans")
    view.point_at(0.5, 0.5)
    said = view.reading()
    assert all(re.search(r"dB|silent", value) for value in said.values.values())
    assert any("max of" in caveat for caveat in said.caveats)
    hint = view.root.get_by_role("status").filter(has_text="busy")
    until(stage.page, hint.count, "it says that the kernel is busy")
    coarse = view.pictures()

    stage.interrupt()

    until(stage.page, lambda: not hint.count(), "the kernel is free")
    view.wait_until_sharp()
    assert view.pictures() != coarse
    assert not view.read_at(0.5, 0.5).caveats


def test_shown_while_the_kernel_is_busy(stage: Notebook) -> None:
    """The overview comes with it; the rest when the kernel is free."""
    view = Comparison(stage.page, stage.start_code(f"{COMPARISON}\ndisplay(view)\n{BUSY}").locator(".snb-root"))

    view.root.wait_for()
    until(stage.page, lambda: all(map(is_drawn, map(view.picture, range(5)))), "the overview is drawn")
    assert stage.is_running()
    assert view.root.locator(".snb-readout").is_visible()

    stage.interrupt()
    view.wait_until_sharp()
    stage.python("view.close()")


# Several


def test_two_comparisons_do_not_disturb_each_other(comparison: Comparison, stage: Notebook) -> None:
    shown = stage.run_code(
        "other = SpectrogramComparison({'vocals': tone(3200), 'drums': tone(800)}, sample_rate=rate)\nother", 3
    )
    other = Comparison(stage.page, shown.locator(".snb-root"))
    other.wait_until_sharp()
    mine, others = comparison.pictures(), other.pictures()

    comparison.slider("Gain").fill("20")
    comparison.drag(0.25, 0.5, key="Shift")
    comparison.point_at(0.5)
    comparison.wheel(-900, key="Control")
    comparison.wait_until_sharp()

    stage.until_value("view.gain_db == 20 and view.region is not None")
    assert stage.value("[other.gain_db, other.region, len(other.panes)]") == [0, None, 2]
    assert other.pictures() == others
    assert comparison.pictures() != mine
    assert other.span() == pytest.approx((0, 20), abs=0.001)
    other.point_at(0.5)
    other.wheel(-900, key="Control")
    other.wait_until_sharp()
    assert not other.read_at(0.5, 0.5).caveats
    stage.python("other.close()")
    comparison.point_at(0.2)
    comparison.wait_until_sharp()


def test_two_views_of_one_comparison(comparison: Comparison, stage: Notebook) -> None:
    second = Comparison(stage.page, stage.run_code("view", 3).locator(".snb-root"))
    second.wait_until_sharp()
    assert second.pictures() == comparison.pictures()
    before = second.pictures()

    comparison.slider("Gain").fill("20")
    comparison.drag(0.25, 0.5, key="Shift")

    until_changed(second, before, "both have the gain")
    until_marked(second, 0.25, 0.5)
    comparison.point_at(0.5)
    comparison.wheel(-900, key="Control")
    comparison.wait_until_sharp()
    assert second.span() == pytest.approx((0, 20), abs=0.001)  # each has its own part in view


def test_two_separations_are_compared(stage: Notebook) -> None:
    shown = stage.run_code(
        "import spleeter_nb as snb\n"
        "louder = {name: 2 * stem for name, stem in stems.items()}\n"
        "view = snb.compare(louder, stems, sample_rate=rate, y_axis='linear', fmax=5000)\nview"
    )
    view = Comparison(stage.page, shown.locator(".snb-root"))
    view.wait_until_sharp()

    assert view.panes[:2] == ["vocals (A)", "vocals (B)"]
    said = view.read_at(0.5, 0.1, pane=0).values
    assert number_in(said["vocals (A)"]) - number_in(said["vocals (B)"]) == pytest.approx(6.02, abs=0.6)
    assert re.search(r"\+(5\.5|6\.0|6\.5) dB$", said["vocals (A) \N{MINUS SIGN} vocals (B)"])
    difference = shares_in(view.picture(2), "coolwarm")
    assert difference[int(len(difference) * 0.9), 300] == pytest.approx((6 / 24 + 1) / 2, abs=0.03)
    stage.python("view.close()")

"""Every widget for everybody: what axe-core finds, and whether the keyboard gets everywhere; in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.axe import assert_axe_finds_nothing_serious
from tests.e2e.notebook import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.e2e.notebook import Notebook

_SNB = "import spleeter_nb as snb\n"
_SPECTROGRAMS = f"{_SNB}snb.SpectrogramComparison(stems, mixture=mixture, sample_rate=rate, title='Tones'"
WIDGETS = {
    "player": "StemPlayer(stems, mixture=mixture, sample_rate=rate, title='Tones')",
    "player with a loop": "StemPlayer(stems, mixture=mixture, sample_rate=rate, loop=(2.0, 4.0))",
    "spectrograms": f"{_SPECTROGRAMS})",
    "spectrograms with a difference, a mask, a region": f"{_SPECTROGRAMS}, region=[2, 4], show_segments=True, "
    "panes=['vocals', ('mask', 'vocals'), ('difference', 'vocals', 'drums')])",
    "spectrograms that play": f"{_SPECTROGRAMS}, player=StemPlayer(stems, mixture=mixture, sample_rate=rate))",
    "spectrograms whose panes are chosen": f"{_SPECTROGRAMS})",
    "files": f"{_SNB}snb.FilePicker([snb.demo_song().path.parent])",
    "models": f"{_SNB}picker = snb.ModelPicker()\npicker.song = snb.demo_song()\npicker",
    "job": f"{_SNB}job = snb.SpleeterEngine().submit(snb.demo_song(), 'spleeter:2stems', progress=False)\njob",
    "failed job": f"{_SNB}job = snb.SpleeterEngine().submit('nothing.wav', progress=False)\njob",
    "application": f"{_SNB}snb.app()",
    "result": f"{_SNB}snb.separate(snb.demo_song(), progress=False, duration=5)",
}
CONTROLS = "button, input, select, textarea, summary, [tabindex='0']"


@pytest.fixture(params=["Light", "Dark"])
def themed(request: pytest.FixtureRequest, stage: Notebook) -> Iterator[Notebook]:
    """The stage, in a theme."""
    stage.command("apputils:change-theme", theme=f"JupyterLab {request.param}")
    stage.page.wait_for_function(
        "(theme) => document.body.dataset.jpThemeName === theme", arg=f"JupyterLab {request.param}"
    )
    yield stage
    stage.command("apputils:change-theme", theme="JupyterLab Light")


def shown(notebook: Notebook, widget: str) -> Locator:
    """Show a widget, and return where it is."""
    root = notebook.run_code(WIDGETS[widget]).locator(".snb-root").first
    root.wait_for()
    if widget.endswith("panes are chosen"):
        root.get_by_role("button", name="Panes", exact=True).click()
    return root


@pytest.mark.parametrize("widget", WIDGETS)
def test_axe_finds_nothing_serious(widget: str, themed: Notebook) -> None:
    root = shown(themed, widget)
    if widget == "job":
        until(themed.page, lambda: "done" in root.inner_text().lower(), "the job is done")

    assert_axe_finds_nothing_serious(root)


@pytest.mark.parametrize("widget", WIDGETS)
def test_no_scroll_bar_is_needed(widget: str, stage: Notebook) -> None:
    root = shown(stage, widget)
    wait_until_settled(root)
    hidden = "(it) => { const box = it.closest('.jp-OutputArea-output'); return box.scrollHeight - box.clientHeight; }"

    assert root.evaluate(hidden) <= 0


@pytest.mark.parametrize("widget", WIDGETS)
def test_every_control_is_reached_by_keyboard(widget: str, stage: Notebook) -> None:
    root = shown(stage, widget)
    wait_until_settled(root)
    root.evaluate(_NOTE_CONTROLS, CONTROLS)

    walk(root)

    assert (
        root.evaluate("(it) => it.e2eWanted.filter((one) => !it.e2eReached.has(one)).map((one) => one.outerHTML)") == []
    )


def wait_until_settled(root: Locator) -> None:
    """Wait until a widget has what it asked the kernel for: nothing in it changes for a while."""
    seen = [""]

    def is_settled() -> bool:
        seen.append(root.inner_html())
        root.page.wait_for_timeout(300)
        return seen[-1] == seen[-2]

    until(root.page, is_settled, "it is settled")


def walk(root: Locator) -> None:
    """Go through a widget by Tab, and by arrows where those go on, until it comes to what had the focus already."""
    press = root.page.keyboard.press
    root.locator(CONTROLS).first.focus()
    while root.evaluate(_IS_NEW):
        while root.evaluate(_NOTE_FOCUSED):
            if arrow := root.evaluate(_NEXT_BY_ARROW):
                press(arrow)
        press("Tab")


# Elements, not their numbers: those move where tabindex moves with the focus.
_NOTE_CONTROLS = """
(root, selector) => {
  const controls = [...root.querySelectorAll(selector)];
  root.e2eWanted = controls.filter((it) => it.checkVisibility({ visibilityProperty: true }) && !it.disabled);
  root.e2eReached = new Set();
}
"""
_IS_NEW = "(root) => root.contains(document.activeElement) && !root.e2eReached.has(document.activeElement)"
_NOTE_FOCUSED = f"(root) => ({_IS_NEW})(root) && !!root.e2eReached.add(document.activeElement)"
_NEXT_BY_ARROW = """
() => {
  const it = document.activeElement;
  if (it.closest("[role=toolbar]") && it.matches("button")) return "ArrowRight";
  if (it.matches("input[type=radio]")) return "ArrowDown";
  const row = it.closest("[role=grid] [role=row]");
  if (!row) return null;
  return it.matches("button") ? "ArrowDown" : "ArrowRight";
}
"""

"""The instruments of these tests work: they see a widget, hear a tone, and notice errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.notebook import until
from tests.e2e.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.e2e.browsing import Watch
    from tests.e2e.notebook import Notebook

WIDGET = '''
import anywidget, traitlets

class Tone(anywidget.AnyWidget):
    """A button that sounds."""

    _esm = """
    export default {
      render({ model, el }) {
        const button = document.createElement("button");
        button.textContent = "sound";
        button.onclick = async () => {
          const context = new AudioContext();
          const tone = new OscillatorNode(context, { frequency: 440 });
          tone.connect(context.destination);
          tone.start();
          model.set("clicked", true);
          model.save_changes();
        };
        el.append(button);
      },
    };
    """
    clicked = traitlets.Bool(False).tag(sync=True)

tone = Tone()
tone
'''


def test_a_widget_is_seen_heard_and_answers(open_notebook: Callable[..., Notebook], page: Page) -> None:
    notebook = open_notebook(WIDGET, page=page)
    sound = Sound(page)

    notebook.run_cell()
    assert sound.is_silent()
    notebook.cell().get_by_role("button", name="sound").click()

    until(page, lambda: sound.tones(440, 1000) == [True, False], "the tone is heard")
    notebook.until_value("tone.clicked")


def test_a_notebook_is_saved_and_its_kernel_restarted(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook("x = 1\nx", "print(x)")
    notebook.run_cell()
    notebook.run_cell(1)

    saved = notebook.save()
    notebook.restart_kernel()

    assert [cell["execution_count"] for cell in saved["cells"]] == [1, 2]
    assert notebook.outputs(1)[0]["text"] == "1\n"
    assert notebook.value("'x' in globals()") is False


def test_errors_and_requests_are_noticed(page: Page, watch: Watch) -> None:
    page.goto("about:blank")
    page.evaluate("() => { setTimeout(() => { throw new Error('thrown'); }); console.error('told'); }")
    page.evaluate("() => fetch('http://localhost:9/gone').catch(() => undefined)")

    until(page, lambda: len(watch.errors) > 2, "errors")  # the refused connection is the third
    assert any("thrown" in error for error in watch.errors)
    assert any("told" in error for error in watch.errors)
    assert watch.outside == ["http://localhost:9/gone"]
    watch.errors.clear()
    watch.outside.clear()

"""Take the pictures of docs/images: every widget in a real JupyterLab, in the light and in the dark theme.

``make pictures`` calls it, with the checkout's root on the path; it needs Debian's chromium.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from palette import with_palette
from playwright.sync_api import sync_playwright

from tests.e2e import hosts
from tests.e2e.browsing import CHROMIUM, FLAGS
from tests.e2e.comparison import Comparison
from tests.e2e.notebook import Notebook, until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"

FIRST = """
import os, shutil
import spleeter_nb as snb
song = snb.demo_song()
shutil.copy(song.path, "Long Way Home.flac")
stems = {name: song.references[name] for name in ("vocals", "drums", "bass", "other")}
mixture = stems["drums"] + stems["bass"] + stems["other"] + stems["vocals"]
"""

WIDGETS = {
    "result": "%load_ext spleeter_nb\n%separate 'Long Way Home.flac' -q --var result\nresult",
    "player": "player = snb.StemPlayer(stems, sample_rate=44100, mixture=mixture, title='Long Way Home',\n"
    "    gains_db={'vocals': -6.0, 'bass': 3.0}, pans={'other': -0.4}, muted=['drums'], loop=[4.0, 7.5])\nplayer",
    "spectrogram": "result.spectrograms(region=[4.0, 7.5])",
    "spectrogram-mask": "result.spectrograms(player=None, y_axis='mel', show_band_limit=True, show_segments=True,\n"
    "    panes=['mixture', 'vocals', ('mask', 'vocals'), ('difference', 'vocals', 'accompaniment')])",
    "compare": "fast = snb.separate('Long Way Home.flac', precision='bfloat16', progress=False)\n"
    "snb.compare(result, fast, labels=('float32', 'bfloat16'), difference_db=3)",
    "files": "snb.FilePicker([os.getcwd()])",
    "models": "picker = snb.ModelPicker()\npicker.duration = 240\npicker",
    "job": "engine = snb.SpleeterEngine()\njob = engine.submit('Long Way Home.flac', cache=False)\njob",
    "app": "app = snb.app(roots=[os.getcwd()])\napp.separate(['Long Way Home.flac'])\napp",
}

SPECTROGRAMS = ("spectrogram", "spectrogram-mask", "compare")


def main() -> None:
    """Start JupyterLab and the browser, and take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        hosts.jupyter_lab(Path(folder), {}) as lab,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 2400})
        notebook = Notebook(page, lab, "pictures.ipynb")
        notebook.write([FIRST, *WIDGETS.values()])
        notebook.load()
        notebook.run_cell(0)
        for number, name in enumerate(WIDGETS, 1):
            notebook.run_cell(number)
            shown = notebook.cell(number).locator(".jp-OutputArea").first
            shown.locator(".snb-root").first.wait_for()
            _wait_until_quiet(page, shown, name)
            for theme in ("Light", "Dark"):
                notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
                page.wait_for_function(
                    "(theme) => document.body.dataset.jpThemeName === theme", arg=f"JupyterLab {theme}"
                )
                page.wait_for_timeout(700)  # the style sheet comes after the name, and canvases draw once more
                (IMAGES / f"{name}-{theme.lower()}.png").write_bytes(with_palette(shown.screenshot()))
                print(f"{name}-{theme.lower()}.png")
        notebook.close()
        browser.close()


def _wait_until_quiet(page: Page, shown: Locator, name: str) -> None:
    if name in ("job", "app"):
        until(page, lambda: "Done" in shown.inner_text(), "the job is done")
    if name == "app":
        shown.locator(".snb-player").wait_for()
    if name in SPECTROGRAMS:
        Comparison(page, shown.locator(".snb-root").first).wait_until_sharp()
    page.wait_for_timeout(1000)


if __name__ == "__main__":
    main()

"""What others have named is text wherever it is shown: nothing of it runs, nothing is fetched (H1, H2, H4)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.notebook import until
from tests.e2e.payloads import PAYLOADS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.e2e.browsing import Watch
    from tests.e2e.notebook import Notebook

# Elements that no widget of ours makes, and attributes that none has.
FOREIGN = "script, iframe, object, embed, img, svg script, base, meta, link, marquee, video, form, math"


def assert_harmless(shown: Locator) -> None:
    """Check that nothing of the payloads has become an element, or has run."""
    assert shown.locator(FOREIGN).count() == 0
    handlers = (
        "(it) => [...it.querySelectorAll('*')].filter((one) => [...one.attributes].some((a) => /^on/i.test(a.name)))"
    )
    assert shown.evaluate(f"(it) => ({handlers})(it).map((one) => one.outerHTML)") == []
    assert shown.page.evaluate("window.__xss") is None


def assert_literal(shown: Locator, payloads: tuple[str, ...]) -> None:
    """Check that all payloads stand there as they are."""
    said = shown.evaluate("(it) => it.textContent")
    lost = [payload for payload in payloads if payload not in said]
    assert not lost, lost


@pytest.fixture(autouse=True)
def _no_trace_of_others(stage: Notebook) -> None:
    stage.page.evaluate("delete window.__xss")


@pytest.mark.parametrize("half", [0, 1])
def test_names_of_stems_are_text(half: int, stage: Notebook) -> None:
    payloads = PAYLOADS[half::2]
    stage.python(f"payloads = {payloads!r}")
    shown = stage.run_code("StemPlayer({name: stems['vocals'][:rate] for name in payloads}, sample_rate=rate)")
    shown.locator(".snb-root").wait_for()

    for button in shown.get_by_role("button", name=re.compile("^Solo")).all():
        button.click()  # what is said of it is text, too
        assert_harmless(shown.locator(".snb-root"))
    assert_literal(shown.locator(".snb-root"), payloads)


@pytest.mark.parametrize("half", [0, 1])
def test_names_of_signals_are_text(half: int, stage: Notebook) -> None:
    payloads = PAYLOADS[half::2]
    stage.python(f"payloads = {payloads!r}")
    shown = stage.run_code(
        "import spleeter_nb as snb\n"
        "snb.SpectrogramComparison({name: stems['vocals'][:rate] for name in payloads}, sample_rate=rate,\n"
        "    title=payloads[0], pane_height=60, region=[0, 0.5])"
    )
    root = shown.locator(".snb-root")
    root.wait_for()

    root.get_by_role("button", name="Panes", exact=True).click()
    root.get_by_text("Numbers of the region").click()
    root.locator(".snb-lane").first.hover()
    root.get_by_role("button", name=re.compile("^Move .* down$", re.DOTALL)).first.click()  # what is said of it, too
    until(stage.page, root.locator("table").count, "its numbers stand there")
    assert_harmless(root)
    assert_literal(root, payloads)


@pytest.mark.parametrize("quarter", range(4))
def test_titles_are_text(quarter: int, stage: Notebook) -> None:
    payloads = PAYLOADS[quarter::4]
    stage.python(f"payloads, short = {payloads!r}, {{'vocals': stems['vocals'][:99]}}")
    shown = stage.run_code(
        "for title in payloads:\n    display(StemPlayer(short, sample_rate=rate, title=title, static='none'))"
    )
    until(stage.page, lambda: shown.locator(".snb-player").count() == len(payloads), "all are shown")

    for root, payload in zip(shown.locator(".snb-root").all(), payloads, strict=True):
        assert_literal(root, (payload,))
    assert_harmless(shown)


NAMES = tuple(payload.replace("/", "\N{DIVISION SLASH}").replace("\n", " ") for payload in PAYLOADS)
"""As files can be called."""


def test_names_of_files_are_text(stage: Notebook, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.wav").write_bytes(b"no sound")
    shown = stage.run_code(f"import spleeter_nb as snb\nsnb.FilePicker([{str(tmp_path)!r}])")
    root = shown.locator(".snb-root")
    until(stage.page, lambda: root.get_by_role("row").count() >= len(NAMES), "all are listed")

    assert_literal(root, NAMES)
    assert_harmless(root)


@pytest.mark.parametrize("half", [0, 1])
def test_names_and_errors_of_jobs_are_text(half: int, stage: Notebook, tmp_path: Path) -> None:
    names = NAMES[half::2]
    for name in names:
        (tmp_path / f"{name}.wav").write_bytes(b"no sound")
    shown = stage.run_code(
        f"import pathlib, spleeter_nb as snb\nengine = snb.SpleeterEngine()\n"
        f"for path in sorted(pathlib.Path({str(tmp_path)!r}).iterdir()):\n    display(engine.submit(path))"
    )
    until(stage.page, lambda: shown.locator("[data-state=failed]").count() == len(names), "all have failed")

    assert_literal(shown, names)
    assert_harmless(shown)


def test_what_is_typed_into_the_path_box_is_text(stage: Notebook) -> None:
    shown = stage.run_code("import spleeter_nb as snb\nsnb.FilePicker([snb.demo_song().path.parent])")
    box = shown.get_by_role("combobox")
    for payload in PAYLOADS[::5]:
        box.fill(payload)
        box.press("Enter")
        answer = shown.get_by_role("status").filter(has_text=re.compile("__xss|attacker"))
        until(stage.page, answer.count, "the kernel says that there is no such file")
        assert_harmless(shown.locator(".snb-root"))
        box.fill("")


def test_an_untrusted_notebook_shows_picture_and_text_and_runs_nothing(
    open_notebook: Callable[..., Notebook], stage: Notebook, page: Page, watch: Watch
) -> None:
    stage.run_code(f"StemPlayer({{{PAYLOADS[0]!r}: stems['vocals']}}, sample_rate=rate, title={PAYLOADS[10]!r})")
    saved = stage.save()
    saved["cells"] = [saved["cells"][2]]
    (output,) = saved["cells"][0]["outputs"]
    # Somebody else has sent it: not what this server has signed.
    output["data"]["text/html"] += "<script>window.__xss=2</script><img src=x onerror=window.__xss=3>"
    notebook = open_notebook("1")
    notebook.close()
    notebook.file.write_text(json.dumps(saved))
    notebook.page = page
    watch.allow(r"/files/x\?")  # the picture that is none

    notebook.load()

    shown = notebook.cell(0)
    until(page, lambda: shown.locator("img").count() or "vocals" in shown.inner_text(), "the fallback is shown")
    assert shown.locator("img").first.evaluate("(img) => img.complete && img.naturalWidth") > 100
    assert shown.locator(".snb-root").count() == 0
    assert page.evaluate("window.__xss") is None
    assert_literal(shown, (PAYLOADS[0], PAYLOADS[10]))

"""The page that ``save_html`` writes: a player that needs neither kernel nor network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb import StemPlayer
from tests.e2e.browsing import CHROMIUM, FLAGS
from tests.e2e.cells import RATE, TONE_HERTZ
from tests.e2e.notebook import PATIENCE_MS, until
from tests.e2e.payloads import PAYLOADS
from tests.e2e.player import Player
from tests.e2e.sound import TAP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Playwright

    from tests.e2e.browsing import Watch


def tone(hertz: float, seconds: float = 12) -> np.ndarray:
    wave = 0.1 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stems = {name: tone(hertz) for name, hertz in TONE_HERTZ.items()}
    player = StemPlayer(stems, sample_rate=RATE, title="Saved", muted=["bass"])
    path = player.save_html(tmp_path_factory.mktemp("page") / "song.html")
    player.close()
    return path


def opened(page: Page, path: Path) -> Player:
    page.goto(path.as_uri())
    player = Player(page, page.locator(".snb-root"))
    player.wait_until_drawn()
    return player


@pytest.fixture
def offline_page(browser: Browser, watch: Watch) -> Iterator[Page]:
    # A context of its own: the others' JupyterLab would miss its server.
    context = browser.new_context(offline=True)
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(TAP)
    page = context.new_page()
    watch.add(page)
    yield page
    context.close()


def test_plays_without_a_network(saved: Path, offline_page: Page) -> None:
    asked: list[str] = []
    offline_page.on("request", lambda request: asked.append(request.url))

    player = opened(offline_page, saved)
    player.play()
    player.until_heard(hertz_500=True, hertz_1500=True, hertz_2500=False)  # muted when it was saved
    player.stem("drums").button("^solo").click()
    player.until_heard(hertz_500=False, hertz_1500=True)
    player.seek(9)
    until(offline_page, lambda: player.position > 9.2, "it goes on from there")

    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [saved.as_uri()]


def test_names_in_it_are_text(tmp_path: Path, page: Page) -> None:
    """H2: what ends a script, an element or a comment ends nothing here."""
    payloads = PAYLOADS[::2]
    stems = {name: tone(500, 0.1) for name in payloads}
    player = StemPlayer(stems, sample_rate=RATE, title="</script><script>window.__xss=1</script>")
    shown = opened(page, player.save_html(tmp_path / "hostile.html"))
    player.close()

    said = str(shown.evaluate("(it) => it.textContent"))
    assert [payload for payload in payloads if payload not in said] == []
    assert page.evaluate("window.__xss") is None
    assert page.locator("img, iframe, object, embed, svg script").count() == 0


CLICK_BY_SCRIPT = """
const click = setInterval(() => {
  const play = document.querySelector(".snb-root button[aria-label=Play]");
  if (!play) return;
  clearInterval(click);
  play.click();
  setInterval(() => {
    const enable = document.querySelector(".snb-root button[aria-label='Click to enable sound']");
    if (enable && !enable.hidden) console.log("the gate is shut");
  }, 50);
}, 50);
"""


@pytest.fixture
def strict_page(playwright: Playwright, watch: Watch) -> Iterator[Page]:
    """A page of a browser that lets nothing sound before somebody has clicked."""
    policy = "--autoplay-policy=document-user-activation-required"
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, policy])
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(TAP)
    watch.add(page)
    yield page
    browser.close()


def test_where_sound_needs_a_click_it_asks_for_one(saved: Path, strict_page: Page) -> None:
    # All that a driver evaluates in a page counts as a click: until the gate is shut, only the page's own code runs.
    strict_page.add_init_script(CLICK_BY_SCRIPT)
    with strict_page.expect_console_message(lambda message: message.text == "the gate is shut"):
        strict_page.goto(saved.as_uri())

    player = Player(strict_page, strict_page.locator(".snb-root"))
    player.button("enable sound").click()
    player.until_heard(hertz_500=True, hertz_1500=True)
    assert player.is_playing
    assert not player.button("enable sound").is_visible()

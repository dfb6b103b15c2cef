"""A stem player as people see it: what it is called, what it shows, what it does when it is clicked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e.cells import RATE
from tests.e2e.notebook import until
from tests.e2e.sound import Sound

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# Of all canvases in an element: colours that are there, by how many pixels have them.
_PIXELS = """
(root) => [...root.querySelectorAll("canvas")].filter((it) => it.width && it.height).map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const counts = new Map();
  for (const pixel of new Uint32Array(data.buffer)) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  return Object.fromEntries(counts);
})
"""


@dataclass(frozen=True)
class Player:
    """One view of a player."""

    page: Page
    root: Locator

    @property
    def sound(self) -> Sound:
        return Sound(self.page)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=re.compile(name, re.IGNORECASE))

    def slider(self, name: str) -> Locator:
        return self.root.get_by_role("slider", name=re.compile(name, re.IGNORECASE))

    def stem(self, name: str) -> Player:
        """Return what belongs to one stem; a group that bears its name."""
        return Player(self.page, self.root.get_by_role("group", name=name, exact=True))

    @property
    def position(self) -> float:
        """Where the play head is said to be, in seconds."""
        return float(self.slider("^position").input_value()) / RATE

    def seek(self, seconds: float) -> None:
        self.slider("^position").fill(str(round(seconds * RATE)))

    @property
    def is_playing(self) -> bool:
        return self.button("^pause").is_visible()

    def wait_until_drawn(self) -> None:
        """Wait until every stem has a waveform."""
        until(self.page, lambda: self.drawn() and min(self.drawn()) > 1, "waveforms are drawn")

    def drawn(self) -> list[int]:
        """Return how many colours each canvas shows."""
        return [len(colours) for colours in self.pixels()]

    def pixels(self) -> list[dict[str, int]]:
        found: list[dict[str, int]] = self.root.evaluate(_PIXELS)
        return found

    def play(self) -> None:
        self.button("^play").click()
        until(self.page, lambda: self.is_playing and not self.sound.is_silent(), "it plays")

    def pause(self) -> None:
        self.button("^pause").click()
        until(self.page, lambda: not self.is_playing and self.sound.is_silent(), "it is paused")

    def until_heard(self, **tones: bool) -> None:
        """Wait until these tones are heard, or not: ``hertz_500=True``."""
        hertz = [float(name.removeprefix("hertz_")) for name in tones]
        until(self.page, lambda: self.sound.tones(*hertz) == list(tones.values()), f"heard: {tones}")

    def evaluate(self, script: str) -> Any:
        """Run JavaScript that gets the root of the player."""
        return self.root.evaluate(script)

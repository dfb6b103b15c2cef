"""A comparison of spectrograms as people see it: its pictures, what the read-out says, what the mouse does to it."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.image import imread

from tests.e2e.notebook import until

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator, Page

# The picture of a pane is without loss, and nothing lies over it.
_PICTURE = "(lane) => lane.querySelector('canvas').toDataURL()"

_LINE = 0.25
"""Share of a row or column from which on it is a line, maybe a dashed one."""


class Reading(NamedTuple):
    """What the read-out says."""

    seconds: float
    hertz: float
    note: str
    values: dict[str, str]
    """By panes."""
    caveats: list[str]


@dataclass(frozen=True)
class Comparison:
    """One view of a comparison."""

    page: Page
    root: Locator

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=re.compile(name, re.IGNORECASE))

    def slider(self, name: str) -> Locator:
        return self.root.get_by_role("slider", name=name, exact=True)

    def field(self, name: str) -> Locator:
        return self.root.get_by_role("textbox", name=re.compile(name, re.IGNORECASE))

    def choice(self, name: str) -> Locator:
        return self.root.get_by_role("combobox", name=name, exact=True)

    @property
    def panes(self) -> list[str]:
        """What the panes are called, from the top."""
        named = [it.get_attribute("aria-label") or "" for it in self.root.locator(".snb-pane").all()]
        return [name.partition(",")[0] for name in named]

    def lane(self, pane: int = 0) -> Locator:
        """Return where one pane's picture is."""
        return self.root.locator(".snb-pane").nth(pane).locator(".snb-lane")

    @property
    def ruler(self) -> Locator:
        return self.root.locator(".snb-ruler")

    @property
    def marks(self) -> Locator:
        """Return what is drawn over all panes."""
        return self.root.locator(".snb-marks canvas")

    # What is drawn

    def picture(self, pane: int = 0) -> np.ndarray:
        """Return the colours of one pane: uint8 (height, width, 3), from the top left corner."""
        return picture_in(self.lane(pane).evaluate(_PICTURE))

    def pictures(self) -> list[bytes]:
        """Return the colours of all panes, to see whether they change."""
        return [self.picture(pane).tobytes() for pane in range(len(self.panes))]

    def drawn_marks(self) -> np.ndarray:
        """Return what is drawn over all panes: uint8 (height, width, 4)."""
        return _decoded(self.marks.evaluate("(canvas) => canvas.toDataURL()"))

    def marks_in(self, pane: int) -> np.ndarray:
        """Return what is drawn over one pane: uint8 (height, width, 4)."""
        return self._over_panes()[pane]

    def lines(self, *, across: bool) -> list[float]:
        """Return where lines go through all panes alike: shares of the height from the top, or of the width."""
        found = []
        for marks in self._over_panes():
            # Dashes take less than the whole; what only crosses a row is narrow.
            share = (marks[..., 3] > 0).mean(axis=1 if across else 0)
            (at,) = np.nonzero(share > _LINE)
            groups = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else []
            found.append([float(group.mean() + 0.5) / len(share) for group in groups])
        assert all(it == found[0] for it in found), found
        return found[0]

    def _over_panes(self) -> list[np.ndarray]:
        drawn, tracks = self.drawn_marks(), self.marks.bounding_box()
        assert tracks
        parts = []
        for box in map(self.box, range(len(self.panes))):
            top, left = round(box["y"] - tracks["y"]), round(box["x"] - tracks["x"])
            parts.append(drawn[top : top + round(box["height"]), left : left + round(box["width"])])
        return parts

    @property
    def is_sharp(self) -> bool:
        """Whether all is drawn, and nothing better is to come."""
        is_waiting = (
            self.root.locator(".snb-sharpening").is_visible() or self.root.locator(".snb-busy-kernel").inner_text()
        )
        return not is_waiting and all(is_drawn(self.picture(pane)) for pane in range(len(self.panes)))

    def wait_until_sharp(self) -> None:
        """Wait until no picture becomes better any more."""
        seen = [b""]

        def is_settled() -> bool:
            self.page.wait_for_timeout(150)
            seen.append(b"".join(self.pictures()))
            return self.is_sharp and seen[-1] == seen[-2]

        until(self.page, is_settled, "the pictures are sharp")

    # What the mouse does

    def box(self, pane: int = 0) -> FloatRect:
        box = self.lane(pane).bounding_box()
        assert box
        return box

    def point_at(self, across: float, up: float = 0.5, *, pane: int = 0) -> None:
        """Move the mouse into a pane; shares of its width from the left, of its height from the bottom."""
        box = self.box(pane)
        self.page.mouse.move(box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"])

    def click(self, across: float, *, pane: int = 0) -> None:
        self.point_at(across, pane=pane)
        self.page.mouse.down()
        self.page.mouse.up()

    def drag(self, from_: float, to: float, *, pane: int = 0, key: str = "") -> None:
        """Drag from one place of a pane to another, shares of its width, with a key held."""
        self.point_at(from_, pane=pane)
        if key:
            self.page.keyboard.down(key)
        self.page.mouse.down()
        self.point_at((from_ + to) / 2, pane=pane)
        self.point_at(to, pane=pane)
        self.page.mouse.up()
        if key:
            self.page.keyboard.up(key)

    def wheel(self, pixels: float, *, key: str) -> None:
        """Turn the wheel where the mouse is, with a key held; less than 0 is away from oneself."""
        self.page.keyboard.down(key)
        self.page.mouse.wheel(0, pixels)
        self.page.keyboard.up(key)

    # What is said

    def reading(self) -> Reading:
        """Return what the read-out says now."""
        said = self.root.locator(".snb-readout").evaluate(
            """
            (it) => {
              const all = (name) => [...it.querySelectorAll(`.snb-read-${name}`)].map((one) => one.textContent);
              const values = [...it.querySelectorAll(".snb-read-value")];
              const pairs = values.map((one) => ["bdi", "b"].map((part) => one.querySelector(part).textContent));
              return [all("time")[0], all("hz")[0], all("note")[0] ?? "", pairs, all("caveat")];
            }
            """
        )
        time, hertz, note, values, caveats = said
        minutes, seconds = time.split(":")
        return Reading(60 * int(minutes) + float(seconds), number_in(hertz), note, dict(values), caveats)

    def read_at(self, across: float, up: float, *, pane: int = 0) -> Reading:
        """Point at a place, and return what is said of it once that is exact."""
        self.point_at(across, up, pane=pane)
        until(self.page, self.root.locator(".snb-read-time").count, "the read-out says something")
        self.page.wait_for_timeout(50)  # it is said before the next repaint
        until(self.page, lambda: "provisional" not in self.reading().caveats, "it is exact")
        return self.reading()

    def span(self) -> tuple[float, float]:
        """Return the seconds at the left and at the right edge."""
        edges = []
        for across in (0.0, 1.0):
            box = self.box()
            self.page.mouse.move(box["x"] + (box["width"] - 0.01) * across, box["y"] + box["height"] / 2)
            self.page.wait_for_timeout(60)
            edges.append(self.reading().seconds)
        return edges[0], edges[1]


def number_in(text: str) -> float:
    """Return the number in a text such as ``-12.5 dB``; minus infinity for what is silent."""
    if "silent" in text:
        return -np.inf
    found = re.search(r"[-+]?\d+(\.\d+)?", text.replace("\N{MINUS SIGN}", "-"))
    assert found, text
    return float(found[0])


def picture_in(url: str) -> np.ndarray:
    """Return the colours of a picture that has no transparent ones."""
    return _decoded(url)[..., :3]


def _decoded(url: str) -> np.ndarray:
    png = io.BytesIO(base64.b64decode(url.partition(",")[2]))
    return np.rint(255 * imread(png, format="png")).astype(np.uint8)


def is_drawn(picture: np.ndarray) -> bool:
    """Tell whether there is more than one colour."""
    return bool((picture != picture[0, 0]).any())


def shares_in(picture: np.ndarray, cmap: str) -> np.ndarray:
    """Return where each pixel's colour stands in a colour map, 0 to 1."""
    palette = np.rint(255 * mpl.colormaps[cmap](np.arange(256))[:, :3]).astype(int)
    colours, places = np.unique(picture.reshape(-1, 3).astype(int), axis=0, return_inverse=True)
    distances = np.abs(colours[:, None] - palette).sum(axis=2)
    assert not distances.min(axis=1).any(), "a colour that the map has not"
    shares = distances.argmin(axis=1) / 255
    return np.asarray(shares[places.ravel()].reshape(picture.shape[:2]))

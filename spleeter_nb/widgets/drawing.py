"""Drawing pictures of spectrograms by matplotlib; imported where something is drawn, for matplotlib takes its time."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MultipleLocator, NullLocator
from PIL import Image

from spleeter_nb.widgets.static import clock, drawable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

    from spleeter_nb.values import FloatArray
    from spleeter_nb.widgets.scales import FrequencyAxis

# Inches beside the panes: for Hz, for the colour bar, for the title, for the time, and above each pane for its name.
_LEFT, _RIGHT, _TOP, _BOTTOM, _NAME = 0.65, 0.85, 0.3, 0.45, 0.22
_BAR_GAP, _BAR = 0.08, 0.1
# From one label of Hz to the next.
_LABEL = 0.13

# Colours of a small PNG.
_PALETTE = 128

_LINE: dict[str, Any] = {"color": "#a0a0a0", "linewidth": 0.8}

_MINUTE = 60
# Seconds between times that are written.
_TIME_STEPS = (10, 15, 30, 60, 120, 300, 600, 1200, 3600, *(3600 * 2**k for k in range(1, 16)))
_MOST_TIMES = 10


@dataclass(frozen=True, slots=True)
class Paper:
    """What is drawn on."""

    width: float
    height: float
    """Inches."""
    dpi: float
    panes: int
    """How many share it."""
    text: Mapping[str, Any]
    """How text looks."""
    face: str
    """The colour around the panes."""

    @property
    def pane_size(self) -> tuple[float, float]:
        """Width and height of a pane, in inches."""
        height = (self.height - _TOP - _BOTTOM) / self.panes - _NAME
        return max(0.1, self.width - _LEFT - _RIGHT), max(0.1, height)


@dataclass(frozen=True, slots=True)
class Picture:
    """What one pane shows."""

    values: FloatArray
    """(rows, columns)."""
    cmap: str
    low: float
    high: float
    """What the first and the last colour stand for."""
    name: str
    unit: str

    @property
    def colours(self) -> tuple[str, float, float]:
        """What makes two panes comparable."""
        return self.cmap, self.low, self.high


@dataclass(frozen=True, slots=True)
class Scales:
    """What all panes have in common."""

    title: str
    axis: FrequencyAxis
    note_names: bool
    columns: tuple[float, float]
    """Seconds between which the pictures lie."""
    times: tuple[float, float]
    """Seconds between which the panes do."""
    band_limit: float | None
    """Hz at which a line is drawn, None for none."""
    borders: Sequence[float]
    """Seconds at which lines are drawn."""


class NotebookFigure(Figure):
    """A figure that a notebook shows also where pyplot, which would tell it how, was never imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def paper_height(panes: int, pane_height: float) -> float:
    """Return the inches that panes of a height need, with all that stands beside them."""
    return _TOP + _BOTTOM + panes * (_NAME + pane_height)


def figure_of(pictures: Sequence[Picture], scales: Scales, paper: Paper) -> NotebookFigure:
    """Draw pictures one below the other."""
    # Without pyplot, which would keep each figure, and choose a window to show it in.
    figure = NotebookFigure(figsize=(paper.width, paper.height), dpi=paper.dpi, facecolor=paper.face)
    figure.set_layout_engine("none")
    if scales.title:
        place = _LEFT / paper.width, 1 - 0.06 / paper.height
        figure.text(*place, drawable(scales.title), va="top", size=11, **paper.text)
    colours = None
    for axes, picture in zip(_pane_axes(figure, paper), pictures, strict=True):
        image = _draw(axes, picture, scales, paper)
        # Panes of the same colours, one below the other, share a bar.
        if picture.colours != colours:
            _draw_bar(figure.add_axes(_place_beside(axes, paper)), image, picture, paper)
            colours = picture.colours
    _draw_times(axes, scales, paper)
    return figure


def png_of(figure: Figure) -> bytes:
    """Return a figure as a small PNG, whatever size and colour the user set for pictures that he saves."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]  # it has no types
    file = io.BytesIO()
    # With a palette it is a third as large. Of the ways to choose one, this keeps what the page shines through.
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba()))  # type: ignore[no-untyped-call]  # likewise
    picture.quantize(_PALETTE, method=Image.Quantize.FASTOCTREE).save(file, "png")
    return file.getvalue()


def _pane_axes(figure: Figure, paper: Paper) -> list[Axes]:
    """Return the panes from the top."""
    width, height = paper.pane_size
    size = width / paper.width, height / paper.height
    bottoms = [paper.height - _TOP - (k + 1) * (height + _NAME) for k in range(paper.panes)]
    places = [(_LEFT / paper.width, bottom / paper.height, *size) for bottom in bottoms]
    return [figure.add_axes(place, facecolor="none") for place in places]


def _draw(axes: Axes, picture: Picture, scales: Scales, paper: Paper) -> QuadMesh:
    rows, count = picture.values.shape
    # A mesh, whose rows say themselves where they lie: whether an image follows the scale, or only its corners do,
    # depends on matplotlib's version. As pixels, also in a PDF.
    image = axes.pcolormesh(
        np.linspace(*scales.columns, count + 1),
        scales.axis.edges(rows),
        picture.values,
        cmap=colormaps[picture.cmap],
        vmin=picture.low,
        vmax=picture.high,
        rasterized=True,
    )
    axes.set_title(drawable(picture.name), loc="left", size=9, pad=3, **paper.text)
    _draw_frequencies(axes, scales, paper)
    _draw_lines(axes, scales)
    axes.set_xlim(*scales.times)
    axes.tick_params("x", labelbottom=False)
    return image


def _draw_frequencies(axes: Axes, scales: Scales, paper: Paper) -> None:
    axis = scales.axis
    axes.set_yscale("function", functions=axis.functions)
    axes.set_ylim(axis.fmin, axis.fmax)
    distance = _LABEL / (axes.get_position().height * paper.height)
    ticks = axis.ticks(distance=distance, note_names=scales.note_names)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(FixedLocator([hz for hz, _ in ticks]))
    axes.set_yticklabels([label for _, label in ticks])
    _dress(axes, paper)
    if not scales.note_names:
        axes.set_ylabel("Hz", size=8, labelpad=1, **paper.text)


def _draw_lines(axes: Axes, scales: Scales) -> None:
    if scales.band_limit is not None and scales.axis.fmin < scales.band_limit < scales.axis.fmax:
        axes.axhline(scales.band_limit, linestyle="--", **_LINE)
    for border in scales.borders:
        axes.axvline(border, linestyle=":", **_LINE)


def _place_beside(axes: Axes, paper: Paper) -> tuple[float, float, float, float]:
    pane = axes.get_position()
    return pane.x1 + _BAR_GAP / paper.width, pane.y0, _BAR / paper.width, pane.height


def _draw_bar(axes: Axes, image: QuadMesh, picture: Picture, paper: Paper) -> None:
    """Draw what the colours stand for."""
    gradient = np.linspace(picture.low, picture.high, 64)[:, np.newaxis]
    axes.imshow(gradient, cmap=image.cmap, extent=(0, 1, picture.low, picture.high), origin="lower", aspect="auto")
    axes.yaxis.tick_right()
    ticks = np.linspace(picture.low, picture.high, 3)
    axes.set(xticks=[], yticks=ticks)
    axes.set_yticklabels([f"{round(tick, 1):g} {picture.unit}".strip() for tick in ticks])
    _dress(axes, paper)


def _draw_times(axes: Axes, scales: Scales, paper: Paper) -> None:
    """Write the time below the last pane."""
    start, stop = scales.times
    is_long = stop - start > _MINUTE
    if is_long:
        step = next(step for step in _TIME_STEPS if step * _MOST_TIMES >= stop - start)
        axes.xaxis.set_major_locator(MultipleLocator(step))
        axes.xaxis.set_major_formatter(lambda value, _: clock(value))
    axes.tick_params("x", labelbottom=True)
    axes.set_xlabel("min:s" if is_long else "s", size=8, labelpad=1, **paper.text)
    _dress(axes, paper)


def _dress(axes: Axes, paper: Paper) -> None:
    colour = paper.text.get("color")
    axes.tick_params(labelsize=8, length=2, **({"color": colour, "labelcolor": colour} if colour else {}))
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        label.set(**paper.text)
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        if colour:
            spine.set_color(colour)

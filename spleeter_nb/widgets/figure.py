"""Spectrograms on paper, by matplotlib: the widget's colours, ranges and scales.

A picture has fewer columns and rows than a spectrogram: each shows the maximum of what lies in it, as the widget does.
Values are those of ``librosa.amplitude_to_db(abs(librosa.stft(…)), ref=window.sum() / 2)``.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.dsp.spectrogram import decibels, max_pooled
from spleeter_nb.widgets import panes
from spleeter_nb.widgets.analysis import OPTIONS, Analysis, power_to_db
from spleeter_nb.widgets.scales import FrequencyAxis, bins_of_rows, rows_of
from spleeter_nb.widgets.settings import check_options, number
from spleeter_nb.widgets.static import clock, drawable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

    from spleeter_nb.values import FloatArray

_INCHES = (1.0, 100.0)
_DOTS_PER_INCH = (10.0, 2400.0)
_WIDTH, _PANE_HEIGHT = 10.0, 1.6

# Inches beside the panes: for Hz, for the colour bar, for the title, for the time, and above each pane for its name.
_LEFT, _RIGHT, _TOP, _BOTTOM, _NAME = 0.65, 0.85, 0.3, 0.45, 0.22
_BAR_GAP, _BAR = 0.08, 0.1
# From one label of Hz to the next.
_LABEL = 0.13

# Columns that are transformed before they are pooled.
_BLOCK_COLUMNS = 64

_MINUTE = 60
# Seconds between times that are written.
_TIME_STEPS = (10, 15, 30, 60, 120, 300, 600, 1200, 3600, *(3600 * 2**k for k in range(1, 16)))
_MOST_TIMES = 10

# In small pictures; they are to be small as files, too.
_SMALL_WIDTH, _SMALL_PANE_HEIGHT, _SMALL_DPI = 8.0, 0.85, 96.0
_SMALL_COLUMNS, _SMALL_ROWS, _SMALL_PANES, _SMALL_COLOURS = 330, 40, 8, 24


@dataclass(frozen=True, slots=True)
class _Paper:
    """What is drawn on."""

    width: float
    height: float
    """Inches."""
    dpi: float
    text: Mapping[str, Any]
    """How text looks."""
    face: str
    """The colour around the panes."""
    colours: int
    """How many of a colour map are told apart."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """A stretch of time, pooled to the columns of a picture."""

    start: float
    stop: float
    """Seconds between which its columns lie."""
    levels: Callable[[int], FloatArray]
    """Of a signal's number, dB (rows, columns)."""


def spectrogram_figure(
    source: Any, *, width: float | None = None, height: float | None = None, dpi: float | None = None, **options: Any
) -> Figure:
    """Draw spectrograms for a paper: the colours, ranges and scales of the widget.

    Parameters
    ----------
    source : SeparationResult, mapping of str to array_like, or SpectrogramComparison
        Of a comparison, settings that are not given are as they are there.
    width, height : float, optional
        Inches; by default 10, and 1.6 for each pane.
    dpi : float, optional
        Dots per inch, which decide how fine the pictures are; by default matplotlib's own.
    **options
        The settings and options of :class:`spleeter_nb.SpectrogramComparison`: ``panes``, ``region``, ``y_axis``,
        ``fmin``, ``fmax``, ``cmap``, ``gain_db``, ``top_db``, ``difference_db``, ``note_names``, ``show_band_limit``,
        ``show_segments``; what is looked at, as ``sample_rate`` and ``mixture`` of arrays, ``other``, ``labels``,
        ``title``; and how it is transformed, as ``n_fft``. Of a comparison, its settings only.

    Returns
    -------
    matplotlib.figure.Figure
        Of no window and no pyplot: a notebook shows it, and ``savefig`` writes it. Its axes are in seconds and Hz.

    Raises
    ------
    UnknownOptionError
        If there is no option of that name; the nearest one is named.
    ValidationError
        If an option is not as wanted.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100)
    >>> figure = spectrogram_figure({"vocals": tone}, sample_rate=44_100, y_axis="mel", title="A tone")
    >>> [axes.get_title(loc="left") for axes in figure.axes][0]
    'vocals'
    """
    # It needs what is here for its own figures.
    from spleeter_nb.widgets.spectrogram import SpectrogramComparison  # noqa: PLC0415

    if isinstance(source, SpectrogramComparison):
        return source.figure(width=width, height=height, dpi=dpi, **options)
    check_options(options, ("width", "height", "dpi", "other", *OPTIONS, *panes.AT_REST))
    settings = {name: value for name, value in options.items() if name in panes.AT_REST}
    analysis = Analysis.of(source, **{name: value for name, value in options.items() if name not in settings})
    settings = panes.checked(analysis.limits, settings)
    return drawn(analysis, settings, width=width, height=height, dpi=dpi)


def drawn(
    analysis: Analysis,
    settings: Mapping[str, Any],
    *,
    width: float | None = None,
    height: float | None = None,
    dpi: float | None = None,
) -> Figure:
    """Draw what a comparison shows, from the samples; settings are checked ones, all of them."""
    from matplotlib import rcParams  # noqa: PLC0415 - takes its time

    count = len(settings["panes"])
    width = _WIDTH if width is None else number("width", width, _INCHES)
    height = _TOP + _BOTTOM + count * (_NAME + _PANE_HEIGHT) if height is None else number("height", height, _INCHES)
    dpi = float(rcParams["figure.dpi"]) if dpi is None else number("dpi", dpi, _DOTS_PER_INCH)
    paper = _Paper(width, height, dpi, {"parse_math": False}, "white", 256)
    pane_width, pane_height = _pane_size(paper, count)
    bins = _bins(analysis, settings, rows=max(1, round(pane_height * dpi)))
    columns = _exact(analysis, settings["region"], bins, most=max(1, round(pane_width * dpi)))
    return _figure(analysis, settings, columns, paper)


def small_picture(analysis: Analysis, settings: Mapping[str, Any], text: Mapping[str, Any]) -> bytes:
    """Draw the whole song, small and quickly, from some of its frames.

    Parameters
    ----------
    analysis : Analysis
    settings : mapping of str to object
        Checked ones, all of them.
    text : mapping of str to object
        How text looks.

    Returns
    -------
    bytes
        PNG, on nothing: the page's colour shows through.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - takes its time

    settings = {**settings, "panes": settings["panes"][:_SMALL_PANES], "region": None}
    height = _TOP + _BOTTOM + len(settings["panes"]) * (_NAME + _SMALL_PANE_HEIGHT)
    paper = _Paper(_SMALL_WIDTH, height, _SMALL_DPI, text, "none", _SMALL_COLOURS)
    columns = _sampled(analysis, _bins(analysis, settings, rows=_SMALL_ROWS))
    file = io.BytesIO()
    # Not savefig's way, which takes size and colour from what the user set for his own pictures.
    FigureCanvasAgg(_figure(analysis, settings, columns, paper)).print_png(file)  # type: ignore[no-untyped-call]  # it has no types
    return file.getvalue()


# What is drawn


def _axis(settings: Mapping[str, Any]) -> FrequencyAxis:
    return FrequencyAxis.between(settings["y_axis"], settings["fmin"], settings["fmax"])


def _bins(analysis: Analysis, settings: Mapping[str, Any], *, rows: int) -> npt.NDArray[np.int64]:
    """Return which bins each row of a picture shows."""
    edges = _axis(settings).edges(rows)
    return bins_of_rows(edges, hz_per_bin=analysis.hz_per_bin, bins=analysis.spectrogram.n_bins)


def _exact(analysis: Analysis, region: Sequence[float] | None, bins: npt.NDArray[np.int64], *, most: int) -> _Columns:
    """Pool a region to at most so many columns, block by block."""
    first, stop = analysis.columns_over(*panes.samples_of(analysis.limits, region))
    factor = -(-(stop - first) // most)
    step = factor * max(1, _BLOCK_COLUMNS // factor)
    count = -(-(stop - first) // factor)

    @functools.cache
    def levels(signal: int) -> FloatArray:
        blocks = analysis.power(signal, first, stop, step=step)
        return power_to_db(np.concatenate([rows_of(max_pooled(block, factor), bins) for block in blocks]).T)

    start, end = _times(analysis, first, first + count * factor)
    return _Columns(start, end, levels)


def _sampled(analysis: Analysis, bins: npt.NDArray[np.int64]) -> _Columns:
    """Take the whole song from a coarse level, of which only some frames are looked at."""
    pyramid = analysis.pyramid
    level = next(level for level in range(64) if pyramid.columns(level) <= _SMALL_COLUMNS)

    @functools.cache
    def levels(signal: int) -> FloatArray:
        tiles = [rows_of(pyramid.sampled(signal, level, index), bins) for index in range(pyramid.tiles(level))]
        return decibels(np.concatenate(tiles).T, analysis.full_db)

    start, end = _times(analysis, 0, pyramid.columns(level) << level)
    return _Columns(start, end, levels)


def _times(analysis: Analysis, first: int, stop: int) -> tuple[float, float]:
    """Return the seconds between which columns [first, stop) lie: each spans a hop around its centre."""
    hop, rate = analysis.spectrogram.hop_length, analysis.scene.sample_rate
    return (first - 0.5) * hop / rate, (stop - 0.5) * hop / rate


@dataclass(frozen=True, slots=True)
class _Picture:
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


def _picture(pane: Sequence[str], columns: _Columns, analysis: Analysis, settings: Mapping[str, Any]) -> _Picture:
    kind, name, other = pane
    high = analysis.overview.peak_db - settings["gain_db"]
    low = high - settings["top_db"]
    levels = columns.levels(panes.signal_number(analysis.limits, name))
    if kind == "level":
        return _Picture(np.maximum(levels, low), settings["cmap"], low, high, name, "dB")
    others = columns.levels(panes.signal_number(analysis.limits, other))
    if kind == "mask":
        return _Picture(_ratio(levels, others), "viridis", 0.0, 1.0, f"{name} / {other}", "")
    difference = np.maximum(levels, low) - np.maximum(others, low)
    most = settings["difference_db"]
    return _Picture(difference, "coolwarm", -most, most, f"{name} - {other}", "dB")


def _ratio(levels: FloatArray, others: FloatArray) -> FloatArray:
    """Return by what one would be multiplied to become the other, 0 to 1; of silence nothing was taken."""
    is_sound = np.isfinite(levels)
    difference = np.subtract(levels, others, out=np.full_like(levels, -np.inf), where=is_sound)
    ratio: FloatArray = np.exp(np.minimum(difference, 0) * np.float32(np.log(10) / 20))
    return ratio


# How it is drawn


def _pane_size(paper: _Paper, count: int) -> tuple[float, float]:
    """Return width and height of a pane, in inches."""
    return max(0.1, paper.width - _LEFT - _RIGHT), max(0.1, (paper.height - _TOP - _BOTTOM) / count - _NAME)


def _figure(analysis: Analysis, settings: Mapping[str, Any], columns: _Columns, paper: _Paper) -> Figure:
    # Without pyplot, which would keep each figure, and choose a window to show it in.
    from spleeter_nb.widgets.notebook_figure import NotebookFigure  # noqa: PLC0415 - takes its time

    figure = NotebookFigure(figsize=(paper.width, paper.height), dpi=paper.dpi, facecolor=paper.face)
    figure.set_layout_engine("none")
    if analysis.scene.title:
        place = _LEFT / paper.width, 1 - 0.06 / paper.height
        figure.text(*place, drawable(analysis.scene.title), va="top", size=11, **paper.text)
    edges = analysis.limits.frames / analysis.limits.sample_rate
    start, stop = settings["region"] or (0.0, edges)
    colours = None
    for axes, pane in zip(_pane_axes(figure, paper, len(settings["panes"])), settings["panes"], strict=True):
        picture = _picture(pane, columns, analysis, settings)
        image = _draw(axes, picture, columns, settings, paper)
        _draw_marks(axes, analysis, settings)
        axes.set_xlim(start, stop)
        axes.tick_params("x", labelbottom=False)
        # Panes of the same colours, one below the other, share a bar.
        if picture.colours != colours:
            _draw_bar(figure.add_axes(_place_beside(axes, paper)), image, picture, paper)
            colours = picture.colours
    _draw_times(axes, stop - start, paper)
    return figure


def _pane_axes(figure: Figure, paper: _Paper, count: int) -> list[Axes]:
    """Return the panes from the top."""
    width, height = _pane_size(paper, count)
    size = width / paper.width, height / paper.height
    bottoms = [paper.height - _TOP - (k + 1) * (height + _NAME) for k in range(count)]
    places = [(_LEFT / paper.width, bottom / paper.height, *size) for bottom in bottoms]
    return [figure.add_axes(place, facecolor="none") for place in places]


def _draw(axes: Axes, picture: _Picture, columns: _Columns, settings: Mapping[str, Any], paper: _Paper) -> QuadMesh:
    from matplotlib import colormaps  # noqa: PLC0415 - takes its time
    from matplotlib.ticker import FixedLocator, NullLocator  # noqa: PLC0415 - likewise

    axis = _axis(settings)
    rows, count = picture.values.shape
    # A mesh, whose rows say themselves where they lie: whether an image follows the scale, or only its corners do,
    # depends on matplotlib's version. As pixels, also in a PDF.
    image = axes.pcolormesh(
        np.linspace(columns.start, columns.stop, count + 1),
        axis.edges(rows),
        picture.values,
        cmap=colormaps[picture.cmap].resampled(paper.colours),
        vmin=picture.low,
        vmax=picture.high,
        rasterized=True,
    )
    axes.set_yscale("function", functions=axis.functions)
    axes.set_ylim(axis.fmin, axis.fmax)
    axes.set_title(drawable(picture.name), loc="left", size=9, pad=3, **paper.text)
    distance = _LABEL / (axes.get_position().height * paper.height)
    ticks = axis.ticks(distance=distance, note_names=settings["note_names"])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(FixedLocator([hz for hz, _ in ticks]))
    axes.set_yticklabels([label for _, label in ticks])
    _dress(axes, paper)
    if not settings["note_names"]:
        axes.set_ylabel("Hz", size=8, labelpad=1, **paper.text)
    return image


def _place_beside(axes: Axes, paper: _Paper) -> tuple[float, float, float, float]:
    pane = axes.get_position()
    return pane.x1 + _BAR_GAP / paper.width, pane.y0, _BAR / paper.width, pane.height


def _draw_bar(axes: Axes, image: QuadMesh, picture: _Picture, paper: _Paper) -> None:
    """Draw what the colours stand for."""
    gradient = np.linspace(picture.low, picture.high, 64)[:, np.newaxis]
    axes.imshow(gradient, cmap=image.cmap, extent=(0, 1, picture.low, picture.high), origin="lower", aspect="auto")
    axes.yaxis.tick_right()
    ticks = np.linspace(picture.low, picture.high, 3)
    axes.set(xticks=[], yticks=ticks)
    axes.set_yticklabels([f"{round(tick, 1):g} {picture.unit}".strip() for tick in ticks])
    _dress(axes, paper)


def _draw_marks(axes: Axes, analysis: Analysis, settings: Mapping[str, Any]) -> None:
    line: dict[str, Any] = {"color": "#a0a0a0", "linewidth": 0.8}
    low, high = axes.get_ylim()
    if settings["show_band_limit"] and analysis.band_limit is not None and low < analysis.band_limit < high:
        axes.axhline(analysis.band_limit, linestyle="--", **line)
    if settings["show_segments"]:
        for border in analysis.segments:
            axes.axvline(border, linestyle=":", **line)


def _draw_times(axes: Axes, seconds: float, paper: _Paper) -> None:
    """Write the time below the last pane."""
    from matplotlib.ticker import MultipleLocator  # noqa: PLC0415 - takes its time

    if seconds > _MINUTE:
        step = next(step for step in _TIME_STEPS if step * _MOST_TIMES >= seconds)
        axes.xaxis.set_major_locator(MultipleLocator(step))
        axes.xaxis.set_major_formatter(lambda value, _: clock(value))
    axes.tick_params("x", labelbottom=True)
    axes.set_xlabel("min:s" if seconds > _MINUTE else "s", size=8, labelpad=1, **paper.text)
    _dress(axes, paper)


def _dress(axes: Axes, paper: _Paper) -> None:
    colour = paper.text.get("color")
    axes.tick_params(labelsize=8, length=2, **({"color": colour, "labelcolor": colour} if colour else {}))
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        label.set(**paper.text)
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        if colour:
            spine.set_color(colour)

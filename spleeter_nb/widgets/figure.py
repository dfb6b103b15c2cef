"""Spectrograms on paper: the widget's colours, ranges and scales.

A picture has fewer columns and rows than a spectrogram: each shows the maximum of what lies in it, as the widget does.
Values are those of ``librosa.amplitude_to_db(abs(librosa.stft(…)), ref=window.sum() / 2)``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.dsp.spectrogram import decibels
from spleeter_nb.widgets import panes
from spleeter_nb.widgets.analysis import LEAST_POWER, OPTIONS, Analysis, power_to_db
from spleeter_nb.widgets.scales import FrequencyAxis, bins_of_rows, rows_of
from spleeter_nb.widgets.settings import check_options, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from spleeter_nb.values import FloatArray
    from spleeter_nb.widgets.drawing import Picture, Scales

_INCHES = (1.0, 100.0)
_DOTS_PER_INCH = (10.0, 2400.0)
_WIDTH, _PANE_HEIGHT = 10.0, 1.6

# In small pictures; they are to be small as files, too.
_SMALL_WIDTH, _SMALL_PANE_HEIGHT, _SMALL_DPI = 8.0, 0.85, 96.0
_SMALL_COLUMNS, _SMALL_ROWS, _SMALL_PANES = 330, 40, 8


@dataclass(frozen=True, slots=True)
class _Columns:
    """A stretch of time, pooled to the columns of a picture."""

    times: tuple[float, float]
    """Seconds between which its columns lie."""
    levels: Callable[[int], FloatArray]
    """Of a signal's number, dB (rows, columns), minus infinity where nothing is."""


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
    from spleeter_nb.widgets.spectrogram import SpectrogramComparison  # noqa: PLC0415 - it draws by this module

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

    from spleeter_nb.widgets import drawing  # noqa: PLC0415 - likewise

    count = len(settings["panes"])
    width = _WIDTH if width is None else number("width", width, _INCHES)
    height = drawing.paper_height(count, _PANE_HEIGHT) if height is None else number("height", height, _INCHES)
    dpi = float(rcParams["figure.dpi"]) if dpi is None else number("dpi", dpi, _DOTS_PER_INCH)
    paper = drawing.Paper(width, height, dpi, count, {"parse_math": False}, "white")
    most, rows = (max(1, round(inches * dpi)) for inches in paper.pane_size)
    columns = _exact(analysis, settings["region"], _bins(analysis, settings, rows=rows), most=most)
    pictures = [_picture(pane, columns, analysis, settings) for pane in settings["panes"]]
    return drawing.figure_of(pictures, _scales(analysis, settings, columns), paper)


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
    from spleeter_nb.widgets import drawing  # noqa: PLC0415 - takes its time

    settings = {**settings, "panes": settings["panes"][:_SMALL_PANES], "region": None}
    count = len(settings["panes"])
    height = drawing.paper_height(count, _SMALL_PANE_HEIGHT)
    paper = drawing.Paper(_SMALL_WIDTH, height, _SMALL_DPI, count, text, "none")
    columns = _sampled(analysis, _bins(analysis, settings, rows=_SMALL_ROWS))
    pictures = [_picture(pane, columns, analysis, settings) for pane in settings["panes"]]
    return drawing.png_of(drawing.figure_of(pictures, _scales(analysis, settings, columns), paper))


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
    count = -(-(stop - first) // factor)

    @functools.cache
    def levels(signal: int) -> FloatArray:
        pooled, begin = np.zeros((count, len(bins)), np.float32), 0
        for block in analysis.power(signal, first, stop):
            # The columns of the picture that its columns belong to, and where in it each of them begins.
            columns, starts = np.unique(np.arange(begin, begin + len(block)) // factor, return_index=True)
            part = np.maximum.reduceat(rows_of(block, bins), starts, axis=0)
            pooled[columns] = np.maximum(pooled[columns], part)
            begin += len(block)
        return np.where(pooled.T > LEAST_POWER, power_to_db(pooled.T), -np.inf)

    return _Columns(_times(analysis, first, first + count * factor), levels)


def _sampled(analysis: Analysis, bins: npt.NDArray[np.int64]) -> _Columns:
    """Take the whole song from a coarse level, of which only some frames are looked at."""
    pyramid = analysis.pyramid
    level = next(level for level in range(64) if pyramid.columns(level) <= _SMALL_COLUMNS)

    @functools.cache
    def levels(signal: int) -> FloatArray:
        tiles = [rows_of(pyramid.sampled(signal, level, index), bins) for index in range(pyramid.tiles(level))]
        return decibels(np.concatenate(tiles).T, analysis.full_db)

    return _Columns(_times(analysis, 0, pyramid.columns(level) << level), levels)


def _times(analysis: Analysis, first: int, stop: int) -> tuple[float, float]:
    """Return the seconds between which columns [first, stop) lie: each spans a hop around its centre."""
    hop, rate = analysis.spectrogram.hop_length, analysis.scene.sample_rate
    return (first - 0.5) * hop / rate, (stop - 0.5) * hop / rate


def _scales(analysis: Analysis, settings: Mapping[str, Any], columns: _Columns) -> Scales:
    """Return what all panes have in common."""
    from spleeter_nb.widgets.drawing import Scales  # noqa: PLC0415 - takes its time

    start, stop = settings["region"] or (0.0, analysis.limits.frames / analysis.limits.sample_rate)
    return Scales(
        title=analysis.scene.title,
        axis=_axis(settings),
        note_names=settings["note_names"],
        columns=columns.times,
        times=(start, stop),
        band_limit=analysis.band_limit if settings["show_band_limit"] else None,
        borders=analysis.segments if settings["show_segments"] else (),
    )


def _picture(pane: Sequence[str], columns: _Columns, analysis: Analysis, settings: Mapping[str, Any]) -> Picture:
    """Return what a pane shows."""
    from spleeter_nb.widgets.drawing import Picture  # noqa: PLC0415 - takes its time

    kind, name, other = pane
    high = analysis.overview.peak_db - settings["gain_db"]
    low = high - settings["top_db"]
    levels = columns.levels(panes.signal_number(analysis.limits, name))
    if kind == "level":
        return Picture(np.maximum(levels, low), settings["cmap"], low, high, name, "dB")
    others = columns.levels(panes.signal_number(analysis.limits, other))
    if kind == "mask":
        return Picture(_ratio(levels, others), "viridis", 0.0, 1.0, panes.title_of(pane), "")
    difference = np.maximum(levels, low) - np.maximum(others, low)
    most = settings["difference_db"]
    return Picture(difference, "coolwarm", -most, most, panes.title_of(pane), "dB")


def _ratio(levels: FloatArray, others: FloatArray) -> FloatArray:
    """Return by what one would be multiplied to become the other, 0 to 1; of silence nothing was taken."""
    is_sound = np.isfinite(levels)
    difference = np.subtract(levels, others, out=np.full_like(levels, -np.inf), where=is_sound)
    ratio: FloatArray = np.exp(np.minimum(difference, 0) * np.float32(np.log(10) / 20))
    return ratio

"""What is shown where no kernel runs: a table, a picture of the waveforms, and on request some sound.

Only what JupyterLab lets through in notebooks that are not trusted: no style, no script, no SVG.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from spleeter_nb.audio.encode import mp3_bytes
from spleeter_nb.dsp.resample import resample
from spleeter_nb.widgets.settings import choice
from spleeter_nb.widgets.song import SAMPLES_PER_BIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes

    from spleeter_nb.widgets.song import Signal, Song

Static: TypeAlias = Literal["image", "preview", "full", "none"]
"""A picture; a picture and 30 seconds of each signal; a picture and all of each signal; nothing."""


@dataclass(frozen=True, slots=True)
class _Sound:
    """The sound of a fallback."""

    seconds: float
    """Of one signal."""
    total_seconds: float
    """Of all signals together: with it, what a notebook grows by is bounded."""
    channels: int
    sample_rate: int
    bit_rate: int


_SOUNDS = {
    # 160 s at 5 kB, in base64, are 1.07 MB.
    "preview": _Sound(30, 160, channels=1, sample_rate=24_000, bit_rate=40_000),
    "full": _Sound(math.inf, math.inf, channels=2, sample_rate=44_100, bit_rate=128_000),
}

# Okabe and Ito's colours, as in the player, of a lightness that stands out on white as on black; a page may be either.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#c0699a", "#8f7300", "#767676")
_DOTS_PER_INCH = 96
_WIDTH, _ROW_HEIGHT = 800, 44  # pixels
_LEFT = 0.14  # of the width, for names
_NAME = 18  # characters that fit there
# Whatever the user set for pictures of his own, of fonts and of TeX. This font comes with matplotlib.
TEXT: dict[str, Any] = {"color": "#767676", "family": "DejaVu Sans", "usetex": False, "parse_math": False}
"""How text of pictures looks."""
# The font has the letters of Europe; what it lacks would be an empty square, and a warning.
_LAST_LETTER = "\u024f"
_MINUS = "\N{MINUS SIGN}"

_MINUTE = 60


def check_static(static: object, allowed: Sequence[Static] = get_args(Static)) -> Static:
    """Return which fallback is wanted."""
    return choice("static", static, allowed)  # type: ignore[return-value]  # just looked


def html_of(song: Song, picture: bytes, static: Static) -> str:
    """Return the fallback of a player, of elements and attributes that every host lets through.

    Parameters
    ----------
    song : Song
    picture : bytes
        PNG, as :func:`picture_of` gives it.
    static : {"image", "preview", "full"}
    """
    sound = _SOUNDS.get(static)
    heads, *rows = ([escape(cell) for cell in row] for row in facts_table(song))
    if sound:
        start = _loudest_part(song, sound)
        heads.append("Sound")
        for row, signal in zip(rows, song.signals, strict=True):
            row.append(_audio(song, signal, sound, start))
    about = f"<p>{escape(shown(song.about))}</p>" if song.about else ""
    remark = f"<p>{escape(shown(song.remark))}</p>" if song.remark else ""
    return (
        f"<div><p><strong>{escape(shown(song.title) or 'Stems')}</strong> "
        f"{clock(song.duration)}, {song.sample_rate} Hz</p>"
        f"{image(picture, _described(song))}{table(heads, rows)}{about}{remark}</div>"
    )


def facts_table(song: Song) -> list[list[str]]:
    """Return what there is to know of each signal, in rows of text; the first one has the heads."""
    rows = [["Stem", "Peak", "Level", "File"]]
    for signal in song.signals:
        name = signal.path.name if signal.path else ""
        rows.append(
            [shown(cell) for cell in (signal.name, db_text(signal.peak), db_text(math.sqrt(signal.power)), name)]
        )
    has_files = any(signal.path for signal in song.signals)
    return rows if has_files else [row[:-1] for row in rows]


def image(picture: bytes, described: str) -> str:
    """Return a picture as an element; what stands in its place is words."""
    return f'<img width="{_WIDTH}" alt="{escape(described)}" src="data:image/png;base64,{_base64(picture)}">'


def table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are HTML already."""
    head = "".join(f'<th scope="col">{head}</th>' for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def shown(text: str) -> str:
    """Return a name of others without what changes the direction or the line of the rest."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def drawable(text: str) -> str:
    """Return a name of others in letters that a picture can be written in."""
    return "".join(letter if letter <= _LAST_LETTER or letter == _MINUS else "?" for letter in shown(text))


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    minutes, rest = divmod(int(seconds), _MINUTE)
    return f"{minutes}:{rest:02}"


def picture_of(song: Song) -> bytes:
    """Return the waveforms of all signals as PNG, on nothing: the page's colour shows through."""
    # Without pyplot, which would keep each figure, and choose a window to show it in.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - takes its time
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    rows = len(song.signals)
    size = (_WIDTH / _DOTS_PER_INCH, (rows * _ROW_HEIGHT + 20) / _DOTS_PER_INCH)
    figure = Figure(figsize=size, dpi=_DOTS_PER_INCH, facecolor="none")
    figure.set_layout_engine("none")
    overviews = np.frombuffer(song.overview, np.int8).reshape(rows, -1, 2)
    bottom = 20 / (rows * _ROW_HEIGHT + 20)
    height = (1 - bottom) / rows
    for k, (signal, overview) in enumerate(zip(song.signals, overviews, strict=True)):
        axes = figure.add_axes((_LEFT, 1 - (k + 1) * height, 1 - _LEFT - 0.01, height), facecolor="none")
        _draw(axes, signal.name, overview, song.duration, _COLOURS[k % len(_COLOURS)])
        if k == rows - 1:
            _draw_times(axes, song.duration)
    file = io.BytesIO()
    # Not savefig's way, which takes size and colour from what the user set for his own pictures.
    FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]  # it has no types
    return file.getvalue()


def _draw(axes: Axes, name: str, overview: npt.NDArray[np.int8], duration: float, colour: str) -> None:
    times = (np.arange(len(overview)) + 0.5) * (duration / len(overview))
    axes.fill_between(times, overview[:, 0], overview[:, 1], color=colour, linewidth=0.5)
    axes.set(xlim=(0, duration), ylim=(-135, 135), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    label = drawable(name)
    label = label if len(label) <= _NAME else f"{label[: _NAME - 1]}…"
    axes.text(-0.012, 0.5, label, transform=axes.transAxes, ha="right", va="center", size=9, **TEXT)


def _draw_times(axes: Axes, duration: float) -> None:
    """Write below the last row where the song begins and ends."""
    for seconds, side in ((0.0, "left"), (duration, "right")):
        axes.annotate(
            clock(seconds),
            (seconds, 0),
            xytext=(0, -2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha=side,
            va="top",
            size=8,
            **TEXT,
        )


def _described(song: Song) -> str:
    """Return the picture in words."""
    names = ", ".join(shown(signal.name) for signal in song.signals)
    return f"Waveforms of {names}; {clock(song.duration)} minutes"


def db_text(value: float) -> str:
    """Return a sample value as dB of full scale."""
    return f"{20 * math.log10(value):.1f} dB" if value > 1e-9 else "silent"  # noqa: PLR2004 - -180 dB


def _seconds(song: Song, sound: _Sound) -> float:
    return min(song.duration, sound.seconds, sound.total_seconds / len(song.signals))


def _loudest_part(song: Song, sound: _Sound) -> int:
    """Return the sample at which the loudest part begins that is as long as what is heard: songs begin softly."""
    length = math.ceil(_seconds(song, sound) * song.sample_rate)
    loudest = song.mixture or max(song.stems, key=lambda stem: stem.power)
    extents = np.concatenate([[0.0], np.cumsum(np.square(loudest.peaks[:, 1] - loudest.peaks[:, 0], dtype=np.float64))])
    span = min(length // SAMPLES_PER_BIN, len(extents) - 1)
    begin = int(np.argmax(extents[span:] - extents[: len(extents) - span])) * SAMPLES_PER_BIN
    return max(0, min(begin, song.frames - length))


def _audio(song: Song, signal: Signal, sound: _Sound, start: int) -> str:
    """Return a part of a signal as an element that plays it, as loud in comparison with the others as it is."""
    part = signal.samples[start : start + math.ceil(_seconds(song, sound) * song.sample_rate)]
    part = part / np.float32(song.full_scale)
    if sound.channels == 1:
        part = part.mean(axis=1, keepdims=True)
    resampled = np.concatenate(list(resample([part], song.sample_rate, sound.sample_rate, channels=sound.channels)))
    data = mp3_bytes(resampled, sound.sample_rate, bit_rate=sound.bit_rate)
    return f'<audio controls preload="none" src="data:audio/mpeg;base64,{_base64(data)}"></audio>'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

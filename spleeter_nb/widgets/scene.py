"""What spectrograms are compared of: stems, mixture, residual, differences. Sums are made block by block, as read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.dsp.scores import sdr
from spleeter_nb.engine.stem import Stem
from spleeter_nb.exceptions import UnknownOptionError, ValidationError, nearest
from spleeter_nb.widgets.settings import short
from spleeter_nb.widgets.song import about_of, check_alike, name_of, signal_of, song_of
from spleeter_nb.widgets.static import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.values import FloatArray
    from spleeter_nb.widgets.song import Signal, Song

_RESIDUAL = "residual"

# Samples per channel that are measured at once.
_BLOCK_FRAMES = 1 << 17


@dataclass(frozen=True, eq=False)
class Sum:
    """One signal: a weighted sum of arrays, of which only what is read is ever computed."""

    name: str
    terms: tuple[tuple[Signal, float], ...]
    """Arrays, and what each is multiplied by; at least one."""
    reference: Signal | None = None
    """The true stem, where it is known."""

    @property
    def array(self) -> Signal | None:
        """The one array that it is, None for a real sum."""
        (signal, weight), *others = self.terms
        return None if others or weight != 1 else signal

    def read(self, first: int, stop: int) -> FloatArray:
        """Return samples [first, stop), float32 (stop - first, 2); those of one array are not copied."""
        if self.array is not None:
            return self.array.samples[first:stop]
        block = np.zeros((stop - first, 2), np.float32)
        for signal, weight in self.terms:
            block += np.float32(weight) * signal.samples[first:stop]
        return block


@dataclass(frozen=True, eq=False)
class Scene:
    """Signals of one length and rate, and what each is to the others."""

    title: str
    sample_rate: int
    """Hz."""
    frames: int
    """Samples per channel of each signal."""
    sums: Mapping[str, Sum]
    """The signals by name, in their order."""
    stems: tuple[str, ...]
    """Names of stems, of both separations where there are two."""
    pairs: tuple[tuple[str, str, str], ...]
    """Of stems that both separations have: the one, the other, the difference of their samples."""
    mixture: str
    """The name of the mixture, ``""`` where there is none."""
    residuals: tuple[str, ...]
    """Names of what no stem took."""
    full_scale: float
    """The largest magnitude of a sample of any array, at least 1.0."""
    notes: tuple[str, ...]
    """How the stems were made, and why there is no mixture where there should be one."""

    @property
    def signals(self) -> list[str]:
        """The names of all signals, in their order."""
        return list(self.sums)


class Selection(Mapping[str, "FloatArray"]):
    """A part of all signals: samples float32 (samples, 2) by name, summed up when they are asked for."""

    def __init__(self, sums: Mapping[str, Sum], first: int, stop: int) -> None:
        self._sums, self._first, self._stop = sums, first, stop

    def __getitem__(self, name: str) -> FloatArray:
        return self._sums[name].read(self._first, self._stop)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sums)

    def __len__(self) -> int:
        return len(self._sums)

    def __repr__(self) -> str:
        return f"Selection({', '.join(self)}; {self._stop - self._first} samples)"


def scene_of(  # noqa: PLR0913 - what song_of takes, of two
    stems: Any,
    other: Any = None,
    *,
    labels: Any = ("A", "B"),
    sample_rate: Any = None,
    mixture: Any = None,
    references: Any = None,
    title: str | None = None,
) -> Scene:
    """Check what is to be compared, and say which signals there are.

    Parameters
    ----------
    stems : SeparationResult, or mapping of str to Stem or array_like
        As :func:`spleeter_nb.widgets.song.song_of` takes them, as `sample_rate`, `mixture` and `title`.
    other : SeparationResult, or mapping of str to Stem or array_like, optional
        Another separation of the same song.
    labels : (str, str)
        What the two separations are called.
    references : mapping of str to Stem or array_like, optional
        True stems by the names of stems, all or some.

    Raises
    ------
    ValidationError
        If anything is not as wanted, or the separations differ in length or rate.
    AudioProcessingError
        If a stem's file cannot be read any more.
    """
    song = song_of(stems, sample_rate=sample_rate, mixture=mixture, title=title)
    songs = {"": song} if other is None else _two(song, other, _labels(labels))
    original = next((one.mixture for one in songs.values() if one.mixture is not None), None)
    true = _references(references, songs)
    stem_sums, pairs = _single(song, true) if other is None else _paired(songs, true)
    taken = {one.name for one in stem_sums}
    mixtures = [] if original is None else [Sum(_free("mixture", taken), ((original, 1.0),))]
    residuals = [] if original is None else list(_residuals(songs, original, taken))
    references_ = [Sum(_free(f"{stem} (reference)", taken), ((signal, 1.0),)) for stem, signal in true.items()]
    arrays = [signal for one in songs.values() for signal in one.signals] + list(true.values())
    differences = {names[2] for names in pairs}
    return Scene(
        title=song.title,
        sample_rate=song.sample_rate,
        frames=song.frames,
        sums={one.name: one for one in (*mixtures, *stem_sums, *residuals, *references_)},
        stems=tuple(one.name for one in stem_sums if one.name not in differences),
        pairs=pairs,
        mixture=mixtures[0].name if mixtures else "",
        residuals=tuple(one.name for one in residuals),
        full_scale=max(1.0, *(signal.peak for signal in arrays)),
        notes=tuple(_notes(songs)),
    )


def measured(signal: Sum, first: int, stop: int) -> dict[str, float]:
    """Return how loud a part of a signal is, and how near to the true one.

    Parameters
    ----------
    signal : Sum
    first, stop : int
        Samples.

    Returns
    -------
    dict of str to float
        dB: ``RMS`` and ``peak`` over both channels, minus infinity for silence; with a reference, ``SDR``.
    """
    power = peak = 0.0
    for begin in range(first, stop, _BLOCK_FRAMES):
        block = signal.read(begin, min(begin + _BLOCK_FRAMES, stop)).reshape(-1)
        power += float(np.dot(block, block))
        peak = max(peak, float(block.max()), -float(block.min()))
    numbers = {"RMS": 10 * _log10(power / (2 * max(1, stop - first))), "peak": 20 * _log10(peak)}
    if signal.reference is not None:
        numbers["SDR"] = sdr(signal.reference.samples[first:stop], signal.read(first, stop))
    return numbers


def table_of(numbers: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Return what was measured of signals for people, the heads first; nothing of nothing."""
    heads = {"RMS": "Level", "peak": "Peak", "SDR": "SDR"}
    kinds = [kind for kind in heads if any(kind in row for row in numbers.values())]
    rows = [[shown(name), *(_text(kind, row.get(kind)) for kind in kinds)] for name, row in numbers.items()]
    return [["Signal", *(heads[kind] for kind in kinds)], *rows] if rows else []


def _text(kind: str, number: float | None) -> str:
    if number is None or math.isnan(number):
        return ""
    if math.isinf(number):
        return "equal" if kind == "SDR" else "silent"
    return f"{number:.1f} dB"


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else -math.inf


def _labels(given: Any) -> tuple[str, str]:
    is_pair = isinstance(given, list | tuple) and len(given) == 2  # noqa: PLR2004 - one and other
    if not is_pair or name_of(given[0]) == name_of(given[1]):
        raise ValidationError(
            f"labels are {short(given)}; allowed: two different names, as in ('float32', 'bfloat16').", option="labels"
        )
    return given[0], given[1]


def _two(song: Song, other: Any, labels: tuple[str, str]) -> dict[str, Song]:
    """Return two separations of one song by their labels; of both, one mixture is enough."""
    is_mapping = isinstance(other, Mapping)
    has_rate = is_mapping and any(isinstance(given, Stem) for given in other.values())
    # A result would read its mixture, which is that of the first.
    stems = dict(other) if is_mapping and song.mixture is not None else other
    second = song_of(stems, sample_rate=None if has_rate else song.sample_rate)
    second = replace(second, about=about_of(other))
    if (second.sample_rate, second.frames) != (song.sample_rate, song.frames):
        raise ValidationError(
            f"{labels[0]} has {song.frames} samples at {song.sample_rate} Hz, {labels[1]} has {second.frames} at "
            f"{second.sample_rate} Hz: only separations of the same sound are compared sample by sample. Separate the "
            f"same source with the same offset and duration, or cut and resample one of them first.",
            expected=(song.frames, song.sample_rate),
            got=(second.frames, second.sample_rate),
        )
    return {labels[0]: song, labels[1]: second}


def _references(given: Any, songs: Mapping[str, Song]) -> dict[str, Signal]:
    """Return true stems by the name of the stem."""
    if given is None:
        return {}
    song = next(iter(songs.values()))
    names = list(dict.fromkeys(stem.name for one in songs.values() for stem in one.stems))
    if not isinstance(given, Mapping):
        raise ValidationError(
            f"references are {short(given)}; allowed: true stems by name, as in {{{names[0]!r}: samples}}.",
            option="references",
        )
    for name, reference in given.items():
        if name not in names:
            raise UnknownOptionError(
                f"There is a reference for {short(name)}.{nearest(str(name)[:80], names)} Stems are "
                f"{', '.join(names)}.",
                option=short(name),
            )
        if isinstance(reference, Stem) and reference.sample_rate != song.sample_rate:
            raise ValidationError(
                f"The reference of {name!r} has {reference.sample_rate} Hz and the stems have {song.sample_rate} Hz: "
                f"resample one of them first.",
                stem=name,
            )
    true = {name: signal_of(f"{name} (reference)", given[name], song.sample_rate) for name in names if name in given}
    check_alike([song.stems[0], *true.values()])
    return true


def _single(song: Song, true: Mapping[str, Signal]) -> tuple[list[Sum], tuple[tuple[str, str, str], ...]]:
    return [Sum(stem.name, ((stem, 1.0),), true.get(stem.name)) for stem in song.stems], ()


def _paired(
    songs: Mapping[str, Song], true: Mapping[str, Signal]
) -> tuple[list[Sum], tuple[tuple[str, str, str], ...]]:
    """Return the stems of two separations side by side, with the differences of those that both have."""
    (label, song), (other_label, other) = songs.items()
    sums: list[Sum] = []
    pairs, taken = [], set[str]()
    others = {stem.name: stem for stem in other.stems}
    for stem in song.stems:
        name, twin = stem.name, others.pop(stem.name, None)
        sums.append(Sum(_free(f"{name} ({label})", taken), ((stem, 1.0),), true.get(name)))
        if twin is not None:
            sums.append(Sum(_free(f"{name} ({other_label})", taken), ((twin, 1.0),), true.get(name)))
            sums.append(Sum(_free(f"{name} ({label} - {other_label})", taken), ((stem, 1.0), (twin, -1.0))))
            pairs.append((sums[-3].name, sums[-2].name, sums[-1].name))
    for name, stem in others.items():
        sums.append(Sum(_free(f"{name} ({other_label})", taken), ((stem, 1.0),), true.get(name)))
    return sums, tuple(pairs)


def _residuals(songs: Mapping[str, Song], mixture: Signal, taken: set[str]) -> Iterator[Sum]:
    """Yield what no stem took of the mixture; a stem of that name is what the separation left over itself."""
    for label, song in songs.items():
        if all(stem.name != _RESIDUAL for stem in song.stems):
            name = f"{_RESIDUAL} ({label})" if label else _RESIDUAL
            yield Sum(_free(name, taken), ((mixture, 1.0), *((stem, -1.0) for stem in song.stems)))


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other signal has, and take it."""
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name} ({count})"
    taken.add(free)
    return free


def _notes(songs: Mapping[str, Song]) -> Iterator[str]:
    for label, song in songs.items():
        for note in (song.about, song.remark):
            if note:
                yield f"{label}: {note}" if label else note

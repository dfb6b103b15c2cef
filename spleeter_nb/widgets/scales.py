"""Scales of frequency axes: places that are evenly far apart on paper, and what is written beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

# Slaney's mel: linear up to 1000 Hz, above that a logarithm; 27 steps up to 6400 Hz.
_MEL_HZ = 200 / 3
_MEL_BREAK_HZ = 1000.0
_MEL_BREAK = _MEL_BREAK_HZ / _MEL_HZ
_MEL_LOG_STEP = math.log(6.4) / 27

# A logarithm has no zero.
_LOWEST_LOG_HZ = 20.0

# With fewer, others are taken, too.
_FEW_TICKS = 4

_A4, _A4_MIDI, _C0_MIDI = 440.0, 69, 12
_OCTAVE = 12
_KILO = 1000


def hz_to_mel(hz: Any) -> npt.NDArray[np.float64]:
    """Return mels of Hz, as librosa's by default (Slaney's)."""
    hz = np.asarray(hz, np.float64)
    above = _MEL_BREAK + np.log(np.maximum(hz, _MEL_BREAK_HZ) / _MEL_BREAK_HZ) / _MEL_LOG_STEP
    mel: npt.NDArray[np.float64] = np.where(hz < _MEL_BREAK_HZ, hz / _MEL_HZ, above)
    return mel


def mel_to_hz(mel: Any) -> npt.NDArray[np.float64]:
    """Return Hz of mels, the inverse of `hz_to_mel`."""
    mel = np.asarray(mel, np.float64)
    above = _MEL_BREAK_HZ * np.exp((np.maximum(mel, _MEL_BREAK) - _MEL_BREAK) * _MEL_LOG_STEP)
    hz: npt.NDArray[np.float64] = np.where(mel < _MEL_BREAK, mel * _MEL_HZ, above)
    return hz


def _log(hz: Any) -> Any:
    # matplotlib asks for places that it does not draw, too.
    return np.log(np.maximum(hz, 1.0))


def _same(value: Any) -> Any:
    return value


_SCALES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "linear": (_same, _same),
    "log": (_log, np.exp),
    "mel": (hz_to_mel, mel_to_hz),
}


@dataclass(frozen=True, slots=True)
class FrequencyAxis:
    """The frequencies of a pane, from its bottom to its top."""

    kind: str
    """``linear``, ``log`` or ``mel``."""
    fmin: float
    fmax: float
    """Hz."""

    @classmethod
    def between(cls, kind: str, fmin: float, fmax: float) -> FrequencyAxis:
        """Return an axis; a logarithmic one begins at 20 Hz at the lowest."""
        return cls(kind, max(fmin, _LOWEST_LOG_HZ) if kind == "log" else fmin, fmax)

    @property
    def functions(self) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """From Hz to places, and back."""
        return _SCALES[self.kind]

    def edges(self, rows: int) -> npt.NDArray[np.float64]:
        """Return the Hz between which rows of one height lie, float64 (rows + 1,)."""
        to_place, to_hz = self.functions
        edges: npt.NDArray[np.float64] = to_hz(np.linspace(to_place(self.fmin), to_place(self.fmax), rows + 1))
        return edges

    def ticks(self, *, distance: float, note_names: bool) -> list[tuple[float, str]]:
        """Return Hz and labels from the lowest, at least so far apart; the height of the axis is 1."""
        to_place, _ = self.functions
        bottom = to_place(self.fmin)
        span = to_place(self.fmax) - bottom
        chosen: dict[float, float] = {}

        def add(candidates: Iterable[float]) -> None:
            for hz in candidates:
                place = float((to_place(hz) - bottom) / span)
                is_inside = self.fmin <= hz <= self.fmax
                if is_inside and all(abs(place - taken) >= distance for taken in chosen.values()):
                    chosen[hz] = place

        if note_names:
            add(_cs())
        elif self.kind != "linear":
            add(digit * 10.0**power for digit in (1, 2, 5) for power in range(5, 0, -1))
        if len(chosen) < _FEW_TICKS and not note_names:
            add(_multiples(_round_step((self.fmax - self.fmin) * distance), self.fmin, self.fmax))
        label = _note if note_names else _hz
        return [(hz, label(hz)) for hz in sorted(chosen)]


def bins_of_rows(edges: npt.NDArray[np.float64], *, hz_per_bin: float, bins: int) -> npt.NDArray[np.int64]:
    """Return which bins each row shows: those centred in it, or where it is narrower than a bin, the nearest one.

    Parameters
    ----------
    edges : float64 (rows + 1,)
        Hz, ascending.
    hz_per_bin : float
    bins : int
        How many there are.

    Returns
    -------
    int64 (rows, 2)
        First bin, and the one after the last.
    """
    first, stop = np.ceil(edges[:-1] / hz_per_bin), np.ceil(edges[1:] / hz_per_bin)
    nearest = np.rint((edges[:-1] + edges[1:]) / 2 / hz_per_bin)
    is_empty = first >= stop
    first, stop = np.where(is_empty, nearest, first), np.where(is_empty, nearest + 1, stop)
    return np.stack([np.clip(first, 0, bins - 1), np.clip(stop, 1, bins)], axis=1).astype(np.int64)


def rows_of(columns: npt.NDArray[Any], bins: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return the maximum of each row's bins.

    Parameters
    ----------
    columns : array (n, bins)
    bins : int64 (rows, 2)
        As :func:`bins_of_rows` gives them.

    Returns
    -------
    array (n, rows)
    """
    # The last bin's end must be a place in the array, too.
    padded = np.pad(columns, ((0, 0), (0, 1)))
    rows: npt.NDArray[Any] = np.maximum.reduceat(padded, bins.reshape(-1), axis=1)[:, ::2]
    return rows


def _cs() -> Iterator[float]:
    """Yield the frequencies of all C, from C10 down to C0."""
    return (_A4 * 2 ** ((midi - _A4_MIDI) / _OCTAVE) for midi in range(_C0_MIDI + 10 * _OCTAVE, 0, -_OCTAVE))


def _note(hz: float) -> str:
    return f"C{round((_A4_MIDI + _OCTAVE * math.log2(hz / _A4)) / _OCTAVE) - 1}"


def _hz(hz: float) -> str:
    return f"{hz / _KILO:g}k" if hz >= _KILO else f"{hz:g}"


def _multiples(step: float, first: float, last: float) -> Iterator[float]:
    return (k * step for k in range(math.ceil(first / step), math.floor(last / step) + 1))


def _round_step(least: float) -> float:
    """Return the least of 1, 2, 5, 10, … that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= least)

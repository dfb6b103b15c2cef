"""Where a song is silent: stretches in which no sample of any channel reaches a threshold."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray


class SilenceMeter:
    """Find the silences of a stream; results are those of what was pushed so far.

    Parameters
    ----------
    threshold : float
        dBFS; a sample at or above it is sound.
    shortest : int
        Samples; what is below the threshold for fewer of them is no silence, as sound swings through zero.

    Notes
    -----
    Memory grows with the number of silences only, by 16 bytes each.
    """

    def __init__(self, threshold: float, shortest: int) -> None:
        self._threshold = 10 ** (threshold / 20)
        self._shortest = max(1, shortest)
        self._silences: array[int] = array("q")
        self._first: int | None = None
        self._samples = self._sound_until = self._silent = 0

    def push(self, samples: FloatArray) -> None:
        """Take the next samples into account.

        Parameters
        ----------
        samples : float32 (samples, channels)
        """
        reached = (samples >= self._threshold) | (samples <= -self._threshold)
        sound = np.flatnonzero(reached.any(axis=1)) + self._samples
        self._samples += len(samples)
        if not len(sound):
            return
        # Silences lie between one sample that is sound and the next; the song's start counts as sound.
        starts = np.concatenate([[self._sound_until], sound[:-1] + 1])
        found = sound - starts >= self._shortest
        pairs = np.stack([starts[found], sound[found]], axis=1)
        self._silences.extend(pairs.ravel().tolist())
        self._silent += int((pairs[:, 1] - pairs[:, 0]).sum())
        self._first = int(sound[0]) if self._first is None else self._first
        self._sound_until = int(sound[-1]) + 1

    @property
    def silences(self) -> list[tuple[int, int]]:
        """First sample and the one behind the last of each silence, ascending."""
        ends = iter(self._silences)
        return [*zip(ends, ends, strict=True), *self._ending()]

    @property
    def ratio(self) -> float:
        """The silences' share of the song, 0 to 1; 0 for a song without samples."""
        silent = self._silent + sum(stop - start for start, stop in self._ending())
        return silent / self._samples if self._samples else 0.0

    @property
    def sound(self) -> tuple[int, int]:
        """First sample that is sound and the one behind the last, whatever is silent between; (0, 0) if none is."""
        return self._first or 0, self._sound_until

    def _ending(self) -> list[tuple[int, int]]:
        """Return the silence that the stream ends with, if it does."""
        silent = self._samples - self._sound_until
        return [(self._sound_until, self._samples)] if silent >= self._shortest else []

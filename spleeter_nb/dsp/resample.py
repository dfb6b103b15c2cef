"""Resampling of streams, in place: sample k of the output lies at time k / rate, as in the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soxr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spleeter_nb.values import FloatArray


class Resampler:
    """Convert a stream from one rate to another, block by block.

    Parameters
    ----------
    from_rate, to_rate : int
        Hz.
    channels : int
    """

    def __init__(self, from_rate: int, to_rate: int, channels: int) -> None:
        self._same = from_rate == to_rate
        self._stream = soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality="HQ")

    def push(self, samples: FloatArray, *, last: bool = False) -> FloatArray:
        """Convert the next samples.

        Parameters
        ----------
        samples : float32 (samples, channels)
        last : bool
            Whether the stream ends here: what the filter still holds comes out.

        Returns
        -------
        float32 (other_samples, channels)
            What can be said so far, some samples late; all of the stream once `last` was given.
        """
        if self._same:
            return samples
        converted: FloatArray = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last)
        return converted


def resample(blocks: Iterable[FloatArray], from_rate: int, to_rate: int, *, channels: int) -> Iterator[FloatArray]:
    """Convert a whole stream.

    Parameters
    ----------
    blocks : iterable of float32 (samples, channels)
    from_rate, to_rate : int
        Hz.
    channels : int

    Yields
    ------
    float32 (samples, channels)
    """
    resampler = Resampler(from_rate, to_rate, channels)
    for block in blocks:
        yield resampler.push(block)
    yield resampler.push(np.empty((0, channels), np.float32), last=True)

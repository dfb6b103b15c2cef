"""Arrays as a source: the same verbs as a decoder, without a file."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio.pcm import PCM_TYPES, from_pcm
from spleeter_nb.exceptions import EmptyAudioError, ValidationError
from spleeter_nb.values import AudioInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from spleeter_nb.values import FloatArray

_LIKELY_CHANNELS = 8
"""A first axis this short and shorter than the second is taken for the channels."""

# Samples per channel that are hashed at once.
_BLOCK_FRAMES = 1 << 16


class ArrayDecoder:
    """Give the samples of an array.

    Parameters
    ----------
    samples : ndarray, shape (samples,) or (samples, channels)
        Floats with full scale 1.0, or integers of 8, 16 or 32 bits.
    sample_rate : int
        Hz.
    name : str
        For messages.

    Raises
    ------
    ValidationError
        When the array or the rate cannot be meant so.
    EmptyAudioError
        When there is no sample.
    """

    tolerance = 0.0
    errors: tuple[type[Exception], ...] = ()

    def __init__(self, samples: npt.NDArray[np.generic], sample_rate: int | None, name: str) -> None:
        self._samples = _two_dimensional(samples)
        self._position = 0
        frames, channels = self._samples.shape
        self.info = AudioInfo(
            name=name,
            format="array",
            codec=samples.dtype.name,
            sample_rate=_whole_rate(sample_rate),
            channels=channels,
            frames=frames,
            bit_depth=samples.dtype.itemsize * 8,
        )

    def skip(self, frames: int) -> int:
        """Leave out `frames` samples per channel; the result is less only at the end."""
        before = self._position
        self._position = min(before + frames, len(self._samples))
        return self._position - before

    def read(self, frames: int) -> FloatArray:
        """Give a new array of shape ``(frames, channels)``; it is shorter only at the end."""
        before = self._position
        return from_pcm(self._samples[before : before + self.skip(frames)])

    def contents(self) -> Iterator[bytes]:
        """Yield what tells these samples from others: type, shape and rate, then all values in blocks."""
        samples = self._samples
        yield f"{samples.dtype.str} {samples.shape} {self.info.sample_rate};".encode()
        for start in range(0, len(samples), _BLOCK_FRAMES):
            yield samples[start : start + _BLOCK_FRAMES].tobytes()

    def close(self) -> None:
        """Nothing was opened."""


def _two_dimensional(samples: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    if samples.dtype.str[1:] not in PCM_TYPES:
        raise ValidationError(
            f"Samples of type {samples.dtype} are no sound. Give floats with full scale 1.0, or integers of "
            "8, 16 or 32 bits.",
            dtype=str(samples.dtype),
        )
    if samples.ndim not in {1, 2}:
        raise ValidationError(
            f"An array of shape {samples.shape} is no sound. Give (samples,) or (samples, channels).",
            shape=samples.shape,
        )
    if not samples.size:
        raise EmptyAudioError(f"An array of shape {samples.shape} holds no samples.", shape=samples.shape)
    if samples.ndim == 1:
        return samples[:, np.newaxis]
    if samples.shape[0] <= _LIKELY_CHANNELS < samples.shape[1]:
        raise ValidationError(
            f"An array of shape {samples.shape} looks like (channels, samples), and (samples, channels) is "
            "wanted. Transpose it: samples.T.",
            shape=samples.shape,
        )
    return samples


def _whole_rate(sample_rate: int | None) -> int:
    if sample_rate is None:
        raise ValidationError("An array does not tell its rate: give sample_rate, in Hz.", sample_rate=None)
    try:
        return operator.index(sample_rate)
    except TypeError as error:
        raise ValidationError(
            f"sample_rate is a whole number of Hz, not {sample_rate!r}.", sample_rate=sample_rate
        ) from error

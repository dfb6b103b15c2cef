r"""Spectrograms to look at: the power of a song's short-time Fourier transform, column by column.

Column :math:`t` is the transform of `n_fft` samples around sample :math:`t h`, with zeros beyond the song's edges:
what ``librosa.stft(center=True, pad_mode="constant")`` gives. Power is told relative to a sine of amplitude 1, so that
0 dB is full scale whatever the window :math:`w`:

.. math:: P[t, k] = \left| \frac{2}{\sum_n w[n]} X[t, k] \right|^2

For the screen it is quantised into bytes of half a decibel. Rounding keeps the order of values, so that the maximum of
quantised columns is the quantised maximum: :func:`max_pooled` may come before or after.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from spleeter_nb.dsp.stft import hann
from spleeter_nb.exceptions import ValidationError, is_one_of, nearest
from spleeter_nb.values import FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterator

Read: TypeAlias = Callable[[int, int], FloatArray]
"""Gives samples [first, stop) of a song, inside it: float32 (stop - first, 2)."""

CHANNELS = ("mean", "left", "right", "mid", "side")
"""What is looked at of two channels: the mean of their powers, one of them, half their sum, half their difference."""

_N_FFT = (16, 65_536)

# Samples of the frames that are transformed at once: two channels of them and their spectra stay within a core's
# second-level cache.
_BLOCK_SAMPLES = 1 << 16

_STEPS_PER_DB = 2
_TOP = 255


class Spectrogram:
    """How a spectrogram is computed, by the names and defaults of librosa; safe to share between threads.

    Parameters
    ----------
    n_fft : int
        Samples of one frame, 16 to 65536.
    hop_length : int
        Samples between the centres of two columns, 1 to `n_fft`.
    window : str
        A name that :func:`scipy.signal.get_window` knows, of a window without parameters.
    channel : {"mean", "left", "right", "mid", "side"}
        What is looked at of two channels, see :data:`CHANNELS`.

    Attributes
    ----------
    n_bins : int
        ``n_fft // 2 + 1``; bin k is at ``k * sample_rate / n_fft`` Hz.

    Raises
    ------
    ValidationError
        If a parameter is not as wanted.
    """

    def __init__(
        self, *, n_fft: int = 4096, hop_length: int = 1024, window: str = "hann", channel: str = "mean"
    ) -> None:
        self.n_fft = _whole("n_fft", n_fft, _N_FFT)
        self.hop_length = _whole("hop_length", hop_length, (1, self.n_fft))
        self.n_bins = self.n_fft // 2 + 1
        if not is_one_of(channel, CHANNELS):
            hint = nearest(str(channel), CHANNELS)
            raise ValidationError(f"channel is {channel!r}; allowed: {', '.join(CHANNELS)}.{hint}", channel=channel)
        self.window, self.channel = window, channel
        weights = _window(window, self.n_fft)
        # The mean of two channels' powers is the sum of those of the channels divided by the square root of two.
        share = 0.5 if channel == "mean" else 1.0
        self._weights = (weights * (2 * share**0.5 / weights.sum())).astype(np.float32)
        import scipy.fft  # noqa: PLC0415 - 0.5 s

        self._rfft = scipy.fft.rfft

    def columns(self, samples: int) -> int:
        """Return how many columns a song of so many samples has."""
        return 1 + samples // self.hop_length

    def power(self, read: Read, first: int, stop: int, *, samples: int) -> FloatArray:
        """Compute columns that follow each other.

        Parameters
        ----------
        read : callable
            Gives the song's samples; what it raises is passed on.
        first, stop : int
            The columns [first, stop); all their samples are read at once.
        samples : int
            Samples per channel of the song.

        Returns
        -------
        float32 (stop - first, n_bins)
            Power, 1 for a sine of amplitude 1.
        """
        begin = first * self.hop_length - self.n_fft // 2
        end = (stop - 1) * self.hop_length - self.n_fft // 2 + self.n_fft
        frames = sliding_window_view(self._samples(read, begin, end, samples=samples), self.n_fft, axis=-1)
        frames = frames[:, :: self.hop_length]
        power = np.empty((stop - first, self.n_bins), np.float32)
        for block in self._blocks(stop - first):
            self._transform(frames[:, block], power[block])
        return power

    def power_at(self, read: Read, columns: npt.NDArray[np.int64], *, samples: int) -> FloatArray:
        """Compute single columns, each from the samples of its frame alone.

        Parameters
        ----------
        read, samples
            As for :meth:`power`.
        columns : int64 (n,)
            Their numbers.

        Returns
        -------
        float32 (n, n_bins)
            As :meth:`power` gives it.
        """
        power = np.empty((len(columns), self.n_bins), np.float32)
        begins = columns * self.hop_length - self.n_fft // 2
        for block in self._blocks(len(columns)):
            frames = [
                self._samples(read, begin, begin + self.n_fft, samples=samples) for begin in begins[block].tolist()
            ]
            self._transform(np.stack(frames, axis=1), power[block])
        return power

    def _samples(self, read: Read, begin: int, end: int, *, samples: int) -> FloatArray:
        """Return what is looked at, (channels, end - begin), with zeros beyond the song's edges."""
        # Frames are read from here several times: that is three times as fast where channels are not interleaved.
        signals = np.zeros((2 if self.channel == "mean" else 1, end - begin), np.float32)
        first, stop = max(0, begin), min(end, samples)
        if first < stop:
            signals[:, first - begin : stop - begin] = _CHOICE[self.channel](read(first, stop).T)
        return signals

    def _transform(self, frames: FloatArray, power: FloatArray) -> None:
        """Put the power of frames (channels, n, n_fft) into (n, n_bins)."""
        spectrum = self._rfft(frames * self._weights, overwrite_x=True)
        squares = spectrum.view(np.float32).reshape(*spectrum.shape, 2)
        np.square(squares, out=squares)
        for channel in squares[1:]:
            squares[0] += channel
        np.add(squares[0, ..., 0], squares[0, ..., 1], out=power)

    def _blocks(self, n_frames: int) -> Iterator[slice]:
        size = max(1, _BLOCK_SAMPLES // self.n_fft)
        return (slice(start, min(start + size, n_frames)) for start in range(0, n_frames, size))


_CHOICE: dict[str, Callable[[FloatArray], FloatArray]] = {
    "mean": lambda both: both,
    "left": lambda both: both[:1],
    "right": lambda both: both[1:],
    "mid": lambda both: (both[:1] + both[1:]) * np.float32(0.5),
    "side": lambda both: (both[:1] - both[1:]) * np.float32(0.5),
}


def quantised(power: FloatArray, full_db: float) -> npt.NDArray[np.uint8]:
    """Return power as bytes: 255 is `full_db`, each step half a decibel.

    Parameters
    ----------
    power : float32
        Of any shape, as :meth:`Spectrogram.power` gives it.
    full_db : float
        What is louder is told as this.

    Returns
    -------
    uint8, shape of `power`
        1 to 255, right within a quarter of a decibel; 0 for what is below all that.
    """
    with np.errstate(divide="ignore"):
        steps = np.log(power)
    steps *= _STEPS_PER_DB * 10 / math.log(10)
    steps += _TOP + 0.5 - _STEPS_PER_DB * full_db
    # Cutting off the fraction, as the conversion does, now rounds.
    return np.clip(steps, 0, _TOP, out=steps).astype(np.uint8)


def decibels(quantised: npt.NDArray[np.uint8], full_db: float) -> FloatArray:
    """Return what bytes stand for, the inverse of :func:`quantised`.

    Parameters
    ----------
    quantised : uint8
        Of any shape.
    full_db : float
        What 255 stands for.

    Returns
    -------
    float32, shape of `quantised`
        dB; minus infinity for 0.
    """
    levels = full_db - (_TOP - np.arange(_TOP + 1, dtype=np.float32)) / _STEPS_PER_DB
    levels[0] = -np.inf
    return levels.astype(np.float32)[quantised]


def max_pooled(columns: npt.NDArray[Any], factor: int) -> npt.NDArray[Any]:
    """Return the maximum of each `factor` rows of a matrix.

    Parameters
    ----------
    columns : array (n, m)
        At least one row.
    factor : int
        How many rows become one; the last one has what is left.

    Returns
    -------
    array (n / factor, m)
        Rounded up; `columns` itself where `factor` is 1.
    """
    if factor == 1:
        return columns
    whole = len(columns) // factor
    pooled = np.empty((-(-len(columns) // factor), columns.shape[1]), columns.dtype)
    columns[: whole * factor].reshape(whole, factor, columns.shape[1]).max(axis=1, out=pooled[:whole])
    if whole < len(pooled):
        columns[whole * factor :].max(axis=0, out=pooled[-1])
    return pooled


def _whole(name: str, value: object, limits: tuple[int, int]) -> int:
    lowest, highest = limits
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and lowest <= value <= highest:
        return int(value)
    raise ValidationError(
        f"{name} is {str(value)[:40]}; allowed: a whole number of samples, {lowest} to {highest}.", **{name: value}
    )


def _window(name: str, n_fft: int) -> npt.NDArray[np.float64]:
    if is_one_of(name, ("hann",)):
        # The usual one, without the half second that the import takes.
        return hann(n_fft).astype(np.float64)
    from scipy.signal import get_window, windows  # noqa: PLC0415 - as said above

    hint = nearest(str(name), windows.__all__)
    if is_one_of(name, windows.__all__):
        try:
            return get_window(name, n_fft, fftbins=True)
        except ValueError:
            # There is one of that name, which takes parameters.
            hint = ""
    raise ValidationError(
        f"window is {str(name)[:40]!r}; allowed: a window of scipy.signal.windows that takes no parameters, as hann, "
        f"hamming, blackman, flattop, boxcar.{hint}",
        window=name,
    )

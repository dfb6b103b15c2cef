r"""Less of a steady hiss: a spectral gate that knows what the noise is like in each bin.

Frames of some 46 ms are transformed, and where the power :math:`S` of a bin, smoothed over time, is not well above the
noise's :math:`N`, the bin is turned down:

.. math:: g = \max\Big(1 - a,\ 1 - 2 \frac{N}{S}\Big)

with the amount :math:`a`; the 2 covers how much noise swings around its mean.

What the noise is like comes from a first pass over the song, in which nobody has to point at a pause: music comes and
goes in each bin while noise stays, so that a low quantile of the bin's power is the noise's (V. Stahl, A. Fischer, R.
Bippus, "Quantile based noise estimation for spectral subtraction and Wiener filtering", ICASSP 2000). A note that is
held through the song stays too, but is narrow: noise is not taken to be louder than in the quieter bins around. So
hum is left alone as well; a high-pass is the cure for that.

The gate is our own. noisereduce has one, but must be shown a pause, and blurs its decisions over 500 Hz: where the
demonstration song lies 20 dB above white noise, it comes out 5 dB worse, here 6 dB better. Without the blur, and shown
noise made by our profile, it comes near, at a fifth of the speed and twenty times the memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from spleeter_nb.dsp.segments import OverlapAdd, Segmentation
from spleeter_nb.dsp.stft import Stft

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spleeter_nb.values import FloatArray

_FRAME_SECONDS = 0.0464
_HOPS_PER_FRAME = 4
_SEGMENT_FRAMES = 64

# The profile: mean powers of so many frames, about 0.2 s, and the share of them that are taken as noise alone.
_GROUP_FRAMES = 16
_QUANTILE = 0.1
# What that quantile is of the mean, for the means of white noise.
_QUANTILE_OF_NOISE = 0.58

# Bins on either side, about 650 Hz, whose lower quartile the noise cannot exceed by more than it swings itself.
_NEIGHBOURS = 30
_LOWER_QUARTILE, _SWING = 0.25, 1.6

# Powers are counted in steps of 1 dB from here on; what is below is digital silence and tells nothing of the noise.
_LOWEST_DB, _STEPS = -160, 240

_OVERESTIMATE = 2.0
_TINY = np.float32(1e-30)
# Of powers from frame to frame: a pole of 0.7, which falls by 130 dB a second.
_SMOOTHING = np.array([0.3], np.float32), np.array([1.0, -0.7], np.float32)


class NoiseMeter:
    """Measure the steady noise of a stream.

    Parameters
    ----------
    sample_rate : int
        Hz.
    channels : int
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        n_fft = 1 << round(np.log2(_FRAME_SECONDS * sample_rate))
        self._stft = Stft(n_fft, n_fft // _HOPS_PER_FRAME)
        self._counts = np.zeros((channels, n_fft // 2 + 1, _STEPS), np.int32)
        self._known = np.empty((channels, 0), np.float32)

    def push(self, samples: FloatArray) -> None:
        """Take the next samples into account.

        Parameters
        ----------
        samples : float32 (samples, channels)
        """
        hop = self._stft.hop_length
        self._known = np.concatenate([self._known, samples.T], axis=1)
        advance = _GROUP_FRAMES * hop
        span = advance - hop + self._stft.n_fft
        start = 0
        while start + span <= self._known.shape[1]:
            spectrum = self._stft.forward(self._known[:, start : start + span])
            self._count((spectrum.real**2 + spectrum.imag**2).mean(axis=1))
            start += advance
        self._known = self._known[:, start:]

    @property
    def profile(self) -> FloatArray:
        """float32 (channels, bins): the noise's mean power in each bin; 0 where there is none."""
        totals = np.cumsum(self._counts, axis=-1)
        steps = (totals <= _QUANTILE * totals[..., -1:]).sum(axis=-1)
        powers = 10 ** ((_LOWEST_DB + steps + 0.5) / 10) / _QUANTILE_OF_NOISE
        powers[totals[..., -1] == 0] = 0
        around = np.pad(powers, ((0, 0), (_NEIGHBOURS, _NEIGHBOURS)), mode="reflect")
        windows = sliding_window_view(around, 2 * _NEIGHBOURS + 1, axis=1)
        noise: FloatArray = np.minimum(powers, _SWING * np.quantile(windows, _LOWER_QUARTILE, axis=-1))
        return noise.astype(np.float32)

    def _count(self, powers: FloatArray) -> None:
        channels, bins = np.nonzero(powers > 10 ** (_LOWEST_DB / 10))
        steps = np.minimum(10 * np.log10(powers[channels, bins]) - _LOWEST_DB, _STEPS - 1)
        self._counts[channels, bins, steps.astype(np.intp)] += 1


def reduce_noise(blocks: Iterable[FloatArray], profile: FloatArray, *, amount: float) -> Iterator[FloatArray]:
    """Turn the noise of a whole stream down; every sound stays at its time.

    Parameters
    ----------
    blocks : iterable of float32 (samples, channels)
        Of any length.
    profile : float32 (channels, bins)
        As :class:`NoiseMeter` gives it.
    amount : float
        0 to 1, the share of the noise's magnitude that is taken away.

    Yields
    ------
    float32 (samples, channels)
        In blocks of another length; together as many samples as came.
    """
    from scipy.signal import lfilter  # noqa: PLC0415 - 0.6 s

    channels, bins = profile.shape
    n_fft = 2 * (bins - 1)
    stft = Stft(n_fft, n_fft // _HOPS_PER_FRAME)
    segmentation = Segmentation(n_fft, stft.hop_length, _SEGMENT_FRAMES)
    joined = OverlapAdd(segmentation)
    state = np.zeros((channels, 1, bins), np.float32)
    for segment in segmentation.cut(blocks, channels):
        spectrum = stft.forward(segment.samples)
        power = spectrum.real**2 + spectrum.imag**2
        smooth, state = lfilter(*_SMOOTHING, power, axis=1, zi=state)
        gain = 1 - _OVERESTIMATE * profile[:, None] / np.maximum(smooth, _TINY)
        gain = np.maximum(gain, 1 - amount)
        yield joined.push(stft.inverse(spectrum, mask=gain), segment).T

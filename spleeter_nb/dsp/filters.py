r"""Linear-phase filters of streams, in place: every sound stays at its time, as long as it was.

The impulse responses are ideal ones under a Kaiser window: -6 dB at the cut-off, flat within 0.001 dB on one side of
the transition and -80 dB and less on the other. A high-pass needs from half to one and a half times its frequency for
the transition, a low-pass 1/16 on either side. They are symmetrical around their middle, which is taken as time 0.

Blocks are convolved by the FFT (overlap-save) in pieces that begin at the same samples whatever the blocks are, so that
the result is the same to the last bit.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from spleeter_nb.values import FloatArray

_STOP_BAND_DB = 80.0

# Width of the transition relative to the cut-off.
_HIGH_PASS_WIDTH, _LOW_PASS_WIDTH = 1.0, 1 / 8

# Samples of one transform, relative to the filter's and at least.
_FFT_PER_TAP, _SHORTEST_FFT = 4, 8192


class MeanMeter:
    """Measure the mean of each channel of a stream: its DC offset.

    Parameters
    ----------
    channels : int
    """

    def __init__(self, channels: int) -> None:
        self._sum, self._samples = np.zeros(channels), 0

    def push(self, samples: FloatArray) -> None:
        """Take the next samples into account.

        Parameters
        ----------
        samples : float32 (samples, channels)
        """
        self._sum += samples.sum(axis=0, dtype=np.float64)
        self._samples += len(samples)

    @property
    def mean(self) -> FloatArray:
        """float32 (channels,): to be subtracted; 0 for a stream without samples."""
        return (self._sum / max(1, self._samples)).astype(np.float32)


def filter_taps(sample_rate: int, *, high_pass: float | None = None, low_pass: float | None = None) -> FloatArray:
    """Return the impulse response of a high-pass, a low-pass, or both.

    Parameters
    ----------
    sample_rate : int
        Hz.
    high_pass, low_pass : float, optional
        Hz, where the response is -6 dB. A low-pass at half the rate or above changes nothing.

    Returns
    -------
    float32 (taps,)
        Symmetrical around its middle; an odd number of them.

    Raises
    ------
    ValidationError
        If the high-pass is at half the rate or above: nothing would be left.
    """
    taps = np.ones(1)
    if high_pass is not None:
        check_high_pass(sample_rate, high_pass)
        taps = _ideal(sample_rate, high_pass, width=_HIGH_PASS_WIDTH, passes_zero=False)
    if low_pass is not None and low_pass < sample_rate / 2:
        taps = np.convolve(taps, _ideal(sample_rate, low_pass, width=_LOW_PASS_WIDTH, passes_zero=True))
    return taps.astype(np.float32)


def check_high_pass(sample_rate: int, high_pass: float) -> None:
    """Raise `ValidationError` if a high-pass at so many Hz is at half the rate or above: nothing would be left."""
    if high_pass >= sample_rate / 2:
        raise ValidationError(
            f"high_pass is {high_pass:g} Hz; allowed at this song's rate of {sample_rate} Hz: less than half of it, "
            f"beyond which there is no sound.",
            high_pass=high_pass,
            sample_rate=sample_rate,
        )


def convolve(blocks: Iterable[FloatArray], taps: FloatArray, *, channels: int) -> Iterator[FloatArray]:
    """Filter a whole stream, taken as silent before its start and after its end.

    Parameters
    ----------
    blocks : iterable of float32 (samples, channels)
        Of any length.
    taps : float32 (taps,)
        An odd number, the middle one at time 0, as :func:`filter_taps` gives them.
    channels : int

    Yields
    ------
    float32 (samples, channels)
        In blocks of another length; together as many samples as came.
    """
    import scipy.fft  # noqa: PLC0415 - 0.2 s

    reach = len(taps) // 2
    n_fft = max(_SHORTEST_FFT, 1 << (_FFT_PER_TAP * len(taps) - 1).bit_length())
    response = scipy.fft.rfft(taps, n_fft)
    known = np.zeros((channels, reach), np.float32)
    for block in chain(blocks, [np.zeros((reach, channels), np.float32), None]):
        known = known if block is None else np.concatenate([known, block.T], axis=1)
        while known.shape[1] >= n_fft or (block is None and known.shape[1] > 2 * reach):
            spectrum = scipy.fft.rfft(known[:, :n_fft], n_fft)
            spectrum *= response
            stop = min(known.shape[1], n_fft)
            # The first outputs of a circular convolution are mixed with the last.
            yield np.ascontiguousarray(scipy.fft.irfft(spectrum, n_fft)[:, 2 * reach : stop].T)
            known = known[:, stop - 2 * reach :]


def _ideal(sample_rate: int, cutoff: float, *, width: float, passes_zero: bool) -> npt.NDArray[np.float64]:
    from scipy.signal import firwin, kaiserord  # noqa: PLC0415 - 0.6 s

    count, beta = kaiserord(_STOP_BAND_DB, width * cutoff / (sample_rate / 2))
    return firwin(count | 1, cutoff, window=("kaiser", beta), pass_zero=passes_zero, fs=sample_rate)

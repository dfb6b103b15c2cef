r"""Short-time Fourier transform of one segment, and its inverse.

With the periodic Hann window :math:`w` of ``n_fft`` samples,

.. math:: X[t, f] = \sum_n w[n]\, x[t h + n]\, e^{-2 \pi i f n / n_{fft}}

and back by windowing each frame again, adding where frames overlap, and dividing by the constant sum of the
squared windows: 3/2 for a hop :math:`h` of a quarter of the frame. That is Spleeter's factor of 2/3, which it uses
whatever the hop is; so do we.

A segment holds whole frames only, and the inverse of a segment is what *its* frames contribute. Adding the
contributions of neighbouring segments where they overlap (:class:`spleeter_nb.dsp.segments.OverlapAdd`) gives
the inverse of the whole signal. So no transform keeps state, and segments can be computed in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.values import ComplexArray, FloatArray

WINDOW_COMPENSATION = 2 / 3

# Frames transformed at once: two channels of them and their spectra stay within a core's second-level cache
# (1 MB at n_fft 4096), which makes the transforms a third faster than on whole segments.
_FRAMES_PER_BLOCK = 16


class Stft:
    """Transform segments of a fixed length back and forth; safe to share between threads.

    Parameters
    ----------
    n_fft : int
        Samples of one frame.
    hop_length : int
        Samples between the starts of two frames; divides `n_fft`.
    """

    def __init__(self, n_fft: int, hop_length: int) -> None:
        self.n_fft, self.hop_length = n_fft, hop_length
        # 0.2 s to import, which whoever makes an instance early can spend beside other work.
        import scipy.fft  # noqa: PLC0415

        self._rfft, self._irfft = scipy.fft.rfft, scipy.fft.irfft
        self._window = hann(n_fft)
        self._synthesis_window = self._window * np.float32(WINDOW_COMPENSATION)

    def forward(
        self, samples: FloatArray, *, n_bins: int | None = None, out: ComplexArray | None = None
    ) -> ComplexArray:
        """Transform the samples of one segment.

        Parameters
        ----------
        samples : float32 (channels, (frames - 1) * hop_length + n_fft)
            The samples that the segment's frames span.
        n_bins : int, optional
            How many of the lowest bins to return; all ``n_fft // 2 + 1`` by default.
        out : complex64 (channels, frames, n_bins), optional
            Where to put the result.

        Returns
        -------
        complex64 (channels, frames, n_bins)
        """
        n_bins = n_bins or self.n_fft // 2 + 1
        frames = sliding_window_view(samples, self.n_fft, axis=-1)[:, :: self.hop_length]
        spectrum = np.empty((*frames.shape[:2], n_bins), np.complex64) if out is None else out
        for block in _blocks(frames.shape[1]):
            windowed = frames[:, block] * self._window
            spectrum[:, block] = self._rfft(windowed, overwrite_x=True)[..., :n_bins]
        return spectrum

    def inverse(
        self, spectrum: ComplexArray, *, mask: FloatArray | None = None, out: FloatArray | None = None
    ) -> FloatArray:
        """Transform the spectrum of one segment back.

        Parameters
        ----------
        spectrum : complex64 (channels, frames, n_bins)
            The lowest bins; those above are taken as zero.
        mask : float32 (channels, frames, n_bins), optional
            Multiplied with the spectrum on the way.
        out : float32 (channels, (frames - 1) * hop_length + n_fft), optional
            Where to put the result; C-contiguous.

        Returns
        -------
        float32 (channels, (frames - 1) * hop_length + n_fft)
            What these frames contribute to the signal.
        """
        channels, n_frames, n_bins = spectrum.shape
        per_frame = self.n_fft // self.hop_length
        signal = np.empty((channels, (n_frames - 1 + per_frame) * self.hop_length), np.float32) if out is None else out
        hops = signal.reshape(channels, -1, self.hop_length)
        # The last part of a frame is the first to reach its place in the signal, so only the start must be cleared.
        hops[:, : per_frame - 1] = 0
        full = np.zeros((channels, min(_FRAMES_PER_BLOCK, n_frames), self.n_fft // 2 + 1), np.complex64)
        for block in _blocks(n_frames):
            masked = full[:, : block.stop - block.start]
            np.multiply(spectrum[:, block], 1 if mask is None else mask[:, block], out=masked[..., :n_bins])
            frames = self._irfft(masked, self.n_fft)
            frames *= self._synthesis_window
            parts = frames.reshape(channels, -1, per_frame, self.hop_length)
            hops[:, block.start + per_frame - 1 : block.stop + per_frame - 1] = parts[:, :, -1]
            for i in range(per_frame - 1):
                hops[:, block.start + i : block.stop + i] += parts[:, :, i]
        return signal


def hann(n_fft: int) -> FloatArray:
    """Return the periodic Hann window.

    Parameters
    ----------
    n_fft : int
        Its length in samples.

    Returns
    -------
    float32 (n_fft,)
        0 to 1; shifted by a quarter of its length and squared, four of them add up to 3/2.
    """
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def _blocks(n_frames: int) -> Iterator[slice]:
    for start in range(0, n_frames, _FRAMES_PER_BLOCK):
        yield slice(start, min(start + _FRAMES_PER_BLOCK, n_frames))

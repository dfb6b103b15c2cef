"""Transforms and masks of one segment in NumPy, for networks that run on the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.dsp.masks import extend_mask, ratio_masks
from spleeter_nb.dsp.stft import Stft

if TYPE_CHECKING:
    from spleeter_nb.values import ComplexArray, FloatArray, ModelSpec


class HostTransforms:
    """The way from samples to magnitudes, and from estimates back to samples; safe to share between threads.

    Parameters
    ----------
    spec : ModelSpec
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._stft = Stft(spec.n_fft, spec.hop_length)
        self._all_bins = spec.n_fft // 2 + 1
        # Bins that no stem gets need not be kept.
        self._kept_bins = spec.n_bins if spec.mask_extension == "zeros" else self._all_bins

    def buffers(self) -> tuple[ComplexArray, FloatArray]:
        """Return arrays for the results of :meth:`analyse`, to be used again for each segment."""
        shape = (self._spec.n_channels, self._spec.segment_frames)
        return np.empty((*shape, self._kept_bins), np.complex64), np.empty((*shape, self._spec.n_bins), np.float32)

    def analyse(
        self, samples: FloatArray, *, out: tuple[ComplexArray, FloatArray] | None = None
    ) -> tuple[ComplexArray, FloatArray]:
        """Transform one segment.

        Parameters
        ----------
        samples : float32 (channels, segment_samples)
        out : tuple, optional
            From :meth:`buffers`; new arrays by default.

        Returns
        -------
        spectrum : complex64 (channels, segment_frames, bins)
            All bins that a stem may get.
        magnitude : float32 (channels, segment_frames, n_bins)
            What the networks see.
        """
        spectrum, magnitude = out or self.buffers()
        self._stft.forward(samples, n_bins=self._kept_bins, out=spectrum)
        np.abs(spectrum[..., : self._spec.n_bins], out=magnitude)
        return spectrum, magnitude

    def mask_and_invert(self, spectrum: ComplexArray, estimates: FloatArray, weights: FloatArray) -> FloatArray:
        """Share the spectrum out between the stems and transform back.

        Parameters
        ----------
        spectrum : complex64 (channels, segment_frames, bins)
            From :meth:`analyse`.
        estimates : float32 (instruments, channels, segment_frames, n_bins)
            The networks' magnitudes; **overwritten**.
        weights : float32 (segment_frames,)
            How much each frame counts.

        Returns
        -------
        float32 (instruments, channels, segment_samples)
        """
        masks = ratio_masks(estimates, exponent=self._spec.separation_exponent)
        if weights.min() < 1:
            masks *= weights[:, None]
        stems = np.empty((len(masks), spectrum.shape[0], self._spec.segment_samples), np.float32)
        for stem, mask in zip(stems, masks, strict=True):
            extended = extend_mask(mask, self._all_bins, extension=self._spec.mask_extension)
            self._stft.inverse(spectrum, mask=extended, out=stem)
        return stems

    def invert(self, stems: ComplexArray, weights: FloatArray) -> FloatArray:
        """Transform spectra of stems back that are masked or filtered already.

        Parameters
        ----------
        stems : complex64 (instruments, channels, segment_frames, bins)
        weights : float32 (segment_frames,)

        Returns
        -------
        float32 (instruments, channels, segment_samples)
        """
        gain = np.broadcast_to(weights[:, None], stems.shape[1:])
        return np.stack([self._stft.inverse(stem, mask=gain) for stem in stems])

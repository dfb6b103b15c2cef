"""Transforms and masks of one segment in NumPy, for networks that run on the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.dsp.masks import extend_mask, ratio_masks
from spleeter_nb.dsp.stft import Stft

if TYPE_CHECKING:
    from spleeter_nb.values import ComplexArray, FloatArray, MaskExtension, ModelSpec


class HostTransforms:
    """The way from samples to magnitudes, and from estimates back to samples; safe to share between threads.

    Parameters
    ----------
    spec : ModelSpec
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._stft = Stft(spec.n_fft, spec.hop_length)
        # Bins that no stem gets need not be kept.
        self._kept_bins: dict[MaskExtension, int] = {"zeros": spec.n_bins, "average": spec.n_fft // 2 + 1}

    def buffers(self) -> tuple[ComplexArray, FloatArray]:
        """Return arrays for the results of :meth:`analyse`, whole spectra, to be used again for each segment."""
        shape = (self._spec.n_channels, self._spec.segment_frames)
        all_bins = self._kept_bins["average"]
        return np.empty((*shape, all_bins), np.complex64), np.empty((*shape, self._spec.n_bins), np.float32)

    def analyse(
        self,
        samples: FloatArray,
        *,
        mask_extension: MaskExtension,
        out: tuple[ComplexArray, FloatArray] | None = None,
    ) -> tuple[ComplexArray, FloatArray]:
        """Transform one segment.

        Parameters
        ----------
        samples : float32 (channels, segment_samples)
        mask_extension : {"zeros", "average"}
            Decides which bins a stem may get.
        out : tuple, optional
            From :meth:`buffers`; new arrays by default.

        Returns
        -------
        spectrum : complex64 (channels, segment_frames, bins)
            All bins that a stem may get: those that the networks see, or the whole spectrum.
        magnitude : float32 (channels, segment_frames, n_bins)
            What the networks see.
        """
        whole, magnitude = out or self.buffers()
        spectrum = whole[..., : self._kept_bins[mask_extension]]
        self._stft.forward(samples, n_bins=spectrum.shape[-1], out=spectrum)
        np.abs(spectrum[..., : self._spec.n_bins], out=magnitude)
        return spectrum, magnitude

    def mask_and_invert(self, spectrum: ComplexArray, estimates: FloatArray, weights: FloatArray) -> FloatArray:
        """Share the spectrum out between the stems and transform back.

        Parameters
        ----------
        spectrum : complex64 (channels, segment_frames, bins)
            From :meth:`analyse`; where it goes beyond the bins of the estimates, masks are their own mean.
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
            self._stft.inverse(spectrum, mask=extend_mask(mask, spectrum.shape[-1]), out=stem)
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

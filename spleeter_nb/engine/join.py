"""Stems on their way out: joined, brought to the mixture's rate, level and length, the residual added, stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.dsp.resample import Resampler
from spleeter_nb.dsp.segments import OverlapAdd

if TYPE_CHECKING:
    from spleeter_nb.dsp.segments import Segment, Segmentation
    from spleeter_nb.engine.mixture import Mixture
    from spleeter_nb.engine.preparing import Prepared
    from spleeter_nb.engine.stores import Store
    from spleeter_nb.values import FloatArray, ModelSpec

RESIDUAL_STEM = "residual"

# Samples of silence that are stored at once.
_SILENT_FRAMES = 1 << 16


def stem_names(spec: ModelSpec, residual: str | None) -> tuple[str, ...]:
    """Return the stems that a separation gives, in their order."""
    return (*spec.instruments, RESIDUAL_STEM) if residual == "stem" else spec.instruments


class Joiner:
    """Turns the contributions of consecutive segments into stored stems.

    Parameters
    ----------
    spec : ModelSpec
    segmentation : Segmentation
    mixture : Mixture
        Says how much was read, and gives it again where a residual is wanted.
    store : Store
        Takes the stems.
    prepared : Prepared
        What was done to the mixture: a gain is taken back, and what was left out is silent.
    residual : str or None
        As in :class:`spleeter_nb.engine.options.Options`.
    """

    def __init__(  # noqa: PLR0913 - the parts that meet here, each by its name
        self,
        spec: ModelSpec,
        *,
        segmentation: Segmentation,
        mixture: Mixture,
        store: Store,
        prepared: Prepared,
        residual: str | None,
    ) -> None:
        self._names, self._mixture, self._store = spec.instruments, mixture, store
        self._prepared = prepared
        self._residual = RESIDUAL_STEM if residual == "stem" else residual
        self._overlap_add = OverlapAdd(segmentation)
        # All stems are resampled as channels of one stream.
        self._channels = 2 * len(spec.instruments)
        self._resampler = Resampler(spec.sample_rate, mixture.sample_rate, self._channels)
        self.frames = 0
        """Samples per channel stored so far."""

    def push(self, contribution: FloatArray, segment: Segment) -> None:
        """Store what one more segment makes final.

        Parameters
        ----------
        contribution : float32 (instruments, 2, segment_samples)
        segment : Segment
        """
        joined = self._overlap_add.push(contribution, segment)
        samples = self._resampler.push(joined.reshape(self._channels, -1).T, last=segment.last)
        start, stop = (min(end, self._mixture.frames) for end in (self._prepared.start, self._prepared.stop))
        self._store_silence(start)
        # A rate's last sample may fall beside the other's: the mixture's length is the one that counts.
        self._store_stems(samples[: stop - self.frames] / np.float32(self._prepared.gain))
        if segment.last:
            self._store_silence(self._mixture.frames)

    def _store_silence(self, stop: int) -> None:
        while self.frames < stop:
            self._store_stems(np.zeros((min(stop - self.frames, _SILENT_FRAMES), self._channels), np.float32))

    def _store_stems(self, samples: FloatArray) -> None:
        """Store float32 (samples, 2 * instruments)."""
        self.frames += len(samples)
        samples = samples.reshape(len(samples), len(self._names), 2)
        stems = {name: samples[:, i] for i, name in enumerate(self._names)}
        if self._residual:
            untaken = self._mixture.take(len(samples)) - samples.sum(axis=1)
            stems[self._residual] = stems[self._residual] + untaken if self._residual in stems else untaken
        for name, stem in stems.items():
            self._store.write(name, stem)

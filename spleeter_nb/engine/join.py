"""Stems on their way out: joined, brought to the source's rate and length, the residual added, stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.dsp.resample import Resampler
from spleeter_nb.dsp.segments import OverlapAdd

if TYPE_CHECKING:
    from spleeter_nb.dsp.segments import Segment, Segmentation
    from spleeter_nb.engine.mixture import Mixture
    from spleeter_nb.engine.stores import Store
    from spleeter_nb.values import FloatArray, ModelSpec

RESIDUAL_STEM = "residual"


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
    sample_rate : int
        Hz, of the source.
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
        sample_rate: int,
        residual: str | None,
    ) -> None:
        self._names, self._mixture, self._store = spec.instruments, mixture, store
        self._residual = RESIDUAL_STEM if residual == "stem" else residual
        self._overlap_add = OverlapAdd(segmentation)
        # All stems are resampled as channels of one stream.
        self._channels = 2 * len(spec.instruments)
        self._resampler = Resampler(spec.sample_rate, sample_rate, self._channels)
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
        # A rate's last sample may fall beside the other's: the source's length is the one that counts.
        room = self._mixture.frames - self.frames
        samples = samples[:room]
        if segment.last:
            samples = np.pad(samples, [(0, room - len(samples)), (0, 0)])
        self.frames += len(samples)
        self._store_stems(samples.reshape(len(samples), len(self._names), 2))

    def _store_stems(self, samples: FloatArray) -> None:
        stems = {name: samples[:, i] for i, name in enumerate(self._names)}
        if self._residual:
            untaken = self._mixture.take(len(samples)) - samples.sum(axis=1)
            stems[self._residual] = stems[self._residual] + untaken if self._residual in stems else untaken
        for name, stem in stems.items():
            self._store.write(name, stem)

"""Signals and their spectrograms: what a comparison shows, and what a figure draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from spleeter_nb.dsp.spectrogram import Spectrogram
from spleeter_nb.engine.result import SeparationResult
from spleeter_nb.widgets.panes import limits_of
from spleeter_nb.widgets.pyramid import Pyramid
from spleeter_nb.widgets.scene import scene_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.values import FloatArray
    from spleeter_nb.widgets.panes import Limits
    from spleeter_nb.widgets.pyramid import Overview
    from spleeter_nb.widgets.scene import Scene

_OF_SCENE = ("labels", "sample_rate", "mixture", "references", "title")
_OF_TRANSFORM = ("n_fft", "hop_length", "window", "channel")

OPTIONS = (*_OF_SCENE, *_OF_TRANSFORM)
"""What says what is looked at."""

# With the other traits, below 100 kB.
_OVERVIEW_BYTES = 80_000

# dB that a transform may be above the loudest sample: of a square wave it is 2.1.
_HEADROOM_DB = 3.0

# Columns that are transformed at once.
_BLOCK_COLUMNS = 64

LEAST_POWER = np.float32(1e-16)
"""As librosa, which takes the logarithm of nothing below this: -160 dB."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """A scene, and how it is transformed."""

    scene: Scene
    spectrogram: Spectrogram
    pyramid: Pyramid
    full_db: float
    """What the byte 255 stands for."""
    overview: Overview
    limits: Limits
    band_limit: float | None
    """Hz up to which the networks decide; None where that is not known, or not the same of two separations."""
    segments: tuple[float, ...]
    """Seconds at which the networks' segments meet; none where they are not known, or not the same."""

    @classmethod
    def of(cls, stems: Any, other: Any = None, **options: Any) -> Self:
        """Check what is looked at, and look at it coarsely.

        Parameters
        ----------
        stems, other
            As :func:`spleeter_nb.widgets.scene.scene_of` takes them.
        **options
            Those of :data:`OPTIONS`.
        """
        scene = scene_of(stems, other, **_only(options, _OF_SCENE))
        spectrogram = Spectrogram(**_transform(stems, _only(options, _OF_TRANSFORM)))
        full_db = math.ceil(2 * (20 * math.log10(scene.full_scale) + _HEADROOM_DB)) / 2
        reads = [signal.read for signal in scene.sums.values()]
        pyramid = Pyramid(reads, spectrogram, samples=scene.frames, full_db=full_db)
        results = [one for one in (stems, other) if one is not None]
        band_limits = {one.band_limit if isinstance(one, SeparationResult) else None for one in results}
        borders = {one.segment_borders() if isinstance(one, SeparationResult) else () for one in results}
        return cls(
            scene,
            spectrogram,
            pyramid,
            full_db,
            pyramid.overview(_OVERVIEW_BYTES),
            limits_of(scene),
            band_limits.pop() if len(band_limits) == 1 else None,
            borders.pop() if len(borders) == 1 else (),
        )

    @property
    def hz_per_bin(self) -> float:
        """Hz between the centres of two bins."""
        return self.scene.sample_rate / self.spectrogram.n_fft

    def columns_of(self, first: int, stop: int) -> tuple[int, int]:
        """Return the columns whose centres lie within samples, the last one included; at least one."""
        hop = self.spectrogram.hop_length
        begin = min(-(-first // hop), stop // hop)
        return begin, stop // hop + 1

    def columns_over(self, first: int, stop: int) -> tuple[int, int]:
        """Return the columns that cover samples: each spans a hop around its centre."""
        hop = self.spectrogram.hop_length
        columns = self.spectrogram.columns(self.scene.frames)
        return min(columns - 1, (first + hop // 2) // hop), min(columns, (stop + hop // 2) // hop + 1)

    def power(self, signal: int, first: int, stop: int) -> Iterator[FloatArray]:
        """Yield columns [first, stop) of a signal, block by block: float32 (columns, bins)."""
        read = list(self.scene.sums.values())[signal].read
        for begin in range(first, stop, _BLOCK_COLUMNS):
            yield self.spectrogram.power(read, begin, min(begin + _BLOCK_COLUMNS, stop), samples=self.scene.frames)

    def levels(self, signal: int, first: int, stop: int) -> FloatArray:
        """Return columns [first, stop) of a signal in dB, float32 (bins, columns), at least -160."""
        levels = np.empty((self.spectrogram.n_bins, stop - first), np.float32)
        for k, power in enumerate(self.power(signal, first, stop)):
            levels[:, k * _BLOCK_COLUMNS :][:, : len(power)] = power_to_db(power).T
        return levels


def power_to_db(power: FloatArray) -> FloatArray:
    """Return power relative to full scale in dB, at least -160."""
    levels = np.log10(np.maximum(power, LEAST_POWER))
    levels *= 10
    return levels


def _transform(stems: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return how to transform: by default as the model does, and with another length, hops of a quarter."""
    spec = stems.spec if isinstance(stems, SeparationResult) else None
    if "n_fft" not in options and spec is not None:
        return {"n_fft": spec.n_fft, "hop_length": spec.hop_length, **options}
    n_fft = options.get("n_fft")
    # Anything else is refused by who takes it.
    return {"hop_length": max(1, n_fft // 4), **options} if isinstance(n_fft, int | np.integer) else options


def _only(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}

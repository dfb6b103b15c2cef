"""Segments through a runtime: in order, in batches of its size."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.dsp.segments import Segmentation
from spleeter_nb.engine.segmentwise import masked, wiener_filtered
from spleeter_nb.net.runtime import RuntimeInfo
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.values import FloatArray, MaskExtension

SPEC = ModelSpec("halves", ("one", "other"), n_bins=128, segment_frames=64, sample_rate=8000, n_fft=512, hop_length=128)
SEGMENTATION = Segmentation(SPEC.n_fft, SPEC.hop_length, SPEC.segment_frames)


@dataclass
class Halves:
    """Gives each of two stems half of what there is, and notes how much it got at once."""

    batch_size: int
    workers: int = 2
    info: RuntimeInfo = field(default=RuntimeInfo("none", "cpu", "float32"))
    sizes: list[int] = field(default_factory=list)

    def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
        assert not cancel.is_set()
        self.sizes.append(len(magnitude))
        return np.stack([magnitude / 2, magnitude / 2], axis=1)

    def separate(
        self, samples: FloatArray, weights: FloatArray, *, mask_extension: MaskExtension, cancel: threading.Event
    ) -> FloatArray:
        assert mask_extension == "average"
        assert weights.shape == (len(samples), SPEC.segment_frames)
        return self.estimate(samples, cancel=cancel)


@pytest.mark.parametrize(("batch_size", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (8, [7])])
def test_segments_come_in_order_and_in_batches(
    batch_size: int, sizes: list[int], noise: Callable[..., FloatArray]
) -> None:
    runtime = Halves(batch_size)
    segments = list(SEGMENTATION.cut([noise(6 * SEGMENTATION.advance + 100)], 2))
    results = list(masked(segments, runtime, mask_extension="average", cancel=threading.Event()))
    assert sorted(runtime.sizes) == sorted(sizes)
    assert [segment.end for segment, _ in results] == [segment.end for segment in segments]
    for segment, contribution in results:
        np.testing.assert_array_equal(contribution, [segment.samples / 2, segment.samples / 2])


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_wiener_filter_sees_every_segment_once(batch_size: int, noise: Callable[..., FloatArray]) -> None:
    runtime = Halves(batch_size)
    segments = list(SEGMENTATION.cut([noise(6 * SEGMENTATION.advance + 100)], 2))
    results = list(wiener_filtered(segments, runtime, spec=SPEC, cancel=threading.Event()))
    assert sum(runtime.sizes) == len(segments)
    assert [segment.end for segment, _ in results] == [segment.end for segment in segments]
    for _, contribution in results:
        np.testing.assert_allclose(contribution[0], contribution[1], atol=1e-6)

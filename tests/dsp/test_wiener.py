"""The filter in two passes against the same formulas, written out for the whole song at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.dsp.segments import Segmentation
from spleeter_nb.dsp.wiener import SpatialStatistics

if TYPE_CHECKING:
    import numpy.typing as npt

    from spleeter_nb.values import ComplexArray, FloatArray

EPS = float(np.finfo(np.float32).eps)
INSTRUMENTS, FRAMES, BINS = 3, 40, 5


def whole_song(estimates: FloatArray, mixture: ComplexArray) -> npt.NDArray[np.complex128]:
    """Filter ``(2, frames, bins)`` into ``(instruments, 2, frames, bins)``, matrix by matrix."""
    v = estimates.astype(np.float64)
    scale = max(1.0, float(np.abs(mixture).max()) / 10)
    x = mixture.astype(np.complex128) / scale
    y = (v + EPS / len(v)) / (v.sum(axis=0) + EPS) * x
    power = 0.5 * (np.abs(y) ** 2).sum(axis=1)
    stems = np.empty_like(y)
    for f in range(x.shape[-1]):
        covariances = []
        for j in range(len(v)):
            outer = sum(np.outer(y[j, :, t, f], y[j, :, t, f].conj()) for t in range(x.shape[1]))
            covariances.append(outer / (EPS + power[j, :, f].sum()))
        for t in range(x.shape[1]):
            models = [power[j, t, f] * covariances[j] for j in range(len(v))]
            inverse = np.linalg.inv(sum(models) + np.sqrt(EPS) * np.eye(2))
            for j, model in enumerate(models):
                stems[j, :, t, f] = model @ inverse @ x[:, t, f]
    return scale * stems


def song(loudness: float) -> tuple[FloatArray, ComplexArray]:
    """Networks' magnitudes and a mixture whose stems stand at different places in the stereo image."""
    rng = np.random.default_rng(3)
    shape = (INSTRUMENTS, FRAMES, BINS)
    sources = rng.gamma(0.5, 1.0, shape) * np.exp(2j * np.pi * rng.random(shape))
    places = np.array([[1.0, 0.2], [0.7, 0.7], [0.1j, 1.0]])
    images = loudness * np.einsum("jtf,jc->jctf", sources, places)
    estimates = np.abs(images) * rng.uniform(0.5, 1.5, images.shape)
    return estimates.astype(np.float32), images.sum(axis=0).astype(np.complex64)


def in_segments(estimates: FloatArray, mixture: ComplexArray, frames: int, overlap: int = 0) -> ComplexArray:
    """Filter as the engine does: both passes over segments, cross-faded by their weights."""
    segmentation = Segmentation(n_fft=4, hop_length=1, frames=frames, overlap=overlap)
    padded = -(-FRAMES // frames) * frames * 2
    estimates = np.pad(estimates, [(0, 0), (0, 0), (0, padded), (0, 0)])
    mixture = np.pad(mixture, [(0, 0), (0, padded), (0, 0)])
    # So many samples have FRAMES frames.
    segments = list(segmentation.cut([np.zeros((FRAMES - 4, 1), np.float32)], 1))
    places = [slice(k * (frames - overlap), k * (frames - overlap) + frames) for k in range(len(segments))]
    statistics = SpatialStatistics(INSTRUMENTS, BINS)
    powers = [
        statistics.observe(estimates[:, :, place].copy(), mixture[:, place], segment.weights)
        for segment, place in zip(segments, places, strict=True)
    ]
    wiener, stems = statistics.filter(), np.zeros((INSTRUMENTS, *mixture.shape), np.complex64)
    for segment, place, power in zip(segments, places, powers, strict=True):
        stems[:, :, place] += segment.weights[:, None] * wiener.apply(power, mixture[:, place])
    return stems[:, :, :FRAMES]


def at_once(estimates: FloatArray, mixture: ComplexArray) -> ComplexArray:
    statistics = SpatialStatistics(len(estimates), BINS)
    power = statistics.observe(estimates, mixture, np.ones(FRAMES, np.float32))
    return statistics.filter().apply(power, mixture)


def difference(found: ComplexArray, expected: npt.NDArray[np.complexfloating]) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("loudness", [1e-3, 1.0, 300.0])
@pytest.mark.parametrize(("frames", "overlap"), [(FRAMES, 0), (8, 0), (7, 0), (8, 2), (8, 4), (64, 16)], ids=str)
def test_two_passes_over_segments_equal_the_whole_song_at_once(loudness: float, frames: int, overlap: int) -> None:
    estimates, mixture = song(loudness)
    found = in_segments(estimates, mixture, frames, overlap)
    assert found.dtype == np.complex64
    assert difference(found, whole_song(estimates, mixture)) < 1e-5


def test_stems_sum_nearly_to_the_mixture() -> None:
    estimates, mixture = song(10.0)
    stems = in_segments(estimates, mixture, 8)
    # The regularisation takes a little from what is faint.
    assert difference(stems.sum(axis=0), mixture) < 5e-3


def test_stems_are_told_apart_by_their_place() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, FRAMES, BINS)) + 1j * rng.standard_normal((2, FRAMES, BINS))
    mixture = np.stack([left, right]).astype(np.complex64)
    # The networks are sure of which stem stands where, and leave some of it in the other.
    estimates = np.abs(np.stack([[left, 0.05 * right], [0.05 * left, right]])).astype(np.float32)
    stems = at_once(estimates, mixture)
    assert np.abs(stems[0, 1]).mean() < 0.05 * np.abs(stems[1, 1]).mean()
    assert difference(stems[0, 0], left) < 0.1


def test_silence_stays_silent() -> None:
    silence = np.zeros((INSTRUMENTS, 2, FRAMES, BINS), np.float32)
    assert not at_once(silence, np.zeros((2, FRAMES, BINS), np.complex64)).any()


def test_frames_of_no_weight_change_nothing() -> None:
    estimates, mixture = song(0.1)
    weights = np.ones(FRAMES, np.float32)
    weights[20:] = 0
    some, all_of_it = SpatialStatistics(INSTRUMENTS, BINS), SpatialStatistics(INSTRUMENTS, BINS)
    some.observe(estimates.copy(), mixture, weights)
    power = all_of_it.observe(estimates[:, :, :20].copy(), mixture[:, :20], weights[:20])
    found, expected = (statistics.filter().apply(power, mixture[:, :20]) for statistics in (some, all_of_it))
    assert difference(found, expected) < 1e-6

"""Peaks: what a waveform is drawn from never says less than the samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spleeter_nb.demo import demo_song
from spleeter_nb.dsp.peaks import largest, merge_peaks, peaks, quantised, share_peaks


def noise(frames: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(frames).normal(0, 0.3, (frames, channels)).astype(np.float32)


@pytest.mark.parametrize("frames", [1, 2, 255, 256, 257, 1000, 512 * 256, 512 * 256 + 1])
@pytest.mark.parametrize("channels", [1, 2])
def test_each_bin_has_its_extremes_over_both_channels(frames: int, channels: int) -> None:
    samples = noise(frames, channels)
    found = peaks(samples, 256)
    bins = [samples[start : start + 256] for start in range(0, frames, 256)]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [(part.min(), part.max()) for part in bins])


@pytest.mark.parametrize("frames", [1, 1000, (1 << 15) - 1, 1 << 15, (1 << 15) + 1, 200_000])
def test_the_largest_magnitude_is_found_wherever_it_is(frames: int) -> None:
    for place, value in ((0, -5), (frames // 2, 6), (frames - 1, -7)):
        samples = noise(frames)
        samples[place, 1] = value
        assert largest(samples) == abs(value)
    assert largest(np.zeros((frames, 1), np.float32)) == 0
    samples[frames // 2] = np.nan
    assert np.isnan(largest(samples))


def test_nan_is_not_lost() -> None:
    samples = noise(1000)
    samples[600, 1] = np.nan
    fine = peaks(samples, 100)
    assert np.isnan(fine).any(axis=1).tolist() == [False] * 6 + [True] + [False] * 3
    assert np.isnan(merge_peaks(fine, 4)).any(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize("factor", [1, 2, 3, 10, 100])
def test_merged_bins_are_those_of_longer_bins(factor: int) -> None:
    samples = noise(2560)
    np.testing.assert_array_equal(merge_peaks(peaks(samples, 64), factor), peaks(samples, 64 * factor))


@given(frames=st.integers(1, 5000), width=st.integers(1, 300), data=st.data())
def test_shared_bins_cover_their_part_of_the_song(frames: int, width: int, data: st.DataObject) -> None:
    samples = noise(frames)
    fine = peaks(samples, width)
    bins = data.draw(st.integers(1, len(fine)))
    shared = share_peaks(fine, bins, frames=frames, samples_per_bin=width)
    assert shared.shape == (bins, 2)
    for k, (lowest, highest) in enumerate(shared):
        first, stop = k * frames // bins, -(-(k + 1) * frames // bins)
        around = samples[max(0, first - width) : stop + width]
        assert around.min() <= lowest <= samples[first:stop].min()
        assert around.max() >= highest >= samples[first:stop].max()


@pytest.mark.parametrize("full_scale", [1.0, 1.7, 1000.0])
def test_steps_bound_the_samples_and_are_no_wider_than_needed(full_scale: float) -> None:
    samples = noise(10_000)
    samples *= np.float32(full_scale) / np.abs(samples).max()
    fine = peaks(samples, 64)
    steps = quantised(fine, full_scale)
    assert steps.dtype == np.int8
    assert steps.min() >= -127
    values = steps * (full_scale / 127)
    assert (values[:, 0] <= fine[:, 0] + 1e-6 * full_scale).all()
    assert (values[:, 1] >= fine[:, 1] - 1e-6 * full_scale).all()
    assert np.abs(values - fine).max() <= full_scale / 127 * 1.001


def test_full_scale_is_127_on_both_sides_and_silence_is_0() -> None:
    assert quantised(np.array([[-1, 1], [0, 0], [-1e-6, 1e-6]], np.float32), 1.0).tolist() == [
        [-127, 127],
        [0, 0],
        [-1, 1],
    ]


def test_peaks_of_real_sound() -> None:
    vocals = np.ascontiguousarray(demo_song().references["vocals"])
    fine = peaks(vocals, 256)
    assert len(fine) == -(-len(vocals) // 256)
    assert fine[:, 0].min() == vocals.min()
    assert fine[:, 1].max() == vocals.max()

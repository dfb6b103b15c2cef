"""Filters keep every sound at its time, pass their band, and know no blocks."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.signal

from spleeter_nb.dsp.filters import MeanMeter, convolve, filter_taps
from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.values import FloatArray

RATES = [8_000, 44_100, 192_000]
SETTINGS = [{"high_pass": 80.0}, {"low_pass": 3_000.0}, {"high_pass": 80.0, "low_pass": 3_000.0}]


def noise(samples: int, channels: int = 2) -> FloatArray:
    return (0.1 * np.random.default_rng(samples).standard_normal((samples, channels))).astype(np.float32)


def in_blocks(song: FloatArray, block: int) -> Iterator[FloatArray]:
    for start in range(0, len(song), block):
        yield song[start : start + block]


def filtered(song: FloatArray, taps: FloatArray, *, block: int = 10_000) -> FloatArray:
    parts = list(convolve(in_blocks(song, block), taps, channels=song.shape[1]))
    return np.concatenate([song[:0], *parts])


def response_db(taps: FloatArray, rate: int, frequencies: list[float]) -> FloatArray:
    _, response = scipy.signal.freqz(taps.astype(np.float64), worN=frequencies, fs=rate)
    return 20 * np.log10(np.abs(response) + 1e-12)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_noise_comes_out_with_lag_zero_and_as_long_as_it_was(rate: int, setting: dict[str, float]) -> None:
    song = noise(rate)
    found = filtered(song, filter_taps(rate, **setting))
    assert found.dtype == np.float32
    assert found.shape == song.shape
    correlation = scipy.signal.correlate(found[:, 0], song[:, 0])
    lags = scipy.signal.correlation_lags(len(found), len(song))
    assert lags[np.argmax(correlation)] == 0


@pytest.mark.parametrize("samples", [0, 1, 100, 8_191, 30_000])
@pytest.mark.parametrize("count", [1, 3, 4_001])
def test_result_is_that_of_a_direct_convolution(samples: int, count: int) -> None:
    song, taps = noise(samples, 1), noise(count, 1)[:, 0]
    expected = np.convolve(song[:, 0], taps)[count // 2 :][:samples] if samples else song[:, 0]
    np.testing.assert_allclose(filtered(song, taps)[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("setting", SETTINGS)
def test_blocks_of_any_size_give_the_same_bits(setting: dict[str, float]) -> None:
    song, taps = noise(40_000), filter_taps(44_100, **setting)
    whole = filtered(song, taps, block=len(song))
    for block in (64, 1_001, 17_777):
        np.testing.assert_array_equal(filtered(song, taps, block=block), whole)


@pytest.mark.parametrize("rate", RATES)
def test_a_high_pass_keeps_what_is_above(rate: int) -> None:
    taps = filter_taps(rate, high_pass=80)
    np.testing.assert_allclose(response_db(taps, rate, [80]), -6.02, atol=0.1)
    np.testing.assert_allclose(response_db(taps, rate, [125, 1_000, 0.49 * rate]), 0, atol=0.01)
    assert response_db(taps, rate, [0, 10, 38]).max() < -78


@pytest.mark.parametrize("rate", RATES)
def test_a_low_pass_keeps_what_is_below(rate: int) -> None:
    taps = filter_taps(rate, low_pass=3_000)
    np.testing.assert_allclose(response_db(taps, rate, [3_000]), -6.02, atol=0.1)
    np.testing.assert_allclose(response_db(taps, rate, [0, 20, 2_800]), 0, atol=0.01)
    assert response_db(taps, rate, [3_200, 0.49 * rate]).max() < -78


def test_both_together_pass_the_band_between() -> None:
    taps = filter_taps(44_100, high_pass=80, low_pass=3_000)
    np.testing.assert_allclose(response_db(taps, 44_100, [130, 2_800]), 0, atol=0.02)
    assert response_db(taps, 44_100, [0, 38, 3_200, 20_000]).max() < -78


@pytest.mark.parametrize("low_pass", [22_050, 48_000, None])
def test_a_low_pass_beyond_the_rate_changes_nothing(low_pass: float | None) -> None:
    song = noise(10_000)
    np.testing.assert_allclose(filtered(song, filter_taps(44_100, low_pass=low_pass)), song, atol=1e-6)


def test_a_high_pass_beyond_the_rate_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"high_pass is 4000 Hz; .* rate of 8000 Hz") as caught:
        filter_taps(8_000, high_pass=4_000)
    assert caught.value.context == {"high_pass": 4_000, "sample_rate": 8_000}


def test_channels_stay_apart() -> None:
    song = noise(10_000)
    song[:, 1] = 0
    found = filtered(song, filter_taps(44_100, high_pass=80))
    assert found[:, 0].any()
    assert not found[:, 1].any()


@pytest.mark.parametrize("block", [1, 333, 10_000])
def test_the_mean_of_each_channel_is_measured(block: int) -> None:
    song = noise(10_000) + np.float32([0.25, -0.1])
    meter = MeanMeter(2)
    for part in in_blocks(song, block):
        meter.push(part)
    assert meter.mean.dtype == np.float32
    np.testing.assert_allclose(meter.mean, song.mean(axis=0, dtype=np.float64), atol=1e-7)


def test_nothing_has_no_mean() -> None:
    np.testing.assert_array_equal(MeanMeter(2).mean, [0, 0])


def test_memory_does_not_grow_with_the_song() -> None:
    block, taps = noise(10_000), filter_taps(44_100, high_pass=80)

    def peak(blocks: int) -> int:
        tracemalloc.start()
        try:
            for _ in convolve((block for _ in range(blocks)), taps, channels=2):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(100) < 1.2 * peak(10)

"""Resampling keeps every sound at its time, whatever the blocks it comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.signal

from spleeter_nb.dsp.resample import Resampler, resample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.values import FloatArray

RATES = [(44_100, 48_000), (48_000, 44_100), (44_100, 8_000), (8_000, 44_100), (192_000, 44_100)]


def soft_noise(rate: int, other: int) -> FloatArray:
    """One second of stereo noise that both rates can carry, silent at its ends."""
    lowpass = scipy.signal.butter(8, 0.35 * min(rate, other), fs=rate, output="sos")
    white = np.random.default_rng(rate).standard_normal((rate, 2))
    fade = scipy.signal.windows.tukey(rate, 0.2)[:, None]
    return (0.1 * fade * scipy.signal.sosfiltfilt(lowpass, white, axis=0)).astype(np.float32)


def in_blocks(song: FloatArray, block: int) -> Iterator[FloatArray]:
    for start in range(0, len(song), block):
        yield song[start : start + block]


def convert(song: FloatArray, from_rate: int, to_rate: int, *, block: int = 10_000) -> FloatArray:
    parts = resample(in_blocks(song, block), from_rate, to_rate, channels=song.shape[1])
    return np.concatenate(list(parts))


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_result_is_that_of_an_independent_resampler_with_lag_zero(from_rate: int, to_rate: int) -> None:
    song = soft_noise(from_rate, to_rate)
    expected = scipy.signal.resample(song.astype(np.float64), to_rate)
    found = convert(song, from_rate, to_rate)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    correlation = scipy.signal.correlate(found[:, 0], expected[:, 0])
    lags = scipy.signal.correlation_lags(len(found), len(expected))
    assert lags[np.argmax(correlation)] == 0
    assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
@pytest.mark.parametrize("samples", [1, 999, 12_345])
def test_length_follows_the_rates(from_rate: int, to_rate: int, samples: int) -> None:
    found = convert(np.ones((samples, 2), np.float32), from_rate, to_rate)
    assert abs(len(found) - samples * to_rate / from_rate) <= 1
    assert found.shape[1] == 2


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_blocks_of_any_size_give_the_same(from_rate: int, to_rate: int) -> None:
    song = soft_noise(from_rate, to_rate)[:20_000]
    whole = convert(song, from_rate, to_rate, block=len(song))
    for block in (64, 1_001, 7_777):
        np.testing.assert_allclose(convert(song, from_rate, to_rate, block=block), whole, atol=1e-6)


def test_there_and_back_again_is_the_song() -> None:
    song = soft_noise(44_100, 48_000)
    back = convert(convert(song, 44_100, 48_000), 48_000, 44_100)
    assert len(back) == len(song)
    assert np.linalg.norm(back - song) < 1e-3 * np.linalg.norm(song)


def test_channels_stay_apart() -> None:
    song = soft_noise(44_100, 48_000)
    song[:, 1] = 0
    found = convert(song, 44_100, 48_000)
    assert found[:, 0].any()
    assert not found[:, 1].any()


def test_layout_in_memory_does_not_matter() -> None:
    song = soft_noise(44_100, 48_000)
    np.testing.assert_array_equal(convert(np.asfortranarray(song), 44_100, 48_000), convert(song, 44_100, 48_000))


def test_the_same_rate_passes_the_blocks_through() -> None:
    block = np.ones((10, 2), np.float32)
    assert Resampler(44_100, 44_100, 2).push(block) is block
    first, last = resample([block], 44_100, 44_100, channels=2)
    assert first is block
    assert len(last) == 0


def test_a_stream_without_samples_has_none_at_any_rate() -> None:
    assert sum(map(len, resample([], 44_100, 48_000, channels=2))) == 0

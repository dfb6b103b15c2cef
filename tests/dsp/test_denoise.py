"""Hiss is turned down and music is not, whatever the blocks they come in."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.signal

from spleeter_nb.dsp.denoise import NoiseMeter, reduce_noise
from spleeter_nb.dsp.scores import sdr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.values import FloatArray

RATE = 44_100


def hiss(seconds: float, level: float = -40.0, *, rate: int = RATE) -> FloatArray:
    """White noise, another in each channel, of so many dB."""
    noise = np.random.default_rng(7).standard_normal((round(seconds * rate), 2))
    return (10 ** (level / 20) * noise).astype(np.float32)


def tune(seconds: float = 8, *, rate: int = RATE) -> FloatArray:
    """Plucked notes, and one that is held from beginning to end."""
    time = np.arange(round(seconds * rate)) / rate
    pitches = 220 * 2 ** (np.array([0, 4, 7, 12, 5, 9, 2, 11]) / 12)
    note = pitches[(2 * time).astype(int) % len(pitches)]
    since = time % 0.5
    plucked = sum(np.exp(-6 * k * since) * np.sin(2 * np.pi * k * note * since) / k for k in (1, 2, 3))
    held = 0.5 * np.sin(2 * np.pi * 330 * time)
    return np.repeat((0.2 * (plucked + held))[:, None], 2, axis=1).astype(np.float32)


def in_blocks(song: FloatArray, block: int) -> Iterator[FloatArray]:
    for start in range(0, len(song), block):
        yield song[start : start + block]


def profile_of(song: FloatArray, *, rate: int = RATE, block: int = 50_000) -> FloatArray:
    meter = NoiseMeter(rate, song.shape[1])
    for part in in_blocks(song, block):
        meter.push(part)
    return meter.profile


def cleaned(song: FloatArray, profile: FloatArray, *, amount: float = 1.0, block: int = 50_000) -> FloatArray:
    return np.concatenate(list(reduce_noise(in_blocks(song, block), profile, amount=amount)))


def level_db(song: FloatArray) -> float:
    return float(10 * np.log10(np.mean(song.astype(np.float64) ** 2)))


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("level", [-90.0, -40.0])
def test_the_profile_of_white_noise_is_its_power(rate: int, level: float) -> None:
    profile = profile_of(hiss(6, level, rate=rate), rate=rate)
    n_fft = 2 * (profile.shape[1] - 1)
    assert profile.dtype == np.float32
    assert n_fft / rate == pytest.approx(0.0464, rel=0.42)
    # The squared Hann window adds up to 3/8 of its length.
    np.testing.assert_allclose(profile.mean(axis=1), 10 ** (level / 10) * 3 / 8 * n_fft, rtol=0.15)


def test_music_is_no_part_of_the_profile() -> None:
    noise = profile_of(hiss(8))
    both = profile_of(tune() + hiss(8))
    assert np.median(np.abs(10 * np.log10(both / noise))) < 0.5
    assert (both / noise).max() < 10


@pytest.mark.parametrize(("amount", "expected"), [(0.0, 0.0), (0.5, -6.0), (0.9, -18.0), (1.0, -23.0)])
def test_hiss_is_turned_down_by_the_amount(amount: float, expected: float) -> None:
    song = hiss(6)
    found = cleaned(song, profile_of(song), amount=amount)
    assert level_db(found) - level_db(song) == pytest.approx(expected, abs=0.7)


@pytest.mark.parametrize(("level", "gain"), [(-30.0, 8.0), (-40.0, 8.0), (-60.0, 6.0)])
def test_music_comes_out_cleaner(level: float, gain: float) -> None:
    music, noise = tune(), hiss(8, level)
    found = cleaned(music + noise, profile_of(music + noise))
    assert sdr(music, found) > sdr(music, music + noise) + gain


def test_music_without_hiss_is_left_alone() -> None:
    music = tune()
    assert sdr(music, cleaned(music, profile_of(music))) > 40


def test_what_comes_out_lies_where_it_was_and_is_as_long() -> None:
    song = hiss(2, -10)
    found = cleaned(song, profile_of(hiss(6)))
    assert found.dtype == np.float32
    assert found.shape == song.shape
    correlation = scipy.signal.correlate(found[:, 0], song[:, 0])
    lags = scipy.signal.correlation_lags(len(found), len(song))
    assert lags[np.argmax(correlation)] == 0


@pytest.mark.parametrize("samples", [0, 1, 2_047, 33_000, 66_000])
def test_nothing_changes_without_an_amount(samples: int) -> None:
    song = hiss(2, -10)[:samples]
    found = cleaned(song, profile_of(hiss(6)), amount=0.0)
    np.testing.assert_allclose(found, song, atol=1e-6)


def test_blocks_of_any_size_give_the_same_bits() -> None:
    song = tune(2) + hiss(2)
    profile = profile_of(song, block=len(song))
    whole = cleaned(song, profile, block=len(song))
    for block in (64, 1_001, 17_777):
        np.testing.assert_array_equal(profile_of(song, block=block), profile)
        np.testing.assert_array_equal(cleaned(song, profile, block=block), whole)


@pytest.mark.parametrize("samples", [0, 1_000, 200_000])
def test_silence_has_no_noise(samples: int) -> None:
    silence = np.zeros((samples, 2), np.float32)
    profile = profile_of(silence)
    assert not profile.any()
    assert not cleaned(silence, profile).any()


def test_digital_silence_tells_nothing_of_the_noise() -> None:
    song = np.concatenate([np.zeros((4 * RATE, 2), np.float32), hiss(4)])
    np.testing.assert_allclose(profile_of(song).mean(axis=1), profile_of(hiss(4)).mean(axis=1), rtol=0.1)


def test_each_channel_has_its_own_noise() -> None:
    song = hiss(6)
    song[:, 1] *= 0.01
    left, right = profile_of(song).mean(axis=1)
    assert left / right == pytest.approx(1e4, rel=0.2)


def test_memory_does_not_grow_with_the_song() -> None:
    block = hiss(1, rate=8_000)

    def peak(blocks: int) -> int:
        tracemalloc.start()
        try:
            meter = NoiseMeter(8_000, 2)
            for _ in range(blocks):
                meter.push(block)
            for _ in reduce_noise((block for _ in range(blocks)), meter.profile, amount=1.0):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(20)
    assert peak(100) < 1.2 * peak(20)

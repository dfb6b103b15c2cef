"""Loudness on the signals of EBU Tech 3341 and 3342, on noise by an independent meter, and on silence."""

from __future__ import annotations

import math
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pyloudnorm
import pytest
import scipy.signal

from spleeter_nb.dsp.loudness import LoudnessMeter, k_weighting, loudness_gain

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

RATE = 48_000
RATES = [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000]

TOLERANCE = 0.1
"""LU, of Tech 3341."""

LOW_RATES = {8_000: 0.25, 11_025: 0.15}
"""LU: the bilinear transform bends the shelf where half the rate is near."""


def tone(*levels: tuple[float, float], rate: int = RATE, channels: int = 2) -> FloatArray:
    """A sine of 1 kHz in all channels, by pairs of level in dBFS (minus infinity: silence) and seconds."""
    amplitude = np.concatenate([np.full(round(seconds * rate), 10 ** (level / 20)) for level, seconds in levels])
    sine = amplitude * np.sin(2 * np.pi * 1000 * np.arange(len(amplitude)) / rate)
    return np.repeat(sine[:, None], channels, axis=1).astype(np.float32)


def measure(samples: FloatArray, rate: int = RATE, *, block: int = 65_536) -> LoudnessMeter:
    meter = LoudnessMeter(rate, samples.shape[1])
    for start in range(0, len(samples), block):
        meter.push(samples[start : start + block])
    return meter


def music(rate: int, channels: int, seconds: float = 8) -> FloatArray:
    """Noise that swells and has pauses."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(rate).standard_normal((len(time), channels))
    return (0.2 * noise * (np.sin(time)[:, None] ** 2) * (time % 3 > 0.7)[:, None]).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_cases_1_and_2_a_steady_sine_has_its_level(rate: int, level: float) -> None:
    meter = measure(tone((level, 20), rate=rate), rate)
    for loudness in (meter.integrated, meter.momentary_max, meter.short_term_max):
        assert loudness == pytest.approx(level, abs=LOW_RATES.get(rate, TOLERANCE))
    assert meter.loudness_range == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    "levels",
    [
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_cases_3_to_5_the_gates_leave_out_what_is_quiet(levels: list[tuple[float, float]]) -> None:
    song = tone(*levels)
    assert measure(song).integrated == pytest.approx(-23, abs=TOLERANCE)
    assert measure(song).integrated == pytest.approx(pyloudnorm.Meter(RATE).integrated_loudness(song), abs=TOLERANCE)


@pytest.mark.parametrize("layout", ["5.0", "5.1"])
def test_case_6_surround_channels_have_their_weights_and_lfe_none(layout: str) -> None:
    levels = [-28.0, -28.0, -24.0, -30.0, -30.0]
    song = np.hstack([tone((level, 20), channels=1) for level in levels])
    if layout == "5.1":
        song = np.insert(song, 3, song[:, 2], axis=1)
    assert measure(song).integrated == pytest.approx(-23, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("channels", "weights"),
    [
        (3, (1, 1, 1)),
        (4, (1, 1, 1.41, 1.41)),
        (7, (1, 1, 1, 0, 1, 1.41, 1.41)),
        (8, (1, 1, 1, 0, 1, 1, 1.41, 1.41)),
        (10, (1,) * 10),
    ],
)
def test_each_channel_counts_by_its_place(channels: int, weights: tuple[float, ...]) -> None:
    sound = tone((-23, 1), channels=1)
    alone = measure(sound).integrated
    for k, weight in enumerate(weights):
        song = np.zeros((len(sound), channels), np.float32)
        song[:, k : k + 1] = sound
        expected = alone + 10 * np.log10(weight) if weight else -math.inf
        assert measure(song).integrated == pytest.approx(expected, abs=0.02)


def test_case_9_short_term_loudness_is_steady_over_what_repeats_within_3_s() -> None:
    meter = measure(tone(*[(-20, 1.34), (-30, 1.66)] * 5))
    assert meter.short_term_max == pytest.approx(-23, abs=TOLERANCE)


@pytest.mark.parametrize("k", range(0, 20, 3))
def test_case_10_short_term_maximum_is_found_wherever_it_begins(k: int) -> None:
    silence = -math.inf
    meter = measure(tone((silence, 0.15 * k), (-23, 3), (silence, 1)))
    assert meter.short_term_max == pytest.approx(-23, abs=TOLERANCE)


def test_case_12_momentary_loudness_is_steady_over_what_repeats_within_400_ms() -> None:
    meter = measure(tone(*[(-20, 0.18), (-30, 0.22)] * 25))
    assert meter.momentary_max == pytest.approx(-23, abs=TOLERANCE)


@pytest.mark.parametrize("k", range(20))
def test_case_13_momentary_maximum_is_found_wherever_it_begins(k: int) -> None:
    silence = -math.inf
    meter = measure(tone((silence, 0.02 * k), (-23, 0.4), (silence, 1)))
    assert meter.momentary_max == pytest.approx(-23, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("cycle", "phase", "amplitude", "expected"),
    [(4, 0.0, 0.5, -6.0), (4, 45.0, 0.5, -6.0), (6, 60.0, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45.0, 1.41, 3.0)],
)
def test_cases_15_to_19_peaks_between_samples(cycle: int, phase: float, amplitude: float, expected: float) -> None:
    time = np.arange(RATE)
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 480)
    song = fade * amplitude * np.sin(2 * np.pi * time / cycle + np.radians(phase))
    meter = measure(np.stack([song, 0 * song], axis=1).astype(np.float32))
    assert meter.true_peak == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("offset", range(4))
def test_cases_20_to_23_a_short_peak_at_any_place_between_samples(offset: int) -> None:
    # A cycle of a quarter of the rate and full scale within a tone of half of it, at four times the rate, every fourth
    # sample of which is taken.
    fine = np.arange(4 * 4800)
    inside = (fine >= 9600) & (fine < 9616)
    song = np.where(inside, 1.0, 0.5) * np.sin(2 * np.pi * fine / 16)
    edges = np.fft.rfft(song * np.sin(np.pi * fine / len(fine)) ** 0.1)
    edges[len(edges) // 4 :] = 0
    limited = np.fft.irfft(edges)
    meter = measure(limited[offset::4, None].astype(np.float32))
    assert meter.true_peak == pytest.approx(20 * np.log10(np.abs(limited).max()), abs=0.2)


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_true_peak_of_noise_is_that_of_finer_oversampling(rate: int) -> None:
    lowpass = scipy.signal.butter(8, 0.25 * rate, fs=rate, output="sos")
    fade = scipy.signal.windows.tukey(rate, 0.1)
    song = fade * scipy.signal.sosfiltfilt(lowpass, np.random.default_rng(2).standard_normal(rate))
    fine = scipy.signal.resample(song, 16 * rate)
    found = measure(song[:, None].astype(np.float32), rate).true_peak
    assert found == pytest.approx(20 * np.log10(np.abs(fine).max()), abs=0.2)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20), ([-50, -35, -20, -35, -50], 15)],
)
def test_tech_3342_the_range_of_steps(levels: list[float], expected: float) -> None:
    assert measure(tone(*[(level, 20) for level in levels])).loudness_range == pytest.approx(expected, abs=0.5)


def test_filters_are_those_that_the_recommendation_prints() -> None:
    head = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    ear = [1, -2, 1, 1, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [head, ear], atol=1e-9)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_integrated_loudness_is_that_of_an_independent_meter(rate: int, channels: int) -> None:
    song = music(rate, channels)
    oracle = pyloudnorm.Meter(rate, filter_class="DeMan")
    assert measure(song, rate).integrated == pytest.approx(oracle.integrated_loudness(song), abs=0.06)
    assert measure(song, rate).integrated == pytest.approx(pyloudnorm.Meter(rate).integrated_loudness(song), abs=0.1)


@pytest.mark.parametrize("rate", [1, 50, 1_000, 3_364, 4_000])
def test_rates_below_the_filters_give_sensible_levels(rate: int) -> None:
    song = music(rate, 2, 20)
    power = 10 * np.log10(2 * np.mean(song**2))
    assert measure(song, rate).integrated < power + 4
    assert measure(song, rate).true_peak < 10


def test_range_is_that_of_an_independent_meter() -> None:
    song = music(RATE, 2, 30) * np.linspace(0.05, 1, 30 * RATE, dtype=np.float32)[:, None]
    assert measure(song).loudness_range == pytest.approx(pyloudnorm.Meter(RATE).loudness_range(song), abs=0.5)


@pytest.mark.parametrize("rate", [11_025, 44_100])
def test_blocks_of_any_size_give_the_same(rate: int) -> None:
    song = music(rate, 2, 5)
    whole = measure(song, rate, block=len(song))
    for block in (97, 4_410, 10_000):
        found = measure(song, rate, block=block)
        for name in ("integrated", "momentary_max", "short_term_max", "loudness_range", "true_peak"):
            assert getattr(found, name) == pytest.approx(getattr(whole, name), abs=1e-5), name


def test_results_may_be_asked_for_at_any_time() -> None:
    song = tone((-23, 10))
    meter = measure(song[: 5 * RATE])
    before = meter.true_peak, meter.integrated
    assert (meter.true_peak, meter.integrated) == before
    meter.push(song[5 * RATE :])
    assert meter.true_peak == pytest.approx(measure(song).true_peak, abs=1e-5)


def test_the_last_samples_count_in_the_true_peak() -> None:
    song = np.zeros((100, 1), np.float32)
    song[-2:] = [[0.5], [0.5]]
    assert measure(song).true_peak > -4.5


@pytest.mark.parametrize("seconds", [0, 0.001, 0.3, 10])
def test_silence_has_no_loudness(seconds: float) -> None:
    meter = measure(np.zeros((round(seconds * RATE), 2), np.float32))
    levels = meter.integrated, meter.momentary_max, meter.short_term_max, meter.true_peak
    assert levels == (-math.inf,) * 4
    assert meter.loudness_range == 0


def test_levels_beyond_full_scale_are_measured() -> None:
    assert measure(tone((40, 4))).integrated == pytest.approx(40, abs=TOLERANCE)


def test_memory_does_not_grow_with_the_song() -> None:
    meter = LoudnessMeter(8_000, 2)
    block = music(8_000, 2, 10)
    meter.push(block)
    tracemalloc.start()
    try:
        for _ in range(30):
            meter.push(block)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20_000


@pytest.mark.parametrize(
    ("loudness", "true_peak", "expected"),
    [(-30.0, -20.0, 7.0), (-10.0, 0.5, -13.0), (-30.0, -4.0, 3.0), (-math.inf, -math.inf, 0.0)],
)
def test_gain_reaches_the_loudness_below_the_ceiling(loudness: float, true_peak: float, expected: float) -> None:
    assert loudness_gain(loudness, true_peak, target=-23.0, ceiling=-1.0) == pytest.approx(expected)

"""Silences are found to the sample, whatever the blocks they come in."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.dsp.silence import SilenceMeter

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

SOUND, QUIET = 0.5, 0.0005
"""-6 and -66 dBFS."""


def song(*parts: tuple[float, int], channels: int = 2) -> FloatArray:
    """A square wave of these magnitudes for so many samples each."""
    magnitude = np.concatenate([np.full(samples, level, np.float32) for level, samples in parts])
    magnitude[1::2] *= -1
    return np.repeat(magnitude[:, None], channels, axis=1)


def measure(samples: FloatArray, *, threshold: float = -60, shortest: int = 100, block: int = 10_000) -> SilenceMeter:
    meter = SilenceMeter(threshold, shortest)
    for start in range(0, len(samples), block):
        meter.push(samples[start : start + block])
    return meter


@pytest.mark.parametrize("block", [1, 7, 100, 10_000])
def test_silences_lie_where_no_sample_reaches_the_threshold(block: int) -> None:
    meter = measure(
        song((QUIET, 150), (SOUND, 200), (0, 100), (SOUND, 1), (QUIET, 99), (SOUND, 50), (0, 400)), block=block
    )
    assert meter.silences == [(0, 150), (350, 450), (600, 1000)]
    assert meter.ratio == pytest.approx(0.65)
    assert meter.sound == (150, 600)


def test_what_is_shorter_is_no_silence_but_no_sound_either() -> None:
    meter = measure(song((QUIET, 99), (SOUND, 10), (QUIET, 99)))
    assert meter.silences == []
    assert meter.ratio == 0
    assert meter.sound == (99, 109)


def test_one_channel_that_sounds_is_enough() -> None:
    samples = song((0, 300))
    samples[150, 1] = -SOUND
    assert measure(samples).silences == [(0, 150), (151, 300)]


def test_a_sample_at_the_threshold_is_sound() -> None:
    samples = np.full((200, 1), 0.1, np.float32)
    assert measure(samples, threshold=-20.0001).silences == []
    assert measure(samples, threshold=-19.9999).silences == [(0, 200)]


@pytest.mark.parametrize(
    ("samples", "silences", "ratio"), [(0, [], 0.0), (99, [], 0.0), (100, [(0, 100)], 1.0), (5000, [(0, 5000)], 1.0)]
)
def test_a_song_without_sound(samples: int, silences: list[tuple[int, int]], ratio: float) -> None:
    meter = measure(np.zeros((samples, 2), np.float32), block=64)
    assert (meter.silences, meter.ratio, meter.sound) == (silences, ratio, (0, 0))


def test_a_song_without_silence() -> None:
    meter = measure(song((SOUND, 1000)))
    assert (meter.silences, meter.ratio, meter.sound) == ([], 0.0, (0, 1000))


def test_every_silence_counts_where_one_sample_is_enough() -> None:
    assert measure(song((SOUND, 1), (0, 1), (SOUND, 1)), shortest=0).silences == [(1, 2)]


def test_results_may_be_asked_for_at_any_time() -> None:
    meter = SilenceMeter(-60, 100)
    meter.push(song((SOUND, 10), (0, 200)))
    assert meter.silences == [(10, 210)]
    meter.push(song((0, 90), (SOUND, 10)))
    assert meter.silences == [(10, 300)]


def test_memory_grows_with_silences_only() -> None:
    meter = SilenceMeter(-60, 100)
    block = song((SOUND, 5000), (0, 5000))
    meter.push(block)
    tracemalloc.start()
    try:
        for _ in range(200):
            meter.push(block)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 16 * 200 + 5_000

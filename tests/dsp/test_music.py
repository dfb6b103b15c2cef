"""Tempo and key of songs that were made with them, and spectra as librosa sees them whole."""

from __future__ import annotations

import sys
import tracemalloc
from typing import TYPE_CHECKING

import librosa
import numpy as np
import pytest

from spleeter_nb.dsp.music import MusicFeatures, MusicMeter
from spleeter_nb.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

RATE = 22_050

MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
KEYS = [f"{name} {mode}" for mode, names in (("major", MAJOR), ("minor", MINOR)) for name in names]


def drums(tempo: float, seconds: float, *, rate: int = RATE) -> FloatArray:
    """A click on each beat, and a deep one on every other."""
    song, length = np.zeros(round(seconds * rate)), round(0.08 * rate)
    time = np.arange(length) / rate
    noise = np.random.default_rng(0).standard_normal(length)
    for beat, start in enumerate(np.arange(0, seconds - 0.1, 60 / tempo)):
        at = round(start * rate)
        sound = 0.3 * noise + (0.9 * np.sin(2 * np.pi * 60 * time) if beat % 2 == 0 else 0)
        song[at : at + length] += np.exp(-40 * time) * sound
    return song.astype(np.float32)[:, None]


def chords(key: str, seconds: float, *, rate: int = RATE, detuned: float = 0.0) -> FloatArray:
    """Tonic, subdominant, dominant, tonic, each for two seconds; `detuned` in semitones."""
    name, mode = key.split()
    tonic = (MAJOR if mode == "major" else MINOR).index(name)
    third = {"major": 4, "minor": 3}[mode]
    steps = [(0, third), (5, third), (7, 4), (0, third)]
    time = np.arange(2 * rate) / rate
    envelope = np.minimum(1, 50 * np.minimum(time, time[::-1]))
    bars = []
    for root, above in steps:
        notes = [tonic + root + interval + detuned for interval in (0, above, 7)]
        tones = [np.sin(2 * np.pi * h * 261.6256 * 2 ** (note / 12) * time) / h for note in notes for h in range(1, 6)]
        bars.append(0.08 * envelope * np.sum(tones, axis=0))
    return np.resize(np.concatenate(bars), round(seconds * rate)).astype(np.float32)[:, None]


def hissing(song: FloatArray) -> FloatArray:
    return song + 0.05 * np.random.default_rng(1).standard_normal(song.shape).astype(np.float32)


def measure(song: FloatArray, rate: int = RATE, *, block: int = 65_536) -> MusicFeatures:
    meter = MusicMeter(rate)
    for start in range(0, len(song), block):
        meter.push(song[start : start + block])
    return meter.features()


@pytest.mark.parametrize("tempo", [60, 66, 72, 80, 90, 97.3, 110, 120, 128, 133, 140, 150, 160, 170])
def test_tempo_is_found_within_half_a_percent(tempo: float) -> None:
    assert measure(drums(tempo, 15)).tempo == pytest.approx(tempo, rel=0.005)


def test_tempo_of_a_few_seconds_is_found_within_2_percent() -> None:
    assert measure(drums(100, 4)).tempo == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize("key", KEYS)
def test_key_is_found(key: str) -> None:
    found = measure(chords(key, 8))
    assert found.key == key
    assert found.key_strength is not None
    assert 0.6 < found.key_strength <= 1


@pytest.mark.parametrize("detuned", [-0.4, 0.4])
def test_key_is_found_where_a_song_is_tuned_otherwise(detuned: float) -> None:
    assert measure(chords("Eb minor", 8, detuned=detuned)).key == "Eb minor"


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_rate_and_channels_change_nothing(rate: int) -> None:
    song = chords("F# minor", 10, rate=rate) + drums(112, 10, rate=rate)
    found = measure(np.hstack([song, song]), rate)
    assert found.tempo == pytest.approx(112, rel=0.02)
    assert found.key == "F# minor"


def test_spectral_means_are_those_of_librosa() -> None:
    song = hissing(chords("C major", 30))
    found = measure(song)
    magnitudes = np.abs(librosa.stft(song[:, 0]))
    feature = librosa.feature
    assert found.centroid == pytest.approx(feature.spectral_centroid(S=magnitudes).mean(), rel=1e-4)
    assert found.bandwidth == pytest.approx(feature.spectral_bandwidth(S=magnitudes).mean(), rel=1e-4)
    assert found.rolloff == pytest.approx(feature.spectral_rolloff(S=magnitudes).mean(), rel=1e-4)
    assert found.flatness == pytest.approx(feature.spectral_flatness(S=magnitudes).mean(), rel=1e-4)


def test_silence_between_sounds_changes_no_mean() -> None:
    sound = hissing(chords("C major", 8))
    pause = np.zeros((20 * RATE, 1), np.float32)
    alone, apart = measure(sound), measure(np.concatenate([sound, pause, sound]))
    for name in ("centroid", "bandwidth", "rolloff", "flatness"):
        assert getattr(apart, name) == pytest.approx(getattr(alone, name), rel=0.03), name


def test_blocks_of_any_size_give_the_same() -> None:
    song = chords("G major", 40) + drums(95, 40)
    whole = measure(song, block=len(song))
    for block in (4_410, 300_000):
        found = measure(song, block=block)
        assert found.key == whole.key
        assert found.tempo == pytest.approx(whole.tempo, rel=1e-3)
        assert found.centroid == pytest.approx(whole.centroid, rel=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 1_000, 30 * RATE])
def test_silence_has_no_features(samples: int) -> None:
    assert measure(np.zeros((samples, 2), np.float32)) == MusicFeatures(*[None] * 7)


@pytest.mark.parametrize("samples", [1, 100, 1_024, 5_000, 3 * RATE])
@pytest.mark.parametrize("kind", ["constant", "deep", "noise", "click", "end"])
def test_what_is_no_music_is_no_error(kind: str, samples: int) -> None:
    sounds = {
        "constant": np.full(samples, 0.5),
        "deep": 0.5 * np.sin(2 * np.pi * 30 * np.arange(samples) / RATE),
        "noise": np.random.default_rng(3).uniform(-0.5, 0.5, samples),
        "click": np.eye(1, samples, samples // 2)[0],
        "end": np.eye(1, samples, samples - 1)[0],
    }
    found = measure(sounds[kind].astype(np.float32)[:, None])
    assert found.tempo is None or 20 < found.tempo < 320


def test_memory_does_not_grow_with_the_song() -> None:
    meter = MusicMeter(RATE)
    block = drums(100, 12)
    for _ in range(3):
        meter.push(block)
    tracemalloc.start()
    try:
        meter.push(block)
        _, once = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(10):
            meter.push(block)
        _, often = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert often < once + 2**20


def test_librosa_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(MissingDependencyError, match=r"spleeter-nb\[features\]"):
        MusicMeter(RATE)

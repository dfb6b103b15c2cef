"""Spectrograms against librosa's, for signals whose spectra are known, and as bytes."""

from __future__ import annotations

import tracemalloc
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spleeter_nb.dsp.spectrogram import CHANNELS, Spectrogram, decibels, max_pooled, quantised
from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from spleeter_nb.dsp.spectrogram import Read
    from spleeter_nb.values import FloatArray

RATE = 8000
TIME = np.arange(RATE) / RATE
SIGNALS = {
    "tone": np.stack([0.5 * np.sin(2 * np.pi * 440 * TIME), 0.1 * np.cos(2 * np.pi * 1000 * TIME)], axis=1),
    "sweep": np.stack([scipy.signal.chirp(TIME, 20, 1, 4000), 0.3 * scipy.signal.chirp(TIME, 3000, 1, 100)], axis=1),
    "impulse": np.where(np.arange(RATE)[:, None] == [3000, 5001], 1.0, 0.0),
    "noise": np.random.default_rng(0).normal(0, 0.1, (RATE, 2)),
}


def read_of(samples: FloatArray) -> Read:
    """Give samples, and insist on being asked only for what there is."""

    def read(first: int, stop: int) -> FloatArray:
        assert 0 <= first < stop <= len(samples)
        return samples[first:stop]

    return read


def whole(spectrogram: Spectrogram, samples: FloatArray) -> FloatArray:
    columns = spectrogram.columns(len(samples))
    return spectrogram.power(read_of(samples), 0, columns, samples=len(samples))


def by_librosa(spectrogram: Spectrogram, samples: FloatArray) -> FloatArray:
    import librosa  # noqa: PLC0415 - takes seconds

    left, right = samples.T
    channel = {
        "mean": samples.T,
        "left": left,
        "right": right,
        "mid": librosa.to_mono(samples.T),
        "side": (left - right) / 2,
    }[spectrogram.channel]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=.* is too large")
        spectrum = librosa.stft(
            np.atleast_2d(channel),
            n_fft=spectrogram.n_fft,
            hop_length=spectrogram.hop_length,
            window=spectrogram.window,
            center=True,
            pad_mode="constant",
        )
    full = scipy.signal.get_window(spectrogram.window, spectrogram.n_fft).sum() / 2
    mean: FloatArray = np.mean(np.abs(spectrum / full) ** 2, axis=0).T
    return mean


def assert_equal(found: FloatArray, expected: FloatArray) -> None:
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    found, expected = np.sqrt(found), np.sqrt(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * max(1, expected.max()))


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("signal", SIGNALS)
def test_equals_librosa(signal: str, channel: str) -> None:
    spectrogram = Spectrogram(channel=channel)
    samples = SIGNALS[signal].astype(np.float32)
    assert_equal(whole(spectrogram, samples), by_librosa(spectrogram, samples))


@pytest.mark.parametrize("samples", [1, 2, 15, 256, 300, 301, 5000, RATE])
@pytest.mark.parametrize(
    ("n_fft", "hop_length", "window"),
    [
        (4096, 1024, "hann"),
        (16, 1, "boxcar"),
        (64, 48, "hamming"),
        (300, 100, "blackman"),
        (1000, 301, "flattop"),
        (2048, 2048, "triang"),
        (65_536, 4000, "hann"),
    ],
)
def test_equals_librosa_whatever_the_frames(n_fft: int, hop_length: int, window: str, samples: int) -> None:
    spectrogram = Spectrogram(n_fft=n_fft, hop_length=hop_length, window=window)
    noise = SIGNALS["noise"][:samples].astype(np.float32)
    assert_equal(whole(spectrogram, noise), by_librosa(spectrogram, noise))


def test_odd_frames_have_their_centre_where_librosa_has_it() -> None:
    spectrogram = Spectrogram(n_fft=301, hop_length=100)
    noise = SIGNALS["noise"][:5050].astype(np.float32)
    assert_equal(whole(spectrogram, noise), by_librosa(spectrogram, noise))


@pytest.mark.parametrize(("first", "stop"), [(0, 1), (0, 7), (3, 40), (60, 63), (62, 63)])
def test_a_part_equals_the_same_of_the_whole(first: int, stop: int) -> None:
    spectrogram = Spectrogram(n_fft=1000, hop_length=128)
    samples = SIGNALS["sweep"].astype(np.float32)
    expected = whole(spectrogram, samples)[first:stop]
    read = read_of(samples)
    np.testing.assert_allclose(spectrogram.power(read, first, stop, samples=RATE), expected, rtol=1e-5, atol=1e-12)
    columns = np.arange(first, stop)[::-1]
    found = spectrogram.power_at(read, columns, samples=RATE)[::-1]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)


def test_a_song_without_samples_is_one_silent_column() -> None:
    spectrogram = Spectrogram(n_fft=64, hop_length=16)
    assert not whole(spectrogram, np.empty((0, 2), np.float32)).any()


@pytest.mark.parametrize("window", ["hann", "boxcar", "flattop", "blackmanharris"])
def test_a_full_scale_sine_is_0_db(window: str) -> None:
    samples = np.sin(2 * np.pi * 1000 * TIME).astype(np.float32)[:, None].repeat(2, axis=1)
    power = whole(Spectrogram(n_fft=512, hop_length=256, window=window), samples)
    assert power[15, 64] == pytest.approx(1, abs=1e-4)
    assert power[15].argmax() == 64


def test_usual_values_are_those_of_the_models() -> None:
    usual = Spectrogram()
    assert (usual.n_fft, usual.hop_length, usual.window, usual.channel) == (4096, 1024, "hann", "mean")
    assert (usual.n_bins, usual.columns(0), usual.columns(1023), usual.columns(1024)) == (2049, 1, 1, 2)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"n_fft": 15}, "n_fft is 15; allowed: a whole number of samples, 16 to 65536"),
        ({"n_fft": 65_537}, "n_fft is 65537"),
        ({"n_fft": 1024.0}, "n_fft is 1024.0"),
        ({"n_fft": True}, "n_fft is True"),
        ({"n_fft": "4096"}, "n_fft is 4096"),
        ({"hop_length": 0}, "hop_length is 0; allowed: a whole number of samples, 1 to 4096"),
        ({"hop_length": 4097}, "hop_length is 4097"),
        ({"hop_length": None}, "hop_length is None"),
        ({"window": "hanning_"}, "Did you mean 'hann"),
        ({"window": "haming"}, "Did you mean 'hamming'"),
        ({"window": "kaiser"}, "blackman, flattop, boxcar."),
        ({"window": "get_window"}, "takes no parameters"),
        ({"window": "nan"}, "window is 'nan'"),
        ({"window": 3}, "window is '3'"),
        ({"window": ("kaiser", 3)}, "takes no parameters"),
        ({"channel": "middle"}, "Did you mean 'mid'"),
        ({"channel": 0}, "allowed: mean, left, right, mid, side"),
    ],
)
def test_what_is_not_allowed_is_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Spectrogram(**settings)
    assert text in str(caught.value)
    assert caught.value.context == settings
    assert not any(f"Did you mean {value!r}" in str(caught.value) for value in settings.values())


def test_numbers_of_numpy_are_numbers() -> None:
    spectrogram = Spectrogram(n_fft=np.int64(64), hop_length=np.int32(16))
    assert type(spectrogram.n_fft) is type(spectrogram.hop_length) is int


@pytest.mark.parametrize("full_db", [3.0, 12.5])
def test_bytes_are_right_within_a_quarter_of_a_decibel(full_db: float) -> None:
    db = np.linspace(full_db - 127.2, full_db + 0.2, 10_000, dtype=np.float32)
    found = decibels(quantised(10 ** (db / 10), full_db), full_db)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, db, rtol=0, atol=0.2501)


@pytest.mark.parametrize(
    ("power", "byte"), [(0, 0), (1e-13, 0), (1e-12, 11), (10**-12.7, 0), (1, 251), (2, 255), (1e30, 255)]
)
def test_what_is_beyond_the_range_of_bytes(power: float, byte: int) -> None:
    # 1e-12 is -120 dB, 122 below full_db.
    (found,) = quantised(np.array([power], np.float32), 2.0)
    assert found == byte
    assert (decibels(found, 2.0) == -np.inf) == (byte == 0)


powers = arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 5)), elements=st.floats(0, 2, width=32))


@given(power=powers, factor=st.integers(1, 24))
def test_pooling_takes_the_maximum_before_or_after_quantising(power: FloatArray, factor: int) -> None:
    expected = np.stack([power[start : start + factor].max(axis=0) for start in range(0, len(power), factor)])
    pooled = max_pooled(power, factor)
    np.testing.assert_array_equal(pooled, expected)
    np.testing.assert_array_equal(max_pooled(quantised(power, 3.0), factor), quantised(pooled, 3.0))


def test_only_a_block_is_in_memory_beside_samples_and_result() -> None:
    samples = np.zeros((60 * RATE, 2), np.float32)
    spectrogram = Spectrogram(n_fft=512, hop_length=128)
    tracemalloc.start()
    power = whole(spectrogram, samples)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < samples.nbytes + power.nbytes + 3_000_000

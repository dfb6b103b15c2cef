"""The transform against its inverse, through segments as the engine runs it, and against independent ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from spleeter_nb.dsp.segments import OverlapAdd, Segmentation
from spleeter_nb.dsp.stft import Stft, hann

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

SMALL = Segmentation(n_fft=64, hop_length=16, frames=16)


def noise(samples: int, channels: int = 2) -> FloatArray:
    return np.random.default_rng(samples).standard_normal((samples, channels)).astype(np.float32)


def back_and_forth(song: FloatArray, segmentation: Segmentation, *, block: int) -> FloatArray:
    """Transform a song, (samples, channels), segment by segment, and join the inverses."""
    stft, joined = Stft(segmentation.n_fft, segmentation.hop_length), OverlapAdd(segmentation)
    blocks = (song[start : start + block] for start in range(0, len(song), block))
    parts = []
    for segment in segmentation.cut(blocks, song.shape[1]):
        spectrum = stft.forward(segment.samples)
        weights = np.broadcast_to(segment.weights[:, None], spectrum.shape)
        parts.append(joined.push(stft.inverse(spectrum, mask=weights), segment))
    return np.concatenate(parts, axis=-1).T


def relative_error(found: FloatArray, true: FloatArray) -> float:
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.25, 0.5])
@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(1, id="one_sample"),
        pytest.param(40, id="under_a_window"),
        pytest.param(SMALL.n_fft, id="one_window"),
        pytest.param(SMALL.frames * SMALL.hop_length - SMALL.n_fft, id="exactly_a_segment"),
        pytest.param(SMALL.frames * SMALL.hop_length - SMALL.n_fft + 1, id="a_segment_and_a_sample"),
        pytest.param(SMALL.span, id="one_span"),
        pytest.param(5 * SMALL.frames * SMALL.hop_length + 3, id="several_segments"),
    ],
)
def test_inverse_gives_the_song_back(samples: int, overlap: float) -> None:
    segmentation = Segmentation(64, 16, frames=16, overlap=int(16 * overlap))
    song = noise(samples)
    found = back_and_forth(song, segmentation, block=100)
    assert found.shape == song.shape
    assert found.dtype == np.float32
    assert relative_error(found, song) < 1e-6


@settings(max_examples=100, deadline=None)
@given(
    samples=st.integers(1, 1500),
    block=st.integers(1, 1600),
    overlap=st.integers(0, 8),
    channels=st.integers(1, 3),
)
def test_any_length_in_any_blocks_comes_back(samples: int, block: int, overlap: int, channels: int) -> None:
    song = noise(samples, channels)
    found = back_and_forth(song, Segmentation(64, 16, frames=16, overlap=overlap), block=block)
    assert found.shape == song.shape
    assert relative_error(found, song) < 1e-6


@pytest.mark.parametrize("overlap", [0, 51, 128, 256])
def test_a_song_in_segments_as_long_as_those_of_spleeter_comes_back(overlap: int) -> None:
    song = noise(700_000)
    found = back_and_forth(song, Segmentation(4096, 1024, frames=512, overlap=overlap), block=65_536)
    assert relative_error(found, song) < 1e-6


@pytest.mark.parametrize(("n_fft", "hop_length", "gain"), [(512, 128, 1.0), (2048, 512, 1.0), (512, 64, 2.0)])
def test_gain_is_two_thirds_of_the_sum_of_the_squared_windows(n_fft: int, hop_length: int, gain: float) -> None:
    song = noise(10_000)
    found = back_and_forth(song, Segmentation(n_fft, hop_length, frames=64, overlap=16), block=3000)
    assert relative_error(found, np.float32(gain) * song) < 1e-6


def test_gain_follows_the_windows_where_their_sum_is_not_constant() -> None:
    song = noise(5000)
    found = back_and_forth(song, Segmentation(512, 256, frames=8), block=1000)
    squared = scipy.signal.windows.hann(512, sym=False) ** 2
    gain = 2 / 3 * np.resize(squared[:256] + squared[256:], len(song))
    assert relative_error(found, (gain[:, None] * song).astype(np.float32)) < 1e-6


@pytest.mark.parametrize(("n_fft", "hop_length", "frames"), [(4096, 1024, 50), (512, 128, 7), (256, 128, 16)])
def test_spectrum_is_that_of_scipy(n_fft: int, hop_length: int, frames: int) -> None:
    samples = np.ascontiguousarray(noise((frames - 1) * hop_length + n_fft).T)
    window = scipy.signal.windows.hann(n_fft, sym=False)
    independent = scipy.signal.ShortTimeFFT(window, hop_length, fs=1, phase_shift=None)
    # SciPy counts frames by their middle.
    first = n_fft // 2 // hop_length
    expected = independent.stft(samples.astype(np.float64), p0=first, p1=first + frames).swapaxes(1, 2)
    found = Stft(n_fft, hop_length).forward(samples)
    assert found.shape == (2, frames, n_fft // 2 + 1)
    assert found.dtype == np.complex64
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


def test_spectrum_is_that_of_the_definition() -> None:
    n_fft, hop_length, frames = 32, 8, 5
    samples = noise((frames - 1) * hop_length + n_fft, 1).T
    n, f = np.arange(n_fft), np.arange(n_fft // 2 + 1)
    kernel = np.exp(-2j * np.pi * np.outer(n, f) / n_fft) * (0.5 - 0.5 * np.cos(2 * np.pi * n / n_fft))[:, None]
    expected = np.stack([samples[0, t * hop_length :][:n_fft] @ kernel for t in range(frames)])
    found = Stft(n_fft, hop_length).forward(samples)[0]
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


def test_segments_together_are_the_spectrum_of_the_song_behind_a_frame_of_zeros() -> None:
    song, stft = noise(1000), Stft(64, 16)
    parts = [stft.forward(segment.samples) for segment in SMALL.cut([song], 2)]
    found = np.concatenate(parts, axis=1)
    behind = found.shape[1] * 16 + 48 - 64 - len(song)
    whole = np.concatenate([np.zeros((64, 2), np.float32), song, np.zeros((behind, 2), np.float32)])
    np.testing.assert_array_equal(found, stft.forward(np.ascontiguousarray(whole.T)))


def test_fewer_bins_are_the_lowest() -> None:
    samples, stft = noise(SMALL.span).T, Stft(64, 16)
    np.testing.assert_array_equal(stft.forward(samples, n_bins=20), stft.forward(samples)[..., :20])


def test_missing_bins_are_taken_as_zero() -> None:
    stft = Stft(64, 16)
    spectrum = stft.forward(noise(SMALL.span).T)
    without = spectrum.copy()
    without[..., 20:] = 0
    np.testing.assert_array_equal(stft.inverse(spectrum[..., :20]), stft.inverse(without))


def test_mask_is_multiplied_on_the_way() -> None:
    stft = Stft(64, 16)
    spectrum = stft.forward(noise(SMALL.span).T)
    mask = np.random.default_rng(1).random(spectrum.shape, np.float32)
    np.testing.assert_array_equal(stft.inverse(spectrum, mask=mask), stft.inverse(spectrum * mask))


@pytest.mark.parametrize("n_fft", [8, 512, 4096])
def test_window_is_a_periodic_hann_window(n_fft: int) -> None:
    window = hann(n_fft)
    np.testing.assert_allclose(window, scipy.signal.windows.hann(n_fft, sym=False), atol=1e-7)
    shifted = window.reshape(4, -1)
    np.testing.assert_allclose((shifted**2).sum(axis=0), 1.5, rtol=1e-6)
    np.testing.assert_allclose(shifted.sum(axis=0), 2.0, rtol=1e-6)

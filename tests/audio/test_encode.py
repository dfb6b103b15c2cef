"""Sound as bytes: FLAC is the samples, MP3 is as long as they are, and not late."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from spleeter_nb.audio import open_audio
from spleeter_nb.audio.encode import flac_bytes, mp3_bytes
from spleeter_nb.demo import demo_song


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    song = demo_song()
    return np.ascontiguousarray(sum(song.references[name] for name in ("vocals", "accompaniment")))[: 5 * 44_100]


def decoded(data: bytes) -> tuple[np.ndarray, int]:
    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)


@pytest.mark.parametrize("frames", [1, 15, 16, 17, 4096, 220_500])
@pytest.mark.parametrize("channels", [1, 2])
def test_flac_is_the_samples_to_half_a_step(frames: int, channels: int, sound: np.ndarray) -> None:
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, (frames, channels)).astype(np.float32)
    read, rate = decoded(flac_bytes(samples, 44_100))
    assert rate == 44_100
    np.testing.assert_allclose(read, samples, rtol=0, atol=0.5 / 32_768 + 1e-7)
    exact, _ = decoded(flac_bytes(sound[:frames], 44_100))
    np.testing.assert_array_equal(exact, sound[:frames])


@pytest.mark.parametrize("sample_rate", [3000, 8000, 11_025, 44_100, 96_000, 192_000, 384_000])
def test_flac_has_every_rate(sample_rate: int) -> None:
    read, rate = decoded(flac_bytes(np.zeros((100, 2), np.float32), sample_rate))
    assert (rate, read.shape) == (sample_rate, (100, 2))


def test_what_is_beyond_full_scale_is_cut_off_and_never_wraps() -> None:
    loud = np.array([[2.0, -2.0], [1.0, -1.0]], np.float32)
    read, _ = decoded(flac_bytes(loud, 44_100))
    np.testing.assert_allclose(read, [[1, -1], [1, -1]], atol=1 / 32_768)
    read, _ = decoded(mp3_bytes(np.tile(loud, (5000, 1)), 44_100, bit_rate=128_000))
    assert np.abs(read).max() < 1.5


@pytest.mark.parametrize(("sample_rate", "channels", "bit_rate"), [(24_000, 1, 40_000), (44_100, 2, 128_000)])
@pytest.mark.parametrize("frames", [1, 46, 300, 1000, 1153, 100_000])
def test_mp3_is_as_long_as_the_samples_and_in_time(
    frames: int, sample_rate: int, channels: int, bit_rate: int, sound: np.ndarray
) -> None:
    data = mp3_bytes(sound[:frames, :channels], sample_rate, bit_rate=bit_rate)
    assert len(data) < frames / sample_rate * bit_rate / 8 + 3000
    with open_audio(data) as reader:
        read = np.concatenate(list(reader.blocks(1 << 16)))
    assert read.shape == (frames, channels)
    if frames == 100_000:
        lags = np.correlate(read[:60_000, 0], sound[2000:40_000, 0], "valid")
        assert np.argmax(lags) == 2000


def test_an_mp3_begins_with_the_header_that_tells_the_padding(sound: np.ndarray) -> None:
    data = mp3_bytes(sound[:50_000, :1], 24_000, bit_rate=40_000)
    assert b"Info" in data[:200] or b"Xing" in data[:200]
    assert b"Lav" in data[:300] or b"LAME" in data[:300]

"""What tells one source from another, and how a change is noticed."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from spleeter_nb.audio import open_audio
from spleeter_nb.exceptions import AudioChangedError, SeparationCancelledError

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.values import AudioSource, FloatArray

RATE = 44_100


@pytest.fixture
def samples() -> FloatArray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (5000, 2)).astype(np.float32)


@pytest.fixture(params=["wav", "flac", "ogg"])
def song(request: pytest.FixtureRequest, samples: FloatArray, tmp_path: Path) -> Path:
    path = tmp_path / f"song.{request.param}"
    soundfile.write(path, samples, RATE)
    return path


def digest(source: AudioSource, sample_rate: int | None = None) -> str:
    with open_audio(source, sample_rate=sample_rate) as reader:
        return reader.content_digest()


def test_the_same_bytes_are_the_same_source(song: Path, tmp_path: Path) -> None:
    """A17."""
    renamed = tmp_path / "other.name"
    renamed.write_bytes(song.read_bytes())
    with song.open("rb") as file:
        file.seek(100)
        assert {digest(song), digest(renamed), digest(song.read_bytes()), digest(file)} == {digest(song)}


def test_hashing_does_not_disturb_the_decoding(song: Path) -> None:
    with open_audio(song) as plain, open_audio(song) as hashed, open_audio(io.BytesIO(song.read_bytes())) as memory:
        expected = np.concatenate(list(plain.blocks(1000)))
        for reader in (hashed, memory):
            reader.content_digest()
            np.testing.assert_array_equal(np.concatenate(list(reader.blocks(1000))), expected)
            reader.check_unchanged()


def test_any_change_is_another_source(samples: FloatArray) -> None:
    """A17."""
    changed = samples.copy()
    changed[-1, 1] += 1e-6
    others = {
        digest(array, rate)
        for array, rate in (
            (samples, RATE),
            (samples, 48_000),
            (samples[:-1], RATE),
            (samples[:, :1], RATE),
            (samples.astype(np.float64), RATE),
            (changed, RATE),
            ((samples * 32_767).astype(np.int16), RATE),
        )
    }
    assert len(others) == 7
    assert digest(np.asfortranarray(samples), RATE) == digest(samples, RATE)


def test_a_cancel_ends_the_hashing(song: Path) -> None:
    def stop() -> None:
        raise SeparationCancelledError("stop")

    with open_audio(song) as reader, pytest.raises(SeparationCancelledError):
        reader.content_digest(stop)


def test_an_array_or_a_file_object_that_changes_is_noticed(samples: FloatArray) -> None:
    with open_audio(samples, sample_rate=RATE) as reader:
        reader.check_unchanged()
        reader.content_digest()
        reader.check_unchanged()
        samples[7] = 0
        with pytest.raises(AudioChangedError, match="give a copy"):
            reader.check_unchanged()
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV")
    with open_audio(file) as reader:
        reader.content_digest()
        file.getbuffer()[1000] ^= 1
        with pytest.raises(AudioChangedError):
            reader.check_unchanged()


def test_a_file_that_changes_is_noticed(song: Path) -> None:
    with open_audio(song) as reader:
        reader.content_digest()
        os.utime(song, ns=(1, 1))
        with pytest.raises(AudioChangedError):
            reader.check_unchanged()

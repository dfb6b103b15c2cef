from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.audio import open_audio, probe
from spleeter_nb.audio.wav import WavEncoder

if TYPE_CHECKING:
    from pathlib import Path


class SparseFile(io.FileIO):
    """A file that takes four gigabytes of zeros and no room: zeros are sought over."""

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        if not np.frombuffer(data, np.uint8).any():
            self.seek(len(memoryview(data).cast("B")), io.SEEK_CUR)
            return len(memoryview(data).cast("B"))
        return super().write(data)


def test_a_file_beyond_4_gib_has_true_sizes(tmp_path: Path) -> None:
    """A10."""
    path = tmp_path / "long.wav"
    block = np.zeros((4_000_000, 8), np.float32)
    end = np.full((3, 8), 0.5, np.float32)
    with SparseFile(path, "w+b") as file:
        encoder = WavEncoder(file, sample_rate=48_000, channels=8, bit_depth="float")
        for _ in range(34):
            encoder.write(block)
        encoder.write(end)
        encoder.finish()
    assert path.stat().st_size > 2**32
    frames = 34 * len(block) + 3
    assert probe(path).frames == frames
    with open_audio(path) as reader:
        (last,) = reader.blocks(10, offset=(frames - 3) / 48_000)
    assert np.array_equal(last, end)


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_data_of_odd_size_is_padded(frames: int) -> None:
    file = io.BytesIO()
    encoder = WavEncoder(file, sample_rate=8_000, channels=1, bit_depth=24)
    encoder.write(np.full((frames, 1), 0.5, np.float32))
    encoder.finish()
    data = file.getvalue()
    assert len(data) % 2 == 0
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert data[-4 - 3 * frames - frames % 2 :][:4] == (3 * frames).to_bytes(4, "little")


def test_the_same_samples_make_the_same_bytes() -> None:
    def encoded() -> bytes:
        file = io.BytesIO()
        encoder = WavEncoder(file, sample_rate=8_000, channels=2, bit_depth="float")
        encoder.write(np.full((10, 2), 0.1, np.float32))
        encoder.finish()
        return file.getvalue()

    assert encoded() == encoded()

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from spleeter_nb.audio import open_audio, probe, read_blocks
from spleeter_nb.exceptions import AudioLimitError, EmptyAudioError, ValidationError

Samples = npt.NDArray[np.float32]


def test_blocks_are_the_array(noise: Samples) -> None:
    blocks = list(read_blocks(noise, 7_000, sample_rate=44_100))
    assert [len(block) for block in blocks] == [7_000] * 5 + [5_000]
    assert all(block.dtype == np.float32 and block.flags.c_contiguous for block in blocks)
    assert np.array_equal(np.concatenate(blocks), noise)


def test_the_array_of_the_caller_is_never_changed() -> None:
    samples = np.float32([[np.nan, 1.0]] * 10)
    with open_audio(samples, sample_rate=8_000) as reader:
        (block,) = reader.blocks(100)
        assert reader.replaced == 10
    assert block.tolist() == [[0.0, 1.0]] * 10
    assert np.isnan(samples[:, 0]).all()


def test_one_dimension_is_mono_and_any_memory_order_will_do(noise: Samples) -> None:
    (mono,) = read_blocks(noise[:, 0], len(noise), sample_rate=8_000)
    assert np.array_equal(mono, noise[:, :1])
    (turned,) = read_blocks(np.asfortranarray(noise), len(noise), sample_rate=8_000)
    assert turned.flags.c_contiguous
    assert np.array_equal(turned, noise)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int16, np.int32, np.intc, ">i2", ">f4"])
def test_other_types_become_float32(noise: Samples, dtype: str) -> None:
    scale = np.iinfo(dtype).max if np.dtype(dtype).kind == "i" else 1
    (block,) = read_blocks((noise * scale).astype(dtype), len(noise), sample_rate=8_000)
    assert block.dtype == np.float32
    assert np.abs(block - noise).max() < 1e-3


def test_info_describes_the_array() -> None:
    info = probe(np.zeros((441, 3), np.int16), sample_rate=44_100)
    assert (info.name, info.format, info.codec, info.bit_depth) == ("<array>", "array", "int16", 16)
    assert (info.sample_rate, info.channels, info.frames, info.duration) == (44_100, 3, 441, 0.01)


@pytest.mark.parametrize(
    ("samples", "word"),
    [
        (np.zeros((2, 44_100), np.float32), "Transpose"),
        (np.zeros((3, 4, 5), np.float32), "shape"),
        (np.array(1.0, np.float32), "shape"),
        (np.zeros(9, np.complex64), "complex64"),
        (np.zeros(9, np.int64), "int64"),
        (np.zeros(9, "m8[s]"), "timedelta64"),
        (np.zeros(9, "S2"), "S2"),
        (np.zeros(9, bool), "bool"),
        (np.array(["a", "b"]), "U1"),
    ],
)
def test_what_is_no_sound_is_refused(samples: npt.NDArray[np.generic], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        open_audio(samples, sample_rate=44_100)


@pytest.mark.parametrize("sample_rate", [None, 44_100.5, "44100"])
def test_a_rate_is_needed_and_whole(sample_rate: Any) -> None:
    with pytest.raises(ValidationError, match="sample_rate"):
        open_audio(np.zeros(9, np.float32), sample_rate=sample_rate)


def test_a_numpy_integer_is_a_rate() -> None:
    assert probe(np.zeros(9, np.float32), sample_rate=np.int64(8_000)).sample_rate == 8_000


@pytest.mark.parametrize(("channels", "sample_rate"), [(65, 44_100), (2, 0), (2, -1), (2, 10**6)])
def test_limits(channels: int, sample_rate: Any) -> None:
    with pytest.raises(AudioLimitError):
        open_audio(np.zeros((99, channels), np.float32), sample_rate=sample_rate)


def test_an_empty_array_is_empty_audio() -> None:
    with pytest.raises(EmptyAudioError):
        open_audio(np.zeros((0, 2), np.float32), sample_rate=44_100)

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from spleeter_nb.audio.pcm import from_pcm, silence_damage, to_pcm


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_integers_come_back_from_float(bits: Literal[16, 24, 32]) -> None:
    full = 2 ** (bits - 1)
    # float32 carries 24 bits
    step = max(1, full >> 23)
    values = np.array([-full, -full + step, -step, 0, step, full // 2, full - step])
    back = to_pcm((values / full).astype(np.float32), bits)
    assert back.dtype == (np.int16 if bits == 16 else np.int32)
    assert back.tolist() == values.tolist()


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_values_beyond_full_scale_are_cut_off(bits: Literal[16, 24, 32]) -> None:
    full = 2 ** (bits - 1)
    assert to_pcm(np.float32([1.0, 1.5, np.inf, -1.5, -np.inf]), bits).tolist() == [
        *[full - 1] * 3,
        *[-full] * 2,
    ]


def test_values_are_rounded_to_the_nearest() -> None:
    assert to_pcm(np.float32([0.4, 0.6, -0.4, -0.6, 1.6]) / 32768, 16).tolist() == [0, 1, 0, -1, 2]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_every_integer_type_spans_full_scale(dtype: str) -> None:
    limits = np.iinfo(dtype)
    middle = (limits.max + limits.min + 1) // 2
    samples = from_pcm(np.array([[limits.min], [middle], [limits.max]], dtype))
    assert samples.dtype == np.float32
    assert samples[:2, 0].tolist() == [-1.0, 0.0]
    assert 0.99 < samples[2, 0] <= 1.0


def test_floats_are_copied() -> None:
    samples = np.ones((3, 2), np.float32)
    from_pcm(samples)[:] = 0
    assert samples.min() == 1


def test_damage_becomes_silence_and_is_counted() -> None:
    block = np.float32([[0.5, np.nan], [np.inf, -np.inf], [3e38, -3e38], [1e-42, 2.0]])
    assert silence_damage(block) == 5
    assert block.tolist() == np.float32([[0.5, 0], [0, 0], [0, 0], [1e-42, 2.0]]).tolist()
    assert silence_damage(block) == 0

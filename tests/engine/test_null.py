"""The null test: stems and residual, read back from their files, are subtracted from the file that was separated."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb import SeparationResult
    from spleeter_nb.values import FloatArray

    Noise = Callable[..., FloatArray]
    Separated = Callable[..., SeparationResult]

RATES = [44_100, 48_000, 96_000, 192_000]
LIMIT = -90.0
"""dB, as the issue of full-fidelity audio asks for."""

_H = 0.5**0.5
# ITU-R BS.775-3, each side scaled to 1: left or right, centre, no LFE, the surrounds of its side.
DOWNMIX = {
    2: np.eye(2),
    6: np.array([[1, 0], [0, 1], [_H, _H], [0, 0], [_H, 0], [0, _H]]) / (1 + 2 * _H),
    8: np.array([[1, 0], [0, 1], [_H, _H], [0, 0], [_H, 0], [0, _H], [_H, 0], [0, _H]]) / (1 + 3 * _H),
}


def read(path: Path) -> FloatArray:
    samples: FloatArray = soundfile.read(path, dtype="float64", always_2d=True)[0]
    return samples


def rms_db(samples: FloatArray) -> float:
    return 10 * math.log10(np.mean(np.square(samples)))


@pytest.mark.parametrize("case", list(itertools.product(RATES, [16, 24], ["wav", "flac"], DOWNMIX)), ids=str)
def test_files_null_against_the_file_they_were_made_of(
    noise: Noise, separated: Separated, tmp_path: Path, case: tuple[int, int, str, int]
) -> None:
    rate, depth, codec, channels = case
    song = tmp_path / f"song.{codec}"
    soundfile.write(song, noise(rate // 4, channels), rate, subtype=f"PCM_{depth}")
    result = separated(song, output_dir=tmp_path / "out", codec=codec, bit_depth=depth, residual="stem")

    files = [tmp_path / "out" / "song" / f"{name}.{codec}" for name in ("vocals", "accompaniment", "residual")]
    assert [stem.path for stem in result.values()] == files
    for file in files:
        written = soundfile.info(file)
        assert (written.samplerate, written.frames, written.subtype) == (rate, rate // 4, f"PCM_{depth}")
    left = read(song) @ DOWNMIX[channels] - np.sum([read(file) for file in files], axis=0)
    assert result.null_db < LIMIT
    assert result.null_db == pytest.approx(rms_db(left), abs=0.1 if depth == 16 else 3)


@pytest.mark.parametrize("model", ["two", "average", "four_elu", "five_softmax"])
@pytest.mark.parametrize("rate", RATES)
def test_any_stem_may_take_the_residual(
    noise: Noise, separated: Separated, tmp_path: Path, rate: int, model: str
) -> None:
    song = tmp_path / "song.wav"
    soundfile.write(song, noise(rate // 4), rate, subtype="PCM_24")
    plain = separated(song, model)
    name = list(plain)[-1]
    result = separated(song, model, residual=name, output_dir=tmp_path / "out", bit_depth=24)
    assert list(result) == list(plain)
    assert plain.null_db > -60
    assert result.null_db < LIMIT


@pytest.mark.parametrize("options", [{"wiener": True}, {"overlap": 0.25}, {"offset": 0.1, "duration": 0.2}])
def test_stems_in_memory_null_to_the_rounding_of_float32(
    noise: Noise, separated: Separated, options: dict[str, object]
) -> None:
    assert separated(noise(48_000), sample_rate=48_000, residual="stem", **options).null_db < -140


def test_what_a_file_cuts_off_is_told(noise: Noise, separated: Separated, tmp_path: Path) -> None:
    """Stems of a song that is at full scale may go beyond: 16 bits cut that off, floats keep it."""
    loud = np.sign(noise(48_000)) * np.float32(0.999)
    result = separated(loud, residual="stem", cache=False)
    assert max(np.abs(stem.samples).max() for stem in result.values()) > 1
    for bit_depth, nulls in ((16, False), ("float", True)):
        written = separated(loud, residual="stem", output_dir=tmp_path / str(bit_depth), bit_depth=bit_depth)
        assert (written.null_db < LIMIT) is nulls

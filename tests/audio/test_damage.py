"""Damage: an error, or on request what comes before it, and a note (rows A2 and A6 of the fault table)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from spleeter_nb.audio import open_audio, read_blocks
from spleeter_nb.exceptions import (
    AudioChangedError,
    AudioProcessingError,
    CorruptAudioError,
    TruncatedAudioError,
    ValidationError,
)
from tests.audio.conftest import FRAMES, PYAV, SOUNDFILE

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.values import AudioSource, FloatArray

CUTS = np.linspace(0.02, 0.98, 20)

UNCOMPRESSED = {name for name in SOUNDFILE if name.endswith((".wav", ".aiff"))} - {"adpcm.wav"}
INDEX_AT_THE_END = {"aac.m4a", "alac.m4a"}
ONE_PAGE = {"song.opus"}

# Samples at the end of what is left that may sound otherwise: a lossy codec lays its blocks over each other.
TAIL = 1152


def salvaged(source: AudioSource, **options: Any) -> tuple[FloatArray, tuple[str, ...]]:
    with open_audio(source, on_corrupt="salvage") as reader:
        blocks = list(reader.blocks(7_000, **options))
        return np.concatenate(blocks), reader.notes


@pytest.mark.parametrize("name", [*PYAV, *SOUNDFILE])
def test_every_cut_is_an_error(songs: Path, name: str) -> None:
    """A2, of formats without a length, too."""
    data = (songs / name).read_bytes()
    for cut in CUTS:
        with pytest.raises(CorruptAudioError):
            list(read_blocks(data[: int(len(data) * cut)], 10_000))


@pytest.mark.parametrize("name", [*PYAV, *SOUNDFILE])
def test_what_comes_before_a_cut_can_be_salvaged(songs: Path, name: str) -> None:
    """A2."""
    data = (songs / name).read_bytes()
    whole, notes = salvaged(data)
    assert notes == ()
    found, refusals = 0, list[str]()
    for cut in CUTS:
        try:
            samples, notes = salvaged(data[: int(len(data) * cut)])
        except CorruptAudioError as error:
            refusals.append(str(error))
            continue
        found += 1
        (note,) = notes
        assert f"only the first {len(samples) / 48_000:.2f} s" in note
        if name in UNCOMPRESSED:
            assert len(samples) == pytest.approx(cut * FRAMES, abs=80)
        sure = len(samples) if name in UNCOMPRESSED or name.endswith(".flac") else max(0, len(samples) - TAIL)
        assert np.array_equal(samples[:sure], whole[:sure])
    assert not [refusal for refusal in refusals if "salvage" in refusal], "advice that was followed already"
    if name in INDEX_AT_THE_END | ONE_PAGE:
        assert not found
    else:
        assert found >= 10


def damaged_in_the_middle(songs: Path) -> bytes:
    data = bytearray((songs / "song.flac").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = bytes(2_000)
    return bytes(data)


def test_what_comes_before_damage_can_be_salvaged(songs: Path) -> None:
    """A2."""
    whole, _ = salvaged(songs / "song.flac")
    samples, notes = salvaged(damaged_in_the_middle(songs))
    assert 0.3 * FRAMES < len(samples) < 0.6 * FRAMES
    assert np.array_equal(samples, whole[: len(samples)])
    assert len(notes) == 1


def test_what_was_wanted_and_is_there_needs_no_note(songs: Path) -> None:
    whole, _ = salvaged(songs / "song.flac")
    samples, notes = salvaged(damaged_in_the_middle(songs), offset=0.1, duration=0.1)
    assert notes == ()
    assert np.array_equal(samples, whole[4800:9600])


def test_an_offset_behind_a_cut_is_beyond_the_end(songs: Path) -> None:
    data = (songs / "song.mka").read_bytes()
    with pytest.raises(ValidationError, match=r"lasts 0\.\d+ s"):
        salvaged(data[: len(data) // 2], offset=0.7)


def test_without_a_single_sample_the_first_fault_is_told(songs: Path) -> None:
    data = (songs / "song.wav").read_bytes()
    with pytest.raises(TruncatedAudioError, match="declares 40000"):
        salvaged(data[:44])


def test_a_change_and_a_failing_file_are_never_borne(songs: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes((songs / "song.wav").read_bytes())
    with open_audio(path, on_corrupt="salvage") as reader:
        blocks = reader.blocks(1_000)
        next(blocks)
        with path.open("r+b") as file:
            file.truncate(60_000)
        with pytest.raises(AudioChangedError):
            list(blocks)
    with path.open("rb") as file, open_audio(file, on_corrupt="salvage") as reader:
        blocks = reader.blocks(1_000)
        next(blocks)
        file.close()
        with pytest.raises(AudioProcessingError, match="closed file"):
            list(blocks)


def test_a_cut_says_what_to_do(songs: Path) -> None:
    data = (songs / "song.wav").read_bytes()
    with pytest.raises(TruncatedAudioError, match="again, or take what can be read with on_corrupt='salvage'"):
        list(read_blocks(data[:1_000], 100))


STRANGE = [np.nan, np.inf, -np.inf, 3e38, 1e11]


def test_what_is_no_sound_becomes_0_and_is_counted(tmp_path: Path) -> None:
    """A6."""
    samples = np.full((1_000, 2), 0.25, np.float32)
    samples[100 : 100 + len(STRANGE), 0] = STRANGE
    samples[500] = 1e-44  # a denormal number is one
    soundfile.write(tmp_path / "x.wav", samples, 44_100, subtype="FLOAT")
    for source, options in ((tmp_path / "x.wav", {}), (samples, {"sample_rate": 44_100})):
        with open_audio(source, **options) as reader:
            blocks = np.concatenate(list(reader.blocks(70)))
            assert reader.replaced == len(STRANGE)
            assert reader.notes == ("5 values were not finite or beyond any sound, and became 0",)
        assert np.array_equal(blocks, np.where(np.abs(samples) < 1e10, samples, 0))


@pytest.mark.parametrize("value", STRANGE)
def test_what_is_no_sound_can_be_an_error(value: float) -> None:
    """A6."""
    samples = np.zeros((1_000, 2), np.float32)
    samples[900, 1] = value
    with open_audio(samples, sample_rate=1_000, nonfinite="error") as reader:
        blocks = reader.blocks(300)
        with pytest.raises(CorruptAudioError, match=r"1 of them soon after 0\.90 s.*nonfinite='zero'") as caught:
            list(blocks)
    assert caught.value.context == {"source": "<array>", "position": 900, "count": 1}

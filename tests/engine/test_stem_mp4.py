"""Results as stem files: written block by block, whole or not at all, and read back."""

from __future__ import annotations

import _thread
import asyncio
import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
import stempeg

import spleeter_nb as snb
from spleeter_nb.audio import AudioWriter, open_audio, read_stem_names, stem_encoding
from spleeter_nb.engine.options import Options
from spleeter_nb.engine.stem_mp4 import save_beside_stems
from spleeter_nb.exceptions import (
    AudioChangedError,
    OutputExistsError,
    StorageError,
    UnsupportedFormatError,
    ValidationError,
)
from tests.engine.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb import SeparationResult
    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

    Noise = Callable[..., FloatArray]
    Separated = Callable[..., SeparationResult]

RATE = 8000
FRAMES = 150_000


@pytest.fixture
def song(tmp_path: Path, noise: Noise) -> Path:
    """Longer than two blocks, of noise that AAC keeps."""
    white = noise(FRAMES)
    smooth = np.stack([np.convolve(channel, np.hanning(16) / 8, "same") for channel in white.T], axis=1)
    soundfile.write(tmp_path / "song.wav", smooth, RATE, subtype="FLOAT")
    return tmp_path / "song.wav"


def snr(got: FloatArray, true: FloatArray) -> float:
    return float(10 * np.log10(np.square(true).sum() / np.square(got - true).sum()))


def read(path: Path, stream: int) -> FloatArray:
    with open_audio(path, stream=stream) as reader:
        return np.concatenate(list(reader.blocks(9_999)))


@pytest.mark.parametrize("stored", [True, False])
def test_a_result_is_written_and_read_back(song: Path, separated: Separated, tmp_path: Path, *, stored: bool) -> None:
    """From memory, and from files that are not kept in memory."""
    where = {"output_dir": tmp_path / "out", "bit_depth": "float"} if stored else {}
    result = separated(song, **where)
    path = result.save_stem_mp4(tmp_path / "song.stem.mp4", progress=False)
    assert not stored or "samples" not in vars(result["vocals"])
    assert "mixture" not in vars(result)
    loaded = snb.load_stem_mp4(path)
    assert list(loaded) == list(result)
    assert (loaded.sample_rate, loaded.duration, loaded.source.frames) == (RATE, result.duration, FRAMES)
    assert snr(loaded.mixture, result.mixture) > 15
    for name, stem in result.items():
        got = loaded[name].samples
        assert got.shape == stem.samples.shape
        window = stem.samples[50_000:70_000, 0]
        assert np.argmax(np.correlate(got[48_000:72_000, 0], window, "valid")) == 2_000
    assert [len(block) for block in loaded.mixture_blocks()] == [65_536, 65_536, FRAMES - 2 * 65_536]
    assert loaded.how == "all stems were there already"
    assert repr(loaded["vocals"]) == f"Stem('vocals', {FRAMES / RATE:.2f} s, 8000 Hz)"
    assert loaded["vocals"].save(tmp_path / "v.wav").exists()


def test_two_stems_leave_two_places_empty(song: Path, separated: Separated, tmp_path: Path) -> None:
    path = separated(song).save_stem_mp4(tmp_path / "x.stem.mp4", progress=False)
    assert read_stem_names(path) == {"vocals": 1, "accompaniment": 2}
    assert not np.abs(read(path, 3)).max()
    assert not np.abs(read(path, 4)).max()


def test_four_stems_have_a_place_each(song: Path, separated: Separated, tmp_path: Path) -> None:
    result = separated(song, "four_elu")
    path = result.save_stem_mp4(tmp_path / "x.stem.mp4", progress=False)
    assert read_stem_names(path) == {name: place for place, name in enumerate(result, 1)}
    assert list(snb.load_stem_mp4(path)) == list(result)


def test_more_than_four_stems_share_the_last_place(song: Path, separated: Separated, tmp_path: Path) -> None:
    result = separated(song, "five_softmax")
    path = result.save_stem_mp4(tmp_path / "x.stem.mp4", progress=False)
    names = list(result)
    assert list(read_stem_names(path)) == [*names[:3], f"{names[3]} + {names[4]}"]
    assert snr(read(path, 4), result[names[3]].samples + result[names[4]].samples) > 5


def test_stempeg_reads_it(song: Path, separated: Separated, tmp_path: Path) -> None:
    result = separated(song)
    streams, rate = stempeg.read_stems(str(result.save_stem_mp4(tmp_path / "x.stem.mp4", progress=False)))
    assert rate == RATE
    assert snr(streams[0, :FRAMES], result.mixture) > 15


def test_files_of_others_are_results(tmp_path: Path) -> None:
    falcon = snb.load_stem_mp4(stempeg.example_stem_path())
    assert list(falcon) == ["Drums", "Bass", "Other", "Vox"]
    assert falcon.Vox.samples.shape == falcon.mixture.shape == (268_288, 2)
    assert falcon.tags.cover_type == "image/png"
    assert falcon.null_db > -40  # its mixture is mastered
    again = snb.load_stem_mp4(falcon.save_stem_mp4(tmp_path / "again.stem.mp4", progress=False))
    assert list(again) == list(falcon)
    assert again.tags == falcon.tags


def test_a_file_with_parts_of_different_lengths_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.stem.mp4"
    with AudioWriter(path, stem_encoding(("a",), "96k"), sample_rate=RATE, channels=10) as writer:
        writer.write(np.zeros((5_000, 10), np.float32))
    data = bytearray(path.read_bytes())
    # The length of the second track's only edit, behind version, flags and their count.
    at = data.index(b"elst", data.index(b"elst") + 4) + 12
    data[at : at + 4] = (4_000).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(UnsupportedFormatError, match="'a' has 4000 samples"):
        snb.load_stem_mp4(path)
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    with pytest.raises(UnsupportedFormatError, match="no stem file"):
        snb.load_stem_mp4(tmp_path / "song.wav")


def test_names_of_strangers_lead_nowhere(tmp_path: Path) -> None:
    names = ("../x", "/etc/x", "a\\b", "Kick/Snare \u202e")
    with AudioWriter(tmp_path / "x.stem.mp4", stem_encoding(names, "96k"), sample_rate=RATE, channels=10) as writer:
        writer.write(np.zeros((5_000, 10), np.float32))
    paths = snb.load_stem_mp4(tmp_path / "x.stem.mp4").save(tmp_path / "out")
    assert {path.parent for path in paths.values()} == {tmp_path / "out" / "x"}
    assert [path.name for path in paths.values()] == [".._x.wav", "_etc_x.wav", "a_b.wav", "Kick_Snare _.wav"]


@pytest.mark.parametrize(("name", "better"), [("stems", "stems.stem.mp4"), ("song.m4a", "song.stem.mp4")])
def test_a_name_that_programs_would_not_know_is_refused(
    song: Path, separated: Separated, tmp_path: Path, name: str, better: str
) -> None:
    with pytest.raises(ValidationError, match=f"Call it '{better}'"):
        separated(song).save_stem_mp4(tmp_path / name, progress=False)
    assert list(tmp_path.iterdir()) == [song]


def test_a_file_that_is_replaced_gives_no_other_sound(song: Path, separated: Separated, tmp_path: Path) -> None:
    path = separated(song).save_stem_mp4(tmp_path / "x.stem.mp4", progress=False)
    loaded = snb.load_stem_mp4(path)
    os.utime(path, ns=(1, 1))
    with pytest.raises(AudioChangedError, match="overwritten"):
        _ = loaded["vocals"].samples


def test_progress_is_told_to_its_end(song: Path, separated: Separated, tmp_path: Path) -> None:
    events: list[Progress] = []
    separated(song).save_stem_mp4(tmp_path / "x.stem.mp4", progress=events.append)
    assert events[-1].stage == "done"
    told = [event.fraction for event in events if event.stage == "write"]
    assert told == sorted(told)  # type: ignore[type-var]
    assert told[-1] == 1


def test_an_interrupt_leaves_what_was_there(song: Path, separated: Separated, tmp_path: Path) -> None:
    result = separated(song)
    (tmp_path / "x.stem.mp4").write_bytes(b"before")
    before = {path.name for path in tmp_path.iterdir()}

    def interrupt(event: Progress) -> None:
        if event.stage == "write":
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        result.save_stem_mp4(tmp_path / "x.stem.mp4", progress=interrupt)
    assert (tmp_path / "x.stem.mp4").read_bytes() == b"before"
    # The thread that encodes finishes its block first.
    assert wait_until(lambda: {path.name for path in tmp_path.iterdir()} == before, 20.0)


def test_what_fails_leaves_nothing(
    song: Path, nothing_left: None, separated: Separated, noise: Noise, tmp_path: Path
) -> None:
    del nothing_left  # it looks afterwards
    result = separated(song)
    with pytest.raises(ValidationError, match="bitrate"):
        result.save_stem_mp4(tmp_path / "x.mp4", bitrate="1", progress=False)
    with pytest.raises(StorageError):
        result.save_stem_mp4(tmp_path / "song.wav" / "x.mp4", progress=False)
    fast = separated(noise(9_000), sample_rate=192_000)
    with pytest.raises(ValidationError, match="192000"):
        fast.save_stem_mp4(tmp_path / "x.mp4", progress=False)


@pytest.mark.parametrize("frames", [FRAMES - 1, FRAMES + 1])
def test_a_song_that_is_another_one_now_is_noticed(
    song: Path, separated: Separated, noise: Noise, tmp_path: Path, frames: int
) -> None:
    result = separated(song)
    soundfile.write(song, noise(frames), RATE)
    with pytest.raises(AudioChangedError, match=str(frames)):
        result.save_stem_mp4(tmp_path / "x.mp4", progress=False)
    with song.open("rb") as file:
        result = separated(file)
    with pytest.raises(snb.SpleeterError, match="closed"):
        result.save_stem_mp4(tmp_path / "x.mp4", progress=False)


def test_samples_that_were_read_are_used(separated: Separated, noise: Noise, tmp_path: Path) -> None:
    result = separated(io.BytesIO(_wav(noise(20_000))), output_dir=tmp_path / "out")
    _ = result.mixture, result["vocals"].samples
    assert result.save_stem_mp4(tmp_path / "x.stem.mp4", progress=False).exists()


def _wav(samples: FloatArray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ("{filename}/{instrument}.{codec}", "song/song.stem.mp4"),
        ("{filename}_{instrument}.{codec}", "song_song.stem.mp4"),
        ("{instrument}.wav", "song.wav.stem.mp4"),
    ],
)
def test_beside_the_stems_it_is_called_like_the_song(
    song: Path, separated: Separated, tmp_path: Path, template: str, place: str
) -> None:
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "filename_format": template, "progress": False}
    result = separated(song, duration=1, **options)
    assert save_beside_stems(result, Options(**options)) == tmp_path / "out" / place
    path = tmp_path / "out" / place
    before = path.stat().st_mtime_ns
    save_beside_stems(result, Options(**options, on_exist="skip"))
    assert path.stat().st_mtime_ns == before
    with pytest.raises(OutputExistsError):
        save_beside_stems(result, Options(**options, on_exist="error"))
    save_beside_stems(result, Options(**options))
    assert path.stat().st_mtime_ns > before


def test_no_batch_takes_it_for_a_song(song: Path, small_models: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "progress": False}

    async def separate() -> SeparationResult:
        async with snb.SpleeterEngine() as engine:
            model = small_models / "two" / "config.json"
            (result,) = await engine.batch_separate(tmp_path, model, recursive=True, **options)
        assert isinstance(result, snb.SeparationResult)
        assert result.origin == str(song)
        return result

    path = save_beside_stems(asyncio.run(separate()), Options(**options))
    changed = path.stat().st_mtime_ns
    result = asyncio.run(separate())
    assert result.runtime is None
    save_beside_stems(result, Options(**options))
    assert path.stat().st_mtime_ns == changed

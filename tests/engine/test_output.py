"""Stems in files: names, files that exist already, and nothing left after an error."""

from __future__ import annotations

import _thread
import errno
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from spleeter_nb.audio import AudioWriter
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine import publishing
from spleeter_nb.engine.separation import separate_with
from spleeter_nb.engine.targets import Targets
from spleeter_nb.exceptions import (
    AudioChangedError,
    DiskFullError,
    OutputExistsError,
    StorageError,
    TruncatedAudioError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb import SeparationResult
    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

    Noise = Callable[..., FloatArray]
    Separated = Callable[..., SeparationResult]

RATE = 8000


@pytest.fixture
def song(tmp_path: Path, noise: Noise) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    soundfile.write(folder / "song.wav", noise(40_000), RATE, subtype="FLOAT")
    return folder / "song.wav"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# Names


def test_stems_are_written_below_the_folder(song: Path, out: Path, separated: Separated) -> None:
    result = separated(song, output_dir=out)
    assert files_in(out) == {"song/vocals.wav", "song/accompaniment.wav"}
    assert {name: stem.path for name, stem in result.items()} == {
        "vocals": out / "song" / "vocals.wav",
        "accompaniment": out / "song" / "accompaniment.wav",
    }
    assert soundfile.info(out / "song" / "vocals.wav").subtype == "PCM_16"


def test_stems_in_files_equal_those_in_memory(song: Path, out: Path, separated: Separated) -> None:
    in_memory = separated(song, residual="stem")
    for bit_depth, tolerance in (("float", 0), (24, 2**-23), (16, 2**-15)):
        written = separated(song, residual="stem", output_dir=str(out), bit_depth=bit_depth)
        for name, stem in in_memory.items():
            assert (written[name].frames, written[name].sample_rate) == (stem.frames, stem.sample_rate)
            np.testing.assert_allclose(written[name].samples, stem.samples, rtol=0, atol=tolerance)


def test_flac_is_written(song: Path, out: Path, separated: Separated) -> None:
    result = separated(song, output_dir=out, codec="flac", bit_depth=24)
    assert files_in(out) == {"song/vocals.flac", "song/accompaniment.flac"}
    assert soundfile.info(result.vocals.path).subtype == "PCM_24"


@pytest.mark.parametrize("codec", ["mp3", "ogg", "m4a", "wma"])
def test_lossy_stems_are_as_long_as_the_song(song: Path, out: Path, separated: Separated, codec: str) -> None:
    in_memory = separated(song)
    result = separated(song, output_dir=out, codec=codec, bitrate="96k")
    assert files_in(out) == {f"song/vocals.{codec}", f"song/accompaniment.{codec}"}
    for name, stem in in_memory.items():
        assert (result[name].frames, result[name].sample_rate) == (stem.frames, stem.sample_rate)
        assert result[name].samples.shape == stem.samples.shape


def test_a_rate_that_the_codec_lacks_is_refused(out: Path, separated: Separated) -> None:
    with pytest.raises(ValidationError, match=r"96000 Hz.*wav, flac, ogg, m4a"):
        separated(np.zeros((96_000, 2), np.float32), sample_rate=96_000, output_dir=out, codec="mp3")
    assert not out.exists() or not files_in(out)


def test_the_template_places_the_files(song: Path, out: Path, separated: Separated) -> None:
    separated(song, output_dir=out, filename_format="{foldername}-{filename}_{instrument}.{codec}")
    assert files_in(out) == {"album-song_vocals.wav", "album-song_accompaniment.wav"}


def test_stems_of_an_array_have_a_name_too(noise: Noise, out: Path, separated: Separated) -> None:
    separated(noise(1000), output_dir=out)
    assert files_in(out) == {"audio/vocals.wav", "audio/accompaniment.wav"}


def test_the_folder_of_a_relative_path_has_a_name(
    song: Path, out: Path, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    (song.parent / "deeper").mkdir()
    monkeypatch.chdir(song.parent / "deeper")
    separated("../song.wav", output_dir=out, filename_format="{foldername}/{instrument}.{codec}")
    assert files_in(out) == {"album/vocals.wav", "album/accompaniment.wav"}


@pytest.mark.parametrize(
    ("songs", "advice"),
    [
        (["one/song.wav", "two/song.mp3"], r"put \{foldername\} into .*'\{foldername\}/\{filename\}"),
        (["one/song.wav", "one/song.mp3"], "give each its own output_dir, or rename one"),
        (["a/one/song.wav", "b/one/song.wav"], "give each its own output_dir, or rename one"),
    ],
)
def test_songs_of_one_name_are_told_how_to_be_told_apart(songs: list[str], advice: str) -> None:
    targets = Targets(Path("out"), "{filename}/{instrument}.{codec}", "wav", "overwrite")
    with pytest.raises(ValidationError, match=advice):
        targets.check_distinct(songs)


def test_a_song_is_called_what_its_link_is_called(song: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.wav"
    link.symlink_to(song)
    paths = Targets(Path("out"), "{foldername}/{filename}/{instrument}", "wav", "skip").paths(str(link), ["vocals"])
    assert paths == {"vocals": Path("out") / tmp_path.name / "link" / "vocals"}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{filename}/{instument}.{codec}", "Did you mean 'instrument'"),
        ("{}.wav", "unknown field ''"),
        ("{0}.wav", "unknown field '0'"),
        ("{instrument.upper}", "unknown field"),
        ("{instrument", "no template"),
        ("{instrument!z}", "cannot be filled in"),
        ("{instrument:d}", "cannot be filled in"),
        ("{instrument:{width}}", "cannot be filled in"),
        ("../{instrument}.{codec}", "leads out"),
        ("/tmp/{instrument}.{codec}", "leads out"),  # noqa: S108 - must be refused
        ("a/../../{instrument}", "leads out"),
        ("", "leads out"),
        ("{filename}.{codec}", r"\{instrument\}"),
    ],
)
def test_a_wrong_template_is_refused(
    template: str, hint: str, *, noise: Noise, tmp_path: Path, separated: Separated
) -> None:
    with pytest.raises(ValidationError, match=hint):
        separated(noise(1000), output_dir=tmp_path / "out", filename_format=template)


# What is there already


def test_files_are_overwritten(song: Path, out: Path, separated: Separated) -> None:
    separated(song, output_dir=out)
    (out / "song" / "vocals.wav").write_bytes(b"old")
    separated(song, output_dir=out)
    assert soundfile.info(out / "song" / "vocals.wav").frames == 40_000


def test_existing_files_are_an_error_on_request(song: Path, out: Path, separated: Separated) -> None:
    (out / "song").mkdir(parents=True)
    (out / "song" / "vocals.wav").write_bytes(b"old")
    with pytest.raises(OutputExistsError, match="on_exist"):
        separated(song, output_dir=out, on_exist="error")
    assert files_in(out) == {"song/vocals.wav"}
    assert (out / "song" / "vocals.wav").read_bytes() == b"old"
    (out / "song" / "vocals.wav").unlink()
    assert len(separated(song, output_dir=out, on_exist="error")) == 2


def test_when_all_is_there_skip_computes_nothing(song: Path, out: Path, separated: Separated) -> None:
    first = separated(song, output_dir=out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    second = separated(song, output_dir=out, on_exist="skip")
    assert second.runtime is None
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    np.testing.assert_array_equal(second.vocals.samples, first.vocals.samples)
    np.testing.assert_array_equal(second.mixture, first.mixture)
    assert repr(second) == repr(first)


def test_skip_writes_only_what_is_missing(song: Path, out: Path, separated: Separated) -> None:
    expected = separated(song, output_dir=out)
    vocals, accompaniment = (stem.path for stem in expected.values())
    assert vocals is not None
    assert accompaniment is not None
    whole = accompaniment.read_bytes()
    accompaniment.unlink()
    before = vocals.stat()
    result = separated(song, output_dir=out, on_exist="skip")
    assert result.runtime is not None
    assert (vocals.stat().st_mtime_ns, vocals.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert accompaniment.read_bytes() == whole


# Errors


@pytest.mark.usefixtures("nothing_left")
def test_a_damaged_song_leaves_nothing(noise: Noise, tmp_path: Path, separated: Separated) -> None:
    path = tmp_path / "cut.flac"
    soundfile.write(path, noise(200_000), RATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(TruncatedAudioError):
        separated(path, output_dir=tmp_path / "out" / "deeper")
    path.unlink()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("stage", ["load", "separate", "write"])
def test_an_error_at_any_stage_leaves_nothing(stage: str, noise: Noise, tmp_path: Path, separated: Separated) -> None:
    class StopError(BaseException):
        """What no listener's guard holds back."""

    def stop(event: Progress) -> None:
        if event.stage == stage:
            raise StopError

    with pytest.raises(StopError):
        separated(noise(40_000), output_dir=tmp_path / "a" / "b", progress=stop)


@pytest.mark.usefixtures("nothing_left")
def test_a_folder_that_is_a_file_is_refused(noise: Noise, tmp_path: Path, separated: Separated) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_bytes(b"")
    with pytest.raises(StorageError, match="occupied"):
        separated(noise(1000), output_dir=occupied)
    occupied.unlink()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    "template", ["a/{instrument}" + 300 * "x", "a/" + 300 * "x" + "/{instrument}", "a/\0{instrument}"]
)
@pytest.mark.parametrize("on_exist", ["overwrite", "skip"])
def test_a_name_that_no_file_can_have_is_refused(
    template: str, on_exist: str, *, noise: Noise, tmp_path: Path, separated: Separated
) -> None:
    with pytest.raises(StorageError):
        separated(noise(1000), output_dir=tmp_path / "out", filename_format=template, on_exist=on_exist)


def test_a_folder_in_the_place_of_a_stem_is_refused(noise: Noise, tmp_path: Path, separated: Separated) -> None:
    (tmp_path / "audio" / "accompaniment.wav").mkdir(parents=True)
    with pytest.raises(StorageError, match="is a folder"):
        separated(noise(1000), output_dir=tmp_path)
    assert files_in(tmp_path) == set()


@pytest.mark.usefixtures("nothing_left")
def test_a_full_disk_leaves_nothing(
    noise: Noise, tmp_path: Path, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("spleeter_nb.audio.writer.os.fsync", full)
    with pytest.raises(DiskFullError) as caught:
        separated(noise(1000), output_dir=tmp_path / "out")
    assert caught.value.context["free"]


@pytest.mark.usefixtures("nothing_left")
def test_what_is_interrupted_while_files_are_flushed_is_not_published(
    noise: Noise, tmp_path: Path, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, interrupted = AudioWriter.finish, threading.Event()

    def finish_and_interrupt(writer: AudioWriter) -> None:
        finish(writer)
        if not interrupted.is_set():
            interrupted.set()
            _thread.interrupt_main()
            # The one who waits wakes up within a tenth of a second.
            time.sleep(0.3)

    monkeypatch.setattr(AudioWriter, "finish", finish_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        separated(noise(1000), output_dir=tmp_path / "out")


# Publishing


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something between the first rename and the second."""

    def install(action: Callable[[], object]) -> None:
        publish, published = AudioWriter.publish, []

        def publish_late(writer: AudioWriter) -> None:
            if published:
                action()
            published.append(writer)
            publish(writer)

        monkeypatch.setattr(AudioWriter, "publish", publish_late)

    return install


@pytest.mark.parametrize("on_exist", ["overwrite", "error"])
def test_when_a_later_file_cannot_have_its_name_the_earlier_ones_go(
    on_exist: str, *, noise: Noise, out: Path, separated: Separated, late: Callable[..., None]
) -> None:
    late((out / "audio" / "accompaniment.wav").mkdir)
    with pytest.raises(StorageError):
        separated(noise(1000), output_dir=out, on_exist=on_exist)
    assert files_in(out) == set()


def test_an_interrupt_between_two_names_leaves_none(
    noise: Noise, out: Path, separated: Separated, late: Callable[..., None]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    late(interrupt)
    with pytest.raises(KeyboardInterrupt):
        separated(noise(1000), output_dir=out)
    assert not out.exists()


def test_targets_are_checked_before_the_first_rename(
    noise: Noise, out: Path, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "audio").mkdir(parents=True)
    (out / "audio" / "vocals.wav").write_bytes(b"old")
    finish = AudioWriter.finish

    def finish_and_occupy(writer: AudioWriter) -> None:
        finish(writer)
        (out / "audio" / "accompaniment.wav").mkdir(exist_ok=True)

    monkeypatch.setattr(AudioWriter, "finish", finish_and_occupy)
    with pytest.raises(StorageError, match="is a folder"):
        separated(noise(1000), output_dir=out)
    assert files_in(out) == {"audio/vocals.wav"}
    assert (out / "audio" / "vocals.wav").read_bytes() == b"old"


@pytest.mark.parametrize("failing", [1, 2])
def test_the_folder_is_synchronised_before_and_after_and_its_failure_is_ours(
    failing: int, *, noise: Noise, out: Path, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronised: list[set[str]] = []

    def look(folder: Path) -> None:
        synchronised.append({path.suffix for path in folder.iterdir()})
        if len(synchronised) == 2 + failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(publishing, "sync_folder", look)
    separated(noise(1000), output_dir=out)
    assert synchronised == [{".part", ".journal"}, {".wav", ".journal"}]
    with pytest.raises(StorageError) as caught:
        separated(noise(1000), output_dir=out / "new")
    assert caught.value.context["errno"] == errno.EIO
    assert not (out / "new").exists()


@pytest.mark.parametrize("on_exist", ["error", "skip"])
def test_a_file_that_appears_while_the_separation_runs_is_kept(
    on_exist: str, *, noise: Noise, out: Path, separated: Separated
) -> None:
    other = out / "audio" / "accompaniment.wav"

    def appear(event: Progress) -> None:
        if event.stage == "write":
            other.write_bytes(b"somebody else's")

    with pytest.raises(OutputExistsError):
        separated(noise(1000), output_dir=out, on_exist=on_exist, progress=appear)
    assert files_in(out) == {"audio/accompaniment.wav"}
    assert other.read_bytes() == b"somebody else's"


def test_the_home_folder_is_expanded(
    noise: Noise, tmp_path: Path, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert separated(noise(1000), output_dir="~/x").vocals.path == tmp_path / "x" / "audio" / "vocals.wav"
    assert files_in(tmp_path) == {"x/audio/vocals.wav", "x/audio/accompaniment.wav"}


# Before a model is fetched


def test_when_all_is_there_skip_needs_no_model(song: Path, out: Path, tmp_path: Path, noise: Noise) -> None:
    (out / "song").mkdir(parents=True)
    for name in ("vocals", "accompaniment"):
        soundfile.write(out / "song" / f"{name}.wav", noise(40_000), RATE)
    config = SpleeterConfig(models_dir=tmp_path / "models", auto_download=False)
    result = separate_with(config, song, "spleeter:2stems", output_dir=out, on_exist="skip", progress=False)
    assert (result.model_name, result.runtime, list(result)) == (
        "spleeter:2stems",
        None,
        ["vocals", "accompaniment"],
    )
    assert result.residual().shape == (40_000, 2)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"residual": "vocal"}, "Did you mean 'vocals'"),
        ({"filename_format": "{filename}.{codec}"}, r"\{instrument\}"),
        ({"on_exist": "error"}, "on_exist"),
    ],
)
def test_what_can_be_checked_without_a_model_is(
    options: dict[str, str], hint: str, *, song: Path, out: Path, tmp_path: Path
) -> None:
    (out / "song").mkdir(parents=True)
    (out / "song" / "vocals.wav").write_bytes(b"old")
    config = SpleeterConfig(models_dir=tmp_path / "models", auto_download=False)
    with pytest.raises((ValidationError, OutputExistsError), match=hint):
        separate_with(config, song, "spleeter:2stems", output_dir=out, progress=False, **options)


# Together


def test_files_appear_together(song: Path, out: Path, separated: Separated) -> None:
    seen: list[set[str]] = []

    def look(event: Progress) -> None:
        if event.stage in {"separate", "write"}:
            seen.append({name for name in files_in(out) if not name.endswith(".part")})

    separated(song, output_dir=out, progress=look)
    assert len(seen) > 2
    assert set().union(*seen) == set()
    assert len(files_in(out)) == 2


def test_what_killed_processes_left_is_swept(song: Path, out: Path, separated: Separated) -> None:
    separated(song, output_dir=out)
    orphan = out / "song" / f".spleeter-{'0' * 16}.part"
    for on_exist in ("overwrite", "skip"):
        orphan.write_bytes(b"half a stem")
        separated(song, output_dir=out, on_exist=on_exist)
        assert files_in(out) == {"song/vocals.wav", "song/accompaniment.wav"}


def test_files_have_the_permissions_of_others(noise: Noise, out: Path, separated: Separated) -> None:
    result = separated(noise(1000), output_dir=out)
    subprocess.run(["touch", str(out / "plain")], check=True)  # noqa: S607 - any touch
    assert result.vocals.path is not None
    assert result.vocals.path.stat().st_mode == (out / "plain").stat().st_mode


def test_stems_that_were_overwritten_since_are_not_taken_for_ones_own(
    song: Path, out: Path, separated: Separated
) -> None:
    first, second = separated(song, output_dir=out, duration=1), separated(song, output_dir=out, duration=2)
    assert len(second.vocals.samples) == 2 * RATE
    with pytest.raises(AudioChangedError, match="overwritten since"):
        _ = first.vocals.samples

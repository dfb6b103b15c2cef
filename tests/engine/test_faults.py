"""Bad input, by separate() and by the command line: a typed error that helps, and nothing written."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import spleeter_nb
from spleeter_nb import exceptions
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine.separation import separate_with
from spleeter_nb.exceptions import (
    AudioNotFoundError,
    EmptyAudioError,
    ModelChecksumError,
    ModelCorruptError,
    ModelNotFoundError,
    NotARegularFileError,
    SpleeterError,
    TruncatedAudioError,
    UnknownModelError,
    UnsupportedFormatError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.values import FloatArray

RATE = 8000


def write_song(path: Path) -> Path:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (20_000, 2))
    soundfile.write(path, samples, RATE)
    return path


def cut(path: Path) -> None:
    whole = write_song(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def listen_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


# What is made of a path, the error, and a word of help.
BAD_FILES: dict[str, tuple[Callable[[Path], object], type[SpleeterError], str]] = {
    "missing.wav": (lambda _: None, AudioNotFoundError, "There is no file"),
    "folder.wav": (Path.mkdir, NotARegularFileError, "a folder"),
    "pipe.wav": (os.mkfifo, NotARegularFileError, "a pipe"),
    "socket.wav": (listen_at, NotARegularFileError, "a socket"),
    "loop.wav": (lambda path: path.symlink_to(path), NotARegularFileError, "loop.wav"),
    "empty.wav": (Path.touch, EmptyAudioError, "empty"),
    "text.mp3": (lambda path: path.write_text("These are words, not sound.\n" * 40), UnsupportedFormatError, "text"),
    "page.flac": (lambda path: path.write_text("<!DOCTYPE html><html></html>"), UnsupportedFormatError, "HTML"),
    "cut.wav": (cut, TruncatedAudioError, "again"),
    "no_samples.wav": (lambda path: soundfile.write(path, np.zeros((0, 2)), RATE), EmptyAudioError, "single sample"),
}


@pytest.fixture
def bad_files(tmp_path: Path) -> Path:
    folder = tmp_path / "bad"
    folder.mkdir()
    for name, (make, _, _) in BAD_FILES.items():
        make(folder / name)
    return folder


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused(name: str, bad_files: Path, tmp_path: Path, separated: Callable[..., object]) -> None:
    _, kind, hint = BAD_FILES[name]
    with pytest.raises(kind, match=hint) as caught:
        separated(bad_files / name, output_dir=tmp_path / "out")
    assert type(caught.value) is kind
    assert caught.value.context
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("source", [None, 5, ["song.wav"], io.StringIO("text")])
def test_what_is_no_source_is_refused(source: object, tmp_path: Path, separated: Callable[..., object]) -> None:
    with pytest.raises(ValidationError):
        separated(source, output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("array", "options", "hint"),
    [
        (np.zeros((100, 2)), {"sample_rate": None}, "give sample_rate"),
        (np.zeros((2, 100)), {}, "Transpose"),
        (np.zeros((10, 2, 2)), {}, "shape"),
        (np.zeros((10, 2), complex), {}, "complex128"),
        (np.zeros((1000, 2)), {"offset": 1.0}, "beyond the end"),
        (np.zeros((1000, 2)), {"duration": 1e-6}, "less than one sample"),
    ],
)
def test_an_array_that_is_no_sound_is_refused(
    array: FloatArray, options: dict[str, Any], hint: str, separated: Callable[..., object]
) -> None:
    with pytest.raises(ValidationError, match=hint):
        separated(array, **options)


def test_a_file_has_its_own_rate(tmp_path: Path, separated: Callable[..., object]) -> None:
    with pytest.raises(ValidationError, match="sample_rate"):
        separated(write_song(tmp_path / "song.wav"), sample_rate=RATE)


# Models


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_song(tmp_path / "song.wav")


def offline(models_dir: Path) -> SpleeterConfig:
    return SpleeterConfig(models_dir=models_dir, auto_download=False)


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def copy_two_stems(models_dir: Path, target: Path) -> None:
    shutil.copytree(models_dir / "2stems", target / "2stems", ignore=shutil.ignore_patterns("openvino"))


def escaping_archive(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name in ("../escaped", "checkpoint", "model.index", "model.data-00000-of-00001"):
            member = tarfile.TarInfo(name)
            member.size = 3
            tar.addfile(member, io.BytesIO(b"abc"))


def test_an_unknown_model_is_refused_with_the_nearest(song: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'spleeter:2stems'"):
        spleeter_nb.separate(song, "spleeter:2stem", output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_configuration_is_refused(song: Path, tmp_path: Path) -> None:
    with pytest.raises(exceptions.ModelError, match=r"nowhere\.json"):
        spleeter_nb.separate(song, tmp_path / "nowhere.json")


def test_a_missing_model_offline_names_the_folder_to_fill(song: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        separate_with(offline(tmp_path / "models"), song, "spleeter:4stems", output_dir=tmp_path / "out")
    assert str(tmp_path / "models" / "4stems") in str(caught.value)
    assert "switched off" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_damaged_model_is_found_and_not_used(song: Path, tmp_path: Path, two_stems_models_dir: Path) -> None:
    copy_two_stems(two_stems_models_dir, tmp_path / "models")
    flip(tmp_path / "models" / "2stems" / "model.data-00000-of-00001")
    with pytest.raises(ModelChecksumError, match=r"model\.data-00000-of-00001 is damaged"):
        separate_with(offline(tmp_path / "models"), song, "spleeter:2stems", output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_model_of_ones_own_is_found_by_its_checksums(song: Path, tmp_path: Path, small_models: Path) -> None:
    copy = shutil.copytree(small_models / "two", tmp_path / "two", ignore=shutil.ignore_patterns("openvino"))
    flip(copy / "model.data-00000-of-00001")
    with pytest.raises(ModelCorruptError):
        spleeter_nb.separate(song, copy / "config.json", output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_that_reaches_out_of_its_folder_is_not_unpacked(song: Path, tmp_path: Path) -> None:
    models = tmp_path / "a" / "models"
    models.mkdir(parents=True)
    escaping_archive(models / "2stems.tar.gz")
    with pytest.raises(ModelChecksumError, match="SHA-256"):
        separate_with(offline(models), song, "spleeter:2stems", output_dir=tmp_path / "out")
    assert not list(tmp_path.rglob("escaped"))
    assert not list(tmp_path.rglob("checkpoint"))
    assert not (tmp_path / "out").exists()


# The command line


NO_NETWORK = """
import sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "subprocess.Popen"}:
        raise SystemExit(f"went out: {event} {arguments}")

sys.addaudithook(refuse)
from spleeter_nb.cli import main
main()
"""


def command(*arguments: object, code: str | None = None) -> subprocess.CompletedProcess[str]:
    how = ["-m", "spleeter_nb"] if code is None else ["-c", code]
    told = [str(argument) for argument in arguments]
    return subprocess.run([sys.executable, *how, *told], capture_output=True, text=True, check=False, timeout=120)


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode not in {0, -2}
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_the_command_refuses_bad_files_and_says_so_of_each(bad_files: Path, tmp_path: Path, small_models: Path) -> None:
    paths = [bad_files / name for name in BAD_FILES]
    config = small_models / "two" / "config.json"
    done = command("separate", *paths, "-p", config, "-o", tmp_path / "out", "--json")
    assert_refused(done)
    assert done.returncode == 1
    reports = json.loads(done.stdout)
    lines = done.stderr.splitlines()
    # To the command a folder is what is in it.
    expected = BAD_FILES | {"folder.wav": (Path.mkdir, ValidationError, "folder.wav")}
    for path, report, line, (_, kind, hint) in zip(paths, reports, lines, expected.values(), strict=True):
        assert report["source"] == str(path)
        assert report["error"]["type"] == kind.__name__
        assert line.startswith(f"Error: {path}: ")
        assert hint in line
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_a_single_bad_file(tmp_path: Path) -> None:
    done = command("separate", tmp_path / "missing.wav", "-o", tmp_path / "out")
    assert_refused(done, "Error: ", "There is no file", "missing.wav")
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_the_command_refuses_an_unknown_model(song: Path, tmp_path: Path) -> None:
    done = command("separate", song, "-p", "spleeter:2stem", "-o", tmp_path / "out")
    assert_refused(done, "Did you mean 'spleeter:2stems'")
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_an_unknown_option(song: Path, tmp_path: Path) -> None:
    done = command("separate", song, "--codecc", "wav", "-o", tmp_path / "out")
    assert_refused(done, "No such option", "--codec")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("-c", "mp4"), ("codec is 'mp4'", "'flac'")),
        (("-c", "mp3", "-b", "fast"), ("bitrate is 'fast'", "'320k'")),
        (("-s", "nan"), ("offset is nan", "0 or more")),
        (("--overlap", "0.7"), ("overlap is 0.7", "0 to 0.5")),
        (("-f", "{instument}"), ("Did you mean 'instrument'",)),
        (("-a", "mine.Adapter"), ("leave -a out",)),
    ],
)
def test_the_command_refuses_bad_values(option: tuple[str, str], words: tuple[str, ...], song: Path) -> None:
    done = command("separate", song, *option, "-o", song.parent / "out")
    assert_refused(done, *words)
    assert not (song.parent / "out").exists()


def test_the_command_offline_opens_no_connection_and_names_the_folder(song: Path, tmp_path: Path) -> None:
    options = ("--offline", "--models-dir", tmp_path / "models", "-o", tmp_path / "out")
    done = command("separate", song, *options, code=NO_NETWORK)
    assert_refused(done, str(tmp_path / "models" / "2stems"), "switched off")
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()


def test_the_command_finds_a_damaged_model(song: Path, tmp_path: Path, two_stems_models_dir: Path) -> None:
    copy_two_stems(two_stems_models_dir, tmp_path / "models")
    flip(tmp_path / "models" / "2stems" / "model.index")
    done = command("separate", song, "--offline", "--models-dir", tmp_path / "models", "-o", tmp_path / "out")
    assert_refused(done, "model.index is damaged", "put 2stems.tar.gz")
    assert not (tmp_path / "out").exists()


def test_the_command_unpacks_no_archive_that_reaches_out(song: Path, tmp_path: Path) -> None:
    models = tmp_path / "a" / "models"
    models.mkdir(parents=True)
    escaping_archive(models / "2stems.tar.gz")
    done = command("separate", song, "--offline", "--models-dir", models, "-o", tmp_path / "out")
    assert_refused(done, "SHA-256")
    assert not list(tmp_path.rglob("escaped"))
    assert not (tmp_path / "out").exists()

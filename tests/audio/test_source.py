from __future__ import annotations

import io
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from spleeter_nb.audio import open_audio, probe
from spleeter_nb.audio.source import ShieldedFile
from spleeter_nb.exceptions import (
    AudioNotFoundError,
    AudioProcessingError,
    EmptyAudioError,
    NotARegularFileError,
    ValidationError,
)

if TYPE_CHECKING:
    from pathlib import Path


def refuse(path: str | Path, error: type[Exception]) -> str:
    started = time.perf_counter()
    with pytest.raises(error) as caught:
        probe(path)
    # Opened in the way that blocks, a pipe would keep us for ever: any bound tells, and a generous one never flakes.
    assert time.perf_counter() - started < 2
    return str(caught.value)


def test_a_missing_file_says_where_it_was_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) in refuse("song.mp3", AudioNotFoundError)
    (tmp_path / "file").touch()
    refuse("file/song.mp3", AudioNotFoundError)
    refuse("x" * 300, AudioNotFoundError)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    """A13."""
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.wav"))
        assert "socket" in refuse(tmp_path / "socket.wav", NotARegularFileError)
    assert "folder" in refuse(tmp_path, NotARegularFileError)
    assert "pipe" in refuse(tmp_path / "pipe.wav", NotARegularFileError)
    assert "device" in refuse("/dev/zero", NotARegularFileError)
    refuse(tmp_path / "loop.wav", NotARegularFileError)


def test_impossible_paths() -> None:
    """A15."""
    assert "null byte" in refuse("a\0b.wav", ValidationError)


def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.touch(mode=0)
    user = os.geteuid()
    if user == 0:  # root may read everything
        os.seteuid(65_534)
    try:
        assert "Permission" in refuse(path, AudioProcessingError)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    "name", ["-rf.wav", "line\nbreak.wav", "http:x.wav", "<script>.wav", "\u202egnp.wav", "\udcff.wav", "x" * 255]
)
def test_odd_names_simply_open(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A15."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes((songs / "song.wav").read_bytes())
    assert probe(name).name == name
    assert probe(tmp_path / "." / ".." / tmp_path.name / name).channels == 2


def test_a_path_may_give_bytes(songs: Path, tmp_path: Path) -> None:
    class InBytes(os.PathLike[bytes]):
        def __init__(self, path: Path) -> None:
            self._path = path

        def __fspath__(self) -> bytes:
            return os.fsencode(self._path)

    source: Any = InBytes(songs / "song.wav")
    assert probe(source).name == "song.wav"
    missing: Any = InBytes(tmp_path / "gone.wav")
    with pytest.raises(AudioNotFoundError, match=r"'/.*gone\.wav'"):
        probe(missing)


def test_links_are_followed(songs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(songs / "song.wav")
    assert probe(tmp_path / "link").name == "link"


@pytest.mark.parametrize("name", ["song.wav", "song.mp3", "song.m4a", "song"])
def test_empty_files_under_every_name(tmp_path: Path, name: str) -> None:
    """A1."""
    (tmp_path / name).touch()
    refuse(tmp_path / name, EmptyAudioError)
    with pytest.raises(EmptyAudioError):
        probe(b"")
    with pytest.raises(EmptyAudioError):
        probe(io.BytesIO())


def test_a_name_can_be_given(songs: Path) -> None:
    data = (songs / "song.flac").read_bytes()
    assert probe(data).name == "<bytes>"
    with open_audio(data, name="upload.flac") as reader:
        assert reader.info.name == "upload.flac"


def test_a_file_object_is_read_from_its_first_byte_and_stays_open(songs: Path) -> None:
    with (songs / "song.wav").open("rb") as file:
        file.seek(0, os.SEEK_END)
        assert probe(file).frames == 40_000
        assert not file.closed


@pytest.mark.parametrize("source", [None, 42, ["song.wav"], bytearray(b"RIFF")])
def test_other_types_are_refused(source: Any) -> None:
    with pytest.raises(ValidationError, match=type(source).__name__):
        probe(source)


def test_text_files_and_streams_that_cannot_seek_are_refused(songs: Path) -> None:
    with (songs / "song.wav").open(encoding="latin-1") as file, pytest.raises(ValidationError, match="'rb'"):
        probe(file)
    ends = os.pipe()
    with open(ends[0], "rb") as reader, open(ends[1], "wb"), pytest.raises(ValidationError, match="seek"):  # noqa: PTH123
        probe(reader)


class Moody(io.BytesIO):
    """A file object that fails after some reads."""

    patience = 0

    def read(self, size: int = -1) -> bytes:
        self.patience -= 1
        if self.patience < 0:
            raise TimeoutError("the network is gone")
        return super().read(size)


@pytest.mark.parametrize("name", ["song.wav", "song.flac", "song.ogg", "aac.m4a", "untagged.mp3"])
@pytest.mark.parametrize("patience", [0, 1, 2, 3])
def test_a_failing_file_object_is_named_as_the_cause(
    songs: Path, capfd: pytest.CaptureFixture[str], name: str, patience: int
) -> None:
    source = Moody((songs / name).read_bytes())
    source.patience = patience
    with pytest.raises(AudioProcessingError, match="network is gone") as caught, open_audio(source) as reader:
        list(reader.blocks(100))
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert "Traceback" not in capfd.readouterr().err


def test_a_shield_keeps_the_first_failure_and_stops() -> None:
    file = io.BytesIO(b"abc")
    shield = ShieldedFile(file)
    assert shield.readable()
    assert (shield.read(2), shield.tell(), shield.write(b"d")) == (b"ab", 2, 1)
    file.close()
    assert (shield.tell(), shield.read(1), shield.write(b"e"), shield.seek(1)) == (0, b"", 0, 0)
    assert isinstance(shield.failure, ValueError)


def test_a_closed_file_object(tmp_path: Path) -> None:
    with (tmp_path / "song.wav").open("wb+") as file:
        file.write(b"RIFF")
    assert "closed" in refuse(file, ValidationError)

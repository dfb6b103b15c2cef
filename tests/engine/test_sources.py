"""Lists, folders and patterns become songs."""

from __future__ import annotations

import io
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spleeter_nb.audio import open_audio
from spleeter_nb.engine.sources import EXTENSIONS, expand
from spleeter_nb.exceptions import (
    AudioNotFoundError,
    AudioProcessingError,
    EmptyAudioError,
    SpleeterError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(audio_files: Any, folder: Path, **options: Any) -> list[str]:
    """What was found, below a folder."""
    return [Path(path).relative_to(folder).as_posix() for path in expand(audio_files, **options)]


# What is taken as it is


def test_what_was_given_comes_back(tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    song.touch()
    sources = [str(song), song, b"RIFF", io.BytesIO(b"RIFF"), np.zeros((10, 2)), "not there.mp3", "", "a\0b.wav"]
    for source in sources:
        (alone,) = expand(source)
        assert alone is source
    assert all(one is other for one, other in zip(expand(sources), sources, strict=True))
    assert all(one is other for one, other in zip(expand(iter(sources)), sources, strict=True))


def test_what_is_no_source_is_left_to_whoever_opens_it() -> None:
    odd: Any = [None, 0.5, ["nested.wav"], {}]
    assert expand(odd) == odd
    for source in odd:
        with pytest.raises(ValidationError, match="cannot be read as sound"), open_audio(source):
            pass
    single: Any = 7
    assert expand(single) == [7]


def test_nothing_is_nothing() -> None:
    assert expand([]) == []


def test_arrays_of_numbers_are_sound_and_arrays_of_words_are_lists() -> None:
    samples = np.zeros((1000, 2), np.float32)
    assert len(expand(samples)) == 1
    assert expand(np.array(["a.wav", "b.wav"])) == ["a.wav", "b.wav"]
    assert expand(np.array(["a.wav", Path("b.wav")], object)) == ["a.wav", Path("b.wav")]


def test_a_song_that_is_named_twice_comes_twice(tmp_path: Path) -> None:
    fill(tmp_path, "a.wav")
    assert found([tmp_path / "a.wav", tmp_path / "a.wav"], tmp_path) == ["a.wav", "a.wav"]


@pytest.mark.parametrize("name", ["what?.wav", "all*.wav", "take [2].wav", "[x]"])
def test_a_file_is_no_pattern(tmp_path: Path, name: str) -> None:
    fill(tmp_path, name, "whats.wav", "alls.wav", "take 2.wav", "x")
    assert found(str(tmp_path / name), tmp_path) == [name]


def test_a_link_to_nothing_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "x*.wav").symlink_to("gone.wav")
    fill(tmp_path, "xy.wav")
    (source,) = expand(tmp_path / "x*.wav")
    with pytest.raises(AudioNotFoundError), open_audio(source):  # type: ignore[arg-type]
        pass


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    fill(tmp_path, "a.wav", "music/b.wav")
    assert expand("~/a.wav") == [tmp_path / "a.wav"]
    assert expand(["~/music", "~/*.wav"]) == [tmp_path / "music" / "b.wav", tmp_path / "a.wav"]
    (unknown,) = expand(["~nobody-of-that-name/a.wav"])
    assert isinstance(unknown, ValidationError)
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, "~a.wav")
    assert expand("~a.wav") == ["~a.wav"]


def test_a_path_may_give_bytes(tmp_path: Path) -> None:
    class InBytes(os.PathLike[bytes]):
        def __fspath__(self) -> bytes:
            return os.fsencode(tmp_path)

    source: Any = InBytes()
    fill(tmp_path, "a.wav")
    assert found(source, tmp_path) == ["a.wav"]


# Folders


def test_a_folder_stands_for_its_sound_in_the_order_of_people(tmp_path: Path) -> None:
    names = ["1 intro.flac", "Track2.MP3", "track10.wav", "track10b.wav", "track1000000000000000000000.wav"]
    fill(tmp_path, *reversed(names), "cover.jpg", "notes.txt", "no extension", "wav", "sub/other.wav")
    assert found(tmp_path, tmp_path) == names


def test_sub_folders_on_request(tmp_path: Path) -> None:
    fill(tmp_path, "cd10/a.wav", "cd2/b.wav", "cd2/deep/er/c.wav", "z.wav", "folder.wav/d.wav")
    assert found(tmp_path, tmp_path) == ["z.wav"]
    everything = ["cd2/b.wav", "cd2/deep/er/c.wav", "cd10/a.wav", "folder.wav/d.wav", "z.wav"]
    assert found(str(tmp_path), tmp_path, recursive=True) == everything


def test_hidden_files_are_not_found(tmp_path: Path) -> None:
    fill(tmp_path, "a.wav", ".hidden.wav", "._a.wav", ".spleeter-0123.part", ".spleeter_nb-ledger.jsonl", ".git/b.wav")
    assert found(tmp_path, tmp_path, recursive=True) == ["a.wav"]
    assert found(tmp_path / "*", tmp_path) == ["a.wav"]
    assert found(tmp_path / "**" / "*.wav", tmp_path) == ["a.wav"]
    assert found(tmp_path / ".*.wav", tmp_path) == ["._a.wav", ".hidden.wav"]


def test_links_to_files_are_followed_and_those_to_folders_are_not(tmp_path: Path) -> None:
    fill(tmp_path, "here/a.wav", "there/b.wav", "there/c.wav")
    here = tmp_path / "here"
    (here / "b.wav").symlink_to(tmp_path / "there" / "b.wav")
    (here / "there").symlink_to(tmp_path / "there")
    (here / "circle").symlink_to(here)
    (here / "again").symlink_to(here)
    for source, options in ((here, {"recursive": True}), (here / "**" / "*.wav", {}), (here / "**", {})):
        assert found(source, here, **options) == ["a.wav", "b.wav"]


def test_a_link_to_itself_is_found_and_refused_by_whoever_opens_it(tmp_path: Path) -> None:
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (source,) = expand(tmp_path)
    with pytest.raises(AudioProcessingError), open_audio(source):  # type: ignore[arg-type]
        pass


def test_relative_folders_give_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "music/a.wav")
    monkeypatch.chdir(tmp_path)
    assert expand("music") == expand("music/*") == expand("./mus*/*.wav") == [Path("music/a.wav")]
    monkeypatch.chdir("music")
    assert expand(".") == expand("*.wav") == [Path("a.wav")]


def test_a_folder_without_sound_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "notes.txt", "sub/a.wav")
    with pytest.raises(ValidationError, match=r"holds no sound; with recursive=True .* \.flac") as caught:
        expand(tmp_path)
    assert caught.value.context == {"folder": str(tmp_path), "left_out": 0}
    (tmp_path / "sub" / "a.wav").unlink()
    with pytest.raises(ValidationError, match=r"holds no sound\. Sought are") as caught:
        expand(tmp_path, recursive=True)


def test_in_a_list_an_error_stands_in_its_place(tmp_path: Path) -> None:
    fill(tmp_path, "a.wav", "b.wav")
    (tmp_path / "empty").mkdir()
    sources = [tmp_path / "b.wav", tmp_path / "empty", tmp_path / "*.mp3", tmp_path / "a.wav"]
    first, folder, pattern, last = expand(sources)
    assert (first, last) == (sources[0], sources[3])
    assert isinstance(folder, ValidationError)
    assert isinstance(pattern, ValidationError)
    (alone,) = expand([tmp_path / "empty"])
    assert isinstance(alone, ValidationError)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that others may enter, as the test's own is for its owner only."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def common_user(open_to_all: Path) -> Iterator[None]:
    """Somebody who may not read everything; from here on the test is one."""
    fill(open_to_all, "a.wav", "locked/b.wav")
    (open_to_all / "locked").chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    yield
    os.seteuid(user)
    (open_to_all / "locked").chmod(0o700)


@pytest.mark.usefixtures("common_user")
def test_folders_that_may_not_be_read(open_to_all: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AudioProcessingError, match="locked' cannot be searched for songs: Permission denied"):
        expand(open_to_all / "locked")
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        assert found(open_to_all, open_to_all, recursive=True) == ["a.wav"]
    assert "locked' is left out: Permission denied" in caplog.text


# Patterns


def test_patterns(tmp_path: Path) -> None:
    fill(tmp_path, "track2.wav", "track10.wav", "track1.txt", "a/x.mp3", "a/b/x.mp3", "cover.jpg")
    assert found(tmp_path / "track?.wav", tmp_path) == ["track2.wav"]
    assert found(str(tmp_path / "track*"), tmp_path) == ["track2.wav", "track10.wav"]
    assert found(tmp_path / "track[0-9][0-9].*", tmp_path) == ["track10.wav"]
    assert found(tmp_path / "*", tmp_path) == ["track2.wav", "track10.wav"]
    assert found(tmp_path / "*" / "x.mp3", tmp_path) == ["a/x.mp3"]
    assert found(tmp_path / "**" / "*.mp3", tmp_path) == ["a/b/x.mp3", "a/x.mp3"]
    assert found(tmp_path / "a" / "**", tmp_path) == ["a/b/x.mp3", "a/x.mp3"]


def test_a_pattern_with_an_extension_finds_whatever_has_it(tmp_path: Path) -> None:
    fill(tmp_path, "a.raw", "b.raw", "c.txt", "d.raw/e.wav")
    assert found(tmp_path / "*.raw", tmp_path) == ["a.raw", "b.raw"]


def test_brackets_of_a_folder_that_exists_are_its_name(tmp_path: Path) -> None:
    fill(tmp_path, "[2020] album/a.wav", "2 album/b.wav")
    assert found(tmp_path / "[2020] album" / "*.wav", tmp_path) == ["[2020] album/a.wav"]


@pytest.mark.parametrize("pattern", ["*.wav", "no/such/*.wav", "a**b/*.wav", "\0*", "[", "x" * 300 + "/*"])
def test_a_pattern_that_fits_nothing(tmp_path: Path, pattern: str) -> None:
    with pytest.raises((ValidationError, AudioProcessingError)) as caught:
        expand(str(tmp_path / pattern))
    assert repr(str(tmp_path / pattern)) in str(caught.value)


# No file twice, and none that we wrote


def test_a_file_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "music/a.wav", "music/b.wav", "music/c.wav")
    music = tmp_path / "music"
    (tmp_path / "link").symlink_to(music)
    assert found([music, music / "*.wav", music], tmp_path) == ["music/a.wav", "music/b.wav", "music/c.wav"]
    assert len(expand([music, tmp_path / "link"])) == 3
    monkeypatch.chdir(music)
    # What is named keeps its place, wherever that is.
    assert expand([music, "b.wav", "b.wav"]) == [music / "a.wav", music / "c.wav", "b.wav", "b.wav"]


def test_what_an_earlier_batch_wrote_is_not_found(tmp_path: Path) -> None:
    fill(tmp_path, "a.wav", "stems/a/vocals.wav")
    written = {(tmp_path / "stems" / "a" / "vocals.wav").resolve()}
    assert found(tmp_path, tmp_path, recursive=True, leave_out=written) == ["a.wav"]
    assert found(tmp_path / "**" / "*.wav", tmp_path, leave_out=written) == ["a.wav"]
    assert found(tmp_path / "stems" / "a" / "vocals.wav", tmp_path, leave_out=written) == ["stems/a/vocals.wav"]
    with pytest.raises(ValidationError, match="1 were left out, because an earlier batch wrote them") as caught:
        expand(tmp_path / "stems", recursive=True, leave_out=written)
    assert caught.value.context["left_out"] == 1


# Anything


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12).filter(
    lambda name: name.strip(".") and len(os.fsencode(name)) < 200
)


@given(st.sets(NAMES, max_size=6))
def test_a_folder_gives_each_of_its_songs_whatever_their_names(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        songs = {Path(place, f"{name}.wav") for name in names}
        for song in songs:
            song.touch()
        if not any(not song.name.startswith(".") for song in songs):
            with pytest.raises(ValidationError):
                expand(place)
        else:
            result = expand(place)
            assert set(result) == {song for song in songs if not song.name.startswith(".")}
            assert len(result) == len(set(result))
        assert expand(list(songs)) == list(songs)


@settings(deadline=None)
@given(st.text(max_size=20) | st.text("*?[]~./\\!-a\0\udcff", max_size=12))
def test_no_text_is_too_odd(text: str) -> None:
    # Below an empty folder, so that nothing of the machine is searched.
    with tempfile.TemporaryDirectory() as place:
        for part in expand([f"{place}/{text}"] if ".." not in text else []):
            assert isinstance(part, str | SpleeterError)


def test_known_extensions_are_lower_case() -> None:
    assert all(extension == extension.lower() and extension.startswith(".") for extension in EXTENSIONS)
    assert len(set(EXTENSIONS)) == len(EXTENSIONS)


def test_an_empty_file_is_found_and_refused_by_whoever_opens_it(tmp_path: Path) -> None:
    fill(tmp_path, "a.wav")
    (source,) = expand(tmp_path)
    with pytest.raises(EmptyAudioError), open_audio(source):  # type: ignore[arg-type]
        pass

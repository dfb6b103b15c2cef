from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from spleeter_nb.exceptions import (
    AudioNotFoundError,
    AudioProcessingError,
    NotARegularFileError,
    SpleeterError,
    ValidationError,
)
from spleeter_nb.widgets.roots import Roots


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of songs with everything in it that must not be named, and some that may."""
    home = tmp_path / "home"
    for folder in ("music/album", "music/.cache", ".ssh", "other"):
        (home / folder).mkdir(parents=True)
    for file in ("music/one.wav", "music/album/two.flac", "music/.hidden.wav", "music/.cache/x.wav", ".ssh/id.wav"):
        (home / file).write_bytes(b"sound")
    (home / "music" / "notes.txt").write_text("text")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.wav").write_bytes(b"secret")
    (outside / "home").mkdir()
    for name, target in {
        "out": outside,
        "out.wav": outside / "secret.wav",
        "up": Path("../.."),
        "circle": home / "music" / "circle",
        "gone.wav": home / "nowhere.wav",
        "to-hidden.wav": home / "music" / ".hidden.wav",
        "to-ssh": home / ".ssh",
        "inside.wav": home / "music" / "album" / "two.flac",
        "root": Path("/"),
    }.items():
        (home / "music" / name).symlink_to(target)
    monkeypatch.setenv("HOME", str(home))
    return home


HOSTILE = [
    *("/", "//", "/etc/passwd", "//etc/passwd", "/etc/shadow", "/proc/self/environ", "/proc/self/fd/0", "/dev/zero"),
    *("/dev/stdin", "/dev/fd/0", "/sys/kernel", "..", "../", "../..", "../../etc/passwd", "../outside/secret.wav"),
    *("./../outside/secret.wav", "album/../../../outside/secret.wav", "album/../../.ssh/id.wav", "one.wav/../../.."),
    *("out/secret.wav", "out", "out/../secret.wav", "out.wav", "up", "up/outside/secret.wav", "root/etc/passwd"),
    *("root", "to-hidden.wav", "to-ssh/id.wav", "to-ssh", ".hidden.wav", ".cache/x.wav", ".cache", "./.hidden.wav"),
    *("album/../.hidden.wav", "~", "~/.ssh/id.wav", "~/.ssh", "~/../outside/secret.wav", "~/other", "~root/.bashrc"),
    *("one.wav\0", "\0", "one.wav\0.txt", "\ud800.wav", "album/\udcff", "a" * 4097, "../" * 1000, "a" * 300),
    *("circle", "circle/x", "gone.wav", "nowhere.wav", "one.wav/x", "album", "album/", "", "."),
    *("pipe.wav", "socket.wav", "file:///etc/passwd", "http://example.com/x.wav", "\\\\server\\share", "C:\\x.wav"),
    *("$HOME/one.wav", "`id`", "; rm -rf /", "%2e%2e/%2e%2e/etc/passwd", "..%2foutside", "....//....//etc/passwd"),
    *("one.wav\n", "ONE.WAV/..\\..", "*", "<img src=x onerror=alert(1)>", "\u202eone.wav", "\u2024\u2024/outside"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_hostile_path_is_a_file(home: Path, text: str) -> None:
    os.mkfifo(home / "music" / "pipe.wav")
    # Names of sockets are short.
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{short}/s")
        Path(short, "s").rename(home / "music" / "socket.wav")
        with pytest.raises(SpleeterError):
            Roots([home / "music"]).file(text)


@pytest.mark.parametrize("text", ["/etc", "..", "../..", "out", "up", "root", "to-ssh", ".cache", "~", "circle", "\0"])
def test_no_hostile_path_is_a_folder(home: Path, text: str) -> None:
    with pytest.raises(ValidationError):
        Roots([home / "music"]).folder(text)


def test_a_refusal_does_not_tell_whether_a_file_is_there(home: Path) -> None:
    roots = Roots([home / "music"])
    messages = []
    for text in ("/etc/passwd", "/etc/passwx"):
        with pytest.raises(ValidationError) as caught:
            roots.file(text)
        messages.append(str(caught.value).replace(text, "X"))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("one.wav", "music/one.wav"),
        ("./album/two.flac", "music/album/two.flac"),
        ("album/../one.wav", "music/one.wav"),
        ("~/music/one.wav", "music/one.wav"),
        # A song is called what the user calls it.
        ("inside.wav", "music/inside.wav"),
        ("notes.txt", "music/notes.txt"),
    ],
)
def test_files_in_the_roots_are_found(home: Path, text: str, path: str) -> None:
    assert Roots([home / "music"]).file(text) == home / path


def test_absolute_paths_and_several_roots(home: Path) -> None:
    (home / "other" / "three.wav").write_bytes(b"sound")
    roots = Roots([home / "music", home / "other", home / "music"])
    assert roots.folders == (home / "music", home / "other")
    assert roots.file(str(home / "other" / "three.wav")) == home / "other" / "three.wav"
    assert roots.folder(str(home / "music" / "album")) == home / "music" / "album"


def test_a_root_may_be_hidden_or_a_link(home: Path) -> None:
    link = home / "link"
    link.symlink_to(home / ".ssh")
    roots = Roots([link])
    assert roots.file("id.wav") == link / "id.wav"
    assert roots.file(str(home / ".ssh" / "id.wav")) == home / ".ssh" / "id.wav"


def test_what_is_there_is_told_from_what_is_not(home: Path) -> None:
    roots = Roots([home / "music"])
    with pytest.raises(AudioNotFoundError):
        roots.file("nowhere.wav")
    with pytest.raises(NotARegularFileError):
        roots.file("album")


@pytest.mark.parametrize("folders", [[], ["/nowhere/at/all"]])
def test_roots_are_folders(folders: list[str]) -> None:
    with pytest.raises(ValidationError, match="folder"):
        Roots(folders)


def test_a_folder_is_listed_without_what_cannot_be_chosen(home: Path) -> None:
    for name in ("track10.wav", "track2.WAV", "Track1.mp3"):
        (home / "music" / name).write_bytes(b"12345678")
    (home / "music" / os.fsdecode(b"\xff.wav")).write_bytes(b"sound")
    listing = Roots([home / "music"]).listing(home / "music")
    assert [(entry.name, entry.size) for entry in listing.entries] == [
        ("album", None),
        ("inside.wav", 5),
        ("one.wav", 5),
        ("Track1.mp3", 8),
        ("track2.WAV", 8),
        ("track10.wav", 8),
    ]
    assert listing.is_whole
    assert listing.others > 0


def test_a_folder_beyond_all_measure_is_listed_in_part(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spleeter_nb.widgets.roots._MOST_ENTRIES", 5)
    for i in range(10):
        (home / "other" / f"{i}.wav").touch()
    listing = Roots([home]).listing(home / "other")
    assert (len(listing.entries), listing.is_whole) == (5, False)


def test_a_folder_that_goes_meanwhile_is_an_error(home: Path) -> None:
    roots = Roots([home])
    with pytest.raises(AudioProcessingError, match="cannot be read"):
        roots.listing(home / "gone")


def test_crumbs_lead_from_the_innermost_root(home: Path) -> None:
    roots = Roots([home, home / "music"])
    assert roots.crumbs(home) == (("Home", str(home)),)
    assert roots.crumbs(home / "music" / "album") == (
        ("music", str(home / "music")),
        ("album", str(home / "music" / "album")),
    )


@pytest.mark.parametrize(
    ("text", "completions"),
    [
        ("", ("album/", "inside.wav", "one.wav")),
        ("O", ("one.wav",)),
        ("al", ("album/",)),
        ("album/", ("album/two.flac",)),
        ("~/music/on", ("~/music/one.wav",)),
        ("../", ()),
        ("/etc/", ()),
        (".hid", ()),
        ("nowhere/x", ()),
        ("a\0", ()),
    ],
)
def test_a_path_is_completed(home: Path, text: str, completions: tuple[str, ...]) -> None:
    assert Roots([home / "music"]).complete(text) == completions


def test_a_beginning_leads_to_the_roots(home: Path) -> None:
    assert Roots([home / "music"]).complete(str(home)[:5]) == (f"{home / 'music'}/",)
    assert Roots([home / "music"]).complete(f"{home}/music/on") == (f"{home}/music/one.wav",)


def test_completions_are_few(home: Path) -> None:
    for i in range(100):
        (home / "other" / f"{i}.wav").touch()
    assert len(Roots([home / "other"]).complete("")) == 20

from __future__ import annotations

import dataclasses
import errno
import io
import os
import re
import threading
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import pytest
import soundfile

import spleeter_nb
from spleeter_nb.audio import write
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.storage import create_temporary
from spleeter_nb.widgets import uploads as uploads_module
from spleeter_nb.widgets import wire
from spleeter_nb.widgets.files import FilePicker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STATE_TS = Path(__file__).resolve().parents[2] / "widgets" / "src" / "data" / "state.ts"


class Browser:
    """What a page does, without one: it sends messages to a picker and keeps what comes back."""

    def __init__(self, picker: FilePicker, monkeypatch: pytest.MonkeyPatch) -> None:
        self.picker = picker
        self.received: list[tuple[dict[str, Any], list[bytes]]] = []
        self._last_id = 0
        self._comm = picker.comm
        monkeypatch.setattr(picker, "send", lambda content, buffers: self.received.append((content, buffers)))

    def send(self, content: object, buffers: Sequence[bytes] = ()) -> None:
        self._comes({"method": "custom", "content": content}, buffers)

    def change(self, **traits: object) -> None:
        self._comes({"method": "update", "state": traits, "buffer_paths": []})

    def _comes(self, data: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self._comm.handle_msg({"content": {"data": data}, "buffers": [memoryview(b) for b in buffers]})

    def ask(self, kind: str, **fields: object) -> dict[str, Any]:
        """Send a request, wait for its one answer."""
        self._last_id += 1
        self.send({"type": kind, "id": self._last_id, **fields})
        wait_for(lambda: self._answers(self._last_id))
        (answer,) = self._answers(self._last_id)
        return answer

    def _answers(self, request: int) -> list[dict[str, Any]]:
        return [content for content, _ in self.received if content["id"] == request]

    def upload(self, content: bytes, name: str = "song.wav") -> dict[str, Any]:
        begun = self.ask("upload_begin", name=name, size=len(content), modified=1)
        crc = begun["crc"]
        for offset in range(begun["offset"], len(content), wire.UPLOAD_BYTES):
            piece = content[offset : offset + wire.UPLOAD_BYTES]
            crc = zlib.crc32(piece, crc)
            self.piece(begun["upload"], piece, offset=offset, crc=crc)
        return self.ask("upload_finish", upload=begun["upload"], crc=crc)

    def piece(self, upload: object, piece: bytes, *, offset: object = 0, crc: object = 0) -> None:
        self.send({"type": "upload_piece", "upload": upload, "offset": offset, "crc": crc}, [piece])


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    (folder / "album").mkdir(parents=True)
    tone = np.sin(np.arange(96_000 * 7) / 20).astype(np.float32)
    write(folder / "tone.wav", tone, sample_rate=96_000)
    write(folder / "short.flac", np.stack([tone[:8000]] * 6, 1), sample_rate=8000, codec="flac")
    (folder / "broken.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    (folder / "notes.txt").write_text("text")
    return folder


@pytest.fixture
def picker(songs: Path, tmp_path: Path) -> Iterator[FilePicker]:
    picker = FilePicker([songs], upload_dir=tmp_path / "uploads")
    yield picker
    picker.close()


@pytest.fixture
def browser(picker: FilePicker, monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(picker, monkeypatch)


def test_by_default_the_working_folder_and_the_home_folder_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    for folder in (work, home):
        folder.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(home))
    picker = spleeter_nb.FilePicker()
    assert picker.roots == [str(work), str(home)]
    assert picker.paths == []
    assert repr(picker) == "FilePicker(0 chosen)"
    picker.close()


@pytest.mark.parametrize(
    "options",
    [
        *(
            {"max_upload_mb": 0},
            {"max_upload_mb": float("nan")},
            {"max_upload_mb": float("inf")},
            {"max_upload_mb": "5"},
        ),
        *({"roots": ["/nowhere"]}, {"roots": "."}, {"roots": Path()}, {"roots": 5}, {"roots": ["~nobody9"]}),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FilePicker(**options)


def test_typescript_knows_the_same_traits() -> None:
    interface = re.search(r"interface FilesState \{(.*?)\n\}", STATE_TS.read_text("utf-8"), re.DOTALL)
    assert interface is not None
    named = set(re.findall(r"^  (\w+):", interface[1], re.MULTILINE))
    synced = FilePicker.class_trait_names(sync=True)
    assert named == {name for name in synced if name not in ipywidgets.DOMWidget.class_trait_names(sync=True)}


def test_the_browser_chooses(browser: Browser, picker: FilePicker, songs: Path) -> None:
    changes: list[list[str]] = []
    picker.observe(lambda change: changes.append(change["new"]), "value")
    browser.change(value=["tone.wav", str(songs / "short.flac"), "tone.wav"])
    assert picker.paths == [songs / "tone.wav", songs / "short.flac"]
    browser.change(value=[str(songs / "short.flac")])
    assert changes == [[str(songs / "tone.wav"), str(songs / "short.flac")], [str(songs / "short.flac")]]
    assert not picker.refused


@pytest.mark.parametrize(
    "value",
    [
        ["/etc/passwd"],
        ["../../etc/passwd"],
        ["album"],
        ["nowhere.wav"],
        ["tone.wav\0"],
        ["tone.wav", "/etc/passwd"],
        "/etc/passwd",
        [1],
        [None],
        None,
        {},
        ["tone.wav"] * 3 + [f"{i}.wav" for i in range(1001)],
    ],
)
def test_what_may_not_be_chosen_is_refused_and_the_truth_sent_back(
    browser: Browser, picker: FilePicker, songs: Path, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    picker.value = ["short.flac"]
    told: list[str] = []
    monkeypatch.setattr(picker, "send_state", told.append)
    browser.change(value=value)
    assert picker.paths == [songs / "short.flac"]
    assert picker.refused["trait"] == 1
    assert told == ["value"]


@pytest.mark.parametrize("trait", ["roots", "uploads", "multiple", "max_upload_bytes", "_esm"])
def test_the_browser_changes_nothing_but_the_choice(browser: Browser, picker: FilePicker, trait: str) -> None:
    before = getattr(picker, trait)
    browser.change(**{trait: ["/"]})
    assert getattr(picker, trait) == before
    assert picker.refused["trait"] == 1


def test_one_song_is_chosen_once_however_it_is_written(picker: FilePicker, songs: Path) -> None:
    name = next(path for path in songs.iterdir() if path.suffix == ".wav").name
    picker.value = [name, f"./{name}", str(songs / name)]
    assert len(picker.value) == 1


def test_python_chooses_within_the_roots(picker: FilePicker) -> None:
    with pytest.raises(ValidationError, match="other roots"):
        picker.value = ["/etc/passwd"]
    assert picker.value == []


def test_a_chosen_song_that_has_gone_does_not_keep_others_from_being_chosen(picker: FilePicker, songs: Path) -> None:
    picker.value = ["tone.wav"]
    (songs / "tone.wav").unlink()
    picker.value = [*picker.value, "short.flac"]
    assert picker.paths == [songs / "tone.wav", songs / "short.flac"]


def test_one_song_where_several_are_not_wanted(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picker = FilePicker([songs], multiple=False, upload_dir=tmp_path / "uploads")
    with pytest.raises(ValidationError, match="at most 1"):
        picker.value = ["tone.wav", "short.flac"]
    picker.value = ["tone.wav"]
    Browser(picker, monkeypatch).upload(b"sound")
    assert picker.paths == [tmp_path / "uploads" / "song.wav"]
    picker.close()


def test_a_folder_is_listed(browser: Browser, songs: Path) -> None:
    listed = browser.ask("list_folder", path=str(songs), first=0)
    assert [name for name, _, _ in listed["entries"]] == ["album", "broken.wav", "short.flac", "tone.wav"]
    assert listed["entries"][0] == ("album", str(songs / "album"), None)
    assert listed["entries"][3][2] == (songs / "tone.wav").stat().st_size
    assert listed["crumbs"] == (("songs", str(songs)),)
    assert listed["note"] == "Not listed, because not named like sound: 1."


def test_the_roots_are_listed(browser: Browser, songs: Path) -> None:
    listed = browser.ask("list_folder", path=None, first=0)
    assert listed["entries"] == ((str(songs), str(songs), None),)
    assert listed["crumbs"] == ()


def test_a_large_folder_comes_in_pages(browser: Browser, songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(450):
        (songs / "album" / f"{i}.wav").touch()
    pages = [browser.ask("list_folder", path="album", first=first) for first in (0, 200, 400, 450, -5)]
    assert [len(page["entries"]) for page in pages] == [200, 200, 50, 0, 200]
    assert pages[1]["entries"][0][0] == "200.wav"
    assert {page["total"] for page in pages} == {450}
    monkeypatch.setattr("spleeter_nb.widgets.roots._MOST_ENTRIES", 10)
    assert "type the path" in browser.ask("list_folder", path="album", first=0)["note"]


@pytest.mark.parametrize("path", ["/", "..", "/etc", "tone.wav", "nowhere", "\0"])
def test_other_folders_are_not_listed(browser: Browser, picker: FilePicker, path: str) -> None:
    answer = browser.ask("list_folder", path=path, first=0)
    assert (answer["type"], answer["error"]) == ("failure", "ValidationError")
    assert picker.refused["message"] == 1


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("tone.wav", "song", r"^wav, 16 bit · 96 kHz · mono · 0:07 · 1\.3 MB$"),
        ("short.flac", "song", r"^flac, 16 bit · 8 kHz · 6 channels · 0:01 · "),
        ("broken.wav", "unusable", "broken.wav"),
        ("notes.txt", "unusable", "text"),
        ("album", "folder", "^$"),
        ("to", "missing", "no file"),
        ("/etc/passwd", "unusable", "outside"),
        ("\0", "unusable", "no path"),
    ],
)
def test_a_typed_path_is_judged(browser: Browser, text: str, kind: str, says: str) -> None:
    answer = browser.ask("check_path", text=text)
    assert answer["kind"] == kind
    assert re.search(says, answer["text"])
    assert bool(answer["path"]) == (kind in {"song", "folder"})


def test_a_typed_path_is_completed(browser: Browser) -> None:
    assert browser.ask("check_path", text="to")["completions"] == ("tone.wav",)


def test_a_song_of_unknown_length_is_described(browser: Browser, songs: Path) -> None:
    data = bytearray((songs / "short.flac").read_bytes())
    # The header's 36 bits that count the samples: 0 says that nobody knows.
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (songs / "a.flac").write_bytes(data)
    assert "of unknown length" in browser.ask("check_path", text="a.flac")["text"]


@pytest.mark.parametrize(("name", "rate", "seconds"), [("tone.wav", 48_000, 5), ("short.flac", 8000, 1)])
def test_a_preview_is_the_beginning(browser: Browser, name: str, rate: int, seconds: int) -> None:
    answer = browser.ask("preview_song", path=name)
    assert "kHz" in answer["text"]
    ((flac,),) = [buffers for content, buffers in browser.received if content is answer]
    sound = soundfile.info(io.BytesIO(flac))
    assert (sound.format, sound.samplerate, sound.channels, sound.frames) == ("FLAC", rate, 2, rate * seconds)


def test_a_preview_of_noise_fits_into_a_message(browser: Browser, songs: Path) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (48_000 * 6, 2)).astype(np.float32)
    write(songs / "noise.wav", noise, sample_rate=48_000)
    browser.ask("preview_song", path="noise.wav")
    ((_, (flac,)),) = browser.received
    assert len(flac) <= wire.MESSAGE_BYTES


@pytest.mark.parametrize("path", ["/etc/passwd", "broken.wav", "notes.txt", "album", "nowhere.wav"])
def test_what_is_no_song_has_no_preview(browser: Browser, path: str) -> None:
    assert browser.ask("preview_song", path=path)["type"] == "failure"


def test_an_upload_is_chosen_when_it_is_whole(browser: Browser, picker: FilePicker, songs: Path) -> None:
    content = (songs / "tone.wav").read_bytes()
    picker.value = ["tone.wav"]
    answer = browser.upload(content, "Mein Lied.wav")
    assert (answer["offset"], answer["crc"], answer["problem"]) == (len(content), zlib.crc32(content), "")
    path = songs.parent / "uploads" / "Mein Lied.wav"
    assert picker.paths == [songs / "tone.wav", path]
    assert path.read_bytes() == content
    (shown,) = picker.uploads
    assert shown == {
        "id": answer["upload"],
        "name": path.name,
        "size": len(content),
        "received": len(content),
        "path": str(path),
    }
    # It lies in no root, and may be named all the same.
    picker.value = []
    browser.change(value=[str(path)])
    assert picker.paths == [path]
    assert browser.ask("check_path", text=str(path))["kind"] == "song"


def test_progress_is_shown_at_most_a_few_times_a_second(browser: Browser, picker: FilePicker) -> None:
    changes: list[float] = []
    picker.observe(lambda _: changes.append(time.monotonic()), "uploads")
    started = time.monotonic()
    browser.upload(bytes(60 * 2**20))
    assert len(changes) <= 3 + (time.monotonic() - started) / 0.25
    assert picker.uploads[0]["received"] == 60 * 2**20


def test_pieces_are_acknowledged_once_each(browser: Browser) -> None:
    begun = browser.ask("upload_begin", name="a.wav", size=8, modified=1)
    browser.received.clear()
    browser.piece(begun["upload"], b"5678", offset=4, crc=zlib.crc32(b"12345678"))
    browser.piece(begun["upload"], b"5678", offset=4, crc=zlib.crc32(b"12345678"))
    browser.piece(begun["upload"], b"1234", offset=0, crc=zlib.crc32(b"1234"))
    browser.piece(begun["upload"], b"1234", offset=0, crc=zlib.crc32(b"1234"))
    answers = [(content["id"], content["offset"], content["again"]) for content, _ in browser.received]
    assert answers == [(None, 0, True), (None, 4, False), (None, 4, False)]
    assert browser.ask("upload_where", upload=begun["upload"])["offset"] == 4


def test_an_upload_is_removed_whole_or_not(browser: Browser, picker: FilePicker, tmp_path: Path) -> None:
    whole = browser.upload(b"sound")
    begun = browser.ask("upload_begin", name="a.wav", size=8, modified=1)
    for upload in (whole, begun, begun):
        assert browser.ask("upload_remove", upload=upload["upload"])["type"] == "upload_at"
    assert list((tmp_path / "uploads").iterdir()) == []
    assert (picker.value, picker.uploads) == ([], [])


def test_a_full_disk_is_told_once(browser: Browser, picker: FilePicker, monkeypatch: pytest.MonkeyPatch) -> None:
    def create_full(folder: Path) -> tuple[Path, Any]:
        path, file = create_temporary(folder)
        file.close()
        return path, FullFile()

    monkeypatch.setattr(uploads_module, "create_temporary", create_full)
    begun = browser.ask("upload_begin", name="a.wav", size=8, modified=1)
    browser.piece(begun["upload"], b"1234", crc=zlib.crc32(b"1234"))
    assert "is full" in browser.received[-1][0]["problem"]
    assert picker.uploads == []
    browser.piece(begun["upload"], b"1234", crc=zlib.crc32(b"1234"))
    assert picker.refused["message"] == 2


class FullFile:
    def write(self, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        pass


HOSTILE_MESSAGES: list[object] = [
    *(None, 1, "x", [], {}, {"type": None}, {"type": "rm"}, {"type": ["list_folder"]}, {"type": "upload_at", "id": 1}),
    {"type": "list_folder", "id": "1", "path": "", "first": 0},
    {"type": "list_folder", "id": 1, "path": 5, "first": 0},
    {"type": "list_folder", "id": 1, "path": ["/"], "first": 0},
    {"type": "list_folder", "id": 1, "path": None, "first": True},
    {"type": "list_folder", "id": 1, "path": None, "first": 0.5},
    {"type": "list_folder", "path": None, "first": 0},
    {"type": "list_folder", "id": 1, "path": None, "first": 0, "more": 1},
    {"type": "check_path", "id": 1, "text": None},
    {"type": "preview_song", "id": None, "path": "tone.wav"},
    {"type": "upload_begin", "id": 1, "name": None, "size": 1, "modified": 1},
    {"type": "upload_begin", "id": 1, "name": "a", "size": "1", "modified": 1},
    {"type": "upload_begin", "id": 1, "name": "a", "size": 0, "modified": 1},
    {"type": "upload_begin", "id": 1, "name": "a", "size": -1, "modified": 1},
    {"type": "upload_begin", "id": 1, "name": "a", "size": 10**30, "modified": 1},
    {"type": "upload_begin", "id": 1, "name": "a", "size": float("nan"), "modified": 1},
    {"type": "upload_piece", "upload": "x", "offset": 0, "crc": 0},
    {"type": "upload_piece", "upload": None, "offset": 0, "crc": 0},
    {"type": "upload_where", "id": 1, "upload": "../x"},
    {"type": "upload_finish", "id": 1, "upload": "x", "crc": 0},
]


@pytest.mark.parametrize("message", HOSTILE_MESSAGES)
def test_a_hostile_message_is_refused_and_counted(
    browser: Browser, picker: FilePicker, tmp_path: Path, message: object
) -> None:
    browser.send(message, [b"x"])
    wait_for(lambda: picker.refused.total() == 1)
    assert all(content["type"] == "failure" for content, _ in browser.received)
    assert not list((tmp_path / "uploads").glob("*"))


@pytest.mark.parametrize("offset", [-1, 1, 5, 10**30])
@pytest.mark.parametrize("count", [1, 5, 50 * 10**6])
def test_a_hostile_piece_changes_nothing(browser: Browser, picker: FilePicker, offset: int, count: int) -> None:
    begun = browser.ask("upload_begin", name="a.wav", size=5, modified=1)
    browser.piece(begun["upload"], bytes(count), offset=offset, crc=0)
    assert browser.ask("upload_where", upload=begun["upload"])["offset"] == 0
    fits = offset == 1 and count == 1
    assert picker.refused.total() == (0 if fits else 1)


@pytest.mark.parametrize("buffers", [[], [b"a", b"b"]])
def test_a_piece_is_one_buffer(browser: Browser, picker: FilePicker, buffers: list[bytes]) -> None:
    begun = browser.ask("upload_begin", name="a.wav", size=5, modified=1)
    browser.send({"type": "upload_piece", "upload": begun["upload"], "offset": 0, "crc": 0}, buffers)
    assert picker.refused["message"] == 1


def test_a_flood_of_questions_is_refused_and_each_has_one_answer(
    browser: Browser, picker: FilePicker, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = threading.Event()
    scandir = os.scandir

    def slow_scandir(folder: Path) -> Any:
        slow.wait(10)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", slow_scandir)
    for i in range(100, 140):
        browser.send({"type": "list_folder", "id": i, "path": "album", "first": 0})
    assert picker.refused["message"] == 24
    slow.set()
    wait_for(lambda: len(browser.received) == 40)
    assert sorted(content["id"] for content, _ in browser.received) == list(range(100, 140))
    assert browser.ask("list_folder", path="album", first=0)["type"] == "folder_listed"


def test_after_close_nothing_is_left_nothing_taken_and_nothing_said(
    browser: Browser, picker: FilePicker, tmp_path: Path
) -> None:
    whole = browser.upload(b"sound")
    begun = browser.ask("upload_begin", name="a.wav", size=8, modified=1)
    browser.piece(begun["upload"], b"1234", crc=zlib.crc32(b"1234"))
    picker.close()
    picker.close()
    said = len(browser.received)
    browser.piece(begun["upload"], b"5678", offset=4, crc=0)
    browser.send({"type": "upload_begin", "id": 99, "name": "b.wav", "size": 8, "modified": 1})
    assert picker.refused["late"] == 2
    assert len(browser.received) == said
    # What is whole may be read by a separation.
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["song.wav"]
    assert whole["problem"] == ""


def test_without_a_folder_uploads_go_to_the_kernels_own(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    uploads_module.kernels_folder.cache_clear()
    picker = FilePicker([songs])
    Browser(picker, monkeypatch).upload(b"sound")
    (path,) = picker.paths
    picker.close()
    assert path.read_bytes() == b"sound"
    assert path.parent == uploads_module.kernels_folder()
    uploads_module.kernels_folder.cache_clear()


def test_without_a_kernel_the_names_are_shown_as_text(picker: FilePicker, songs: Path) -> None:
    assert "No song" in picker.static_html()
    name = "<img src=x onerror=alert(1)>.wav"
    (songs / name).write_bytes(b"x")
    picker.value = [name]
    assert "<img" not in picker.static_html()
    assert "&lt;img src=x onerror=alert(1)&gt;.wav" in picker.static_html()


def test_every_request_of_the_protocol_has_its_handler() -> None:
    for message in wire.FILES.to_kernel:
        assert callable(getattr(FilePicker, f"_on_{wire.wire_name(message)}"))
        assert dataclasses.is_dataclass(message)

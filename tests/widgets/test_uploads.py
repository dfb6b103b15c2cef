from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import unicodedata
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spleeter_nb.exceptions import DiskFullError, SpleeterError, StorageError, ValidationError
from spleeter_nb.widgets import uploads as module
from spleeter_nb.widgets.uploads import Uploads, safe_name
from spleeter_nb.widgets.wire import UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spleeter_nb.widgets.uploads import Upload

PIECE = 4


class Counting:
    """Uploads into a folder, and how often somebody was told of a change."""

    def __init__(self, folder: Path, max_bytes: int | None = None) -> None:
        self.changes = 0
        self.folder = folder
        self.uploads = Uploads(lambda: folder, max_bytes=max_bytes, changed=self.count)

    def count(self) -> None:
        self.changes += 1

    def begin(self, content: bytes = b"sound", name: str = "song.wav", modified: int = 1) -> Upload:
        return self.uploads.begin(name=name, size=len(content), modified=modified)

    def send(self, upload: Upload, content: bytes, offset: int = 0, size: int = UPLOAD_BYTES) -> bool | None:
        piece = content[offset : offset + size]
        return self.uploads.add(upload.id, piece, offset=offset, crc=zlib.crc32(content[: offset + size]))

    def upload(self, content: bytes = b"sound", name: str = "song.wav", modified: int = 1) -> Upload:
        upload = self.begin(content, name, modified)
        crc = 0
        for offset in range(0, len(content), UPLOAD_BYTES):
            piece = content[offset : offset + UPLOAD_BYTES]
            crc = zlib.crc32(piece, crc)
            assert self.uploads.add(upload.id, piece, offset=offset, crc=crc)
        return self.uploads.finish(upload.id, crc=crc)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Counting]:
    counting = Counting(tmp_path)
    yield counting
    counting.uploads.close()


def test_a_large_file_arrives_whole(counting: Counting) -> None:
    content = os.urandom(2**20) * 60
    upload = counting.upload(content)
    assert upload.path == counting.folder / "song.wav"
    assert upload.path.read_bytes() == content
    # An answer that was lost is asked for again.
    assert counting.uploads.finish(upload.id, crc=0).path == upload.path
    assert counting.names() == ["song.wav"]
    assert counting.changes >= 120


def test_names_that_are_taken_are_left_alone(counting: Counting) -> None:
    (counting.folder / "song.wav").write_bytes(b"mine")
    paths = [counting.upload(content, modified=i).path for i, content in enumerate((b"one", b"two"))]
    assert [path and path.name for path in paths] == ["song (2).wav", "song (3).wav"]
    assert (counting.folder / "song.wav").read_bytes() == b"mine"


def test_nothing_is_seen_under_the_name_before_the_end(counting: Counting) -> None:
    upload = counting.begin(b"sound")
    counting.send(upload, b"sound")
    assert not (counting.folder / "song.wav").exists()


def test_the_same_file_goes_on_where_it_was(counting: Counting) -> None:
    first = counting.begin(b"12345678")
    counting.send(first, b"12345678", 0, 4)
    again = counting.begin(b"12345678")
    assert (again.id, again.received, again.crc) == (first.id, 4, zlib.crc32(b"1234"))
    others = [
        counting.begin(b"123456789"),
        counting.begin(b"12345678", name="b.wav"),
        counting.begin(b"12345678", modified=2),
    ]
    assert len({first.id, *(other.id for other in others)}) == 4


def test_a_file_that_arrived_can_be_sent_once_more(counting: Counting) -> None:
    first = counting.upload(b"sound")
    second = counting.upload(b"sound")
    assert first.path != second.path
    assert len(counting.uploads.all()) == 2


def test_doubled_pieces_are_acknowledged_and_gaps_are_told_once(counting: Counting) -> None:
    content = b"0123456789ab"
    upload = counting.begin(content)
    assert counting.send(upload, content, 0, PIECE) is True
    assert counting.send(upload, content, 0, PIECE) is True
    assert counting.send(upload, content, 8, PIECE) is False
    assert counting.send(upload, content, 8, PIECE) is None
    assert counting.uploads.where(upload.id).received == PIECE
    assert counting.send(upload, content, 8, PIECE) is False
    assert counting.send(upload, content, 4, PIECE) is True
    assert counting.send(upload, content, 8, PIECE) is True
    assert counting.uploads.finish(upload.id, crc=zlib.crc32(content)).path is not None
    assert counting.send(upload, content, 8, PIECE) is True
    assert (counting.folder / "song.wav").read_bytes() == content


def test_damage_on_the_way_is_not_taken(counting: Counting) -> None:
    upload = counting.begin(b"sound")
    assert counting.uploads.add(upload.id, b"wound", offset=0, crc=zlib.crc32(b"sound")) is False
    assert upload.received == 0


@settings(deadline=None, max_examples=150)
@given(content=st.binary(min_size=1, max_size=40), data=st.data())
def test_lost_doubled_late_and_damaged_pieces_end_with_the_right_file_or_none(
    content: bytes, data: st.DataObject
) -> None:
    offsets = st.sampled_from(range(0, len(content), PIECE))
    sent: Iterable[tuple[int, bool]] = data.draw(st.lists(st.tuples(offsets, st.booleans()), max_size=40))
    with tempfile.TemporaryDirectory() as folder:
        counting = Counting(Path(folder))
        upload = counting.begin(content)
        for offset, is_damaged in sent:
            before = upload.received
            if is_damaged:
                piece = bytes(255 - byte for byte in content[offset : offset + PIECE])
                counting.uploads.add(upload.id, piece, offset=offset, crc=zlib.crc32(content[: offset + PIECE]))
                assert upload.received == before
            else:
                counting.send(upload, content, offset, PIECE)
                assert upload.received == (min(before + PIECE, len(content)) if offset == before else before)
        is_whole = upload.received == len(content)
        if is_whole:
            counting.uploads.finish(upload.id, crc=zlib.crc32(content))
            assert (Path(folder) / "song.wav").read_bytes() == content
        else:
            with pytest.raises(ValidationError, match="not whole"):
                counting.uploads.finish(upload.id, crc=zlib.crc32(content))
        counting.uploads.close()
        assert counting.names() == (["song.wav"] if is_whole else [])


@pytest.mark.parametrize(
    ("piece", "offset"),
    [
        (b"so", -1),
        (b"so", 4),
        (b"sounds", 0),
        (b"s", 5),
        (b"s", 10**30),
        (b"", 0),
        (bytes(50 * 10**6), 0),
        (bytes(UPLOAD_BYTES + 1), 0),
    ],
)
def test_pieces_that_are_none_of_the_file_are_refused(counting: Counting, piece: bytes, offset: int) -> None:
    upload = counting.begin(b"sound")
    with pytest.raises(ValidationError, match="none of"):
        counting.uploads.add(upload.id, piece, offset=offset, crc=0)
    assert upload.received == 0


def test_a_piece_larger_than_a_message_is_refused_even_where_it_fits(counting: Counting) -> None:
    content = bytes(UPLOAD_BYTES + 1)
    upload = counting.begin(content)
    with pytest.raises(ValidationError, match="none of"):
        counting.send(upload, content, 0, UPLOAD_BYTES + 1)


@pytest.mark.parametrize("upload_id", ["", "x", "../..", "0" * 16, "\ud800", "a" * 10**6])
def test_unknown_uploads_are_refused(counting: Counting, upload_id: str) -> None:
    with pytest.raises(ValidationError, match="no upload") as caught:
        counting.uploads.add(upload_id, b"s", offset=0, crc=0)
    assert len(str(caught.value)) < 200
    with pytest.raises(ValidationError):
        counting.uploads.finish(upload_id, crc=0)
    with pytest.raises(ValidationError):
        counting.uploads.where(upload_id)
    counting.uploads.remove(upload_id)


@pytest.mark.parametrize("size", [0, -1, -(10**30)])
def test_empty_files_are_refused(counting: Counting, size: int) -> None:
    with pytest.raises(ValidationError, match="empty"):
        counting.uploads.begin(name="a.wav", size=size, modified=0)


def test_files_that_are_too_large_are_refused(tmp_path: Path) -> None:
    counting = Counting(tmp_path, max_bytes=4)
    with pytest.raises(ValidationError, match="at most"):
        counting.begin(b"sound")
    with pytest.raises(DiskFullError):
        Counting(tmp_path).uploads.begin(name="a.wav", size=10**18, modified=0)
    assert counting.names() == []


def test_room_is_kept_for_what_is_under_way(counting: Counting) -> None:
    status = os.statvfs(counting.folder)
    most = int(status.f_bavail * status.f_frsize * 0.6)
    counting.uploads.begin(name="a.wav", size=most, modified=0)
    with pytest.raises(DiskFullError):
        counting.uploads.begin(name="b.wav", size=most, modified=0)


def test_a_flood_of_beginnings_is_refused(counting: Counting) -> None:
    for i in range(32):
        counting.begin(modified=i)
    with pytest.raises(ValidationError, match="unfinished"):
        counting.begin(modified=99)
    counting.uploads.close()
    assert counting.names() == []


def test_a_full_disk_ends_an_upload_and_leaves_nothing(counting: Counting) -> None:
    upload = counting.begin(b"sound")
    upload.file.close()
    upload.file = FullFile()  # type: ignore[assignment]  # what a full disk does
    with pytest.raises(DiskFullError):
        counting.send(upload, b"sound")
    assert counting.names() == []
    assert counting.uploads.all() == ()


class FullFile:
    def write(self, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        pass


def test_a_file_that_cannot_get_its_name_is_gone(counting: Counting) -> None:
    upload = counting.begin(b"sound")
    counting.send(upload, b"sound")
    upload.temporary.unlink()
    with pytest.raises(StorageError):
        counting.uploads.finish(upload.id, crc=zlib.crc32(b"sound"))
    assert counting.uploads.all() == ()


def test_cancel_and_removal_leave_nothing(counting: Counting) -> None:
    begun, whole = counting.begin(b"sound", modified=7), counting.upload()
    for upload in (begun, whole, whole):
        counting.uploads.remove(upload.id)
    assert counting.names() == []
    with pytest.raises(ValidationError):
        counting.send(begun, b"sound")


def test_close_leaves_only_what_is_whole(counting: Counting) -> None:
    counting.upload(name="whole.wav")
    begun = counting.begin()
    counting.uploads.close()
    counting.uploads.close()
    assert counting.names() == ["whole.wav"]
    with pytest.raises(ValidationError):
        counting.send(begun, b"sound")
    with pytest.raises(ValidationError, match="closed"):
        counting.begin(modified=3)


HOSTILE_NAMES = [
    *("../../etc/passwd", "/etc/passwd", "..", ".", "", "...", " ", "a/../../b.wav", "..\\..\\b.wav", "C:\\b.wav"),
    *(
        "\\\\server\\share\\b.wav",
        "b.wav\0.txt",
        "\0",
        "a\nb.wav",
        "a\rb.wav",
        "\x1b[31mb.wav",
        "\x7f.wav",
        ".hidden.wav",
    ),
    *("..wav", ". .wav", "con", "CON.wav", "nul.flac", "com1", "LPT9.wav", "aux.", "b.wav.", "b.wav ", "a:b.wav"),
    *("a*b?.wav", '"a".wav', "<img src=x onerror=alert(1)>.wav", "a|b.wav", "\u202evaw.b", "\u2066b.wav", "\ud800.wav"),
    *("a" * 300 + ".wav", "ä" * 300 + ".wav", "." * 300, "a." + "b" * 300, "\N{MUSICAL SYMBOL G CLEF}" * 100 + ".wav"),
    *(
        "/" * 300,
        "a/" * 5000 + "b.wav",
        "A\u0308.wav",
        "~",
        "~/.ssh/id",
        "-rf",
        "$(id).wav",
        "`id`.wav",
        "%2e%2e%2fb.wav",
    ),
    *("spleeter_nb-uploads-x", ".spleeter-0123456789abcdef.part", "song.wav\u200e", "a\x85b.wav", "desktop.ini"),
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_becomes_a_plain_one(counting: Counting, name: str) -> None:
    path = counting.upload(name=name).path
    assert path is not None
    assert path.parent == counting.folder
    assert counting.names() == [path.name]
    assert not path.name.startswith(".")
    assert not path.name.endswith((".", " "))
    assert not set('/\\<>:"|?*') & set(path.name)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in path.name)
    assert len(path.name.encode()) <= 200


@given(st.text())
def test_safe_names_stay_as_they_are(name: str) -> None:
    assert safe_name(safe_name(name)) == safe_name(name)


def test_common_names_are_kept() -> None:
    for name in ("song.wav", "01 - Übung (live).flac", "日本語.mp3", "no extension", "a.tar.gz"):
        assert safe_name(name) == name
    assert safe_name("é" * 200 + ".flac").endswith("é.flac")


CHILD = """
import os, pathlib, sys
from spleeter_nb.widgets.uploads import kernels_folder
folder = kernels_folder()
(folder / "song.wav").write_bytes(b"sound")
print(folder, flush=True)
if os.fork() == 0:
    sys.exit()  # the end of a fork is not the end of the kernel
os.wait()
assert kernels_folder() == folder and (folder / "song.wav").exists()
if sys.argv[1] == "killed":
    os.kill(os.getpid(), 9)
"""


def test_the_kernels_folder_goes_with_the_kernel_and_what_killed_ones_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(how: str) -> Path:
        command = [sys.executable, "-W", "ignore", "-c", CHILD, how]
        ended = subprocess.run(command, capture_output=True, env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
        return Path(ended.stdout.decode().split()[0])

    assert not run("ended").exists()
    left = run("killed")
    (tmp_path / f"{left.name}-link").symlink_to(left)
    assert (left / "song.wav").exists()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module.kernels_folder.cache_clear()
    here = module.kernels_folder()
    assert not left.exists()
    # Somebody else who begins later leaves the living alone.
    assert not run("ended").exists()
    assert here.is_dir()
    assert here.stat().st_mode & 0o777 == 0o700
    module.kernels_folder.cache_clear()


def test_no_temporary_folder_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    module.kernels_folder.cache_clear()
    with pytest.raises(SpleeterError, match="cannot be written"):
        module.kernels_folder()

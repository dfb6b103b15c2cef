"""Files that make much of themselves before there is a sample (row A11): FFmpeg took 100 MB to 2 GB, or seconds."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from spleeter_nb.audio import probe, read_tags
from spleeter_nb.audio.bombs import bomb
from spleeter_nb.audio.source import open_source
from spleeter_nb.exceptions import CorruptAudioError

if TYPE_CHECKING:
    from pathlib import Path

UNPACKED = 100_000_000
TXXX = b"".join(b"TXXX" + struct.pack(">I", 9) + b"\0\0\0k%05d\0v" % number for number in range(6_000))

MEASURED = """
import sys
from pathlib import Path
from spleeter_nb.audio import read_tags

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

read_tags(sys.argv[2])
before = peak()
read_tags(sys.argv[1])
print(peak() - before)
"""


def sevens(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(frames: bytes, *, version: int = 4, flags: int = 0) -> bytes:
    return b"ID3" + bytes([version, 0, flags]) + sevens(len(frames)) + frames


def packed(size: int = UNPACKED, *, version: int = 4) -> bytes:
    contents = struct.pack(">I", size) + zlib.compress(b"\x03" + b"a" * (size - 1))
    length = sevens(len(contents)) if version == 4 else struct.pack(">I", len(contents))
    return b"TIT2" + length + b"\0\x09" + contents


BAD_TAGS = {
    "2.4": id3(packed()),
    "2.3": id3(packed(version=3), version=3),
    "behind another": id3(bytes(20)) + id3(packed()),
    "behind a footer": id3(bytes(20), flags=0x10) + b"3DI\x04\0\x10" + sevens(20) + id3(packed()),
    "behind an extended header": id3(sevens(6) + b"\1\0" + packed(), flags=0x40),
    "behind 2.3's extended header": id3(sevens(6) + bytes(6) + packed(version=3), version=3, flags=0x40),
    "behind a frame with 2.3's length": id3(b"TIT3" + struct.pack(">I", 300) + b"\0\0" + b"b" * 300 + packed()),
    "in several frames": id3(b"".join(packed(6_000_000) for _ in range(3))),
    "too many": id3(TXXX, version=3),
}
GOOD_TAGS = {
    "packed, and small": id3(packed(1_000)),
    "packed, with the length of 2.3": id3(b"TIT2" + struct.pack(">I", 200) + b"\0\0" + bytes(200), version=3),
    "many": id3(TXXX[: len(TXXX) // 2], version=3),
    "older": id3(b"TT2" + bytes(40), version=2),
    "cut": id3(bytes(1_000_000))[:50],
    "empty": id3(b""),
}


def sound(format_: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((5_000, 2)), 44_100, format=format_)
    return file.getvalue()


def with_chunk(format_: str, name: bytes, contents: bytes) -> bytes:
    order = "<" if format_ == "WAV" else ">"
    contents += bytes(len(contents) % 2)
    file = sound(format_)
    body = file[8:] + name + struct.pack(order + "I", len(contents)) + contents
    return file[:4] + struct.pack(order + "I", len(body)) + body


def long_wav(kind: bytes) -> bytes:
    """A WAV with sizes of 64 bits, and behind its samples a list of tags that is said to have 2 GB."""
    form = struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16)
    parts = (
        *(kind, b"\xff\xff\xff\xffWAVEds64", struct.pack("<IQQQI", 28, 1_000, 400, 100, 0)),
        *(b"fmt ", struct.pack("<I", len(form)), form, b"data\xff\xff\xff\xff", bytes(400)),
        *(b"LIST", struct.pack("<I", 0x7FFF_FF00), b"INFOINAM", struct.pack("<I", 0x7FFF_FE00), b"abc"),
    )
    return b"".join(parts)


def packed_header(size: int = UNPACKED) -> bytes:
    def box(name: bytes, *contents: bytes) -> bytes:
        body = b"".join(contents)
        return struct.pack(">I4s", 8 + len(body), name) + body

    plain = box(b"moov", box(b"udta", bytes(size)))
    command = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", struct.pack(">I", len(plain)), zlib.compress(plain)))
    return box(b"ftyp", b"qt  ", bytes(4)) + box(b"free", bytes((1 << 20) - 48)) + box(b"moov", box(b"trak", command))


def found(data: bytes, format_: str) -> str | None:
    source = open_source(data)
    try:
        return bomb(source, format_)
    finally:
        source.close()


@pytest.mark.parametrize("kind", BAD_TAGS)
def test_bad_id3_tags_are_found_wherever_they_are(kind: str) -> None:
    tag = BAD_TAGS[kind]
    files = {
        "wav": with_chunk("WAV", b"id3 ", tag),
        "aiff": with_chunk("AIFF", b"ID3 ", tag),
        "mp3": tag + sound("MP3"),
    }
    for format_, file in files.items():
        assert "packed, or too many" in str(found(file, format_))
        assert not read_tags(file).fields
        assert format_ == "mp3" or probe(file).sample_rate == 44_100


@pytest.mark.parametrize("kind", GOOD_TAGS)
def test_other_id3_tags_are_no_harm(kind: str) -> None:
    assert found(with_chunk("WAV", b"id3 ", GOOD_TAGS[kind]), "wav") is None
    assert found(GOOD_TAGS[kind] + sound("MP3"), "mp3") is None


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_the_size_of_long_wav_files_hides_no_endless_tags(kind: bytes) -> None:
    assert found(long_wav(kind), "wav") == "its tags do not end"


def box_of(name: bytes, *numbers: int) -> bytes:
    return struct.pack(f">I4s{len(numbers)}I", 8 + 4 * len(numbers), name, *numbers)


TABLES = {
    "constant size": box_of(b"stsz", 0, 4, 50_000_000),
    "sizes": box_of(b"stsz", 0, 0, 50_000_000),
    "small sizes": box_of(b"stz2", 0, 8, 50_000_000),
    "fragment": box_of(b"trun", 0, 50_000_000),
    "in all": 40 * box_of(b"stsz", 0, 4, 200),
    "of another track": box_of(b"stts", 0, 1, 900_000, 1) + 2 * box_of(b"stsz", 0, 2, 900_000),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_with_more_entries_than_bytes_are_refused(kind: str) -> None:
    file = box_of(b"ftyp", 0, 0) + struct.pack(">I4s", 8 + len(TABLES[kind]), b"moov") + TABLES[kind]
    assert "more entries" in str(found(file, "mp4"))
    with pytest.raises(CorruptAudioError, match="more entries"):
        probe(file)


def test_pcm_may_have_more_samples_than_bytes() -> None:
    tables = box_of(b"stts", 0, 1, 900_000, 1) + box_of(b"stsz", 0, 1, 900_000)
    assert found(struct.pack(">I4s", 8 + len(tables), b"moov") + tables, "mp4") is None


@pytest.mark.parametrize("boxes", [0, 11_000])
def test_a_packed_header_is_refused(boxes: int) -> None:
    with pytest.raises(CorruptAudioError, match="its header is packed"):
        probe(b"\0\0\0\x08free" * boxes + packed_header())


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    "data",
    [with_chunk("WAV", b"id3 ", BAD_TAGS["2.4"]), long_wav(b"RF64"), packed_header()],
    ids=["packed tags", "endless tags", "packed header"],
)
def test_they_take_no_memory(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bomb").write_bytes(data)
    (tmp_path / "song").write_bytes(sound("WAV"))
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "bomb"), str(tmp_path / "song")]
    child = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert int(child.stdout) < 30_000

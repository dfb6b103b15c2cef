from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.audio import probe
from spleeter_nb.exceptions import UnsupportedFormatError

if TYPE_CHECKING:
    from pathlib import Path


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("song.mp3", b"x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"These are my thoughts\nabout music.\n", "text"),
        ("\ufeffGedanken über Musik".encode("utf-16"), "no audio format"),
        ("Gedanken über Musik".encode(), "text"),
        (b"  <!DOCTYPE html><html><body>404</body></html>", "HTML"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (zipped(), "ZIP"),
        (gzip.compress(b"x" * 999), "packed"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(99), "JPEG"),
        (b"%PDF-1.7", "PDF"),
        (b"MThd" + bytes(20), "MIDI"),
        (b"caff" + bytes(20), "not read"),
        (bytes(500), "no audio format"),
        (b"\x01", "no audio format"),
        (b"ID3\x04\0\0\0\0\0\x05hello", "no audio format"),
        (b"ID3\x04\0\0\0\0\0\x05helloand then text", "text"),
    ],
)
def test_what_is_no_sound_is_named(tmp_path: Path, data: bytes, looks_like: str) -> None:
    """A4."""
    path = tmp_path / "song.mp3"
    path.write_bytes(data)
    with pytest.raises(UnsupportedFormatError, match=looks_like) as caught:
        probe(path)
    assert "song.mp3" in str(caught.value)
    assert looks_like in caught.value.context["looks_like"]


def test_the_extension_means_nothing(songs: Path, tmp_path: Path) -> None:
    """A4."""
    for name, format_ in (("song.flac", "flac"), ("aac.m4a", "mp4"), ("xing.mp3", "mp3"), ("song.wma", "asf")):
        path = tmp_path / "song.wav"
        path.write_bytes((songs / name).read_bytes())
        assert probe(path).format == format_


@pytest.mark.parametrize("name", ["xing.mp3", "untagged.mp3", "song.flac", "raw.aac"])
def test_tags_in_front_are_skipped_however_long(songs: Path, name: str) -> None:
    size = 300_000
    length = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    data = (songs / name).read_bytes()
    tagged = b"ID3\x04\0\0" + length + bytes(size) + data
    assert probe(tagged).format == probe(data).format

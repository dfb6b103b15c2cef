"""Tags as WAV files have them: in a ``LIST`` chunk for old programs, and as an ID3 tag, which can hold all of them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spleeter_nb.values import Tags

_INFO = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "genre": b"IGNR",
    "date": b"ICRD",
    "track": b"IPRT",
    "comment": b"ICMT",
    "copyright": b"ICOP",
}
_ID3 = {
    "title": b"TIT2",
    "artist": b"TPE1",
    "album": b"TALB",
    "album_artist": b"TPE2",
    "composer": b"TCOM",
    "performer": b"TPE3",
    "genre": b"TCON",
    "date": b"TDRC",
    "track": b"TRCK",
    "disc": b"TPOS",
    "comment": b"COMM",
    "copyright": b"TCOP",
    "publisher": b"TPUB",
}
_UTF8 = b"\x03"
_NO_LANGUAGE = b"und\0"
_FRONT_COVER = b"\x03"


def riff_chunks(tags: Tags) -> bytes:
    """Return the chunks that hold the tags; none where there are none."""
    if not (tags.fields or tags.cover):
        return b""
    info = [_chunk(_INFO[name], text.encode() + b"\0") for name, text in tags.fields.items() if name in _INFO]
    return _chunk(b"LIST", b"INFO" + b"".join(info)) + _chunk(b"id3 ", _id3(tags))


def _id3(tags: Tags) -> bytes:
    """Return an ID3v2.4 tag."""
    frames = [_frame(_ID3[name], _text(name, text)) for name, text in tags.fields.items()]
    if tags.cover and tags.cover_type:
        frames.append(_frame(b"APIC", _UTF8 + tags.cover_type.encode() + b"\0" + _FRONT_COVER + b"\0" + tags.cover))
    body = b"".join(frames)
    return b"ID3\x04\0\0" + _syncsafe(len(body)) + body


def _text(name: str, text: str) -> bytes:
    return _UTF8 + (_NO_LANGUAGE if name == "comment" else b"") + text.encode()


def _frame(name: bytes, body: bytes) -> bytes:
    return name + _syncsafe(len(body)) + b"\0\0" + body


def _syncsafe(number: int) -> bytes:
    """Lay out a number in four bytes of seven bits each."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

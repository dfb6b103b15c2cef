"""Tags as FLAC and OGG have them: comments of the form ``NAME=text``, and a picture.

They stand before the sound, and libsndfile writes few of them. So it is given one comment of exactly the size that
all of ours take together, lays out blocks and pages for that, and in the end ours are put in its place.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from spleeter_nb.values import Tags

_NAMES = {"album_artist": "ALBUMARTIST", "track": "TRACKNUMBER", "disc": "DISCNUMBER"}
"""All others are ours in capitals."""

_FRONT_COVER = 3

_FLAC_COMMENTS = 42
"""Where FLAC's block of comments begins: after four letters and the block about the stream."""
_LAST_BLOCK = 0x8000_0000
_PICTURE_BLOCK = 0x0600_0000

_OGG_HEADER = 27
_OGG_CHECKSUM = slice(22, 26)
_OGG_COMMENTS = len(b"\x03vorbis")

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class VorbisTags:
    """The tags of one file.

    Parameters
    ----------
    tags : Tags
    is_flac : bool
        FLAC has a block for the picture; in OGG it is one more comment.
    """

    def __init__(self, tags: Tags, *, is_flac: bool) -> None:
        comments = [f"{_NAMES.get(name, name.upper())}={text}".encode() for name, text in tags.fields.items()]
        picture = _picture(tags)
        if picture and not is_flac:
            comments.append(b"METADATA_BLOCK_PICTURE=" + base64.b64encode(picture))
        self._is_flac = is_flac
        self._count = len(comments)
        self._block = struct.pack(">I", _PICTURE_BLOCK | len(picture)) + picture if picture and is_flac else b""
        self._contents = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments) + self._block

    @property
    def placeholder(self) -> str:
        """A date for libsndfile to write, and only the last of its comments; empty without tags."""
        return "x" * (len(self._contents) - struct.calcsize("I") - len("date="))

    def fill_in(self, file: IO[bytes]) -> None:
        """Put the tags into a finished file, open for reading and writing."""
        if self._contents and self._is_flac:
            self._fill_in_flac(file)
        elif self._contents:
            self._fill_in_ogg(file)

    def _fill_in_flac(self, file: IO[bytes]) -> None:
        file.seek(_FLAC_COMMENTS)
        (head,) = struct.unpack(">I", file.read(4))
        body = self._filled(file.read(head & 0xFF_FFFF), 0)
        # The picture is a block of its own behind the comments, and with it the last one.
        head -= len(self._block)
        if self._block:
            last = head & _LAST_BLOCK
            start = len(body) - len(self._block)
            body = body[:start] + bytes([body[start] | last >> 24]) + body[start + 1 :]
            head -= last
        file.seek(_FLAC_COMMENTS)
        file.write(struct.pack(">I", head) + body)

    def _fill_in_ogg(self, file: IO[bytes]) -> None:
        file.seek(0)
        _read_page(file)  # of the first header, alone
        first = file.tell()
        pages = [_read_page(file)]
        while not _ends_packet(pages[-1][0]):
            pages.append(_read_page(file))
        bodies = self._filled(b"".join(body for _, body in pages), _OGG_COMMENTS)
        file.seek(first)
        for head, body in pages:
            file.write(_page(head, bodies[: len(body)]))
            bodies = bodies[len(body) :]

    def _filled(self, packet: bytes, start: int) -> bytes:
        """Put the tags in the place of a packet's last comment; at `start` stands who made it, then the count."""
        count_at = start + 4 + _number(packet, start)
        count = _number(packet, count_at)
        position = count_at + 4
        for _ in range(count - 1):
            position += 4 + _number(packet, position)
        head = packet[:count_at] + struct.pack("<I", count - 1 + self._count) + packet[count_at + 4 : position]
        return head + self._contents + packet[position + len(self._contents) :]


def _picture(tags: Tags) -> bytes:
    """Lay out the cover as FLAC does, which may leave out its size and colours; nothing without a cover."""
    if not (tags.cover and tags.cover_type):
        return b""
    type_ = tags.cover_type.encode()
    head = struct.pack(f">II{len(type_)}s", _FRONT_COVER, len(type_), type_)
    return head + struct.pack(">6I", 0, 0, 0, 0, 0, len(tags.cover)) + tags.cover


def _number(data: bytes, position: int) -> int:
    number: int = struct.unpack_from("<I", data, position)[0]
    return number


def _read_page(file: IO[bytes]) -> tuple[bytes, bytes]:
    """Return header and body of an OGG page."""
    head = file.read(_OGG_HEADER)
    head += file.read(head[-1])
    return head, file.read(sum(head[_OGG_HEADER:]))


def _ends_packet(head: bytes) -> bool:
    return any(length < 255 for length in head[_OGG_HEADER:])  # noqa: PLR2004 - what OGG goes on with


def _page(head: bytes, body: bytes) -> bytes:
    """Return an OGG page with a right checksum."""
    page = bytearray(head + body)
    page[_OGG_CHECKSUM] = bytes(4)
    page[_OGG_CHECKSUM] = struct.pack("<I", _checksum(page))
    return bytes(page)


def _checksum(page: bytearray) -> int:
    """Return OGG's CRC: zlib's with all bits the other way round, from 0, and not inverted."""
    inverted = zlib.crc32(page.translate(_MIRRORED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{inverted:032b}"[::-1], 2)

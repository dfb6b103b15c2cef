"""Files that make FFmpeg take memory, or time, before there is a sample: it believes sizes, and unpacks what is packed.

No program of today writes these. What is looked for, and what FFmpeg took for it:

- WAV and AVI: a list of tags that is said to reach beyond the end (2 GB, cleared, for 140 bytes).
- MP4: a packed header, from the nineties, at any depth (1 GB for 1 MB), and tables that are said to have more entries
  than the file has bytes (1.75 GB for 868 bytes).
- ID3, at the start of a file or in a chunk of WAV and AIFF: packed frames (768 MB for 0.3 MB), and frames by the
  thousands, each of which is compared with all before (20 s for 1 MB).
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from spleeter_nb.audio.lengths import boxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.audio.source import Source

_MAX_CHUNKS = 10_000

_PACKED_HEADER = re.compile(rb"cmov.{4}dcomzlib", re.DOTALL)
_UNIT = re.compile(rb"stts.{4}\x00{3}\x01.{4}\x00{3}\x01", re.DOTALL)
"""Each entry is one sample per channel, as of PCM: FFmpeg then takes memory for each chunk, and not for each entry."""
_ENTRIES = re.compile(rb"(?:stsz.{8}|stz2.{8}|trun.{4})(.{4})", re.DOTALL)
_LONGEST_PATTERN_BYTES = 20
_BOX_BYTES = 8
_SEARCHED_BYTES = 1 << 20

_ID3 = re.compile(rb"ID3[^\xff]{2}.[\0-\x7f]{4}", re.DOTALL)
_ID3_BYTES = 10
"""Of the header of a tag, and of that of a frame since version 3; before, no frame could be packed."""
_ID3_FRAME = re.compile(rb"[A-Z0-9]{4}|\0{4}")
_MAX_FRAMES = 5_000
_MAX_UNPACKED_BYTES = 1 << 24
_EXTENDED = 0x40
_FOOTER = 0x10
_PACKED = 0x09
"""Packed, and as long as a number in front says; else it is no longer than the frame."""


def bomb(source: Source, format_: str) -> str | None:
    """Tell what is wrong with a file that FFmpeg is not to open; None where nothing is.

    Parameters
    ----------
    source : Source
        Its position is moved.
    format_ : str
        As in `AudioInfo.format`.
    """
    tags_at = [0]
    if format_ in {"wav", "avi", "aiff"}:
        for number, (name, size, start) in enumerate(riff_chunks(source, format_)):
            is_endless = name == b"LIST" and start + size > source.size and source.read_at(start, 4) == b"INFO"
            if is_endless or number == _MAX_CHUNKS:
                return "its tags do not end"
            if name.lower() == b"id3 ":
                tags_at.append(start)
    if any(_has_bad_frames(source, start) for place in tags_at for start in _id3_tags(source, place)):
        return "its tags are packed, or too many"
    return _mp4_bomb(source) if format_ == "mp4" else None


def riff_chunks(source: Source, format_: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and start of the contents of each chunk, as FFmpeg finds them: it enters all lists of AVI but INFO."""
    kind = source.read_at(0, 4)
    order = ">" if kind in {b"RIFX", b"FORM"} else "<"
    long_size = None
    position = 12
    while len(header := source.read_at(position, 8)) == 8:  # noqa: PLR2004 - name and size
        name, size = struct.unpack(order + "4sI", header)
        if position == 12 and kind in {b"RF64", b"BW64"}:  # noqa: PLR2004 - the first chunk
            # RIFF size, then the size of the data.
            (long_size,) = struct.unpack("<8xQ", source.read_at(position + 8, 16).ljust(16, b"\0"))
        elif name == b"data" and long_size is not None:
            size = long_size
        yield name, size, position + 8
        is_entered = format_ == "avi" and name == b"LIST" and source.read_at(position + 8, 4) != b"INFO"
        position += 12 if is_entered else 8 + size + size % 2


def _mp4_bomb(source: Source) -> str | None:
    end = entries = 0
    for name, start, end in boxes(source, 0):
        if name == b"mdat":
            continue
        for part in _parts(source, start, end):
            if _PACKED_HEADER.search(part):
                return "its header is packed"
            entries += _entries(part)
    # Behind the boxes that are counted there may be more, sound among them, in which any number may stand.
    if any(map(_PACKED_HEADER.search, _parts(source, end, source.size))):
        return "its header is packed"
    return "its tables have more entries than it has bytes" if entries > source.size else None


def _parts(source: Source, start: int, end: int) -> Iterator[bytes]:
    """Read a box with its header, in parts that overlap by the longest pattern."""
    for part in range(start - _BOX_BYTES, min(end, source.size), _SEARCHED_BYTES):
        yield source.read_at(part, min(end - part, _SEARCHED_BYTES + _LONGEST_PATTERN_BYTES))


def _entries(part: bytes) -> int:
    """Add up how many entries the tables in a part are said to have."""
    units = [found.start() for found in _UNIT.finditer(part)]
    total, before = 0, 0
    for found in _ENTRIES.finditer(part):
        is_unit = any(before <= unit < found.start() for unit in units)
        total += 0 if is_unit else int.from_bytes(found[1], "big")
        before = found.start()
    return total


def _id3_tags(source: Source, position: int) -> Iterator[int]:
    """Tell where each tag begins, of those that follow one another."""
    while _ID3.match(head := source.read_at(position, _ID3_BYTES)):
        yield position
        position += _ID3_BYTES + _sevens(head[6:]) + (_ID3_BYTES if head[5] & _FOOTER else 0)


def _has_bad_frames(source: Source, start: int) -> bool:
    head = source.read_at(start, _ID3_BYTES)
    version, flags = head[3], head[5]
    end = start + _ID3_BYTES + _sevens(head[6:])
    position = start + _ID3_BYTES
    if flags & _EXTENDED:
        position += _sevens(source.read_at(position, 4)) + (4 if version == 3 else 0)  # noqa: PLR2004 - counts not itself
    unpacked = 0
    for _ in range(_MAX_FRAMES if version in {3, 4} else 0):
        frame = source.read_at(position, _ID3_BYTES + 4)
        size = _frame_bytes(source, frame, position, end=end, version=version)
        if size is None:
            return False
        if frame[9] & _PACKED == _PACKED:
            unpacked += int.from_bytes(frame[_ID3_BYTES:], "big")
        if unpacked > _MAX_UNPACKED_BYTES:
            return True
        position += _ID3_BYTES + size
    return version in {3, 4}


def _frame_bytes(source: Source, frame: bytes, position: int, *, end: int, version: int) -> int | None:
    """Tell how long FFmpeg takes a frame to be, without its header; None where it looks for no more of them."""
    if len(frame) < _ID3_BYTES or position + _ID3_BYTES > end or not frame[0]:
        return None
    size = int.from_bytes(frame[4:8], "big")
    sevens = _sevens(frame[4:8])
    if version == 3 or size == sevens:  # noqa: PLR2004 - has numbers of eight bits
        return size
    # Some programs write such numbers in version 4, too.
    follows = position + _ID3_BYTES
    if position + size >= end or _ID3_FRAME.match(source.read_at(follows + sevens, 4)):
        return sevens
    return size if _ID3_FRAME.match(source.read_at(follows + size, 4)) else None


def _sevens(data: bytes) -> int:
    """Read a number that has seven bits in each of four bytes."""
    a, b, c, d = (byte & 0x7F for byte in data[:4].ljust(4, b"\0"))
    return a << 21 | b << 14 | c << 7 | d

"""What containers say of their own length; decoders adapt it to the file without a word."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spleeter_nb.audio.source import Source

_PLACEHOLDERS = {0, 0x7FFF_0000, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_F000, 0xFFFF_FFFF}
"""Sizes that programs write which do not know yet how long the sound will be."""

_WITH_BLOCK_LENGTH = {0x0002, 0x0011, 0x0031}
"""WAV codecs (two ADPCMs and GSM) whose format chunk tells the samples in one block."""

_ONE_SAMPLE_A_BLOCK = {0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE}
"""PCM, float, A-law, µ-law and the extensible form of these."""

_MAX_CHUNKS = 10_000
"""More is an attempt to keep us busy."""

_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEAD = 1 << 16
_ASF_LENGTH = struct.Struct("<64xQ 8xQ I")
"""Of the file properties: play duration in units of 100 ns, preroll in ms, which the duration contains, and flags."""

_ASF_LIVE = 0x01
_TICKS_PER_SECOND = 10_000_000
_TICKS_PER_MS = 10_000
_MS_PER_SECOND = 1000

_TS_PACKET = 188
_LONGEST_EBML_NUMBER = 8

_LONGEST_OGG_PAGE = 27 + 255 + 255 * 255
_LAST_PAGE = 0x04


def declared_frames(source: Source, container: str) -> int | None:
    """Read how many samples per channel a WAV or AIFF file declares.

    Parameters
    ----------
    source : Source
        Its position is moved.
    container : str
        As in `AudioInfo.format`.

    Returns
    -------
    int or None
        None where the header was written by a program that did not know, for an unusual codec, and for other
        containers.
    """
    count = {"wav": _wav_frames, "aiff": _aiff_frames}.get(container)
    return None if count is None else count(source)


def _wav_frames(source: Source) -> int | None:
    order = ">" if source.read_at(0, 4) == b"RIFX" else "<"
    (riff_size,) = struct.unpack(order + "I", source.read_at(4, 4))
    long_size = frame_bytes = block_length = 0
    for name, size, start in _chunks(source, order):
        if name == b"ds64":
            # RIFF size, then the size of the data.
            (long_size,) = struct.unpack("<8xQ", source.read_at(start, 16).ljust(16, b"\0"))
        elif name == b"fmt ":
            frame_bytes, block_length = _wav_block(source.read_at(start, 20).ljust(20, b"\0"), order)
        elif name == b"data":
            data_size = long_size or size
            is_unknown = data_size in _PLACEHOLDERS and riff_size + 8 != source.size
            return None if is_unknown or not frame_bytes else data_size // frame_bytes * block_length
    return None


def _wav_block(form: bytes, order: str) -> tuple[int, int]:
    """Bytes and samples per channel of one block; 0 bytes where the codec's blocks are unknown."""
    codec, block_bytes, block_length = struct.unpack(order + "H10xH4xH", form)
    if codec in _WITH_BLOCK_LENGTH:
        return block_bytes, block_length
    return (block_bytes, 1) if codec in _ONE_SAMPLE_A_BLOCK else (0, 0)


def _aiff_frames(source: Source) -> int | None:
    for name, _, start in _chunks(source, ">"):
        if name == b"COMM":
            (frames,) = struct.unpack(">2xI", source.read_at(start, 6).ljust(6, b"\0"))
            return int(frames)
    return None


def _chunks(source: Source, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and start of the contents of each chunk of a RIFF or IFF file."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        header = source.read_at(position, 8)
        if len(header) < 8:  # noqa: PLR2004 - name and size
            return
        name, size = struct.unpack(order + "4sI", header)
        yield name, size, position + 8
        position += 8 + size + size % 2


def is_cut(source: Source, container: str) -> bool:
    """Tell whether a file ends before its own end mark, for containers that have one.

    Parameters
    ----------
    source : Source
        Its position is moved.
    container : str
        As in `AudioInfo.format`; those without an end mark are never cut in this sense.
    """
    ends_early = _ENDS_EARLY.get(container)
    return ends_early is not None and ends_early(source)


def _is_ogg_cut(source: Source) -> bool:
    """Look whether the last page is whole and marked as the last."""
    tail = source.read_at(max(0, source.size - 2 * _LONGEST_OGG_PAGE), 2 * _LONGEST_OGG_PAGE)
    start = tail.rfind(b"OggS\0")
    page = tail[start:]
    if start < 0 or len(page) < 27 or len(page) < 27 + page[26]:  # noqa: PLR2004 - the fixed part of a header
        return True
    length = 27 + page[26] + sum(page[27 : 27 + page[26]])
    return len(page) < length or not page[5] & _LAST_PAGE


def _is_mp4_cut(source: Source) -> bool:
    """Look for a box that reaches beyond the end of the file."""
    return any(end > source.size for _, _, end in boxes(source, 0))


def _is_matroska_cut(source: Source) -> bool:
    """Look for an element of the outermost level that reaches beyond the end of the file; live ones tell no size."""
    position = 0
    for _ in range(_MAX_CHUNKS):
        header = source.read_at(position, 2 * _LONGEST_EBML_NUMBER)
        if not header or not header[0]:
            break
        size_at = _ebml_length(header[0])
        length = _ebml_length(header[size_at]) if size_at < len(header) else 0
        largest = (1 << 7 * length) - 1
        size = int.from_bytes(header[size_at : size_at + length], "big") & largest
        if length > _LONGEST_EBML_NUMBER or size == largest:
            return False
        position += size_at + length + size
    return position > source.size


def _ebml_length(first: int) -> int:
    """Return how many bytes a number of Matroska has, by the first of them."""
    return 9 - first.bit_length()


def _is_avi_cut(source: Source) -> bool:
    """Look whether the first RIFF chunk reaches beyond the end of the file."""
    size = int.from_bytes(source.read_at(4, 4), "little")
    return size not in _PLACEHOLDERS and 8 + size > source.size


def _is_flv_cut(source: Source) -> bool:
    """Look whether the file ends with the length of its last tag, which has a header of 11 bytes."""
    end = source.size - 4
    length = int.from_bytes(source.read_at(end, 4), "big")
    return length > end or int.from_bytes(source.read_at(end - length + 1, 3), "big") != length - 11


def _is_asf_cut(source: Source) -> bool:
    """Compare the file with the size in its file properties; live streams have 0 there."""
    head = source.read_at(0, _ASF_HEAD)
    start = head.find(_ASF_FILE_PROPERTIES)
    return start >= 0 and int.from_bytes(head[start + 40 : start + 48], "little") > source.size


_ENDS_EARLY: dict[str, Callable[[Source], bool]] = {
    "ogg": _is_ogg_cut,
    "mp4": _is_mp4_cut,
    "matroska": _is_matroska_cut,
    "avi": _is_avi_cut,
    "asf": _is_asf_cut,
    "flv": _is_flv_cut,
    "mpegts": lambda source: source.size % _TS_PACKET > 0,
}


def told_length(source: Source, container: str) -> tuple[Fraction | None, int]:
    """Read what FFmpeg does not tell of the length of an ASF or MP4 file.

    Parameters
    ----------
    source : Source
        Its position is moved.
    container : str
        As in `AudioInfo.format`.

    Returns
    -------
    tuple of Fraction or None, and int
        Seconds that an ASF file plays, which FFmpeg rounds to milliseconds; None for a live stream and for others.
        Then, in how many parts of a second the length is told: 1000 where nothing better is known.
    """
    if container == "mp4":
        return None, _mp4_timescale(source) or _MS_PER_SECOND
    ticks = _asf_ticks(source) if container == "asf" else None
    if ticks is None:
        return None, _MS_PER_SECOND
    units = _TICKS_PER_SECOND if ticks % _TICKS_PER_MS else _MS_PER_SECOND
    return Fraction(ticks, _TICKS_PER_SECOND), units


def _asf_ticks(source: Source) -> int | None:
    head = source.read_at(0, _ASF_HEAD)
    start = head.find(_ASF_FILE_PROPERTIES)
    if start < 0 or len(head) < start + _ASF_LENGTH.size:
        return None
    duration, preroll, flags = _ASF_LENGTH.unpack_from(head, start)
    ticks: int = duration - preroll * _TICKS_PER_MS
    return ticks if ticks > 0 and not flags & _ASF_LIVE else None


def write_asf_length(file: IO[bytes], frames: int, *, sample_rate: int) -> None:
    """Write into a finished ASF file how long it plays, to the sample.

    Parameters
    ----------
    file : binary file object
        Open for reading and writing.
    frames : int
        Samples per channel.
    sample_rate : int
        Hz.
    """
    file.seek(0)
    head = file.read(_ASF_HEAD)
    start = head.find(_ASF_FILE_PROPERTIES)
    _, preroll, _ = _ASF_LENGTH.unpack_from(head, start)
    ticks = round(Fraction(frames * _TICKS_PER_SECOND, sample_rate))
    # Others write whole milliseconds that are rounded: a tick more says that these are not.
    ticks += ticks % _TICKS_PER_MS == 0
    file.seek(start + 64)
    file.write(struct.pack("<Q", ticks + preroll * _TICKS_PER_MS))


def _mp4_timescale(source: Source) -> int | None:
    """Read in how many parts of a second an MP4 file tells the lengths of its edits; None where it does not say."""
    start = box(source, b"moov", 0)
    header = None if start is None else box(source, b"mvhd", start)
    if header is None:
        return None
    version = source.read_at(header, 1)
    timescale = source.read_at(header + (20 if version == b"\1" else 12), 4)
    return int.from_bytes(timescale, "big") or None


def box(source: Source, name: bytes, start: int) -> int | None:
    """Find where the contents of an MP4 box begin, among those that follow `start`."""
    return next((contents for found, contents, _ in boxes(source, start) if found == name), None)


def boxes(source: Source, position: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of the contents, and end of each MP4 box from `position` on."""
    for _ in range(_MAX_CHUNKS):
        header = source.read_at(position, 16)
        if len(header) < 8:  # noqa: PLR2004 - size and name
            return
        size, length = int.from_bytes(header[:4], "big"), 8
        if size == 1:
            size, length = int.from_bytes(header[8:], "big"), 16
        elif size == 0:
            size = source.size - position
        # A size below its own header is damage, and for the decoder to judge.
        yield header[4:8], position + length, position + max(size, 8)
        position += max(size, 8)

"""What a file is, by its first bytes; its name is never asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import UnsupportedFormatError

if TYPE_CHECKING:
    from spleeter_nb.audio.source import Source

READABLE = "WAV, FLAC, AIFF, OGG, MP3, M4A, AAC, WMA and the sound of MP4, MKV, WebM, AVI, FLV and MPEG files"

ENDINGS = {
    "wav": ("wav", "wave", "bwf", "rf64"),
    "flac": ("flac",),
    "aiff": ("aif", "aiff", "aifc"),
    "ogg": ("ogg", "oga", "opus"),
    "mp3": ("mp3", "mp2"),
    "aac": ("aac",),
    "mp4": ("m4a", "m4b", "mp4", "m4v", "mov", "3gp"),
    "asf": ("wma", "wmv", "asf"),
    "matroska": ("mka", "mkv", "webm"),
    "avi": ("avi",),
    "flv": ("flv",),
    "mpegts": ("ts",),
    "mpeg": ("mpg", "mpeg", "vob"),
}
"""What names of files end in, by format."""

_HEAD = 1024
"""Bytes that the patterns look at."""

_ID3_HEADER = 10
_MAX_ID3_TAGS = 8
_TEXT_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class Container:
    """A format that can be read, and who reads it."""

    format: str
    """The name that `AudioInfo` gives it."""
    pattern: re.Pattern[bytes]
    """What the file begins with, after any ID3 tags."""
    demuxer: str
    """FFmpeg's name for it: its own guessing, which follows references to other files, is never used."""
    soundfile: bool = False
    """Whether libsndfile reads it; FFmpeg then only gets what libsndfile refuses."""


def _container(format_: str, pattern: bytes, demuxer: str, *, soundfile: bool = False) -> Container:
    return Container(format_, re.compile(pattern, re.DOTALL), demuxer, soundfile)


# Layers II and III; a byte order mark of UTF-16 text would pass for layer I.
_MPEG_SYNC = rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]"

_XING_WITH_LENGTH = rb".{2,190}(Xing|Info)...[\1\3\5\7\x09\x0b\x0d\x0f]"

CONTAINERS = (
    _container("wav", rb"(RIFF|RIFX|RF64|BW64)....WAVE", "wav", soundfile=True),
    _container("flac", rb"fLaC", "flac", soundfile=True),
    _container("aiff", rb"FORM....AIF[FC]", "aiff", soundfile=True),
    _container("ogg", rb"OggS", "ogg", soundfile=True),
    # The Xing tag tells the exact length. libsndfile guesses it where there is none, and stops at its guess:
    # it gave 19 % of a file with a variable bit rate. FFmpeg reads to the end.
    _container("mp3", _MPEG_SYNC + _XING_WITH_LENGTH, "mp3", soundfile=True),
    _container("mp3", _MPEG_SYNC + rb"[\x00-\xef]", "mp3"),
    _container("aac", rb"\xff[\xf0\xf1\xf8\xf9]", "aac"),
    _container("mp4", rb"....(ftyp|moov|mdat|free|skip|wide|pnot)", "mov"),
    _container("asf", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    _container("matroska", rb"\x1aE\xdf\xa3", "matroska"),
    _container("avi", rb"RIFF....AVI ", "avi"),
    _container("flv", rb"FLV\x01", "flv"),
    _container("mpegts", rb"G.{187}G.{187}G", "mpegts"),
    _container("mpeg", rb"\x00\x00\x01\xba", "mpeg"),
)  # fmt: skip

_LOOKALIKES = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), description)
    for pattern, description in (
        (rb"\x89PNG", "a PNG picture"),
        (rb"\xff\xd8\xff", "a JPEG picture"),
        (rb"GIF8", "a GIF picture"),
        (rb"PK[\3\5\7]", "a ZIP archive (or an Office document)"),
        (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!", "a packed archive"),
        (rb"%PDF", "a PDF document"),
        (rb"\x7fELF|MZ", "a program"),
        (rb"MThd", "MIDI notes, which are not sound"),
        (rb"(\xef\xbb\xbf)?\s*(<!doctype html|<html)", "an HTML page"),
        (rb"(\xef\xbb\xbf)?\s*(<\?xml|<svg)", "an XML document"),
        (rb"(\xef\xbb\xbf)?\s*(#EXTM3U|\[playlist\]|ffconcat)", "a playlist, which only names other files"),
        (rb"caff|\.snd|wvpk|MAC |DSD |TTA1|MPCK|riff\x2e\x91\xcf\x11", "audio in a format that is not read"),
    )
)  # fmt: skip


def sniff(source: Source) -> Container:
    """Decide by content what a source is.

    Parameters
    ----------
    source : Source
        Open; its position is moved.

    Returns
    -------
    Container
        The first of `CONTAINERS` that fits.

    Raises
    ------
    UnsupportedFormatError
        When none fits; the message says what the bytes look like.
    """
    head = source.read_at(sound_start(source), _HEAD)
    for container in CONTAINERS:
        if container.pattern.match(head):
            return container
    looks_like = _describe(head)
    raise UnsupportedFormatError(
        f"{source.name!r} is {looks_like}, whatever its name says. Readable are {READABLE}.",
        source=source.name,
        looks_like=looks_like,
    )


def sound_start(source: Source) -> int:
    """Find the first byte after any ID3v2 tags: a cover picture in a tag may be longer than the song."""
    position = 0
    for _ in range(_MAX_ID3_TAGS):
        head = source.read_at(position, _ID3_HEADER + 1)
        if not (head.startswith(b"ID3") and len(head) > _ID3_HEADER):
            break
        a, b, c, d = head[6:10]
        position += _ID3_HEADER + (a << 21 | b << 14 | c << 7 | d)
    return position


def _describe(head: bytes) -> str:
    for pattern, description in _LOOKALIKES:
        if pattern.match(head):
            return description
    sample = head[:_TEXT_SAMPLE]
    printable = sum(byte >= 0x20 or byte in b"\t\r\n" for byte in sample)  # noqa: PLR2004 - the first printable byte
    if sample and printable == len(sample) and b"\x7f" not in sample:
        return "text"
    return "in no audio format known here"

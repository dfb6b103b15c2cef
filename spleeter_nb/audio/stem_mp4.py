"""Stem files, ``.stem.mp4``: a song and its four stems in one MP4, as programs for DJs play them.

The first stream is the mixture, which any player plays; the others are the stems, which it leaves off. What they are
called says a box that Native Instruments put into the format: JSON in ``moov/udta/stem``.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from spleeter_nb.audio.codecs import CODECS, Encoding, choose_encoding
from spleeter_nb.audio.ffmpeg_encoder import FFmpegEncoder
from spleeter_nb.audio.lengths import box, boxes
from spleeter_nb.audio.source import ShieldedFile, Source, open_source
from spleeter_nb.audio.tags import plain
from spleeter_nb.exceptions import UnsupportedFormatError, ValidationError
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    from spleeter_nb.audio.codecs import Bitrate
    from spleeter_nb.values import Tags

STEM_PLACES = 4
"""Stems in a stem file, never more or less."""

_EMPTY = "(empty)"
"""What a place is called that no stem takes; it is silent."""

_STREAMS = 1 + STEM_PLACES
_CHANNELS = 2

_COLORS = ("#009E73", "#D55E00", "#CC79A7", "#56B4E9")
"""What programs show them in: four that people tell apart who see fewer colours (Okabe and Ito, 2008)."""

_MASTERING = {
    "compressor": {
        "enabled": False,
        "ratio": 3,
        "output_gain": 0.5,
        "release": 0.3,
        "attack": 0.003,
        "input_gain": 0.5,
        "threshold": 0,
        "hp_cutoff": 300,
        "dry_wet": 50,
    },
    "limiter": {"enabled": False, "release": 0.05, "threshold": 0, "ceiling": -0.35},
}
"""What a program shall do to the sum of the stems: nothing, but the format wants all of it."""

_MAX_BOX = 1 << 20
"""Bytes; what is longer names no stems."""

_NO_MANIFEST = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading the box raises where it holds something else."""


@dataclass(frozen=True)
class StemEncoding(Encoding):
    """How to write a stem file: as the AAC of M4A; made by `stem_encoding`."""

    names: tuple[str, ...] = ()
    """Of the stems, one for each place."""

    def begin(self, file: IO[bytes], *, sample_rate: int, channels: int, tags: Tags = NO_TAGS) -> StemEncoder:
        """Begin a file; see `Encoding`."""
        bitrate = self.bitrate or CODECS[self.codec].bitrate_per_channel * (channels // _STREAMS)
        return StemEncoder(file, sample_rate=sample_rate, bitrate=bitrate, names=self.names, tags=tags)

    def check(self, *, sample_rate: int, channels: int) -> None:
        """See `Encoding`; `channels` are those of all streams."""
        if sample_rate not in (allowed := CODECS[self.codec].sample_rates):
            raise ValidationError(
                f"A stem file cannot have a sample_rate of {sample_rate} Hz: it is AAC, which has "
                f"{', '.join(map(str, allowed))}. The setting default_sample_rate gives stems of another rate.",
                sample_rate=sample_rate,
                allowed=allowed,
            )
        super().check(sample_rate=sample_rate, channels=channels // _STREAMS)


def stem_encoding(names: tuple[str, ...], bitrate: Bitrate | None) -> StemEncoding:
    """Say how to write a stem file.

    Parameters
    ----------
    names : tuple of str
        Of the stems; an empty name is that of a place that is left empty, as those after the last name are.
    bitrate : int, str or None
        Bits a second of each stream; None takes AAC's default.

    Returns
    -------
    StemEncoding
        For an `AudioWriter` of ten channels: mixture, first stem … fourth stem, in stereo each.

    Raises
    ------
    ValidationError
        When AAC has no such bit rate.
    """
    places = tuple(name or _EMPTY for name in (*names, *[""] * (STEM_PLACES - len(names))))
    return StemEncoding("m4a", None, choose_encoding("m4a", bitrate=bitrate).bitrate, places)


class StemEncoder(FFmpegEncoder):
    """Write a stem file.

    Parameters
    ----------
    file : binary file object
        Open for reading and writing, at its start; it stays open.
    sample_rate : int
        Hz, one that AAC has.
    bitrate : int
        Bits a second of each stream.
    names : tuple of str
        Of the four stems. Blocks have ten channels, as `stem_encoding` says.
    tags : Tags
    """

    def __init__(
        self, file: IO[bytes], *, sample_rate: int, bitrate: int, names: tuple[str, ...], tags: Tags = NO_TAGS
    ) -> None:
        options: dict[str, Any] = {"sample_rate": sample_rate, "bitrate": bitrate, "tags": tags}
        super().__init__("m4a", file, channels=_CHANNELS, streams=_STREAMS, **options)
        self._names = names

    def finish(self) -> None:
        """Write what is left, what tells the length, and the names."""
        super().finish()
        stems = [{"name": name, "color": color} for name, color in zip(self._names, _COLORS, strict=True)]
        _append_to_udta(self._file, json.dumps({"version": 1, "mastering_dsp": _MASTERING, "stems": stems}).encode())


def _append_to_udta(file: IO[bytes], stem: bytes) -> None:
    """Add the ``stem`` box at the end of a file: FFmpeg puts ``udta`` last in ``moov``, and ``moov`` last of all."""
    source = Source(ShieldedFile(file), "stem file")
    added = 8 + len(stem)
    position = 0
    for name in (b"moov", b"udta"):
        (position,) = [start for found, start, end in boxes(source, position) if (found, end) == (name, source.size)]
        file.seek(position - 8)
        file.write(struct.pack(">I", source.size - position + 8 + added))
    file.seek(0, os.SEEK_END)
    file.write(struct.pack(">I4s", added, b"stem") + stem)


def read_stem_names(path: str | os.PathLike[str]) -> dict[str, int]:
    """Read what the stems of a stem file are called.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict of str to int
        By its name, which is plain text, the stream that holds a stem; without the places that are marked as empty.

    Raises
    ------
    UnsupportedFormatError
        When the file names no stems.
    AudioProcessingError
        When it cannot be opened.
    """
    names = []
    with contextlib.closing(open_source(path)) as source, contextlib.suppress(*_NO_MANIFEST):
        names = [plain(stem["name"]) for stem in json.loads(_stem_box(source))["stems"]]
    stems = {name: stream for stream, name in enumerate(_distinct(names), 1) if not name.startswith(_EMPTY)}
    if not stems:
        raise UnsupportedFormatError(
            f"{source.name!r} is no stem file: nothing in it names its stems. Such files are made by save_stem_mp4() "
            "and by programs for DJs, and end in .stem.mp4.",
            source=source.name,
        )
    return stems


def _stem_box(source: Source) -> bytes:
    """Return what the box says; nothing where there is none."""
    start: int | None = 0
    for name in (b"moov", b"udta"):
        start = None if start is None else box(source, name, start)
    if start is None:
        return b""
    found = (span for name, *span in boxes(source, start) if name == b"stem")
    begin, end = next(found, (0, 0))
    return source.read_at(begin, min(end - begin, _MAX_BOX))


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Add its place to a name that comes again, or is empty."""
    distinct: dict[str, None] = {}
    for place, name in enumerate(names, 1):
        distinct[f"{name or 'stem'} {place}" if name in distinct or not name else name] = None
    return tuple(distinct)

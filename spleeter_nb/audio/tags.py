"""Tags: what a file says of its song, read from every format."""

from __future__ import annotations

import contextlib
import logging
import re
import unicodedata
from typing import IO, TYPE_CHECKING, Literal, cast

import numpy as np

from spleeter_nb.audio.bombs import riff_chunks
from spleeter_nb.audio.ffmpeg import open_closed_down
from spleeter_nb.audio.sniff import sniff
from spleeter_nb.audio.source import open_source
from spleeter_nb.values import Tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from av.container import InputContainer

    from spleeter_nb.audio.source import Source
    from spleeter_nb.values import AudioSource

MAX_TEXT = 200
"""Characters of one field."""
MAX_COVER_BYTES = 10_000_000

FIELDS = (
    *("title", "artist", "album", "album_artist", "composer", "performer", "genre"),
    *("date", "track", "disc", "comment", "copyright", "publisher"),
)
"""FFmpeg's names. What else files hold is about the file: who encoded it, how loud it is, where it was bought."""

_ABOUT_SAMPLES = {b"fmt ", b"fact", b"data", b"ds64", b"PEAK", b"JUNK", b"junk"}
"""Chunks of WAV files, some of them only room for others."""

_OTHER_NAMES = {"artist": "author", "date": "year"}
"""Taken where there is no field of the first name; one of both is often the shorter."""

_COVERS: dict[bytes, Literal["image/jpeg", "image/png"]] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}
"""By what the picture begins with: what its file says of it is often wrong."""

_BREAKS = re.compile(r"[\t-\r\x1c-\x1e\x85\u2028\u2029]+")

_log = logging.getLogger("spleeter_nb")


def read_tags(source: AudioSource) -> Tags:
    """Read the tags and the cover of a source; whatever is wrong with them is no error.

    Parameters
    ----------
    source : path, bytes, binary file object or ndarray
        As for `open_audio`; a file object stands afterwards where it stood.

    Returns
    -------
    Tags
        Text is cut to 200 characters; bytes that are no text are replaced, control characters are taken out. A cover
        is left out if it is neither JPEG nor PNG, or larger than 10 MB. Empty for arrays, for a file without tags,
        and where they cannot be read.
    """
    if isinstance(source, np.ndarray):
        return Tags()
    try:
        with _position_kept(source), contextlib.closing(open_source(source)) as opened:
            container = sniff(opened)
            if container.format == "wav" and not _may_have_tags(opened):
                return Tags()
            with open_closed_down(opened, container) as file:
                return _tags(file, container.format)
    except Exception as error:  # noqa: BLE001 - tags are strangers' data, and a separation is worth more
        _log.info("Tags that cannot be read are left out: %s", error)
        return Tags()


def _may_have_tags(source: Source) -> bool:
    """Look whether a WAV has a chunk that is not about its samples: if not, FFmpeg need not be loaded for it."""
    return any(name not in _ABOUT_SAMPLES for name, _, _ in riff_chunks(source, "wav"))


@contextlib.contextmanager
def _position_kept(source: AudioSource) -> Iterator[None]:
    if not hasattr(source, "seek"):
        yield
        return
    file = cast("IO[bytes]", source)
    position = file.tell()
    try:
        yield
    finally:
        file.seek(position)


def _tags(file: InputContainer, format_: str) -> Tags:
    # Streams of other formats have titles of their own, as "Commentary".
    metadata = file.streams.audio[0].metadata if format_ == "ogg" and file.streams.audio else file.metadata
    cover, cover_type = _cover(file)
    return Tags(_fields(metadata), cover, cover_type)


def _fields(metadata: Mapping[str, str]) -> dict[str, str]:
    named = {name.lower(): plain(text) for name, text in metadata.items()}
    texts = {name: named.get(name) or named.get(_OTHER_NAMES.get(name, "")) for name in FIELDS}
    return {name: text for name, text in texts.items() if text}


def plain(text: str) -> str:
    """Make one short line of a text, without what a terminal obeys."""
    line = _BREAKS.sub(" ", text[: 10 * MAX_TEXT]).strip()
    return "".join(sign for sign in line if unicodedata.category(sign) not in {"Cc", "Cs"})[:MAX_TEXT]


def _cover(file: InputContainer) -> tuple[bytes | None, Literal["image/jpeg", "image/png"] | None]:
    from av.stream import Disposition  # noqa: PLC0415 - costs time and memory that arrays need not pay

    for stream in file.streams.video:
        if stream.disposition & Disposition.attached_pic:
            packet = next(file.demux(stream))
            picture = bytes(packet) if 0 < packet.size <= MAX_COVER_BYTES else b""
            for start, type_ in _COVERS.items():
                if picture.startswith(start):
                    return picture, type_
    return None, None

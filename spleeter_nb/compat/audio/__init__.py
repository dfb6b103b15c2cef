"""The formats that stems can be written in."""

from __future__ import annotations

from enum import StrEnum


class Codec(StrEnum):
    """A format, equal to its name as text: ``Codec.MP3 == "mp3"``."""

    WAV = "wav"
    MP3 = "mp3"
    OGG = "ogg"
    M4A = "m4a"
    WMA = "wma"
    FLAC = "flac"

"""The formats that stems can be written in, and what Spleeter 2.1 to 2.3 had beside them."""

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


class STFTBackend(StrEnum):
    """What computed Spleeter's transforms until 2.3: scripts name it, and it has no effect."""

    AUTO = "auto"
    TENSORFLOW = "tensorflow"
    LIBROSA = "librosa"

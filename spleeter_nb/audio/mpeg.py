"""MPEG audio: what its frames, and the tag of Xing in the first one, tell of a file's length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spleeter_nb.audio.sniff import sound_start

if TYPE_CHECKING:
    from spleeter_nb.audio.source import Source

_MPEG_1, _RESERVED_VERSION, _LAYER_II, _LAYER_III = 3, 1, 2, 3
_FREE, _FORBIDDEN = 0, 15

# kbit/s by the number in the header less one; of MPEG-1 by layer, and those of MPEG-2 and 2.5.
_BITRATES = {
    _LAYER_II: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    _LAYER_III: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_LOW_BITRATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)

_RATES = (44_100, 48_000, 32_000)
# By how many bits MPEG-2.5, MPEG-2 and MPEG-1 shift a rate to the right.
_SHIFTS = {0: 2, 2: 1, 3: 0}

# Flags, of which the first two say that there are frames and bytes, then these.
_XING = re.compile(rb".{6,194}(?:Xing|Info)...([\3\7\x0b\x0f])(.{4})(.{4})", re.DOTALL)


def has_false_xing(source: Source) -> bool:
    """Tell whether a Xing tag does not tell how long an MP3 file is.

    It counts no frames where a program did not come to its end, and only its own where several files were put together.

    Parameters
    ----------
    source : Source
        Its position is moved.
    """
    start = sound_start(source)
    tag = _XING.match(source.read_at(start, 256))
    if tag is None:
        return False
    follows = source.read_at(start + int.from_bytes(tag[3], "big"), 4)
    return tag[2] == bytes(4) or follows.startswith(b"ID3") or frame_bytes(follows) is not None


def frame_bytes(head: bytes) -> int | None:
    """Return how long a frame of layer II or III says that it is (ISO/IEC 11172-3, 2.4.2.3).

    Parameters
    ----------
    head : bytes
        What it begins with.

    Returns
    -------
    int or None
        None where it does not say so, or where this is no such frame.
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:  # noqa: PLR2004 - the header, and its mark of 11 bits
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bitrate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == _RESERVED_VERSION or layer not in _BITRATES or bitrate in {_FREE, _FORBIDDEN} or rate == len(_RATES):
        return None
    bits = 1000 * (_BITRATES[layer] if version == _MPEG_1 else _LOW_BITRATES)[bitrate - 1]
    is_half = layer == _LAYER_III and version != _MPEG_1
    return (72 if is_half else 144) * bits // (_RATES[rate] >> _SHIFTS[version]) + padding

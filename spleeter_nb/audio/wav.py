"""WAV files of any length: RIFF up to 4 GiB, RF64 beyond.

A writer does not know how long the song will be. As EBU Tech 3306 proposes, the header keeps room for the
64-bit sizes in a ``JUNK`` chunk, which every reader skips; a file that outgrows RIFF gets it turned into
``ds64``.
"""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

import numpy as np

from spleeter_nb.audio.pcm import to_pcm
from spleeter_nb.audio.riff_tags import riff_chunks
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    from spleeter_nb.audio.pcm import BitDepth
    from spleeter_nb.values import FloatArray, Tags

_PCM = 1
_FLOAT = 3
_MAX_RIFF = 0xFFFF_FFFF
_HEADER = struct.Struct("<4sI4s 4sI QQQI 4sI HHIIHH 4sI")


class WavEncoder:
    """Write WAV.

    Parameters
    ----------
    file : binary file object
        Open for writing, at its start, seekable; it stays open.
    sample_rate : int
        Hz.
    channels : int
    bit_depth : {16, 24, 32, "float"}
    tags : Tags
        Follow the samples.
    """

    def __init__(
        self, file: IO[bytes], *, sample_rate: int, channels: int, bit_depth: BitDepth, tags: Tags = NO_TAGS
    ) -> None:
        self._file = file
        self._sample_rate = sample_rate
        self._channels = channels
        self._bit_depth: BitDepth = bit_depth
        self._data_bytes = 0
        self._tags = riff_chunks(tags)
        self._file.write(self._header())

    def write(self, block: FloatArray) -> None:
        """Append float32 samples of shape ``(samples, channels)``."""
        self._data_bytes += self._file.write(_little_endian(block, self._bit_depth))

    def finish(self) -> None:
        """Write the sizes into the header."""
        self._file.write(bytes(self._data_bytes % 2) + self._tags)
        self._file.seek(0)
        self._file.write(self._header())

    def _header(self) -> bytes:
        bits = 32 if self._bit_depth == "float" else self._bit_depth
        frame_bytes = self._channels * bits // 8
        riff_bytes = _HEADER.size - 8 + self._data_bytes + self._data_bytes % 2 + len(self._tags)
        is_long = riff_bytes > _MAX_RIFF
        long_sizes = (riff_bytes, self._data_bytes, self._data_bytes // frame_bytes) if is_long else (0, 0, 0)
        return _HEADER.pack(
            *(b"RF64" if is_long else b"RIFF", min(riff_bytes, _MAX_RIFF), b"WAVE"),
            *(b"ds64" if is_long else b"JUNK", 28, *long_sizes, 0),
            *(b"fmt ", 16, _FLOAT if self._bit_depth == "float" else _PCM, self._channels),
            *(self._sample_rate, self._sample_rate * frame_bytes, frame_bytes, bits),
            *(b"data", _MAX_RIFF if is_long else self._data_bytes),
        )


def _little_endian(block: FloatArray, bit_depth: BitDepth) -> bytes | memoryview:
    """Lay samples out as WAV wants them."""
    if bit_depth == "float":
        return block.astype("<f4", copy=False).data
    samples = to_pcm(block, bit_depth)
    little = samples.astype(samples.dtype.newbyteorder("<"), copy=False)
    # NumPy has no type of 3 bytes: the lower three of four.
    return little.view(np.uint8).reshape(-1, 4)[:, :3].tobytes() if bit_depth == 24 else little.data  # noqa: PLR2004

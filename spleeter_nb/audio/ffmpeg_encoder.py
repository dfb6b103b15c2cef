"""FFmpeg's encoders: MP3, AAC in M4A, and WMA, in step with the samples and exactly as long.

A lossy encoder works on overlapping blocks: it puts some samples in front and fills its last block up. What it did
has to be in the file, or whoever reads it gets a sound that is late and too long.

- MP3: FFmpeg writes delay and padding into the Xing frame, as LAME does.
- M4A: into an edit list, in units of the movie, which are milliseconds unless one asks for samples.
- WMA: the delay is always one block. The header tells the play duration in units of 100 ns, to which FFmpeg writes
  whole milliseconds of whole blocks; the exact one is put there in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from spleeter_nb.audio.lengths import write_asf_length
from spleeter_nb.audio.source import ShieldedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from av import AudioFrame, AudioStream

    from spleeter_nb.values import FloatArray

_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")
"""FFmpeg's names, by the number of channels from 1 on."""

_BLOCK_FRAMES = 1 << 15


@dataclass(frozen=True, slots=True)
class _Kind:
    """How FFmpeg is asked for a codec."""

    encoder: str
    muxer: str
    options: Callable[[int], dict[str, str]] = field(default=lambda _: {})
    """Of the muxer, from the sample rate."""


_KINDS = {
    "mp3": _Kind("libmp3lame", "mp3"),
    "m4a": _Kind("aac", "ipod", lambda sample_rate: {"movie_timescale": str(sample_rate)}),
    "wma": _Kind("wmav2", "asf"),
}


class FFmpegEncoder:
    """Write a lossy file.

    Parameters
    ----------
    codec : {"mp3", "m4a", "wma"}
    file : binary file object
        Open for writing, at its start, seekable; it stays open. WMA needs it open for reading, too.
    sample_rate : int
        Hz, one that the codec has.
    channels : int
    bitrate : int
        Bits a second of all channels; the encoder takes the nearest it has at that rate.
    """

    def __init__(self, codec: str, file: IO[bytes], *, sample_rate: int, channels: int, bitrate: int) -> None:
        import av  # noqa: PLC0415 - costs time and memory that WAV and FLAC need not pay

        self._errors = (av.FFmpegError, ValueError)
        self._codec = codec
        self._file = file
        self._shield = ShieldedFile(file)
        self._sample_rate = sample_rate
        self._channels = channels
        self._layout = _LAYOUTS[channels - 1]
        self._frames = 0
        self._new_frame = av.AudioFrame.from_ndarray
        kind = _KINDS[codec]
        self._container = av.open(self._shield, "w", format=kind.muxer, options=kind.options(sample_rate))
        stream = self._container.add_stream(kind.encoder, rate=sample_rate, layout=self._layout, bit_rate=bitrate)
        self._stream = cast("AudioStream", stream)

    def write(self, block: FloatArray) -> None:
        """Append float32 samples of shape ``(samples, channels)``; beyond full scale they are cut off."""
        for start in range(0, len(block), _BLOCK_FRAMES):
            self._encode(block[start : start + _BLOCK_FRAMES])

    def finish(self) -> None:
        """Write what is left, and what tells the length."""
        frames = self._frames
        if self._codec == "wma":
            # The last block overlaps with one that follows; FFmpeg leaves it out, and half of the last is lost.
            self._encode(np.zeros((self._stream.codec_context.frame_size, self._channels), np.float32))
        self._shielded(lambda: self._mux(None))
        self._shielded(self._container.close)
        if self._codec == "wma":
            write_asf_length(self._file, frames, sample_rate=self._sample_rate)

    def _encode(self, samples: FloatArray) -> None:
        packed = np.ascontiguousarray(np.clip(samples, -1.0, 1.0)).reshape(1, -1)
        frame = self._new_frame(packed, format="flt", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._sample_rate, self._frames, Fraction(1, self._sample_rate)
        self._shielded(lambda: self._mux(frame))
        self._frames += len(samples)

    def _mux(self, frame: AudioFrame | None) -> None:
        # A last frame of MP3 may be nothing but padding: its duration is 0, and with it FFmpeg would forget the
        # padding of the frame before.
        self._container.mux([packet for packet in self._stream.encode(frame) if packet.duration])

    def _shielded(self, action: Callable[[], object]) -> None:
        """Raise what happened to the file rather than what FFmpeg made of it."""
        try:
            action()
        except self._errors as error:
            raise self._shield.failure or OSError(f"FFmpeg: {error}") from error
        if self._shield.failure is not None:
            raise self._shield.failure

"""FFmpeg's encoders: MP3, AAC in M4A, and WMA, in step with the samples and exactly as long.

A lossy encoder works on overlapping blocks: it puts some samples in front and fills its last block up. What it did
has to be in the file, or whoever reads it gets a sound that is late and too long.

- MP3: FFmpeg writes delay and padding into the Xing frame, as LAME does. Below 256 kbit/s LAME turns a song down by up
  to 0.45 dB, so that what its losses add to the peaks is not cut off. Stems have to sum to the song: it is turned up.
- M4A: into an edit list, in units of the movie, which are milliseconds unless one asks for samples. What FFmpeg calls
  "ipod" is the same with fewer kinds of covers.
- WMA: the delay is always one block. The header tells the play duration in units of 100 ns, to which FFmpeg writes
  whole milliseconds of whole blocks; the exact one is put there in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import IO, TYPE_CHECKING

import numpy as np

from spleeter_nb.audio.lengths import write_asf_length
from spleeter_nb.audio.source import ShieldedFile
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from av import AudioFrame, AudioStream

    from spleeter_nb.values import FloatArray, Tags

_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")
"""FFmpeg's names, by the number of channels from 1 on."""

_BLOCK_FRAMES = 1 << 15

_LAME_FACTORS = ((176_000, 0.95), (208_000, 0.97), (240_000, 0.98))
"""By what LAME multiplies a song, up to which bit rate; by 0.95 at all that MPEG-2 has, which ends at 24 kHz."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How FFmpeg is asked for a codec."""

    encoder: str
    muxer: str
    options: Callable[[int], dict[str, str]] = field(default=lambda _: {})
    """Of the muxer, from the sample rate."""
    has_cover: bool = True
    """Whether a picture can be attached."""


_PICTURES = {"image/jpeg": "mjpeg", "image/png": "png"}
"""FFmpeg's names of what covers are."""

_KINDS = {
    "mp3": _Kind("libmp3lame", "mp3"),
    "m4a": _Kind("aac", "mp4", lambda sample_rate: {"movie_timescale": str(sample_rate), "brand": "M4A "}),
    "wma": _Kind("wmav2", "asf", has_cover=False),
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
        Bits a second of all channels of a stream; the encoder takes the nearest it has at that rate.
    tags : Tags
        WMA has no cover.
    streams : int
        How many streams of `channels` lie side by side in the blocks and in the file.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of the file to write
        self,
        codec: str,
        file: IO[bytes],
        *,
        sample_rate: int,
        channels: int,
        bitrate: int,
        tags: Tags = NO_TAGS,
        streams: int = 1,
    ) -> None:
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
        self._gain = 1 / _lame_factor(bitrate, sample_rate) if codec == "mp3" else 1.0
        kind = _KINDS[codec]
        self._container = av.open(self._shield, "w", format=kind.muxer, options=kind.options(sample_rate))
        # Of the formats that encoders take, floats alone leave room for the gain.
        add = partial(self._container.add_stream, kind.encoder, layout=self._layout, format="fltp")
        self._streams = [add(rate=sample_rate, bit_rate=bitrate) for _ in range(streams)]
        self._container.metadata.update(tags.fields)
        if kind.has_cover and tags.cover and tags.cover_type:
            self._attach(tags.cover, _PICTURES[tags.cover_type])

    def write(self, block: FloatArray) -> None:
        """Append float32 samples of shape ``(samples, streams * channels)``; beyond full scale they are cut off."""
        for start in range(0, len(block), _BLOCK_FRAMES):
            self._encode(block[start : start + _BLOCK_FRAMES])

    def finish(self) -> None:
        """Write what is left, and what tells the length."""
        frames = self._frames
        if self._codec == "wma":
            # The last block overlaps with one that follows; FFmpeg leaves it out, and half of the last is lost.
            self._encode(np.zeros((self._streams[0].codec_context.frame_size, self._channels), np.float32))
        for stream in self._streams:
            self._mux(stream, None)
        self._shielded(self._container.close)
        if self._codec == "wma":
            write_asf_length(self._file, frames, sample_rate=self._sample_rate)

    def _attach(self, cover: bytes, codec: str) -> None:
        from av import Packet  # noqa: PLC0415 - as above
        from av.stream import Disposition  # noqa: PLC0415 - only covers need it

        # FFmpeg asks for a size, and stores none.
        picture = self._container.add_mux_stream(codec, width=1, height=1)
        picture.disposition = Disposition.attached_pic
        packet = Packet(cover)
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = picture, 0, 0, True
        self._shielded(lambda: self._container.mux(packet))

    def _encode(self, samples: FloatArray) -> None:
        parts = np.split(np.clip(samples, -1.0, 1.0) * np.float32(self._gain), len(self._streams), axis=1)
        for stream, part in zip(self._streams, parts, strict=True):
            frame = self._new_frame(np.ascontiguousarray(part).reshape(1, -1), format="flt", layout=self._layout)
            frame.sample_rate, frame.pts = self._sample_rate, self._frames
            frame.time_base = Fraction(1, self._sample_rate)
            self._mux(stream, frame)
        self._frames += len(samples)

    def _mux(self, stream: AudioStream, frame: AudioFrame | None) -> None:
        # A last frame of MP3 may be nothing but padding: its duration is 0, and with it FFmpeg would forget the
        # padding of the frame before.
        self._shielded(lambda: self._container.mux([part for part in stream.encode(frame) if part.duration]))

    def _shielded(self, action: Callable[[], object]) -> None:
        """Raise what happened to the file rather than what FFmpeg made of it."""
        try:
            action()
        except self._errors as error:
            raise self._shield.failure or OSError(f"FFmpeg: {error}") from error
        if self._shield.failure is not None:
            raise self._shield.failure


def _lame_factor(bitrate: int, sample_rate: int) -> float:
    is_mpeg_2 = sample_rate <= 24_000  # noqa: PLR2004 - Hz, as above
    return next((factor for most, factor in _LAME_FACTORS if is_mpeg_2 or bitrate <= most), 1.0)

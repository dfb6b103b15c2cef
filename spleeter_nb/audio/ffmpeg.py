"""FFmpeg's decoders, closed down: one named demuxer, no protocol, no reference followed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio.bombs import bomb
from spleeter_nb.audio.decoder import discard
from spleeter_nb.audio.lengths import told_length
from spleeter_nb.audio.mpeg import frame_bytes
from spleeter_nb.audio.pcm import from_pcm
from spleeter_nb.exceptions import CorruptAudioError, UnsupportedFormatError
from spleeter_nb.values import AudioInfo, FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

    from spleeter_nb.audio.sniff import Container
    from spleeter_nb.audio.source import Source

_WITHOUT_LENGTH = {"aac", "mp3", "mpegts", "mpeg", "wav"}
"""Here FFmpeg only guesses a length, from the bit rate or from how much of the file there is."""

_PLANAR = {"u8p": "u1", "s16p": "i2", "s32p": "i4", "s64p": "i8", "fltp": "f4", "dblp": "f8"}
"""FFmpeg's formats with the channels one after the other, in NumPy's words."""

_MICROSECONDS = 1_000_000

_WMA = {"wmav1", "wmav2"}
_BARE_MPEG = {(container, codec) for container in ("mp3", "mpegts", "mpeg") for codec in ("mp2", "mp3")}

_DELAYS = {"aac": 1024, "mp2": 481, "mp3": 1105}
"""Samples in front of the sound: of AAC the block that only helps to decode the next one, of MP2 what its filters take,
of MP3 what LAME and a decoder take together. Others than LAME may take some more."""

_WITHOUT_DELAY = {"aac", "avi", "flv", "mp3", "mpeg", "mpegts"}
"""Here nothing tells how many there are."""

_ITUNES = re.compile(r"\s*(?:[0-9A-F]+\s+){3}([0-9A-F]{1,16})\b", re.IGNORECASE)
"""What iTunes notes of a song: nothing, samples in front, samples at the end, and samples between them."""

_LONGEST_BLOCK = 1 << 11
"""Samples of one packet: all of them, where a container counts packets, and some are padding."""

_LONGEST_ALAC_BLOCK = 1 << 16
"""Samples per channel; encoders take 4096, and FFmpeg takes memory for whatever a file says."""

_MOST_PADDING = 1 << 13
"""Samples that an AAC encoder puts in front and at the end; more is a note about something else."""


@dataclass(frozen=True, slots=True)
class _Length:
    """What a container tells of its length."""

    frames: int | None
    slack: int = 0
    """Samples by which it may be wrong."""


class FFmpegDecoder:
    """Decode an audio stream of a source with FFmpeg.

    Parameters
    ----------
    source : Source
        Open; its handle is read, FFmpeg opens nothing by itself.
    container : Container
        What the source is.
    stream : int
        Which of its audio streams, from 0 on.

    Raises
    ------
    CorruptAudioError
        When FFmpeg cannot open it.
    UnsupportedFormatError
        When it holds no such stream, or sound in a codec that FFmpeg does not know.
    """

    tolerance = 0.01
    """Containers round their length, and encoders pad it."""

    def __init__(self, source: Source, container: Container, *, stream: int = 0) -> None:
        import av  # noqa: PLC0415 - costs time and memory that WAV and FLAC need not pay

        # PyAV objects to odd streams with a ValueError, and stumbles with an IndexError over streams that a damaged
        # file announces in the middle. An OSError comes from the file itself, which is sent to places before its start.
        self.errors: tuple[type[Exception], ...] = (av.FFmpegError, ValueError, IndexError, OSError)
        seconds, units = told_length(source, container.format)
        try:
            self._container = open_closed_down(source, container)
        except self.errors as error:
            raise CorruptAudioError(
                f"{source.name!r} begins like {container.format} but cannot be opened as such ({error}).",
                source=source.name,
            ) from error
        try:
            self._stream = _audio_stream(self._container, stream, source.name)
            told = _length(self._container, self._stream, seconds=seconds, units=units)
            self._delay = _untold_delay(self._stream, container.format)
            if container.format in _WITHOUT_LENGTH:
                told = _Length(None)
            elif told.frames is not None:
                told = replace(told, frames=max(1, told.frames - self._delay))
            self.info = _describe(self._stream, source.name, container.format, told.frames)
        except BaseException:
            self._container.close()
            raise
        self._is_bare_mpeg = (self.info.format, self.info.codec) in _BARE_MPEG
        is_wma = self.info.codec in _WMA
        if is_wma:
            # FFmpeg would leave out two blocks: one that the encoder put in front, and the first one of sound.
            self._stream.codec_context.flags2 |= av.codec.context.Flags2.skip_manual
        # Other containers tell no better where the sound ends than its last block does.
        tells_end = is_wma or container.format == "mp4"
        self._end = told if tells_end else _Length(None)
        if told.frames and not tells_end:
            self.tolerance = max(self.tolerance, _LONGEST_BLOCK / told.frames)
        self._parts = self._decode()
        self._rest = np.empty((0, self.info.channels), np.float32)

    def skip(self, frames: int) -> int:
        """Leave out `frames` samples per channel; the result is less only at the end."""
        return discard(self, frames)

    def read(self, frames: int) -> FloatArray:
        """Give a new array of shape ``(frames, channels)``; it is shorter only at the end."""
        block = np.empty((frames, self.info.channels), np.float32)
        filled = 0
        while filled < frames:
            if not len(self._rest):
                part = next(self._parts, None)
                if part is None:
                    break
                self._rest = part
            taken = self._rest[: frames - filled]
            block[filled : filled + len(taken)] = taken
            self._rest = self._rest[len(taken) :]
            filled += len(taken)
        return block[:filled]

    def close(self) -> None:
        """Free the decoder; the source stays open."""
        self._container.close()

    def _decode(self) -> Iterator[FloatArray]:
        is_padding = self.info.codec in _WMA
        position, delay = 0, self._delay
        for packet in self._packets():
            for frame in packet.decode():
                part = self._samples(frame)
                if is_padding:
                    is_padding = False
                    continue
                part, delay = part[delay:], max(0, delay - len(part))
                part = part[: self._sound_in(packet, len(part), position)]
                position += len(part)
                yield part

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        for packet in self._container.demux(self._stream):
            if self._is_bare_mpeg:
                frame = bytes(packet)
                if frame.startswith(b"ID3"):
                    # The tag of the next song, where several files were put together.
                    continue
                if len(frame) < (frame_bytes(frame) or 0):
                    raise ValueError("its last block is cut off")
            yield packet

    def _sound_in(self, packet: Packet[AudioStream], decoded: int, position: int) -> int:
        """Tell how many samples of a packet are sound: encoders fill their last block up with zeros.

        A packet of MP4 may say that it is short, to the sample, or the whole file tells its length; but that may be
        rounded, mostly to milliseconds, and may not cost a sample.
        """
        is_mp4 = self.info.format == "mp4"
        if is_mp4 and packet.duration is not None and packet.time_base is not None:
            decoded = min(decoded, round(packet.duration * packet.time_base * self.info.sample_rate))
        if self._end.frames is None:
            return decoded
        excess = position + decoded - self._end.frames
        return decoded if excess <= self._end.slack else max(0, decoded - excess)

    def _samples(self, frame: AudioFrame) -> FloatArray:
        """Turn FFmpeg's frame into float32 of shape ``(samples, channels)``."""
        channels = frame.layout.nb_channels
        if (channels, frame.sample_rate) != (self.info.channels, self.info.sample_rate):
            raise ValueError(f"the stream changes to {channels} channels at {frame.sample_rate} Hz")
        if not frame.format.is_planar:
            return from_pcm(frame.to_ndarray().reshape(-1, channels))
        # PyAV's own conversion asks for planes until one is missing, and with 8 of them runs into other memory.
        from av.audio.plane import AudioPlane  # noqa: PLC0415 - see above

        planes = [AudioPlane(frame, k) for k in range(channels)]
        dtype = _PLANAR[frame.format.name]
        return from_pcm(np.stack([np.frombuffer(memoryview(plane), dtype, frame.samples) for plane in planes], axis=1))


def open_closed_down(source: Source, container: Container) -> InputContainer:
    """Open a source from its first byte with the one demuxer that fits, which can open nothing else."""
    import av  # noqa: PLC0415 - as above

    wrong = bomb(source, container.format)
    if wrong:
        raise ValueError(wrong)
    source.handle.seek(0)
    return av.open(
        source.handle,
        mode="r",
        format=container.demuxer,
        options={"format_whitelist": container.demuxer, "protocol_whitelist": "none"},
        metadata_errors="replace",
    )


def _audio_stream(container: InputContainer, number: int, name: str) -> AudioStream:
    if not container.streams.audio:
        raise UnsupportedFormatError(f"{name!r} has no sound in it.", source=name)
    if number >= len(container.streams.audio):
        count = len(container.streams.audio)
        raise UnsupportedFormatError(f"{name!r} has {count} streams of sound, and no {number}.", source=name)
    stream = container.streams.audio[number]
    if stream.codec_context is None:
        raise UnsupportedFormatError(f"The sound in {name!r} is in an unknown codec.", source=name)
    extradata = stream.codec_context.extradata or b""
    if stream.codec_context.name == "alac" and int.from_bytes(extradata[12:16], "big") > _LONGEST_ALAC_BLOCK:
        raise CorruptAudioError(f"{name!r} has blocks that are too long to be sound.", source=name)
    if not stream.codec_context.channels or not stream.codec_context.sample_rate:
        raise CorruptAudioError(f"{name!r} does not tell how many channels it has, or which rate.", source=name)
    return stream


def _untold_delay(stream: AudioStream, format_: str) -> int:
    """Return how many samples are in front of the sound without anybody telling, so that FFmpeg leaves them."""
    # Where an MP3 file has a LAME frame, FFmpeg begins behind them.
    if format_ not in _WITHOUT_DELAY or (format_ == "mp3" and stream.start_time):
        return 0
    return _DELAYS.get(stream.codec_context.codec.canonical_name, 0)


def _describe(stream: AudioStream, name: str, format_: str, frames: int | None) -> AudioInfo:
    context = stream.codec_context
    is_lossless = context.codec.lossless and not context.codec.lossy
    return AudioInfo(
        name=name,
        format=format_,
        codec=context.codec.canonical_name,
        sample_rate=context.sample_rate,
        channels=context.channels,
        frames=frames,
        # A codec whose header is missing has no format, whatever PyAV's types say.
        bit_depth=getattr(context.format, "bits", None) if is_lossless else None,
    )


def _length(container: InputContainer, stream: AudioStream, *, seconds: Fraction | None, units: int) -> _Length:
    """Put together what the container tells; `seconds` and `units` as `told_length` gives them."""
    rate = stream.codec_context.sample_rate
    frames = _declared_frames(container, stream)
    if seconds is not None and len(container.streams) == 1:
        frames = round(seconds * rate)
    if frames is None:
        return _Length(None)
    note = _ITUNES.match(container.metadata.get("iTunSMPB", ""))
    noted = int(note[1], 16) if note else 0
    if noted and 0 <= frames - noted <= _MOST_PADDING:
        return _Length(noted)
    return _Length(frames, slack=0 if units >= rate else -(-rate // min(units, 1000)))


def _declared_frames(container: InputContainer, stream: AudioStream) -> int | None:
    rate, frames = stream.codec_context.sample_rate, 0
    if stream.duration is not None and stream.time_base is not None:
        frames = round(stream.duration * stream.time_base * rate)
    # The length of a video says nothing of its sound.
    elif container.duration is not None and len(container.streams) == 1:
        # Matroska counts what the encoder put in front, too.
        frames = container.duration * rate // _MICROSECONDS - stream.codec_context.delay
    # Programs that do not know it yet write none.
    return frames if frames > 0 else None

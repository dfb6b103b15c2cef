"""libsndfile: exact in length and position, and the fastest for the common formats."""

from __future__ import annotations

import functools
import io
from typing import IO, TYPE_CHECKING, Literal

import numpy as np
import soundfile

from spleeter_nb.audio.decoder import discard, missing_part
from spleeter_nb.audio.lengths import declared_frames
from spleeter_nb.audio.pcm import to_pcm
from spleeter_nb.audio.source import ShieldedFile
from spleeter_nb.audio.vorbis_tags import VorbisTags
from spleeter_nb.values import NO_TAGS, AudioInfo, FloatArray, Tags

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from spleeter_nb.audio.damage import Damage
    from spleeter_nb.audio.pcm import BitDepth
    from spleeter_nb.audio.sniff import Container
    from spleeter_nb.audio.source import Source

_BIT_DEPTHS = {
    "pcm_s8": 8,
    "pcm_u8": 8,
    "pcm_16": 16,
    "pcm_24": 24,
    "pcm_32": 32,
    "float": 32,
    "double": 64,
}
_CODECS = {"mpeg_layer_iii": "mp3", "mpeg_layer_ii": "mp2"}
"""FFmpeg's words where libsndfile has others for the same."""

_SEEKABLE = {"wav", "aiff", "flac"}
_TOLERANCES = {"mp3": 0.01}
"""Encoders do not agree on whether a Xing tag counts the padding."""

_VORBIS_ORDER = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 5, 3, 4),
    7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}
"""Where the channels of WAV files stand in Vorbis and Opus, which put the centre second and the LFE last."""

_VORBIS = {"format": "OGG", "subtype": "VORBIS"}
_VORBIS_BLOCK = 1 << 13
_VORBIS_STEPS = 8
_MAX_NOMINAL_RATE = 48_000

_UNKNOWN_FRAMES = 2**63 - 1
"""libsndfile's word for a FLAC file whose header declares no length."""


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # it has no types
    """A sound file read or written from front to back.

    Where the file can seek, each call ends by seeking to where it stands already; that costs time, and an
    error of the decoder becomes an error of the seeking.
    """

    def seekable(self) -> bool:
        """Say that it cannot; `seek` works all the same."""
        return False


class SoundFileDecoder:
    """Decode a source with libsndfile.

    Parameters
    ----------
    source : Source
        Open; its handle is read.
    container : Container
        What the source is.
    damage : Damage
        Hears of a WAV or AIFF file that declares more samples than it holds.

    Raises
    ------
    soundfile.SoundFileError
        When libsndfile does not open it.
    """

    errors: tuple[type[Exception], ...] = (soundfile.SoundFileError,)

    def __init__(self, source: Source, container: Container, damage: Damage) -> None:
        declared = declared_frames(source, container.format)
        source.handle.seek(0)
        descriptor = source.descriptor
        self._file = _Stream(source.handle if descriptor is None else descriptor, closefd=False)
        try:
            self.tolerance = _TOLERANCES.get(container.format, 0.0)
            self.info = self._describe(source.name, container.format, declared)
            damage.meet(missing_part(source.name, expected=declared, got=self._file.frames))
        except BaseException:
            self._file.close()
            raise
        in_vorbis_order = self.info.codec in {"vorbis", "opus"}
        self._order = _VORBIS_ORDER.get(self.info.channels) if in_vorbis_order else None
        self._can_seek = container.format in _SEEKABLE and self.info.frames is not None

    def skip(self, frames: int) -> int:
        """Leave out `frames` samples per channel; the result is less only at the end."""
        if not self._can_seek:
            return discard(self, frames)
        before: int = self._file.tell()
        after: int = self._file.seek(min(before + frames, self._file.frames))
        return after - before

    def read(self, frames: int) -> FloatArray:
        """Give a new array of shape ``(frames, channels)``; it is shorter only at the end."""
        block = np.empty((frames, self.info.channels), np.float32)
        filled: FloatArray = self._file.read(out=block)
        return filled if self._order is None else np.take(filled, self._order, axis=1)

    def close(self) -> None:
        """Free the decoder; the source stays open."""
        self._file.close()

    def _describe(self, name: str, format_: str, declared: int | None) -> AudioInfo:
        if declared is None and format_ == "wav" and not self._file.frames:
            # A header that leaves the length blank is an empty file to libsndfile; FFmpeg reads on.
            raise soundfile.SoundFileRuntimeError("the header declares no length")
        codec = self._file.subtype.lower()
        present = None if self._file.frames == _UNKNOWN_FRAMES else self._file.frames
        return AudioInfo(
            name=name,
            format=format_,
            codec=_CODECS.get(codec, codec),
            sample_rate=self._file.samplerate,
            channels=self._file.channels,
            frames=present,
            bit_depth=_BIT_DEPTHS.get(codec),
        )


class _SoundFileEncoder:
    """Write FLAC or OGG with libsndfile; `options` are those of its file."""

    def __init__(self, file: IO[bytes], *, sample_rate: int, channels: int, tags: Tags, **options: object) -> None:
        self._target = file
        self._shield = ShieldedFile(file)
        self._file = _Stream(self._shield, "w", sample_rate, channels, **options)
        self._tags = VorbisTags(tags, is_flac=options["format"] == "FLAC")
        if self._tags.placeholder:
            self._file.date = self._tags.placeholder

    def finish(self) -> None:
        """Write what is left, the length, and the tags."""
        self._shielded(self._file.close)
        self._tags.fill_in(self._target)

    def _write(self, samples: npt.NDArray[np.generic]) -> None:
        self._shielded(lambda: self._file.write(samples))

    def _shielded(self, action: Callable[[], object]) -> None:
        """Raise what happened to the file rather than what libsndfile made of it."""
        try:
            action()
        except (soundfile.SoundFileError, AssertionError) as error:
            raise self._shield.failure or OSError(f"libsndfile: {error}") from error
        if self._shield.failure is not None:
            raise self._shield.failure


class FlacEncoder(_SoundFileEncoder):
    """Write FLAC.

    Parameters
    ----------
    file : binary file object
        Open for writing, at its start; it stays open.
    sample_rate : int
        Hz.
    channels : int
    bit_depth : {16, 24}
    tags : Tags
        With any, `file` has to be open for reading, too.
    """

    def __init__(
        self, file: IO[bytes], *, sample_rate: int, channels: int, bit_depth: BitDepth, tags: Tags = NO_TAGS
    ) -> None:
        self._bits: Literal[16, 24] = 24 if bit_depth == 24 else 16  # noqa: PLR2004 - bits
        options = {"subtype": f"PCM_{self._bits}", "format": "FLAC"}
        super().__init__(file, sample_rate=sample_rate, channels=channels, tags=tags, **options)

    def write(self, block: FloatArray) -> None:
        """Append float32 samples of shape ``(samples, channels)``."""
        samples = to_pcm(block, self._bits)
        # libsndfile takes the upper bits of an int32.
        self._write(samples << 8 if self._bits == 24 else samples)  # noqa: PLR2004 - bits


class VorbisEncoder(_SoundFileEncoder):
    """Write OGG Vorbis.

    Parameters
    ----------
    file : binary file object
        Open for writing, at its start; it stays open.
    sample_rate : int
        Hz.
    channels : int
    bitrate : int
        Bits a second of all channels, on average: Vorbis takes as many as each moment needs for the quality whose
        nominal rate this is. Above 48 kHz it knows no nominal rates, and that of 48 kHz is taken.
    tags : Tags
        With any, `file` has to be open for reading, too.
    """

    def __init__(self, file: IO[bytes], *, sample_rate: int, channels: int, bitrate: int, tags: Tags = NO_TAGS) -> None:
        order = _VORBIS_ORDER.get(channels)
        self._order = None if order is None else np.argsort(order)
        level = _vorbis_level(bitrate, min(sample_rate, _MAX_NOMINAL_RATE), channels)
        options = {**_VORBIS, "compression_level": level}
        super().__init__(file, sample_rate=sample_rate, channels=channels, tags=tags, **options)

    def write(self, block: FloatArray) -> None:
        """Append float32 samples of shape ``(samples, channels)``; beyond full scale they are cut off."""
        samples = np.clip(block if self._order is None else np.take(block, self._order, axis=1), -1.0, 1.0)
        # libsndfile lays a block out on the stack, whatever its size.
        for start in range(0, len(samples), _VORBIS_BLOCK):
            self._write(samples[start : start + _VORBIS_BLOCK])


@functools.cache
def _vorbis_level(bitrate: int, sample_rate: int, channels: int) -> float:
    """Find libsndfile's compression level (0 is the best quality, 1 the lowest) by the nominal rate that it gives."""
    low, high = 0.0, 1.0
    for _ in range(_VORBIS_STEPS):
        level = (low + high) / 2
        if _nominal_bitrate(level, sample_rate, channels) > bitrate:
            low = level
        else:
            high = level
    return high


def _nominal_bitrate(level: float, sample_rate: int, channels: int) -> int:
    """Read what libvorbis writes into the header: after page header, identifier, rate and highest bit rate."""
    header = io.BytesIO()
    with soundfile.SoundFile(header, "w", sample_rate, channels, **_VORBIS, compression_level=level) as file:
        file.write(np.zeros((1, channels), np.float32))
    return int.from_bytes(header.getvalue()[48:52], "little", signed=True)

"""Reading: any source becomes blocks of float32, or one of our errors."""

from __future__ import annotations

import hashlib
import logging
import math
from typing import TYPE_CHECKING, Self

import numpy as np

from spleeter_nb.audio.arrays import ArrayDecoder
from spleeter_nb.audio.decoder import check_length
from spleeter_nb.audio.ffmpeg import FFmpegDecoder
from spleeter_nb.audio.lengths import is_cut
from spleeter_nb.audio.pcm import silence_damage
from spleeter_nb.audio.sndfile import SoundFileDecoder
from spleeter_nb.audio.sniff import sniff
from spleeter_nb.audio.source import Source, open_source
from spleeter_nb.exceptions import (
    AudioChangedError,
    AudioLimitError,
    AudioProcessingError,
    CorruptAudioError,
    EmptyAudioError,
    TruncatedAudioError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from spleeter_nb.audio.decoder import Decoder
    from spleeter_nb.values import AudioInfo, AudioSource, FloatArray

MAX_CHANNELS = 64
MAX_SAMPLE_RATE = 768_000

_log = logging.getLogger("spleeter_nb")


class AudioReader:
    """Samples of one source, block by block; made by `open_audio`, closed by ``with`` or `close`.

    Attributes
    ----------
    info : AudioInfo
        What the source says of itself.
    replaced : int
        Values so far that were NaN, infinite or beyond any sound, and became 0.
    """

    def __init__(self, decoder: Decoder, origin: Source | ArrayDecoder) -> None:
        self.info: AudioInfo = decoder.info
        self.replaced = 0
        self._decoder = decoder
        self._origin = origin
        self._source = origin if isinstance(origin, Source) else None
        self._is_used = False
        self._digest: str | None = None

    def content_digest(self, check: Callable[[], None] = lambda: None) -> str:
        """Hash the source: its bytes, or an array's values, type, shape and rate; names and dates do not count.

        Parameters
        ----------
        check : callable
            Called between blocks; what it raises ends the hashing.

        Returns
        -------
        str
            BLAKE2b of 256 bits, in hexadecimal.
        """
        if self._digest is None:
            self._digest = self._hashed(check)
        return self._digest

    def check_unchanged(self, check: Callable[[], None] = lambda: None) -> None:
        """Raise `AudioChangedError` when the source is not what it was when it was opened, or hashed.

        A file's identity tells that. What has none, an array or a stranger's file object, is hashed again if it was
        hashed before; `check` as in `content_digest`.
        """
        if self._source is not None:
            self._source.check_unchanged()
        is_watched = self._source is not None and self._source.is_watched
        if self._digest is not None and not is_watched and self._hashed(check) != self._digest:
            raise AudioChangedError(
                f"{self.info.name!r} was changed while it was separated. Leave it as it is until the separation has "
                "ended, or give a copy.",
                source=self.info.name,
            )

    def blocks(self, frames: int, *, offset: float = 0.0, duration: float | None = None) -> Iterator[FloatArray]:
        """Decode, once for each reader.

        Parameters
        ----------
        frames : int
            Samples per channel in a block.
        offset : float
            Seconds to leave out at the start.
        duration : float, optional
            Seconds to read; None reads to the end, and so does more than there is.

        Returns
        -------
        iterator of ndarray of float32, shape (frames, channels)
            New arrays, C-contiguous, full scale 1.0, finite; only the last one may be shorter. Channels come in the
            order of WAV files (left, right, centre, LFE, back, side), whatever the order of the format.

        Raises
        ------
        ValidationError
            When an argument makes no sense, or `offset` lies beyond the end.
        EmptyAudioError, CorruptAudioError, TruncatedAudioError, AudioChangedError
            While iterating, when the source does not keep what it promises.
        """
        if self._is_used:
            raise ValidationError("A reader gives its blocks once. Open the source again.")
        if frames < 1:
            raise ValidationError(f"A block has at least 1 sample, not {frames}.", frames=frames)
        start = self._to_frames(_seconds("offset", offset))
        count = None if duration is None else self._to_frames(_seconds("duration", duration))
        if self.info.frames is not None:
            self._check_offset(start, self.info.frames)
        if count == 0:
            raise ValidationError(f"duration={duration} s is less than one sample.", duration=duration)
        self._is_used = True
        return self._blocks(frames, start, count)

    def _hashed(self, check: Callable[[], None]) -> str:
        digest = hashlib.blake2b(digest_size=32)
        for block in self._origin.contents():
            check()
            digest.update(block)
        return digest.hexdigest()

    def close(self) -> None:
        """Free everything that was opened; a file object of the caller stays open. Can be repeated."""
        self._decoder.close()
        if self._source is not None:
            self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _blocks(self, frames: int, start: int, count: int | None) -> Iterator[FloatArray]:
        position = self._skip(start)
        end = math.inf if count is None else start + count
        while position < end:
            block = self._read(int(min(frames, end - position)), position)
            if not len(block):
                self._check_end(position)
                break
            position += len(block)
            self.replaced += silence_damage(block)
            yield block
        self._finish()

    def _skip(self, start: int) -> int:
        try:
            skipped = self._decoder.skip(start)
        except self._decoder.errors as error:
            raise self._broken(error, 0) from error
        if skipped < start:
            self._check_end(skipped)
            self._check_offset(start, skipped)
        return skipped

    def _read(self, frames: int, position: int) -> FloatArray:
        try:
            return self._decoder.read(frames)
        except self._decoder.errors as error:
            raise self._broken(error, position) from error

    def _broken(self, error: Exception, position: int) -> AudioProcessingError:
        """Find out why a decoder failed: a stranger's file object, a change, a cut, or plain damage."""
        name = self.info.name
        cut = False
        if self._source is not None:
            self._source.check_readable()
            self._source.check_unchanged()
            cut = self._source.is_exhausted
        if cut:
            return TruncatedAudioError(
                f"{name!r} ends in the middle of its sound, after {position} samples per channel "
                f"({error}). Copy or download it again.",
                source=name,
                expected=self.info.frames,
                got=position,
            )
        seconds = position / self.info.sample_rate
        return CorruptAudioError(
            f"{name!r} is damaged soon after {seconds:.2f} s ({error}). Copy or download it again.",
            source=name,
            position=position,
        )

    def _check_end(self, got: int) -> None:
        """Ask, where the decoder has nothing more to give, whether that is the end."""
        if self._source is not None:
            self._source.check_readable()
            self._source.check_unchanged()
        check_length(self.info.name, expected=self.info.frames, got=got, tolerance=self._decoder.tolerance)
        if not got:
            raise _empty(self.info.name)

    def _finish(self) -> None:
        if self._source is not None:
            self._source.check_unchanged()
        if self.replaced:
            _log.warning(
                "%r: %d values were not finite or beyond any sound; they were replaced by 0.",
                self.info.name,
                self.replaced,
            )

    def _to_frames(self, seconds: float) -> int:
        return round(seconds * self.info.sample_rate)

    def _check_offset(self, start: int, frames: int) -> None:
        if start and start >= frames:
            rate = self.info.sample_rate
            raise ValidationError(
                f"offset={start / rate:g} s lies beyond the end: {self.info.name!r} lasts {frames / rate:g} s.",
                offset=start / rate,
                duration=frames / rate,
            )


def open_audio(source: AudioSource, *, sample_rate: int | None = None, name: str | None = None) -> AudioReader:
    """Open a source: once, without blocking, decided by content.

    Parameters
    ----------
    source : path, bytes, binary file object or ndarray
        A file, the bytes of one, an open one (seekable; read from its first byte, wherever it stands), or
        samples of shape ``(samples,)`` or ``(samples, channels)``: floats with full scale 1.0, or integers.
    sample_rate : int, optional
        Hz; for arrays, which need it, and only for them.
    name : str, optional
        For messages; None takes the file's own.

    Returns
    -------
    AudioReader
        To be used in a ``with`` statement.

    Raises
    ------
    ValidationError
        When an argument makes no sense.
    AudioNotFoundError, NotARegularFileError
        When the path leads to no file.
    EmptyAudioError, UnsupportedFormatError, CorruptAudioError, TruncatedAudioError
        When the contents are no whole song.
    AudioLimitError
        When there are more than 64 channels, or the rate is not within 1 to 768 000 Hz.
    """
    if isinstance(source, np.ndarray):
        samples = ArrayDecoder(source, sample_rate, name or "<array>")
        return AudioReader(_within_limits(samples), samples)
    if sample_rate is not None:
        raise ValidationError(
            "sample_rate is for arrays only: a file tells its own rate. Leave it out.",
            sample_rate=sample_rate,
        )
    opened = open_source(source, name=name)
    try:
        try:
            decoder = _open_decoder(opened)
        finally:
            # What a decoder says of a file object that failed is beside the point.
            opened.check_readable()
        return AudioReader(decoder, opened)
    except BaseException:
        opened.close()
        raise


def probe(source: AudioSource, *, sample_rate: int | None = None) -> AudioInfo:
    """Say what a source is, without decoding it.

    Parameters
    ----------
    source, sample_rate
        As for `open_audio`.

    Returns
    -------
    AudioInfo

    Raises
    ------
    SpleeterError
        As `open_audio`.
    """
    with open_audio(source, sample_rate=sample_rate) as reader:
        return reader.info


def read_blocks(
    source: AudioSource,
    frames: int,
    *,
    offset: float = 0.0,
    duration: float | None = None,
    sample_rate: int | None = None,
) -> Iterator[FloatArray]:
    """Open a source with the first block and close it after the last.

    Parameters
    ----------
    source, sample_rate
        As for `open_audio`.
    frames, offset, duration
        As for `AudioReader.blocks`.

    Yields
    ------
    ndarray of float32, shape (frames, channels)
        As `AudioReader.blocks`.

    Raises
    ------
    SpleeterError
        As `open_audio` and `AudioReader.blocks`, all of them while iterating.
    """
    with open_audio(source, sample_rate=sample_rate) as reader:
        yield from reader.blocks(frames, offset=offset, duration=duration)


def _open_decoder(source: Source) -> Decoder:
    """Choose who decodes, by content; FFmpeg gets what libsndfile refuses."""
    container = sniff(source)
    if is_cut(source, container.format):
        raise TruncatedAudioError(
            f"{source.name!r} ends before the end mark of its format ({container.format}). Copy or download it again.",
            source=source.name,
            expected=None,
            got=None,
        )
    if container.soundfile:
        try:
            return _within_limits(SoundFileDecoder(source, container))
        except SoundFileDecoder.errors:
            pass
    return _within_limits(FFmpegDecoder(source, container))


def _within_limits(decoder: Decoder) -> Decoder:
    """Refuse, before any sample is decoded, what is beyond the limits, and what is known to be empty."""
    info = decoder.info
    problem = None
    if not 1 <= info.channels <= MAX_CHANNELS:
        problem = f"{info.channels} channels; 1 to {MAX_CHANNELS} are read"
    elif not 1 <= info.sample_rate <= MAX_SAMPLE_RATE:
        problem = f"a rate of {info.sample_rate} Hz; 1 to {MAX_SAMPLE_RATE} Hz are read"
    if problem is not None:
        decoder.close()
        raise AudioLimitError(
            f"{info.name!r} has {problem}.",
            source=info.name,
            channels=info.channels,
            sample_rate=info.sample_rate,
        )
    if info.frames == 0:
        decoder.close()
        raise _empty(info.name)
    return decoder


def _seconds(name: str, value: float) -> float:
    """Check a time: a number, not negative, not NaN."""
    try:
        seconds = float(value)
    except (TypeError, ValueError) as error:
        raise ValidationError(f"{name} is a number of seconds, not {value!r}.", **{name: value}) from error
    if not 0 <= seconds < math.inf:
        raise ValidationError(f"{name} is a number of seconds from 0 on, not {value!r}.", **{name: value})
    return seconds


def _empty(name: str) -> EmptyAudioError:
    return EmptyAudioError(f"{name!r} is a sound file without a single sample.", source=name)

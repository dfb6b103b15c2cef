"""Opening: which decoder reads a source, and what is refused before anything is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio.arrays import ArrayDecoder
from spleeter_nb.audio.damage import ADVICE, Damage
from spleeter_nb.audio.ffmpeg import FFmpegDecoder
from spleeter_nb.audio.lengths import is_cut
from spleeter_nb.audio.limits import NO_LIMITS, Limits, beyond_all
from spleeter_nb.audio.mpeg import has_false_xing
from spleeter_nb.audio.reader import AudioReader, no_samples
from spleeter_nb.audio.sndfile import SoundFileDecoder
from spleeter_nb.audio.sniff import sniff
from spleeter_nb.audio.source import Source, open_source
from spleeter_nb.exceptions import CorruptAudioError, TruncatedAudioError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.audio.decoder import Decoder
    from spleeter_nb.values import AudioInfo, AudioSource, FloatArray, NonFinite, OnCorrupt


def open_audio(  # noqa: PLR0913 - what it is, and how it is to be read
    source: AudioSource,
    *,
    sample_rate: int | None = None,
    name: str | None = None,
    stream: int = 0,
    on_corrupt: OnCorrupt = "error",
    nonfinite: NonFinite = "zero",
    limits: Limits = NO_LIMITS,
) -> AudioReader:
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
    stream : int
        Which of several streams of sound in an MP4 file and the like, from 0 on.
    on_corrupt : {"error", "salvage"}
        Whether a file that is cut off or damaged is an error, or gives what comes before the first damage. Of files
        without any such part it stays one.
    nonfinite : {"zero", "error"}
        What becomes of values that are NaN, infinite, or beyond any sound.
    limits : Limits
        What is refused.

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
        When there are more than 64 channels, the rate is not within 1 to 768 000 Hz, or the file is larger than the
        limits allow.
    """
    damage = Damage(on_corrupt)
    if isinstance(source, np.ndarray):
        samples = ArrayDecoder(source, sample_rate, name or "<array>")
        return AudioReader(_checked(samples, damage), samples, damage=damage, nonfinite=nonfinite, limits=limits)
    if sample_rate is not None:
        raise ValidationError(
            "sample_rate is for arrays only: a file tells its own rate. Leave it out.",
            sample_rate=sample_rate,
        )
    opened = open_source(source, name=name)
    try:
        limits.check_size(opened)
        try:
            decoder = _open_decoder(opened, stream, damage=damage, limits=limits)
        finally:
            # What a decoder says of a file object that failed is beside the point.
            opened.check_readable()
        return AudioReader(decoder, opened, damage=damage, nonfinite=nonfinite, limits=limits)
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

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> song = snb.probe(snb.demo_song())
    >>> song.format, song.sample_rate, song.channels, song.duration
    ('flac', 44100, 2, 16.8)
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


def _open_decoder(source: Source, stream: int, *, damage: Damage, limits: Limits) -> Decoder:
    """Choose who decodes, by content; FFmpeg gets what libsndfile refuses."""
    container = sniff(source)
    limits.check_format(source.name, container.format)
    if is_cut(source, container.format):
        damage.meet(
            TruncatedAudioError(
                f"{source.name!r} ends before the end mark of its format ({container.format}). {ADVICE}",
                source=source.name,
                expected=None,
                got=None,
            )
        )
    # libsndfile takes the tag at its word.
    if container.soundfile and not (container.format == "mp3" and has_false_xing(source)):
        try:
            return _checked(SoundFileDecoder(source, container, damage), damage)
        except SoundFileDecoder.errors:
            pass
    try:
        decoder = FFmpegDecoder(source, container, stream=stream)
    except CorruptAudioError as error:
        raise damage.nothing_left() or error from error.__cause__
    return _checked(decoder, damage)


def _checked(decoder: Decoder, damage: Damage) -> Decoder:
    """Refuse, before any sample is decoded, what is beyond all limits, and what is known to be empty."""
    info = decoder.info
    problem = beyond_all(info) or ((damage.nothing_left() or no_samples(info.name)) if info.frames == 0 else None)
    if problem is not None:
        decoder.close()
        raise problem
    return decoder

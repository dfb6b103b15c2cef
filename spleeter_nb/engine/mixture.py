"""The mixture on its way in: decoded, made stereo, counted, prepared, brought to the model's rate."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio import NO_LIMITS, Limits, open_audio
from spleeter_nb.dsp.downmix import to_stereo
from spleeter_nb.dsp.resample import resample
from spleeter_nb.engine.temporary import discard, storing_temporarily
from spleeter_nb.engine.threads import read_whole
from spleeter_nb.exceptions import AudioProcessingError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from spleeter_nb.audio import AudioReader
    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.engine.options import Options
    from spleeter_nb.engine.preparing import Prepared
    from spleeter_nb.values import AudioSource, FloatArray

_BLOCK_FRAMES = 1 << 16

# Bytes that may wait in memory, those of a few segments; the Wiener filter's first pass leaves the whole song waiting.
_IN_MEMORY = 32 * 2**20


class Mixture:
    """One pass over a source.

    Parameters
    ----------
    reader : AudioReader
    options : Options
        `offset` and `duration` are used.
    sample_rate : int
        Hz, of what is separated; the source is brought to it first.
    kept : bool
        Whether samples are kept for :meth:`take`: in memory, or where many wait, in a temporary file.
    """

    def __init__(self, reader: AudioReader, options: Options, sample_rate: int, *, kept: bool) -> None:
        self._reader, self._options, self._kept = reader, options, kept
        self.sample_rate = sample_rate
        self.frames = 0
        """Samples per channel read so far, at `sample_rate`."""
        self._waiting = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - see close
        self._taken = 0

    def close(self) -> None:
        """Give back what was kept."""
        discard(self._waiting)

    def blocks(self, prepared: Prepared, sample_rate: int) -> Iterator[FloatArray]:
        """Yield what the networks hear, float32 (samples, 2) at their `sample_rate` in Hz."""
        return resample(prepared.apply(self.stereo()), self.sample_rate, sample_rate, channels=2)

    def stereo(self) -> Iterator[FloatArray]:
        """Yield float32 (samples, 2)."""
        options = self._options
        blocks = self._reader.blocks(_BLOCK_FRAMES, offset=options.offset, duration=options.duration)
        stereos = map(to_stereo, blocks)
        for stereo in resample(stereos, self._reader.info.sample_rate, self.sample_rate, channels=2):
            self.frames += len(stereo)
            if self._kept:
                with storing_temporarily():
                    self._waiting.seek(0, os.SEEK_END)
                    self._waiting.write(stereo.tobytes())
            yield stereo

    def take(self, count: int) -> FloatArray:
        """Return the next `count` samples that were read, float32 (count, 2), each once."""
        with storing_temporarily():
            self._waiting.seek(self._taken)
            taken = self._waiting.read(count * 2 * np.float32().itemsize)
        self._taken += len(taken)
        return np.frombuffer(taken, np.float32).reshape(-1, 2)


def limits_of(config: SpleeterConfig) -> Limits:
    """Return what the settings allow to be read."""
    return Limits(
        max_file_mb=config.max_file_mb,
        max_duration_s=config.max_duration_s,
        supported_formats=config.supported_formats,
    )


def open_song(source: AudioSource, options: Options, limits: Limits = NO_LIMITS) -> AudioReader:
    """Open a source as the options of a separation say; to be used in a ``with`` statement."""
    return open_audio(
        source,
        sample_rate=options.sample_rate,
        on_corrupt=options.on_corrupt,
        nonfinite=options.nonfinite,
        limits=limits,
    )


def read_mixture(source: AudioSource, options: Options, sample_rate: int) -> FloatArray:
    """Return the whole mixture, float32 (frames, 2), at `sample_rate` Hz; an interrupt stops the reading.

    Raises
    ------
    AudioProcessingError
        As :func:`stereo_blocks`.
    """
    return read_whole(stereo_blocks(source, options, sample_rate))


def stereo_blocks(
    source: AudioSource, options: Options, sample_rate: int, limits: Limits = NO_LIMITS
) -> Generator[FloatArray]:
    """Open a source, and yield the mixture, float32 (samples, 2) at `sample_rate` Hz.

    Raises
    ------
    AudioProcessingError
        If the source cannot be read, or is a file object that is closed.
    """
    if getattr(source, "closed", False):
        raise AudioProcessingError(
            "The file object that was separated is closed. Keep it open as long as the mixture may be asked for, or "
            "separate a path or the bytes of the file.",
            type=type(source).__name__,
        )
    with (
        open_song(source, options, limits) as reader,
        contextlib.closing(Mixture(reader, options, sample_rate, kept=False)) as mixture,
    ):
        yield from mixture.stereo()

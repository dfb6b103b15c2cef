"""The mixture on its way in: decoded, made stereo, counted, brought to the model's rate."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio import open_audio
from spleeter_nb.dsp.downmix import to_stereo
from spleeter_nb.dsp.resample import resample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.audio import AudioReader
    from spleeter_nb.engine.options import Options
    from spleeter_nb.values import AudioSource, FloatArray

_BLOCK_FRAMES = 1 << 16


class Mixture:
    """One pass over a source.

    Parameters
    ----------
    reader : AudioReader
    options : Options
        `offset` and `duration` are used.
    kept : bool
        Whether blocks are kept for :meth:`take`.
    """

    def __init__(self, reader: AudioReader, options: Options, *, kept: bool) -> None:
        self._reader, self._options, self._kept = reader, options, kept
        self.frames = 0
        """Samples per channel read so far, at the source's rate."""
        self._waiting: deque[FloatArray] = deque()

    def blocks(self, sample_rate: int) -> Iterator[FloatArray]:
        """Yield float32 (samples, 2) at `sample_rate` Hz."""
        return resample(self.stereo(), self._reader.info.sample_rate, sample_rate, channels=2)

    def stereo(self) -> Iterator[FloatArray]:
        """Yield float32 (samples, 2) at the source's rate."""
        options = self._options
        for block in self._reader.blocks(_BLOCK_FRAMES, offset=options.offset, duration=options.duration):
            stereo = to_stereo(block)
            self.frames += len(stereo)
            if self._kept:
                self._waiting.append(stereo)
            yield stereo

    def take(self, count: int) -> FloatArray:
        """Return the next `count` samples that were read, float32 (count, 2), each once."""
        parts, missing = [np.empty((0, 2), np.float32)], count
        while missing:
            block = self._waiting.popleft()
            parts.append(block[:missing])
            if len(block) > missing:
                self._waiting.appendleft(block[missing:])
            missing -= len(parts[-1])
        return np.concatenate(parts)


def read_mixture(source: AudioSource, options: Options) -> FloatArray:
    """Return the whole mixture, float32 (frames, 2), at the source's rate."""
    with open_audio(source, sample_rate=options.sample_rate) as reader:
        mixture = Mixture(reader, options, kept=False)
        return np.concatenate(list(mixture.stereo()))

"""The adapter of files, by the name that it has in Spleeter; no ffmpeg program is needed."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio import fitting_bitrate, open_audio, write
from spleeter_nb.compat.audio import Codec
from spleeter_nb.compat.audio.adapter import AudioAdapter
from spleeter_nb.dsp.resample import resample
from spleeter_nb.engine.threads import read_whole

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt

    from spleeter_nb.compat.types import Signal
    from spleeter_nb.values import FloatArray

_BLOCK_FRAMES = 1 << 16

_LOG = logging.getLogger("spleeter_nb")


class FFMPEGProcessAudioAdapter(AudioAdapter):
    """Reads and writes files of all formats that this package knows."""

    def load(
        self,
        path: str | bytes | os.PathLike[str],
        offset: float | None = None,
        duration: float | None = None,
        sample_rate: float | None = None,
        dtype: npt.DTypeLike | bytes = "float32",
    ) -> Signal:
        """Read a file whole.

        Parameters
        ----------
        path : str, bytes or PathLike
        offset : float, optional
            Seconds to skip.
        duration : float, optional
            Seconds to read; None: all.
        sample_rate : float, optional
            Hz of the result; None: as the file has it.
        dtype : dtype
            Values keep their scale: -1.0 to 1.0 in any type.

        Returns
        -------
        ndarray, int
            Samples ``(samples, channels)`` and their rate in Hz.

        Raises
        ------
        AudioProcessingError
            If there is no such file, or it cannot be read.
        ValidationError
            If `offset` lies beyond the end.
        """
        with open_audio(os.fsdecode(path)) as reader:
            rate = reader.info.sample_rate if sample_rate is None else round(sample_rate)

            def blocks() -> Generator[FloatArray]:
                original = reader.blocks(_BLOCK_FRAMES, offset=offset or 0.0, duration=duration)
                yield from resample(original, reader.info.sample_rate, rate, channels=reader.info.channels)

            samples = read_whole(blocks())
            for note in reader.notes:
                _LOG.warning("%r: %s.", reader.info.name, note)
        # TensorFlow's functions name types in bytes, and so did Spleeter.
        wanted = np.dtype(dtype.decode() if isinstance(dtype, bytes) else dtype)
        return samples.astype(wanted, copy=False), rate

    def save(
        self,
        path: str | os.PathLike[str],
        data: npt.NDArray[np.generic],
        sample_rate: float,
        codec: str | None = None,
        bitrate: str | None = None,
    ) -> None:
        """Write a file: it is there whole, or not at all.

        Parameters
        ----------
        path : str or PathLike
            Its folder must exist; what was there is replaced.
        data : ndarray
            Samples ``(samples, channels)`` with full scale 1.0; what is beyond is cut off.
        sample_rate : float
            Hz.
        codec : Codec or str, optional
            By default what the path ends in, and else WAV.
        bitrate : str, optional
            As ``"128k"``, for codecs that have one.

        Raises
        ------
        UnsupportedFormatError
            If there is no such codec.
        StorageError
            If it cannot be written.
        """
        codec = codec or Path(path).suffix.removeprefix(".").lower() or Codec.WAV
        write(
            path,
            np.asarray(data, np.float32),
            sample_rate=round(sample_rate),
            codec=str(codec),
            bitrate=fitting_bitrate(codec, bitrate),
        )

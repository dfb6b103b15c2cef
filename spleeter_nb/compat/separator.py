"""Spleeter's one class."""

from __future__ import annotations

import functools
import logging
import math
import os
import time
import warnings
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.audio import CODECS, fitting_bitrate, probe
from spleeter_nb.compat._settings import read_settings
from spleeter_nb.compat.audio import Codec, STFTBackend
from spleeter_nb.compat.audio.adapter import AudioAdapter
from spleeter_nb.compat.audio.ffmpeg import FFMPEGProcessAudioAdapter
from spleeter_nb.engine.loaded import model_manager
from spleeter_nb.engine.separation import separate_with
from spleeter_nb.engine.targets import Targets, home_expanded
from spleeter_nb.exceptions import SpleeterError, ValidationError
from spleeter_nb.forks import begin_anew_after_fork
from spleeter_nb.storage import storing
from spleeter_nb.waiting import WAKE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from spleeter_nb.compat.types import AudioDescriptor
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.values import AudioSource, FloatArray

# Scripts import all of these from here.
__all__ = ["AudioAdapter", "Codec", "STFTBackend", "Separator", "SpleeterError"]

_DURATION = 600.0
# Seconds; a decoder may round to one.
_SAMPLE = 1e-3
_TEMPLATE = "{filename}/{instrument}.{codec}"

_LOG = logging.getLogger("spleeter_nb")


class Separator:
    """Separates songs by one model.

    The call is ``Separator(params_descriptor, MWF=False, multiprocess=True)``; that of Spleeter 2.1 to 2.3, with
    `stft_backend` in the third place, is understood, too.

    Parameters
    ----------
    params_descriptor : str or PathLike
        ``spleeter:2stems`` and its like, or the path of a configuration (``.json``).
    MWF : bool
        Whether the multichannel Wiener filter refines the stems.
    multiprocess : bool
        Whether ``synchronous=False`` has an effect, as in Spleeter. There are threads, and no other processes.
    stft_backend : str, optional
        Has no effect, and gives a warning.

    Raises
    ------
    ModelError
        If there is no such model or configuration.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> from spleeter_nb.compat.audio.adapter import AudioAdapter
    >>> waveform, sample_rate = AudioAdapter.default().load(snb.demo_song(), sample_rate=44100)
    >>> stems = Separator("spleeter:2stems").separate(waveform)
    >>> stems["vocals"].shape == waveform.shape
    True
    """

    def __init__(
        self,
        params_descriptor: str | os.PathLike[str],
        MWF: bool = False,  # noqa: FBT001, FBT002, N803 - Spleeter's call
        *positional: Any,
        multiprocess: bool = True,
        stft_backend: str | None = None,
    ) -> None:
        match positional:
            case ():
                pass
            case (bool() as multiprocess,):
                pass
            case (str() as stft_backend,):
                pass
            case (str() as stft_backend, bool() as multiprocess):
                pass
            case _:
                raise ValidationError(
                    f"Separator got {positional!r} after MWF; allowed: multiprocess, which is True or False.",
                    positional=positional,
                )
        if stft_backend is not None:
            warnings.warn(
                f"stft_backend={str(stft_backend)!r} has no effect: there is one transform. Leave it out.", stacklevel=2
            )
        self._is_asynchronous = multiprocess
        self._wiener = bool(MWF)
        self._model = params_descriptor
        self._config = read_settings()
        self._spec = model_manager(self._config).spec(params_descriptor)
        self.after_fork()
        begin_anew_after_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a child process: what is being written is its parent's."""
        self._tasks: deque[Future[None]] = deque()
        # One thread: adapters of others need not be ready for two.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="spleeter_nb-save")

    def separate(
        self,
        waveform: npt.ArrayLike,
        audio_descriptor: AudioDescriptor = "",  # noqa: ARG002 - Spleeter's call
    ) -> dict[str, FloatArray]:
        """Separate samples.

        Parameters
        ----------
        waveform : array_like
            ``(samples, channels)`` at the model's rate, 44100 Hz for Spleeter's own. Mono is heard on both sides, more
            than two channels are mixed down. Values are taken as they are, those of integers, too.
        audio_descriptor : object
            Has no effect.

        Returns
        -------
        dict of str to ndarray
            float32 ``(samples, 2)`` for each instrument, to be changed at will.

        Raises
        ------
        SpleeterError
            As :func:`spleeter_nb.separate`.
        """
        result = self._run(np.asarray(waveform, np.float32), sample_rate=self._spec.sample_rate)
        return {name: np.array(stem.samples) for name, stem in result.items()}

    def separate_to_file(  # noqa: PLR0913, PLR0917 - Spleeter's call
        self,
        audio_descriptor: AudioDescriptor,
        destination: str | os.PathLike[str],
        audio_adapter: AudioAdapter | None = None,
        offset: float = 0,
        duration: float | None = _DURATION,
        codec: Codec | str = Codec.WAV,
        bitrate: str | None = "128k",
        filename_format: str = _TEMPLATE,
        synchronous: bool = True,  # noqa: FBT001, FBT002 - Spleeter's call
    ) -> None:
        """Separate a song and write its stems.

        Without an adapter of your own, it goes from file to file in little memory; stems have the song's rate, the
        model's where the codec lacks that, and appear together, before this returns.

        Parameters
        ----------
        audio_descriptor : str or PathLike
            The song, as the adapter understands it.
        destination : str or PathLike
            A folder, made where it is missing.
        audio_adapter : AudioAdapter, optional
            Loads the song and saves the stems, which then have the model's rate.
        offset : float
            Seconds to skip.
        duration : float, optional
            Seconds to separate; None: all that follows. Where the default cuts a song there is a warning.
        codec : Codec or str
        bitrate : str, optional
            Of codecs that have one.
        filename_format : str
            Path below `destination`, with ``{filename}``, ``{foldername}``, ``{instrument}``, ``{codec}``.
        synchronous : bool
            Whether to wait until an adapter of your own has saved all stems; if not, `join` does.

        Raises
        ------
        SpleeterError
            As :func:`spleeter_nb.separate`; also where two stems would have one path.
        """
        adapter = audio_adapter or AudioAdapter.default()
        if type(adapter) is FFMPEGProcessAudioAdapter and self._may_keep_rate(audio_descriptor, codec):
            result = self._run(
                os.fsdecode(audio_descriptor),
                offset=offset or 0,
                duration=duration,
                output_dir=destination,
                codec=str(codec),
                filename_format=filename_format,
                bitrate=fitting_bitrate(codec, bitrate),
            )
            seconds, whole = result.duration, result.source.duration
        else:
            # What is wrong with the names is found before anybody waits for stems.
            self._paths(self._spec.instruments, audio_descriptor, destination, filename_format, codec)
            rate = self._spec.sample_rate
            waveform, _ = adapter.load(audio_descriptor, offset=offset, duration=duration, sample_rate=rate)
            seconds, whole = len(waveform) / rate, None
            self.save_to_file(
                self.separate(waveform),
                audio_descriptor,
                destination,
                filename_format,
                codec,
                adapter,
                bitrate,
                synchronous,
            )
        if duration == _DURATION:
            _warn_if_cut(audio_descriptor, seconds, math.inf if whole is None else whole - (offset or 0))

    def save_to_file(  # noqa: PLR0913, PLR0917 - Spleeter's call
        self,
        sources: Mapping[str, npt.NDArray[np.generic]],
        audio_descriptor: AudioDescriptor,
        destination: str | os.PathLike[str],
        filename_format: str = _TEMPLATE,
        codec: Codec | str = Codec.WAV,
        audio_adapter: AudioAdapter | None = None,
        bitrate: str | None = "128k",
        synchronous: bool = True,  # noqa: FBT001, FBT002 - Spleeter's call
    ) -> None:
        """Write stems, as `separate` gives them.

        Parameters
        ----------
        sources : mapping of str to ndarray
            Samples ``(samples, channels)`` at the model's rate, by instrument. They may not change before they are
            written.
        audio_descriptor : str or PathLike
            The song that they are of: files are named after it.
        destination, filename_format, codec, audio_adapter, bitrate, synchronous
            As for `separate_to_file`.

        Raises
        ------
        SpleeterError
            If two stems would have one path, or a file cannot be written.
        """
        adapter = audio_adapter or AudioAdapter.default()
        paths = self._paths(sources, audio_descriptor, destination, filename_format, codec)
        tasks = deque[Future[None]]()
        for name, path in paths.items():
            with storing(path.parent):
                path.parent.mkdir(parents=True, exist_ok=True)
            save = functools.partial(adapter.save, str(path), sources[name], self._spec.sample_rate, codec, bitrate)
            tasks.append(self._pool.submit(save))
        if synchronous or not self._is_asynchronous:
            _finish(tasks, None)
        else:
            for task in tasks:
                task.add_done_callback(_complain)
            self._tasks.extend(tasks)

    def join(self, timeout: float | None = 200) -> None:
        """Wait until all is written that ``synchronous=False`` began.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for each stem; None: as long as it takes.

        Raises
        ------
        TimeoutError
            If one is not written in time; it goes on.
        SpleeterError
            If one could not be written, when all others are; likewise what an adapter of your own raises.
        """
        _finish(self._tasks, timeout)

    def _may_keep_rate(self, audio_descriptor: AudioDescriptor, codec: str) -> bool:
        """Say whether the codec has the song's rate; where it has not, stems get the model's, as in Spleeter."""
        rate = probe(os.fsdecode(audio_descriptor)).sample_rate
        if codec not in CODECS or rate in CODECS[codec].sample_rates:
            return True
        _LOG.warning(
            "%s: %s has no %d Hz, stems are written in %d Hz.", audio_descriptor, codec, rate, self._spec.sample_rate
        )
        return False

    def _run(self, source: AudioSource, **options: Any) -> SeparationResult:
        return separate_with(self._config, source, self._model, wiener=self._wiener, progress=False, **options)

    @staticmethod
    def _paths(
        instruments: Iterable[str],
        audio_descriptor: AudioDescriptor,
        destination: str | os.PathLike[str],
        filename_format: str,
        codec: str,
    ) -> dict[str, Path]:
        targets = Targets(home_expanded(destination), filename_format, str(codec), "overwrite")
        return targets.paths(os.fsdecode(audio_descriptor), instruments)


def _warn_if_cut(song: AudioDescriptor, separated: float, there: float) -> None:
    """Tell that the default duration leaves something out, or may, where there are `inf` seconds: nobody knows."""
    if abs(separated - _DURATION) < _SAMPLE and there > _DURATION + _SAMPLE:
        of_how_much = "" if math.isinf(there) else f" of {there:.0f} s"
        warnings.warn(
            f"{str(song)!r}: only {_DURATION:g} s{of_how_much} were separated, Spleeter's default. Give duration=None "
            "for the whole song.",
            stacklevel=3,
        )


def _finish(tasks: deque[Future[None]], timeout: float | None) -> None:
    """Wait for all, each for its own time, then raise the first error."""
    errors = []
    while tasks and _has_ended(tasks[0], timeout):
        errors.append(tasks.popleft().exception())
    for error in filter(None, errors):
        raise error
    if tasks:
        raise TimeoutError(f"{len(tasks)} stems are not written after {timeout:g} s; it goes on: join() again.")


def _has_ended(task: Future[None], timeout: float | None) -> bool:
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    while not task.done() and time.monotonic() < deadline:
        wait([task], min(WAKE_SECONDS, deadline - time.monotonic()))
    return task.done()


def _complain(task: Future[None]) -> None:
    """Tell of an error even where nobody joins."""
    if error := task.exception():
        _LOG.error("A stem could not be written: %s", error)

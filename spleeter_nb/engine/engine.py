"""Separation as a service inside of the kernel: any number of songs at once, watched, and stopped at will."""

from __future__ import annotations

import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine.batch import Batch
from spleeter_nb.engine.jobs import SeparationJob
from spleeter_nb.engine.loaded import cache_manager, model_manager
from spleeter_nb.engine.separation import LOADED_MODELS, Separation
from spleeter_nb.engine.stats import EngineStats
from spleeter_nb.exceptions import EngineClosedError, ValidationError
from spleeter_nb.forks import begin_anew_after_fork
from spleeter_nb.net.load import preload
from spleeter_nb.waiting import in_thread

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from types import TracebackType

    from spleeter_nb.engine.ledger import Ledger
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.engine.stats import ProcessingStats
    from spleeter_nb.exceptions import SpleeterError
    from spleeter_nb.models import ModelStatus
    from spleeter_nb.values import AudioSource

# While one computes, the next one decodes and the last one is written; more would only share the same processor.
_JOBS_AT_ONCE = 2

# How long closing waits for jobs that were asked to stop.
_CLOSING_SECONDS = 5.0

# Those at work: the last one that is closed gives the memory of the networks back, which all of them share.
_OPEN: weakref.WeakSet[SpleeterEngine] = weakref.WeakSet()


class SpleeterEngine:
    """Separates songs in threads of its own, while the notebook stays usable.

    Any number of calls may be under way: two jobs run at a time, the others wait for their turn, and each gives what
    it would give alone. One job takes one thread and as many more as its runtime has lanes; the networks of all jobs
    together compute in ``worker_threads`` threads.

    Parameters
    ----------
    config : SpleeterConfig, optional
        By default what the environment and the configuration file say.

    Examples
    --------
    >>> import asyncio
    >>> import spleeter_nb as snb
    >>> async def main():
    ...     async with snb.SpleeterEngine() as engine:
    ...         return await engine.separate(snb.demo_song(), progress=False)
    >>> list(asyncio.run(main()))
    ['vocals', 'accompaniment']
    """

    def __init__(self, config: SpleeterConfig | None = None) -> None:
        if not isinstance(config, SpleeterConfig | None):
            raise ValidationError(f"config is a {type(config).__name__}; allowed: a SpleeterConfig, or None.")
        self.config = config or SpleeterConfig()
        self._is_closed = False
        self._begin()
        begin_anew_after_fork(self)

    def _begin(self) -> None:
        self._stats = EngineStats()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._jobs: set[SeparationJob] = set()

    async def initialize(self) -> Self:
        """Get ready, which the first separation would do otherwise: import what is heavy, open the cache.

        Returns
        -------
        SpleeterEngine
            Itself.
        """
        self._running_pool()
        await in_thread(self._warm_up)
        return self

    def submit(
        self, audio_path: AudioSource, model_name: str | os.PathLike[str] = "spleeter:2stems", **options: Any
    ) -> SeparationJob:
        """Begin a separation and return at once.

        Parameters
        ----------
        audio_path, model_name, **options
            As :func:`spleeter_nb.separate` takes them.

        Returns
        -------
        SeparationJob
            To be awaited, watched or cancelled.

        Raises
        ------
        ValidationError
            If an option is unknown or has a value that is not allowed.
        EngineClosedError
            If the engine was closed.
        """
        return self._submit(audio_path, model_name, options)

    async def separate(
        self, audio_path: AudioSource, model_name: str | os.PathLike[str] = "spleeter:2stems", **options: Any
    ) -> SeparationResult:
        """Separate a song into its stems.

        Cancelling the task that awaits this, or interrupting the kernel, cancels the separation.

        Parameters
        ----------
        audio_path, model_name, **options
            As :func:`spleeter_nb.separate` takes them.

        Returns
        -------
        SeparationResult

        Raises
        ------
        SpleeterError
            As :func:`spleeter_nb.separate`; :class:`~spleeter_nb.exceptions.EngineClosedError` if it was closed.
        """
        job = self._submit(audio_path, model_name, options)
        try:
            return await job
        except BaseException:
            job.cancel()
            raise

    async def batch_separate(
        self,
        audio_files: AudioSource | Iterable[AudioSource],
        model_name: str | os.PathLike[str] = "spleeter:2stems",
        *,
        recursive: bool = False,
        **options: Any,
    ) -> list[SeparationResult | SpleeterError]:
        """Separate many songs; one that fails does not stop the others.

        With `output_dir`, a ledger there notes which songs are finished: a second run separates only what is missing
        or was changed. Cancelling the task that awaits this, or interrupting the kernel, cancels all that remains.

        Parameters
        ----------
        audio_files : source or iterable of sources
            Files, folders, globs (``"album/*.mp3"``, ``"**/*.flac"``), bytes, file objects, arrays.
        model_name : str or PathLike
            As for :meth:`separate`.
        recursive : bool
            Whether folders stand for what their sub-folders hold, too.
        **options
            As for :meth:`separate`, for each song. `progress` tells of the whole batch: how many songs have ended, how
            many of them failed, and the time left.

        Returns
        -------
        list of SeparationResult or SpleeterError
            In the order of the songs; in the place of one that failed, its error, whose ``context["song"]`` names it.
            Empty for an empty list.

        Raises
        ------
        ValidationError
            If an option is wrong, a single folder or pattern holds no song, or two songs would be written to the same
            files.
        ModelError
            If there is no such model.
        EngineClosedError
            If the engine was closed.
        """
        self._running_pool()

        def prepared() -> Batch:
            spec = model_manager(self.config).spec(model_name)
            return Batch.prepared(audio_files, spec, recursive=recursive, options=options)

        batch = await in_thread(prepared)
        # One waits, so that a thread that has finished finds it ready; with more, a song that somebody wants now
        # would have its turn after the whole batch.
        return await batch.run(
            lambda source, given, ledger: self._submit(source, model_name, given, ledger), lanes=_JOBS_AT_ONCE + 1
        )

    def get_available_models(self) -> list[ModelStatus]:
        """List the published models, and which are here; nothing is hashed or fetched."""
        return model_manager(self.config).available()

    def get_processing_stats(self) -> ProcessingStats:
        """Return what this engine has done so far; :class:`spleeter_nb.engine.stats.ProcessingStats` names it all."""
        return self._stats.snapshot()

    async def close(self) -> None:
        """Take nothing more, cancel what is under way, and wait until it has ended, 5 s at most; can be repeated.

        With the last open engine the loaded networks go, which take about 200 MB each: who separates again loads them
        again, for about a second. For several songs keep one engine open.
        """
        with self._lock:
            self._is_closed = True
            _OPEN.discard(self)
            pool, self._pool = self._pool, None
            jobs = tuple(self._jobs)
        for job in jobs:
            job.cancel()
        if pool is not None:
            pool.shutdown(wait=False)
        await in_thread(lambda: _wait_for(jobs))
        if not _OPEN:
            # In a thread, since somebody without an engine may be loading one, and this waits for it.
            await in_thread(LOADED_MODELS.clear)

    def after_fork(self) -> None:
        """Begin anew in a child process: threads, locks and jobs are its parent's."""
        _OPEN.discard(self)
        self._begin()

    async def __aenter__(self) -> Self:
        return await self.initialize()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else f"{len(self._jobs)} jobs"
        return f"SpleeterEngine({state})"

    def _submit(
        self,
        source: AudioSource,
        model_name: str | os.PathLike[str],
        options: dict[str, Any],
        ledger: Ledger | None = None,
    ) -> SeparationJob:
        pool = self._running_pool()
        separation = Separation.prepared(self.config, source, model_name, options, ledger=ledger)
        job = SeparationJob(separation, self._stats)
        job.when_ended(self._forget)
        with self._lock:
            # Another thread may have closed it meanwhile.
            if is_open := not self._is_closed:
                self._jobs.add(job)
                pool.submit(job.run)
        if not is_open:
            job.cancel()
            raise _closed()
        return job

    def _forget(self, job: SeparationJob) -> None:
        with self._lock:
            self._jobs.discard(job)

    def _running_pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._is_closed:
                raise _closed()
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_JOBS_AT_ONCE, thread_name_prefix="spleeter_nb-job")
                _OPEN.add(self)
            return self._pool

    def _warm_up(self) -> None:
        preload()
        cache = cache_manager(self.config)
        if cache is not None:
            cache.get_cache_stats()


def _wait_for(jobs: Iterable[SeparationJob]) -> None:
    deadline = time.monotonic() + _CLOSING_SECONDS
    for job in jobs:
        job.wait(max(0.0, deadline - time.monotonic()))


def _closed() -> EngineClosedError:
    return EngineClosedError("The engine was closed: make a new one, SpleeterEngine().")

"""Jobs: a separation that goes on while its caller does something else."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from spleeter_nb.engine.sources import label
from spleeter_nb.engine.stem import displays
from spleeter_nb.exceptions import SeparationCancelledError, ValidationError
from spleeter_nb.waiting import WAKE_SECONDS, wait_awake

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.engine.separation import Separation
    from spleeter_nb.engine.stats import CacheAnswer, EngineStats
    from spleeter_nb.events import Progress, ProgressCallback

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]


class SeparationJob:
    """A separation on its way; made by :meth:`spleeter_nb.SpleeterEngine.submit`.

    ``await job`` gives its result, and so does :meth:`result` without an event loop. Whoever stops waiting, by an
    interrupt or by cancelling the task that awaits, does not stop the job: :meth:`cancel` does.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> job = snb.SpleeterEngine().submit(snb.demo_song(), progress=False)
    >>> job.result()
    SeparationResult('mixture.flac': vocals, accompaniment; 16.80 s, 44100 Hz)
    >>> job.state, job.progress.stage
    ('done', 'done')
    """

    def __init__(self, separation: Separation, stats: EngineStats) -> None:
        self._separation, self._stats = separation, stats
        self._lock = threading.Lock()
        self._state: State = "queued"
        self._progress: Progress | None = None
        self._thread: int | None = None
        self._future: Future[SeparationResult] = Future()
        # An event loop that gives up one of its futures would cancel this one, for all who wait, while the job runs.
        self._future.set_running_or_notify_cancel()
        # The future keeps its callbacks: one that names the job would keep it, and its stems, until garbage is
        # collected.
        ended = self._ended = threading.Event()
        self._future.add_done_callback(lambda _: ended.set())
        separation.reporter.subscribe(self._remember)
        separation.reporter.tell("queued")
        stats.queued()

    @property
    def source(self) -> str:
        """The path of the source, or ``audio`` where it has none."""
        return label(self._separation.source)

    @property
    def model_name(self) -> str:
        """As it was given: a name, or the path of a configuration."""
        return os.fsdecode(self._separation.model_name)

    @property
    def state(self) -> State:
        """``queued``, ``running``, ``done``, ``failed`` or ``cancelled``."""
        return self._state

    @property
    def progress(self) -> Progress | None:
        """The last that was heard of it: stage, fraction, time left."""
        return self._progress

    def done(self) -> bool:
        """Say whether it has ended, one way or the other."""
        return self._future.done()

    def cancel(self) -> bool:
        """Ask it to stop: at once where it waits for its turn, else within half a second.

        Returns
        -------
        bool
            False when it had ended already.
        """
        with self._lock:
            was_queued = self._state == "queued"
            if was_queued:
                self._state, self._thread = "cancelled", threading.get_ident()
        self._separation.cancel.set()
        if was_queued:
            self._end_unbegun()
        return was_queued or not self.done()

    def result(self, timeout: float | None = None) -> SeparationResult:
        """Wait for the stems.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        SeparationCancelledError
            If it was cancelled.
        TimeoutError
            If it has not ended in time; it goes on.
        ValidationError
            If a listener asks that the job itself tells: neither could go on. See :meth:`when_ended`.
        SpleeterError
            What it failed with.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"{self.source!r} is not ready after {timeout:g} s; it goes on.")
        return self._future.result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for its end, and return what it failed with, or None.

        Parameters
        ----------
        timeout : float, optional
            As for :meth:`result`.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"{self.source!r} has not ended after {timeout:g} s; it goes on.")
        return self._future.exception(0)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, `timeout` seconds at most, and say whether it has come."""
        if not self.done() and self._thread == threading.get_ident():
            raise ValidationError("A listener cannot wait for the job that tells it: give when_ended() a callback.")
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._ended.wait(max(0.0, min(WAKE_SECONDS, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                return False
        return True

    def when_ended(self, callback: Callable[[SeparationJob], object]) -> None:
        """Call back once with this job when it has ended, now if it has already."""
        # As above.
        once = [self]
        self._future.add_done_callback(lambda _: callback(once.pop()))

    def subscribe(self, listener: ProgressCallback) -> Callable[[], None]:
        """Tell `listener` from now on how far the job is, in the job's thread.

        Parameters
        ----------
        listener : callable
            Gets :class:`spleeter_nb.events.Progress` values; the last one has the stage ``done``, ``failed`` or
            ``cancelled``. One that raises is told nothing more.

        Returns
        -------
        callable
            Ends the telling.
        """
        if not callable(listener):
            raise ValidationError(f"A listener is a callable that takes a Progress, not {listener!r}.", value=listener)
        reporter = self._separation.reporter
        reporter.subscribe(listener)
        return lambda: reporter.unsubscribe(listener)

    def run(self) -> None:
        """Do the work, unless it was cancelled before its turn; the engine calls this in a thread."""
        with self._lock:
            if self._state != "queued":
                return
            self._state, self._thread = "running", threading.get_ident()
        self._stats.started()
        try:
            result = self._separation.run()
        except SeparationCancelledError as error:
            self._stats.cancelled()
            self._end("cancelled", error)
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            self._stats.failed(error)
            self._end("failed", error)
        else:
            answer: CacheAnswer | None = result.cache_level
            if answer is None and self._separation.uses_cache and result.runtime:
                answer = "miss"
            self._stats.succeeded(result.duration, result.timings, cache=answer)
            self._state = "done"
            self._future.set_result(result)

    def __await__(self) -> Generator[None, None, SeparationResult]:
        return self._awaited().__await__()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        shown: tuple[dict[str, Any], dict[str, Any]] = displays().job_bundle(self)
        return shown

    def __repr__(self) -> str:
        return f"SeparationJob({self.source!r}, {self.state})"

    def in_loop(self) -> asyncio.Future[SeparationResult]:
        """Return a future of the running event loop that ends with this job."""
        future = asyncio.wrap_future(self._future)
        # Nobody may be left to hear of an error: asyncio would complain.
        future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return future

    async def _awaited(self) -> SeparationResult:
        future = self.in_loop()
        await wait_awake([future])
        return future.result()

    def _remember(self, event: Progress) -> None:
        self._progress = event

    def _end_unbegun(self) -> None:
        self._stats.cancelled(before="queued")
        self._separation.reporter.tell("cancelled")
        self._separation.reporter.close()
        self._future.set_exception(SeparationCancelledError("It was cancelled before its turn came."))

    def _end(self, state: State, error: BaseException) -> None:
        self._state = state
        self._future.set_exception(error)

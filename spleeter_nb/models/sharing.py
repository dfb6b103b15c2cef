"""Work in a thread that several tasks wait for: it is done once, all may look on, and the last to leave stops it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from spleeter_nb.exceptions import SpleeterError
from spleeter_nb.forks import begin_anew_after_fork
from spleeter_nb.models.watch import Watch
from spleeter_nb.waiting import wait_awake

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from spleeter_nb.events import ProgressCallback

_Result = TypeVar("_Result")
_GRACE = 0.4
"""Seconds that a cancelled task waits for its work to end; only a server that does not answer takes longer."""


@dataclass(eq=False, slots=True)
class _Work(Generic[_Result]):
    watch: Watch = field(default_factory=Watch)
    future: Future[_Result] = field(default_factory=Future)
    waiting: int = 0


class SharedWork(Generic[_Result]):
    """What is being done right now, by what it is."""

    def __init__(self) -> None:
        self.after_fork()
        begin_anew_after_fork(self)

    def after_fork(self) -> None:
        """Forget, in a forked process, the works of its parent: their threads are not here, and one may hold a lock."""
        self._lock = threading.RLock()
        self._running: dict[Hashable, _Work[_Result]] = {}

    async def join(
        self, key: Hashable, do: Callable[[Watch], _Result], *, progress: ProgressCallback | None = None
    ) -> _Result:
        """Wait for the work under `key`, begun now unless another task waits for it already.

        Parameters
        ----------
        key : hashable
            What the work is.
        do : callable
            The work; it stops when the watch it is given says so.
        progress : callable, optional
            Told how far the work is, from the thread that does it.

        Raises
        ------
        asyncio.CancelledError
            This task was cancelled. The work goes on for the others; without others it is stopped first.
        """
        work = self._enter(key, do, progress)
        try:
            future = asyncio.wrap_future(work.future)
            # Nobody may be left to hear of an error: asyncio would complain.
            future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            await wait_awake([future])
            return future.result()
        except asyncio.CancelledError:
            if self._leave(key, work, progress):
                with suppress(SpleeterError, TimeoutError):
                    await asyncio.wait_for(asyncio.wrap_future(work.future), _GRACE)
            raise

    def _enter(
        self, key: Hashable, do: Callable[[Watch], _Result], progress: ProgressCallback | None
    ) -> _Work[_Result]:
        with self._lock:
            work = self._running.get(key) or _Work()
            work.waiting += 1
            work.watch.subscribe(progress)
            if key not in self._running:
                self._running[key] = work
                # Whoever leaves cancels the future for itself alone.
                work.future.set_running_or_notify_cancel()
                # Last: the thread may have told all that there is to tell before this one goes on.
                arguments = (key, work, do)
                threading.Thread(target=self._run, args=arguments, name="spleeter_nb-download", daemon=True).start()
            return work

    def _leave(self, key: Hashable, work: _Work[_Result], progress: ProgressCallback | None) -> bool:
        """Go; return whether nobody waits any more and the work was told to stop."""
        with self._lock:
            work.watch.unsubscribe(progress)
            work.waiting -= 1
            if work.waiting:
                return False
            self._forget(key, work)
            work.watch.cancel.set()
            return True

    def _run(self, key: Hashable, work: _Work[_Result], do: Callable[[Watch], _Result]) -> None:
        try:
            result = do(work.watch)
        except BaseException as error:  # noqa: BLE001 - handed to those who wait
            self._forget(key, work)
            work.future.set_exception(error)
        else:
            self._forget(key, work)
            work.future.set_result(result)

    def _forget(self, key: Hashable, work: _Work[_Result]) -> None:
        """See that whoever comes now begins anew, unless somebody has."""
        with self._lock:
            if self._running.get(key) is work:
                del self._running[key]

"""A level and the thread it lives in, so that an interrupt of the main thread never hits a database or a connection."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, cast

from spleeter_nb.cache.complaints import Complaints
from spleeter_nb.waiting import WAKE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_QUEUE = 64
# Seconds that the end of the interpreter waits for what is under way, such as an upload.
_LAST_SECONDS = 3.0


class _Closable(Protocol):
    def close(self) -> None: ...


_L = TypeVar("_L", bound=_Closable)
_T = TypeVar("_T")
# An interrupt between a lock's taking and giving back, which Python's own futures and longer queues consist of, would
# leave it taken for ever. These are of one piece.
_Outcome: TypeAlias = "queue.SimpleQueue[tuple[_T, None] | tuple[None, BaseException]]"
_Queue: TypeAlias = "queue.SimpleQueue[tuple[Callable[[Any], Any], _Outcome[Any]] | None]"


class Service(Generic[_L]):
    """One thread that makes a level, does with it what it is given, one thing after another, and closes it.

    The thread begins with the first thing to do. Nothing raises: what fails is warned of once, for each kind of error.

    Parameters
    ----------
    name : str
        The thread's name.
    make : callable
        Makes the level, in the thread.
    """

    def __init__(self, name: str, make: Callable[[], _L]) -> None:
        self._name = name
        self._make = make
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._waiting: _Queue = queue.SimpleQueue()
        self._late: _Outcome[Any] | None = None
        self._complaints = Complaints()

    def call(self, action: Callable[[_L], _T], otherwise: _T, *, timeout: float) -> _T:
        """Have something done with the level; an interrupt of the waiting does not reach it.

        Parameters
        ----------
        action : callable
            Takes the level.
        otherwise : object
            Returned when it fails, and when it is not done within `timeout` seconds. While such a thing still occupies
            the thread, further calls return at once.
        timeout : float
            Seconds.
        """
        if self._late is not None and self._late.empty():
            return otherwise
        self._late = None
        outcome = self.later(action)
        if outcome is None:
            return otherwise
        ends = time.monotonic() + timeout
        while (left := ends - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                result, error = outcome.get(timeout=min(left, WAKE_SECONDS))
                if error is None:
                    return cast("_T", result)
                kind = type(error).__name__
                self._complaints.warn(kind, "%s fails (%s: %s); going on without.", self._name, kind, error)
                return otherwise
        self._late = outcome
        self._complaints.warn("late", "%s is not done after %g s; going on without.", self._name, timeout)
        return otherwise

    def later(self, action: Callable[[_L], _T]) -> _Outcome[_T] | None:
        """Have something done with the level some time; None if too much is waiting already.

        Returns
        -------
        queue of one tuple, or None
            Brings the result, or None and an exception.
        """
        outcome: _Outcome[_T] = queue.SimpleQueue()
        with self._lock:
            if self._waiting.qsize() >= _LONGEST_QUEUE or not self._started():
                return None
            self._waiting.put((action, outcome))
        return outcome

    def stop(self, *, timeout: float) -> None:
        """Do what is waiting, close the level and end the thread; the next thing to do begins another."""
        with self._lock:
            thread, self._thread, self._late = self._thread, None, None
            waiting, self._waiting = self._waiting, queue.SimpleQueue()
        if thread is not None:
            waiting.put(None)
            # The garbage collector may call this from any thread.
            if thread is not threading.current_thread():
                thread.join(timeout)

    def _started(self) -> bool:
        """Say whether there is a thread, which is started if need be."""
        if self._thread is None or not self._thread.is_alive():
            # A daemon: a hanging network disk must not keep the interpreter from ending.
            arguments = (self._waiting, self._make)
            thread = threading.Thread(target=_work, args=arguments, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                self._complaints.warn("start", "%s cannot start (%s); going on without.", self._name, error)
                return False
            self._thread = thread
            _RUNNING[thread] = self._waiting
        return True


def _work(waiting: _Queue, make: Callable[[], _Closable]) -> None:
    level: _Closable | None = None
    while (item := waiting.get()) is not None:
        action, outcome = item
        try:
            level = make() if level is None else level
            outcome.put((action(level), None))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            outcome.put((None, error))
        # Nothing of what was done is kept alive while the thread waits for more.
        del item, action, outcome
    if level is not None:
        level.close()


_RUNNING: weakref.WeakKeyDictionary[threading.Thread, _Queue] = weakref.WeakKeyDictionary()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_RUNNING.clear)


@atexit.register
def _finish() -> None:
    """Let what is under way end, for a moment: a script that separates one song leaves it to others, too."""
    ends = time.monotonic() + _LAST_SECONDS
    for waiting in _RUNNING.values():
        waiting.put(None)
    with contextlib.suppress(KeyboardInterrupt):
        for thread in list(_RUNNING):
            thread.join(max(ends - time.monotonic(), 0))

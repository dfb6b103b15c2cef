"""A level and the thread it lives in, so that an interrupt of the main thread never hits a database or a connection."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from spleeter_nb.cache.complaints import Complaints

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_QUEUE = 64


class _Closable(Protocol):
    def close(self) -> None: ...


_L = TypeVar("_L", bound=_Closable)
_T = TypeVar("_T")
_Queue: TypeAlias = "queue.Queue[tuple[Callable[[Any], Any], Future[Any]] | None]"


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
        self._waiting: _Queue = queue.Queue(_LONGEST_QUEUE)
        self._late: Future[Any] | None = None
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
        if self._late is not None and not self._late.done():
            return otherwise
        future = self.later(action)
        if future is None:
            return otherwise
        try:
            return future.result(timeout)
        except Exception as error:  # noqa: BLE001 - no job fails because of its cache
            if not future.done():
                self._late = future
            kind = type(error).__name__
            self._complaints.warn(kind, "%s fails (%s: %s); going on without.", self._name, kind, error)
            return otherwise

    def later(self, action: Callable[[_L], _T]) -> Future[_T] | None:
        """Have something done with the level some time; None if too much is waiting already."""
        future: Future[_T] = Future()
        with self._lock:
            if self._thread is None:
                # A daemon: a hanging network disk must not keep the interpreter from ending.
                arguments = (self._waiting, self._make)
                self._thread = threading.Thread(target=_work, args=arguments, name=self._name, daemon=True)
                self._thread.start()
            try:
                self._waiting.put_nowait((action, future))
            except queue.Full:
                return None
        return future

    def stop(self, *, timeout: float) -> None:
        """Do what is waiting, close the level and end the thread; the next thing to do begins another."""
        with self._lock:
            thread, self._thread = self._thread, None
            waiting, self._waiting = self._waiting, queue.Queue(_LONGEST_QUEUE)
        if thread is not None:
            with contextlib.suppress(queue.Full):
                waiting.put(None, timeout=timeout)
            thread.join(timeout)


def _work(waiting: _Queue, make: Callable[[], _Closable]) -> None:
    level: _Closable | None = None
    while (item := waiting.get()) is not None:
        action, future = item
        try:
            level = make() if level is None else level
            future.set_result(action(level))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            future.set_exception(error)
        # Nothing of what was done is kept alive while the thread waits for more.
        del item, action, future
    if level is not None:
        level.close()


class _Forkable(Protocol):
    def after_fork(self) -> None: ...


_FORKABLE: weakref.WeakSet[_Forkable] = weakref.WeakSet()


def begin_anew_after_fork(owner: _Forkable) -> None:
    """Have ``owner.after_fork()`` called in each child process: threads, locks and connections are its parent's."""
    _FORKABLE.add(owner)


def _after_fork() -> None:
    for owner in list(_FORKABLE):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

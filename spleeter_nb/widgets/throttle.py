"""Not every event is worth a message to the browser: the latest of many is, a few times a second."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_INTERVAL = 0.2


class Throttle(Generic[T]):
    """Hands on the latest value, five times a second at most, and the last one always, until it is closed.

    Parameters
    ----------
    deliver : callable
        Gets the values, one at a time, in the thread that gave the value or in one of this object's.
    """

    def __init__(self, deliver: Callable[[T], object]) -> None:
        self._deliver = deliver
        # Whoever is told may end it.
        self._lock = threading.RLock()
        self._waiting: list[T] = []
        self._timer: threading.Timer | None = None
        self._delivered_at = float("-inf")
        self._is_closed = False

    def put(self, value: T) -> None:
        """Hand a value on, now or when its time comes, unless a newer one does before."""
        with self._lock:
            self._waiting = [value]
            pause = self._delivered_at + _INTERVAL - time.monotonic()
            if pause <= 0:
                self._flush()
            elif self._timer is None and not self._is_closed:
                self._timer = threading.Timer(pause, self._flush)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """Hand on nothing more."""
        with self._lock:
            self._is_closed = True
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._waiting and not self._is_closed:
                self._delivered_at = time.monotonic()
                self._deliver(self._waiting.pop())

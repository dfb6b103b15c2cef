"""L1: values of this process, mapped or in memory, by the bytes of their arrays."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.cache.envelope import Value

# What a value costs beside its arrays, so that a million empty ones do not count as nothing.
_OVERHEAD = 1024


class MemoryLevel:
    """A mapping of keys to values that forgets the least recently used ones; any thread may call it.

    Parameters
    ----------
    limit_bytes : int
        What all values may have together; 0 keeps nothing.
    clock : callable
        Seconds since the epoch.
    """

    def __init__(self, limit_bytes: int, *, clock: Callable[[], float] = time.time) -> None:
        self.limit_bytes = limit_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._bytes = 0
        self._evicted = 0

    def read(self, key: str) -> Value | None:
        """Return the value of `key`, None where there is none or its time is over."""
        with self._lock:
            value = self._values.get(key)
            if value is None:
                return None
            if value.expires is not None and value.expires <= self._clock():
                self._remove(key)
                return None
            self._values.move_to_end(key)
            return value

    def write(self, key: str, value: Value) -> None:
        """Keep a value, and forget others where it takes their room; one beyond the limit is not kept."""
        with self._lock:
            if key in self._values:
                self._remove(key)
            if _size(value) > self.limit_bytes:
                return
            self._values[key] = value
            self._bytes += _size(value)
            while self._bytes > self.limit_bytes:
                self._remove(next(iter(self._values)))
                self._evicted += 1

    def discard(self, key: str) -> None:
        """Forget a value, if it is there."""
        with self._lock:
            if key in self._values:
                self._remove(key)

    def clear(self) -> int:
        """Forget all; return how many there were."""
        with self._lock:
            count = len(self._values)
            self._values.clear()
            self._bytes = 0
            return count

    def stats(self) -> dict[str, Any]:
        """Return how full it is."""
        with self._lock:
            return {
                "state": "ready" if self.limit_bytes else "off",
                "entries": len(self._values),
                "bytes": self._bytes,
                "limit_bytes": self.limit_bytes,
                "damaged": 0,
                "evicted": self._evicted,
                "errors": 0,
            }

    def _remove(self, key: str) -> None:
        self._bytes -= _size(self._values.pop(key))


def _size(value: Value) -> int:
    return value.nbytes + _OVERHEAD

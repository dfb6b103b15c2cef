"""A breaker: what fails again and again is left alone for a while, at no cost to those who would have used it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger("spleeter_nb")
_FAILURES = 3
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class ServerFailureError(Exception):
    """What a breaker counts: a server gave no proper answer. It never leaves the room.

    Nothing that a server wrote is in it: servers repeat what they were sent, passwords too.

    Parameters
    ----------
    kind : str
        What happened, in a word or two.
    answered : bool
        Whether the server is well enough to refuse.
    """

    def __init__(self, kind: str, *, answered: bool) -> None:
        super().__init__(kind)
        self.kind = kind
        self.answered = answered


class Breaker:
    """Stands between callers and something that may fail.

    It opens after three failures in a row, and then admits nobody for 5 s. After that one caller is admitted as a
    probe: if that succeeds the breaker closes, otherwise it stays open for twice as long as before, 60 s at most.

    Whoever was admitted must report once, by `succeeded` or by `failed`.

    Parameters
    ----------
    name : str
        What is behind it, as the log shall call it.
    clock : callable, optional
        Tells the time in seconds.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = _FIRST_PAUSE
        self._reopens: float | None = None
        self._probing = False

    @property
    def state(self) -> Literal["closed", "open"]:
        """``"open"`` also while a probe is under way."""
        return "closed" if self._reopens is None else "open"

    def admits(self) -> bool:
        """Say whether the caller may try; in the time of a probe only the first who asks may."""
        with self._lock:
            if self._reopens is None:
                return True
            if self._probing or self._clock() < self._reopens:
                return False
            self._probing = True
            return True

    def succeeded(self) -> None:
        """Report that it worked."""
        with self._lock:
            closes = self._probing
            self._failures = 0
            if closes:
                self._probing, self._reopens, self._pause = False, None, _FIRST_PAUSE
        if closes:
            _LOG.info("%s works again", self._name)

    def failed(self, problem: str) -> None:
        """Report that it did not work, and in a word why."""
        with self._lock:
            self._failures += 1
            opens = self._reopens is None and self._failures >= _FAILURES
            if self._probing:
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            if opens or self._probing:
                self._probing, self._reopens = False, self._clock() + self._pause
        if opens:
            _LOG.warning(
                "%s failed %d times in a row (%s): it is left out, and tried again from time to time",
                self._name,
                _FAILURES,
                problem,
            )

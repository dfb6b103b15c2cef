"""Whoever looks on while a model is fetched: told how far it is, free to stop it."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from spleeter_nb.events import Progress
from spleeter_nb.exceptions import SeparationCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.events import ProgressCallback

_LOG = logging.getLogger("spleeter_nb")
_INTERVAL = 0.1


class Watch:
    """Progress callbacks and a cancel flag, carried together through a download.

    Parameters
    ----------
    callback : callable, optional
        The first who looks on.
    cancel : threading.Event, optional
        Stops the download when set.
    clock : callable
        Seconds, for tests.
    """

    def __init__(
        self,
        callback: ProgressCallback | None = None,
        cancel: threading.Event | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cancel = cancel or threading.Event()
        self.finished = False
        """Whether all is there, as far as anybody was told."""
        self._listeners: list[ProgressCallback] = []
        self._clock = clock
        self._began = clock()
        self._told = float("-inf")
        self._message = ""
        self._first: tuple[float, int] | None = None
        self.subscribe(callback)

    def subscribe(self, callback: ProgressCallback | None) -> None:
        """Tell one more callback from now on; None is nobody."""
        if callback is not None:
            self._listeners.append(callback)

    def unsubscribe(self, callback: ProgressCallback | None) -> None:
        """Tell a callback nothing more; one that is not told anyway is no error."""
        with suppress(ValueError):
            self._listeners.remove(callback)  # type: ignore[arg-type]  # None is in no list

    def check(self) -> None:
        """Raise `SeparationCancelledError` when somebody asked to stop."""
        if self.cancel.is_set():
            msg = "The model's download was stopped on request; nothing was installed."
            raise SeparationCancelledError(msg)

    def wait(self, seconds: float) -> None:
        """Sleep, and wake up to raise when somebody asks to stop."""
        self.cancel.wait(seconds)
        self.check()

    def note(self, message: str) -> None:
        """Log a line and tell it, at the beginning of something new."""
        self._begin(message)
        self._tell(None, None)

    def finish(self, message: str) -> None:
        """Log a line and tell it, when all is there."""
        self._begin(message)
        self.finished = True
        self._tell(1.0, 0.0)

    def advance(self, done: int, total: int | None) -> None:
        """Tell how many bytes are there, at most ten times a second and always the last."""
        now = self._clock()
        if self._first is None:
            self._first = (now, done)
        if done != total and now - self._told < _INTERVAL:
            return
        self._told = now
        since, start = self._first
        fraction = min(done / total, 1.0) if total else None
        moved = done > start and total is not None
        self._tell(fraction, (now - since) / (done - start) * (total - done) if moved and total else None)

    def _begin(self, message: str) -> None:
        _LOG.info("%s", message)
        self._message, self._first, self.finished = message, None, False

    def _tell(self, fraction: float | None, remaining: float | None) -> None:
        event = Progress("download", fraction, self._clock() - self._began, remaining, self._message)
        for callback in tuple(self._listeners):
            try:
                callback(event)
            except Exception:  # noqa: BLE001 - whatever a caller's function raises, the download goes on
                _LOG.warning("The progress callback failed and is not called again", exc_info=True)
                self.unsubscribe(callback)

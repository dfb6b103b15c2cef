"""Whoever looks on while a model is fetched: told how far it is, free to stop it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spleeter_nb.events import Progress
from spleeter_nb.exceptions import SeparationCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.events import ProgressCallback

_LOG = logging.getLogger("spleeter_nb")
_INTERVAL = 0.1


@dataclass(slots=True)
class Watch:
    """A progress callback and a cancel flag, carried together through a download."""

    callback: ProgressCallback | None = None
    cancel: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _told: float = field(init=False, default=float("-inf"))
    _message: str = field(init=False, default="")
    _first: tuple[float, int] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._began = self.clock()

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
        _LOG.info("%s", message)
        self._message, self._first = message, None
        self._tell(None, None)

    def advance(self, done: int, total: int | None) -> None:
        """Tell how many bytes are there, at most ten times a second and always the last."""
        now = self.clock()
        if self._first is None:
            self._first = (now, done)
        if done != total and now - self._told < _INTERVAL:
            return
        self._told = now
        since, start = self._first
        fraction = min(done / total, 1.0) if total else None
        moved = done > start and total is not None
        self._tell(fraction, (now - since) / (done - start) * (total - done) if moved and total else None)

    def _tell(self, fraction: float | None, remaining: float | None) -> None:
        if self.callback is None:
            return
        elapsed = self.clock() - self._began
        try:
            self.callback(Progress("download", fraction, elapsed, remaining, self._message))
        except Exception:  # noqa: BLE001 - whatever a caller's function raises, the download goes on
            _LOG.warning("The progress callback failed and is not called again", exc_info=True)
            self.callback = None

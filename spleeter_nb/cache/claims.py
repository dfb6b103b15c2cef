"""Claims: one computes a key while the others wait for it. They save work; nothing depends on them."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from spleeter_nb.cache.keys import digest_key
from spleeter_nb.exceptions import SeparationCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOG = logging.getLogger("spleeter_nb")
CLAIMS = "claims"
"""The folder for lock files, inside that of the values."""

_POLL = 0.05
_PATIENCE = 1800.0


class Claims:
    """The claims on keys, between the threads of this process and between processes that share a folder.

    Parameters
    ----------
    folder : Path or None
        Where the processes' lock files are; None where there is none to share.
    patience : float
        Seconds to wait for somebody else at most; then the work is done twice.
    """

    def __init__(self, folder: Path | None, *, patience: float = _PATIENCE) -> None:
        self._folder = folder
        self._patience = patience
        self._lock = threading.Lock()
        self._held: dict[str, threading.Event] = {}

    @contextlib.contextmanager
    def claim(
        self, key: str, *, cancel: threading.Event, on_wait: Callable[[], object] | None = None
    ) -> Iterator[None]:
        """Hold `key` while the block runs; look into the cache again inside of it.

        Parameters
        ----------
        key : str
            What will be computed.
        cancel : threading.Event
            Ends the waiting.
        on_wait : callable, optional
            Called once when somebody else has the claim.

        Raises
        ------
        SeparationCancelledError
            `cancel` was set while waiting.
        """
        digest = digest_key(key)
        turn = _Turn(cancel, on_wait, time.monotonic() + self._patience)
        mine = self._hold_here(digest, turn)
        try:
            with self._hold_between_processes(digest, turn):
                yield
        finally:
            with self._lock:
                if self._held.get(digest) is mine:
                    del self._held[digest]
            mine.set()

    def _hold_here(self, digest: str, turn: _Turn) -> threading.Event:
        mine = threading.Event()
        while True:
            with self._lock:
                other = self._held.get(digest)
                if other is None or turn.over:
                    self._held[digest] = mine
                    return mine
            turn.wait(other.wait)

    @contextlib.contextmanager
    def _hold_between_processes(self, digest: str, turn: _Turn) -> Iterator[None]:
        if self._folder is None:
            yield
            return
        from filelock import FileLock, Timeout  # noqa: PLC0415 - a job without a cache needs none

        path = self._folder / f"{digest}.lock"
        lock = FileLock(path)
        while not lock.is_locked and not turn.over:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                lock.acquire(timeout=0)
            except Timeout:
                turn.wait(turn.cancel.wait)
            except (OSError, NotImplementedError) as error:
                _LOG.info("no lock on %s (%s); going on without", self._folder, error)
                break
        try:
            yield
        finally:
            if lock.is_locked:
                # While it is held, so that whoever opened it in between notices and tries again.
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    lock.release()


class _Turn:
    """Somebody waiting for a turn."""

    def __init__(self, cancel: threading.Event, on_wait: Callable[[], object] | None, deadline: float) -> None:
        self.cancel = cancel
        self._on_wait = on_wait
        self._deadline = deadline

    @property
    def over(self) -> bool:
        """Whether it has waited long enough to go on without."""
        return time.monotonic() > self._deadline

    def wait(self, wait: Callable[[float], object]) -> None:
        """Wait a moment."""
        if self._on_wait is not None:
            tell, self._on_wait = self._on_wait, None
            tell()
        wait(_POLL)
        if self.cancel.is_set():
            raise SeparationCancelledError(
                "The separation was stopped on request while it waited for another one of the same song; nothing was "
                "published."
            )

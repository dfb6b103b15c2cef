"""A socket that nobody at the other end can use to hold us up or to fill our memory.

A time-out says how long a single call may be silent; a server that sends a byte now and then, or bytes without end, is
never silent. Here each exchange has a deadline that its own bytes push forward: at any moment, what was moved since the
exchange began must have come at `SLOWEST` on average, `PATIENCE` aside. A trickle therefore ends as early as silence
does, and no size need be known beforehand. The bytes of a reply are limited as well.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

PATIENCE = 0.15
"""Seconds of silence that are waited for; with what is imported and connected before, a first failure costs 0.25 s."""
SLOWEST = 4 << 20
"""Bytes a second; computing stems anew is faster than fetching them more slowly than this."""
_LONGEST = 2.0
_GRACE = 0.001
_PIECE = 1 << 16


class GuardedSocket:
    """A connected socket, stream of bytes or TLS, with a deadline and a limit for each exchange.

    Parameters
    ----------
    connected : socket
        What to read from and to write to; everything that is not here goes to it.

    Raises
    ------
    TimeoutError
        From sending and receiving, if the other end is silent or too slow.
    ConnectionError
        From receiving, if the reply is longer than allowed.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.begin(_PIECE)

    def begin(self, limit: int) -> None:
        """Begin an exchange, whose reply may have `limit` bytes."""
        self._began = time.monotonic()
        self._moved = 0
        self._left = limit

    def sendall(self, data: bytes | memoryview) -> None:
        """Send all of `data`."""
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            self._socket.settimeout(self._patience())
            piece = view[start : start + _PIECE]
            self._socket.sendall(piece)
            self._moved += len(piece)

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes; without waiting, if the time-out was set to zero."""
        if self._left <= 0:
            raise ConnectionError("the reply is too long")
        if self._socket.gettimeout() != 0:
            self._socket.settimeout(self._patience())
        data = self._socket.recv(min(size, self._left))
        self._moved += len(data)
        self._left -= len(data)
        return data

    def __getattr__(self, name: str) -> object:
        return getattr(self._socket, name)

    def _patience(self) -> float:
        """Return how long the next call may wait.

        When time is up, what has arrived is still taken: it may have waited for us, on a machine that is busy.
        """
        passed = time.monotonic() - self._began
        if passed > _LONGEST:
            raise TimeoutError("too slow")
        return max(PATIENCE + self._moved / SLOWEST - passed, _GRACE)

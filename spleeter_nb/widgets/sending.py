"""Sending to the browser what takes a while to make: one thread, and always the last thing that was asked for."""

from __future__ import annotations

import atexit
import contextvars
import logging
import threading
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from spleeter_nb.widgets.wire import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger("spleeter_nb")

# Seconds between two messages: at most 200 a second. Servers pause a kernel that sends 1000 in each of three seconds,
# and its socket drops what 1000 unread messages leave no room for. Meanwhile the kernel computes something else.
_PAUSE = 0.005

Sent: TypeAlias = tuple[Any, memoryview | bytes | None]
"""A message and its buffer."""

Messages: TypeAlias = Iterator[Sent | None]
"""Messages that are made as they are taken; None where nothing is to be sent yet, and one may stop."""


class Sender:
    """Sends messages, in one thread of its own that ends when all are sent.

    Parameters
    ----------
    post : bound method
        Of a message and its buffers; its object is not kept alive.
    what : str
        What is sent, as users call it: ``"sound"``.
    """

    def __init__(self, post: Callable[..., None], what: str) -> None:
        self._post, self._what = weakref.WeakMethod(post), what
        self._lock = threading.Lock()
        self._wanted: Messages | None = None
        self._is_running = False
        self._is_stopped = False
        # What is being sent is not wanted any more.
        self._superseded = threading.Event()
        # At the end of the interpreter, before sockets are closed into which it would go on to send.
        atexit.register(self.stop)

    def send(self, messages: Messages) -> None:
        """Begin to send, in place of what is being sent."""
        with self._lock:
            if self._is_stopped:
                return
            self._wanted = messages
            self._superseded.set()
            if self._is_running:
                return
            self._is_running = True
        # The kernel finds in the context whom it answers; what a thread sends would belong to the cell that runs then.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._work,), name="spleeter_nb-stream", daemon=True).start()

    def stop(self) -> None:
        """Send nothing more, ever; what was wanted is not held any more."""
        with self._lock:
            self._is_stopped = True
            self._wanted = None
            self._superseded.set()
        atexit.unregister(self.stop)

    def _work(self) -> None:
        while messages := self._next():
            try:
                self._send_all(messages)
            except Exception:  # noqa: BLE001 - there is nobody to raise to
                _LOG.exception("The %s that a view asked for cannot be sent.", self._what)
            del messages

    def _next(self) -> Messages | None:
        with self._lock:
            messages, self._wanted = self._wanted, None
            self._is_running = messages is not None
            if messages is not None:
                self._superseded.clear()
            return messages

    def _send_all(self, messages: Messages) -> None:
        for sent in self._until_failure(messages):
            post = self._post()
            if post is None or self._superseded.is_set():
                return
            if sent is not None:
                message, buffer = sent
                post(message, () if buffer is None else (buffer,))
            del post
            if sent is not None:
                self._superseded.wait(_PAUSE)

    def _until_failure(self, messages: Messages) -> Messages:
        """Yield messages; where one cannot be made, what tells the user why no more come."""
        try:
            yield from messages
        except Exception as error:  # noqa: BLE001 - there is nobody to raise to
            _LOG.exception("The %s that a view asked for cannot be read.", self._what)
            yield (
                Failure(id=None, message=f"The {self._what} cannot be sent: {error}", error=type(error).__name__),
                None,
            )

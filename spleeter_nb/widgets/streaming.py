"""Sending a song to the browser: asked once, everything comes, in order of need."""

from __future__ import annotations

import atexit
import contextvars
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any

from spleeter_nb.dsp.peaks import merge_peaks, quantised
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets.song import SAMPLES_PER_BIN
from spleeter_nb.widgets.wire import MESSAGE_BYTES, Chunk, Failure, Peaks, SentAll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spleeter_nb.widgets.song import Song
    from spleeter_nb.widgets.wire import Hello

_LOG = logging.getLogger("spleeter_nb")

# Seconds between two messages: at most 200 a second. Servers pause a kernel that sends 1000 in each of three seconds,
# and its socket drops what 1000 unread messages leave no room for. Meanwhile the kernel computes something else.
_PAUSE = 0.005

_Sent = tuple[Any, memoryview | bytes | None]


class Streamer:
    """Sends what the last ``hello`` asked for, in one thread of its own that ends when all is sent.

    Parameters
    ----------
    post : bound method
        Of a message and its buffers; its object is not kept alive.
    """

    def __init__(self, post: Callable[..., None]) -> None:
        self._post = weakref.WeakMethod(post)
        self._lock = threading.Lock()
        self._wanted: tuple[Song, Hello] | None = None
        self._is_running = False
        self._is_stopped = False
        # What is being sent is not wanted any more.
        self._superseded = threading.Event()
        # At the end of the interpreter, before sockets are closed into which it would go on to send.
        atexit.register(self.stop)

    def start(self, song: Song, hello: Hello) -> None:
        """Begin to send, in place of what is being sent."""
        with self._lock:
            if self._is_stopped:
                return
            self._wanted = song, hello
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
        while task := self._next():
            try:
                self._send(*task)
            except Exception:  # noqa: BLE001 - there is nobody to raise to
                _LOG.exception("What was read for a player cannot be sent.")
            del task

    def _next(self) -> tuple[Song, Hello] | None:
        with self._lock:
            task, self._wanted = self._wanted, None
            self._is_running = task is not None
            if task is not None:
                self._superseded.clear()
            return task

    def _send(self, song: Song, hello: Hello) -> None:
        for message, buffer in _until_failure(in_order_of_need(song, hello)):
            post = self._post()
            if post is None or self._superseded.is_set():
                return
            post(message, () if buffer is None else (buffer,))
            del post
            self._superseded.wait(_PAUSE)


def check_hello(song: Song, hello: Hello) -> None:
    """Refuse what asks for something that there is not.

    Raises
    ------
    ValidationError
        If a sample or a chunk does not exist, or ranges are not in their order.
    """
    if not 0 <= hello.frame <= song.frames:
        raise ValidationError(f"hello.frame is {str(hello.frame)[:40]}; allowed: 0 to {song.frames}.")
    edges = [0, *(edge for held in hello.held for edge in held), song.chunks]
    if edges != sorted(edges):
        raise ValidationError(f"hello.held are no ascending ranges of chunks, of which there are {song.chunks}.")


def in_order_of_need(song: Song, hello: Hello) -> Iterator[_Sent]:
    """Yield each message with its buffer: peaks, then the chunks from where it plays to the end, then those before."""
    if not hello.has_peaks:
        yield from _peaks(song)
    held = {chunk for first, stop in hello.held for chunk in range(first, stop)}
    begin = hello.frame // song.chunk_frames
    for chunk in (*range(begin, song.chunks), *range(min(begin, song.chunks))):
        if chunk not in held:
            for signal in range(len(song.signals)):
                yield from _parts(signal, chunk, song.encoded(signal, chunk))
    yield SentAll(), None


def _until_failure(messages: Iterator[_Sent]) -> Iterator[_Sent]:
    """Yield messages; where one cannot be made, what tells the user why no more come."""
    try:
        yield from messages
    except Exception as error:  # noqa: BLE001 - there is nobody to raise to
        _LOG.exception("What a player asked for cannot be read.")
        yield Failure(id=None, message=f"The sound cannot be sent: {error}", error=type(error).__name__), None


def _peaks(song: Song) -> Iterator[_Sent]:
    # Peaks come in one message: of a song of more than three quarters of an hour, coarser ones.
    factor = 1
    while len(song.signals[0].peaks) * 2 > factor * MESSAGE_BYTES:
        factor *= 2
    for k, signal in enumerate(song.signals):
        extremes = quantised(merge_peaks(signal.peaks, factor), song.full_scale)
        message = Peaks(signal=k, samples_per_bin=factor * SAMPLES_PER_BIN, full_scale=song.full_scale)
        yield message, extremes.tobytes()


def _parts(signal: int, chunk: int, encoded: bytes) -> Iterator[_Sent]:
    view, parts = memoryview(encoded), -(-len(encoded) // MESSAGE_BYTES)
    for part in range(parts):
        message = Chunk(signal=signal, chunk=chunk, part=part, parts=parts)
        yield message, view[part * MESSAGE_BYTES : (part + 1) * MESSAGE_BYTES]

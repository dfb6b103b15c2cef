"""Threads: work goes on in them, and whoever called only waits, so that an interrupt is answered at once."""

from __future__ import annotations

import itertools
import queue
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from spleeter_nb.exceptions import SeparationCancelledError
from spleeter_nb.waiting import WAKE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from spleeter_nb.values import FloatArray

T = TypeVar("T")
R = TypeVar("R")

# How long an interrupted caller waits for the work to stop tidily. What takes longer, such as a framework that
# compiles, ends in its own thread and publishes nothing.
_TIDY_SECONDS = 0.3


def run_interruptible(work: Callable[[], R], *, cancel: threading.Event) -> R:
    """Run `work` in a thread of its own and wait for its result.

    Parameters
    ----------
    work : callable
        Looks at `cancel` often.
    cancel : threading.Event
        Set when the caller is interrupted while waiting.

    Returns
    -------
    object
        What `work` returned; its exception is raised here.
    """
    # A queue written in C: an interrupt within an Event or a Future, which are Python, can leave their locks taken.
    ended: queue.SimpleQueue[tuple[R, None] | tuple[None, BaseException]] = queue.SimpleQueue()

    def work_to_its_end() -> None:
        try:
            ended.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            ended.put((None, error))

    try:
        threading.Thread(target=work_to_its_end, name="spleeter_nb-job").start()
        outcome = None
        while outcome is None:
            with suppress(queue.Empty):
                outcome = ended.get(timeout=WAKE_SECONDS)
    except BaseException:
        # Another interrupt meanwhile says nothing new.
        with suppress(BaseException):
            cancel.set()
            ended.get(timeout=_TIDY_SECONDS)
        raise
    result, error = outcome
    if error is not None:
        try:
            raise error
        finally:
            # Its traceback holds this frame: they would keep each other alive.
            del error, outcome
    return cast("R", result)


def check_cancelled(cancel: threading.Event) -> None:
    """Raise `SeparationCancelledError` when `cancel` is set."""
    if cancel.is_set():
        raise SeparationCancelledError("It was cancelled; nothing was written.")


def read_whole(blocks: Generator[FloatArray]) -> FloatArray:
    """Read in another thread: an interrupt that comes while a decoder calls back into Python would be lost there.

    Parameters
    ----------
    blocks : generator of float32 (samples, channels)
        Not begun yet. After an interrupt no further block is read.

    Returns
    -------
    float32 (samples, channels)
        All blocks in one array.
    """
    cancel = threading.Event()

    def read() -> FloatArray:
        read_so_far = []
        with closing(blocks):
            for block in blocks:
                check_cancelled(cancel)
                read_so_far.append(block)
        return np.concatenate(read_so_far)

    return run_interruptible(read, cancel=cancel)


def ordered_map(function: Callable[[T], R], items: Iterable[T], *, workers: int) -> Iterator[tuple[T, R]]:
    """Apply `function` in several threads, with results in the order of the items.

    Items are drawn in the caller's thread, one more than there are workers, so that a worker that has finished
    finds the next item ready; and no further, so that memory stays bounded.

    Parameters
    ----------
    function : callable
    items : iterable
    workers : int

    Yields
    ------
    item, result
    """
    source = iter(items)
    pending: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="spleeter_nb-worker") as pool:
        try:
            for item in itertools.islice(source, workers + 1):
                pending.append((item, pool.submit(function, item)))
            while pending:
                done, future = pending.popleft()
                result = future.result()
                for item in itertools.islice(source, 1):
                    pending.append((item, pool.submit(function, item)))
                yield done, result
        finally:
            for _, future in pending:
                future.cancel()

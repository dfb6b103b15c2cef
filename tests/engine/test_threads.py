"""Threads: order, bounds, errors and interrupts."""

from __future__ import annotations

import _thread
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.engine.threads import check_cancelled, ordered_map, read_whole, run_interruptible
from spleeter_nb.exceptions import SeparationCancelledError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from spleeter_nb.values import FloatArray

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_results_keep_the_order_of_the_items() -> None:
    def slow_at_first(item: int) -> int:
        time.sleep(0.002 * (10 - item))
        return item**2

    assert list(ordered_map(slow_at_first, range(10), workers=3)) == [(item, item**2) for item in range(10)]


def test_without_items_there_are_no_results() -> None:
    assert list(ordered_map(str, [], workers=2)) == []


def test_items_are_drawn_in_the_callers_thread_and_not_far_ahead() -> None:
    drawn: list[int] = []
    threads: set[int] = set()

    def items() -> Iterator[int]:
        for item in range(50):
            drawn.append(item)
            threads.add(threading.get_ident())
            yield item

    for taken, _ in enumerate(ordered_map(str, items(), workers=2), 1):
        assert len(drawn) <= taken + 3
    assert threads == {threading.get_ident()}


def test_all_workers_work() -> None:
    together = threading.Barrier(3)
    assert len(list(ordered_map(lambda _: together.wait(5), range(6), workers=3))) == 6


def test_an_error_of_the_function_stops_the_rest() -> None:
    begun: list[int] = []

    def fail_at_two(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise ZeroDivisionError
        return item

    with pytest.raises(ZeroDivisionError):
        list(ordered_map(fail_at_two, range(1000), workers=2))
    assert len(begun) < 10


def test_an_error_of_the_items_stops_the_rest() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(ordered_map(str, items(), workers=2))


def test_a_caller_may_leave_early() -> None:
    results = ordered_map(str, range(1000), workers=2)
    assert next(results) == (0, "0")
    del results


def test_work_is_done_in_another_thread() -> None:
    assert run_interruptible(threading.get_ident, cancel=threading.Event()) != threading.get_ident()


def test_errors_of_the_work_are_raised_here() -> None:
    cancel = threading.Event()
    with pytest.raises(ZeroDivisionError):
        run_interruptible(lambda: 1 / 0, cancel=cancel)
    assert not cancel.is_set()


@pytest.mark.parametrize("tidy", [True, False])
def test_an_interrupt_is_answered_soon(*, tidy: bool) -> None:
    """One that wakes no waiting thread up; test_interrupt.py sends signals."""
    cancel, began, release = threading.Event(), threading.Event(), threading.Event()
    sent: list[float] = []

    def work() -> None:
        began.set()
        (cancel if tidy else release).wait(20)

    def interrupt() -> None:
        began.wait(5)
        sent.append(time.monotonic())
        _thread.interrupt_main()

    sender = threading.Thread(target=interrupt)
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        run_interruptible(work, cancel=cancel)
    waited = time.monotonic() - sent[0]
    release.set()
    sender.join()
    assert cancel.is_set()
    assert waited < 0.5


def test_what_is_cancelled_stops() -> None:
    cancel = threading.Event()
    check_cancelled(cancel)
    cancel.set()
    with pytest.raises(SeparationCancelledError):
        check_cancelled(cancel)


def test_blocks_are_read_in_another_thread() -> None:
    threads: set[int] = set()

    def blocks() -> Generator[FloatArray]:
        for start in (0, 2):
            threads.add(threading.get_ident())
            yield np.float32([[start], [start + 1]])

    np.testing.assert_array_equal(read_whole(blocks()), [[0], [1], [2], [3]])
    assert threading.get_ident() not in threads


def test_an_interrupted_reading_reads_no_further_and_closes() -> None:
    read: list[int] = []
    closed = threading.Event()

    def blocks() -> Generator[FloatArray]:
        try:
            while True:
                read.append(1)
                time.sleep(0.01)
                yield np.zeros((1, 2), np.float32)
        finally:
            closed.set()

    timer = threading.Timer(0.1, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        read_whole(blocks())
    timer.join()
    assert closed.wait(5)
    assert len(read) < 100

from __future__ import annotations

import gc
import logging
import os
import threading
import time
import weakref

import pytest

from spleeter_nb.cache.service import Service


class Level:
    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.closed: list[int] = []

    def close(self) -> None:
        self.closed.append(threading.get_ident())


def test_all_is_done_in_one_thread_of_its_own_from_making_to_closing() -> None:
    made: list[Level] = []
    service = Service("service", lambda: made.append(Level()) or made[0])
    assert not made
    threads = {service.call(lambda _: threading.get_ident(), 0, timeout=5) for _ in range(3)}
    service.stop(timeout=5)
    (level,) = made
    assert threads == {level.thread} == set(level.closed)
    assert level.thread != threading.get_ident()
    assert "service" not in {thread.name for thread in threading.enumerate()}


def test_after_stopping_it_begins_again() -> None:
    service = Service("service", Level)
    first = service.call(lambda level: level, None, timeout=5)
    service.stop(timeout=5)
    second = service.call(lambda level: level, None, timeout=5)
    service.stop(timeout=5)
    service.stop(timeout=5)
    assert first is not second


def test_failure_gives_something_else_and_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    service = Service("service", Level)
    for _ in range(3):
        assert service.call(lambda _: 1 // 0, -1, timeout=5) == -1
    assert service.call(lambda _: 1, -1, timeout=5) == 1
    service.stop(timeout=5)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_what_hangs_is_waited_for_once() -> None:
    service, release = Service("service", Level), threading.Event()
    assert service.call(lambda _: release.wait(20), None, timeout=0.1) is None
    began = time.monotonic()
    assert service.call(lambda _: 1, -1, timeout=20) == -1
    assert time.monotonic() - began < 5
    release.set()
    while service.call(lambda _: 1, -1, timeout=20) == -1:
        time.sleep(0.01)
    service.stop(timeout=5)


def test_queue_has_an_end() -> None:
    service, release = Service("service", Level), threading.Event()
    service.later(lambda _: release.wait(20))
    accepted = [service.later(lambda _: None) for _ in range(200)]
    assert accepted[-1] is None
    assert service.call(lambda _: 1, -1, timeout=5) == -1
    release.set()
    assert all(future.result(5) is None for future in accepted if future)
    service.stop(timeout=5)


def test_nothing_that_was_done_is_kept_alive() -> None:
    class Thing:
        pass

    service = Service("service", Level)
    thing = Thing()
    alive = weakref.ref(thing)
    assert service.call(lambda _, thing=thing: thing is not None, otherwise=False, timeout=5)
    del thing
    service.call(lambda _: None, None, timeout=5)
    gc.collect()
    assert alive() is None
    service.stop(timeout=5)


def test_interrupt_of_the_waiting_does_not_reach_the_work() -> None:
    service, done, began = Service("service", Level), [], threading.Event()

    def work(_: Level) -> None:
        began.set()
        time.sleep(0.3)
        done.append(1)

    def interrupt() -> None:
        began.wait(5)
        os.kill(os.getpid(), 2)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        service.call(work, None, timeout=20)
    thread.join()
    assert service.call(lambda _: len(done), 0, timeout=20) == 1
    service.stop(timeout=5)

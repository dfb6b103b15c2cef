from __future__ import annotations

import gc
import logging
import os
import signal
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


def test_what_hangs_is_waited_for_once(caplog: pytest.LogCaptureFixture) -> None:
    service, release = Service("service", Level), threading.Event()
    assert service.call(lambda _: release.wait(20), None, timeout=0.1) is None
    assert caplog.messages == ["service is not done after 0.1 s; going on without."]
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
    assert all(outcome.get(timeout=5) == (None, None) for outcome in accepted if outcome)
    service.stop(timeout=5)


def test_after_stopping_what_hangs_it_begins_again() -> None:
    service, release = Service("service", Level), threading.Event()
    assert service.call(lambda _: release.wait(20), None, timeout=0.01) is None
    service.stop(timeout=0)
    assert service.call(lambda _: 1, -1, timeout=5) == 1
    release.set()
    service.stop(timeout=5)


def test_stopping_needs_no_room_in_the_queue() -> None:
    service, release, made = Service("service", lambda: made.append(Level()) or made[0]), threading.Event(), []
    service.later(lambda _: release.wait(20))
    accepted = [outcome for outcome in (service.later(lambda _: None) for _ in range(200)) if outcome]
    service.stop(timeout=0)
    release.set()
    accepted[-1].get(timeout=5)
    ends = time.monotonic() + 5
    while not made[0].closed and time.monotonic() < ends:
        time.sleep(0.01)
    assert made[0].closed


def test_stopping_from_its_own_thread_waits_for_nobody() -> None:
    """So does the garbage collector, when it comes upon the last reference there."""
    service = Service("service", Level)
    stopped = service.later(lambda _: service.stop(timeout=5))
    assert stopped is not None
    assert stopped.get(timeout=4) == (None, None)


def test_where_no_thread_can_be_started_nothing_is_done(caplog: pytest.LogCaptureFixture) -> None:
    service = Service("service", Level)
    usual = threading.stack_size(1 << 46)
    try:
        assert [service.call(lambda _: 1, -1, timeout=5) for _ in range(3)] == [-1, -1, -1]
    finally:
        threading.stack_size(usual)
    assert len(caplog.messages) == 1
    assert "cannot start" in caplog.text
    assert service.call(lambda _: 1, -1, timeout=5) == 1
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


def test_interrupt_that_another_thread_gets_is_answered_at_once() -> None:
    service, release = Service("service", Level), threading.Event()

    def work(_: Level) -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        release.wait(5)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        service.call(work, None, timeout=20)
    assert time.monotonic() - start < 2
    release.set()
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

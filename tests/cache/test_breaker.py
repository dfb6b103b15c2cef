"""A breaker opens after three failures in a row, lets single probes through, and closes when one succeeds."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from spleeter_nb.cache.breaker import Breaker


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("The thing", clock=clock)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.admits()
        breaker.failed("broken")


def test_three_failures_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert breaker.state == "open"
    assert not breaker.admits()


def test_a_success_between_failures_keeps_it_closed(breaker: Breaker) -> None:
    for _ in range(5):
        fail(breaker, 2)
        assert breaker.admits()
        breaker.succeeded()
    assert breaker.state == "closed"


def test_one_probe_is_let_through_after_the_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 4.9
    assert not breaker.admits()
    clock.now += 0.1
    assert breaker.admits()
    assert not breaker.admits()
    clock.now += 1000
    assert not breaker.admits(), "the probe is still under way"


def test_a_probe_that_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    assert breaker.admits()
    breaker.succeeded()
    assert breaker.state == "closed"
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_pauses_double_up_to_a_minute_and_begin_anew_after_a_success(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    for pause in (5, 10, 20, 40, 60, 60):
        clock.now += pause - 0.1
        assert not breaker.admits()
        clock.now += 0.1
        fail(breaker, 1)
    clock.now += 60
    assert breaker.admits()
    breaker.succeeded()
    fail(breaker, 3)
    clock.now += 5
    assert breaker.admits()


def test_it_warns_once_when_it_opens_and_tells_once_that_it_closed(
    breaker: Breaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="spleeter_nb")
    fail(breaker, 3)
    clock.now += 5
    fail(breaker, 1)
    clock.now += 10
    assert breaker.admits()
    breaker.succeeded()
    breaker.succeeded()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "The thing" in caplog.messages[0]
    assert "broken" in caplog.messages[0]


def test_failures_of_calls_that_began_before_it_opened_do_not_prolong_the_pause(
    breaker: Breaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    fail(breaker, 3)
    clock.now += 4
    breaker.failed("late")
    clock.now += 1
    assert breaker.admits()
    assert len(caplog.records) == 1


def test_many_threads_get_one_probe_between_them(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    barrier, admitted = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        admitted.append(breaker.admits())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 1


def test_an_open_breaker_costs_next_to_nothing(breaker: Breaker) -> None:
    fail(breaker, 3)
    began = time.perf_counter()
    for _ in range(1000):
        breaker.admits()
    assert (time.perf_counter() - began) / 1000 < 1e-3

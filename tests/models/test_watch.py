from __future__ import annotations

import logging
import threading

import pytest

from spleeter_nb.events import Progress
from spleeter_nb.exceptions import SeparationCancelledError
from spleeter_nb.models.watch import Watch


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_progress_estimates_from_the_speed_so_far() -> None:
    clock, events = Clock(), list[Progress]()
    watch = Watch(events.append, clock=clock)
    watch.note("fetching")
    watch.advance(100, 1100)
    clock.now += 10
    watch.advance(600, 1100)
    assert events[0] == Progress("download", None, 0.0, None, "fetching")
    assert events[1] == Progress("download", 100 / 1100, 0.0, None, "fetching")
    assert events[2] == Progress("download", 600 / 1100, 10.0, 10.0, "fetching")


def test_progress_of_unknown_size_has_no_fraction() -> None:
    clock, events = Clock(), list[Progress]()
    watch = Watch(events.append, clock=clock)
    watch.advance(0, None)
    clock.now += 1
    watch.advance(100, None)
    assert [(event.fraction, event.remaining) for event in events] == [(None, None), (None, None)]


def test_progress_comes_ten_times_a_second_and_at_the_end() -> None:
    clock, events = Clock(), list[Progress]()
    watch = Watch(events.append, clock=clock)
    for done in range(1001):
        clock.now += 0.001
        watch.advance(done, 1000)
    assert 9 <= len(events) <= 12
    assert events[-1].fraction == 1.0


def test_a_failing_callback_stops_nothing_and_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    def fail(progress: Progress) -> None:
        calls.append(progress)
        raise RuntimeError

    watch = Watch(fail)
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        watch.note("one")
        watch.note("two")
    assert len(calls) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_notes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "spleeter_nb"):
        Watch().note("trying this")
    assert caplog.messages == ["trying this"]


def test_waiting_ends_when_somebody_stops() -> None:
    cancel = threading.Event()
    watch = Watch(cancel=cancel)
    watch.wait(0)
    cancel.set()
    with pytest.raises(SeparationCancelledError, match="nothing was installed"):
        watch.wait(60)

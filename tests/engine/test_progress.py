"""Progress: events in order, not too many, and listeners that fail."""

from __future__ import annotations

import io
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.engine.progress import Reporter
from spleeter_nb.events import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb import SeparationResult
    from spleeter_nb.values import FloatArray


@dataclass
class Clock:
    """Time that passes when told."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A terminal of a hundred columns that remembers."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """To be called by the test itself: between fixtures and tests pytest takes the stream back."""

    def watch() -> Terminal:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        return terminal

    return watch


def test_events_say_what_and_how_far(clock: Clock) -> None:
    events: list[Progress] = []
    reporter = Reporter(events.append, name="song", clock=clock)
    clock.now += 2
    reporter.tell("separate", 0.0)
    clock.now += 1
    reporter.tell("separate", 0.25, "one line")
    clock.now += 1
    reporter.tell("done", 1.0)
    assert events == [
        Progress("separate", 0.0, 2.0, None),
        Progress("separate", 0.25, 3.0, 3.0, "one line"),
        Progress("done", 1.0, 4.0, 0.0),
    ]
    assert reporter.elapsed == 4.0
    reporter.close()


def test_events_of_other_rooms_are_passed_on(clock: Clock) -> None:
    events: list[Progress] = []
    Reporter(events.append, name="song", clock=clock).forward(Progress("download", 0.5, 7.0, 7.0, "2stems"))
    assert [(event.stage, event.fraction, event.message) for event in events] == [("download", 0.5, "2stems")]


def test_events_come_ten_times_a_second_at_most(clock: Clock) -> None:
    events: list[Progress] = []
    reporter = Reporter(events.append, name="song", clock=clock)
    for step in range(1000):
        reporter.tell("separate", step / 1000)
        clock.now += 0.01
    reporter.tell("separate", 1.0)
    assert 90 <= len(events) <= 102
    assert (events[0].fraction, events[-1].fraction) == (0.0, 1.0)


def test_an_error_of_the_listener_is_told_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Progress] = []

    def fail(event: Progress) -> None:
        calls.append(event)
        raise ZeroDivisionError

    reporter = Reporter(fail, name="song", clock=clock)
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        for stage in ("load", "separate", "done"):
            reporter.tell(stage, 1.0)  # type: ignore[arg-type]
    assert len(calls) == 1
    assert len(caplog.records) == 1
    assert "the job goes on" in caplog.text


def test_a_long_job_gets_a_bar(clock: Clock, watch_terminal: Callable[[], Terminal]) -> None:
    terminal = watch_terminal()
    reporter = Reporter(listener=True, name="song.mp3", clock=clock)
    reporter.tell("load", message="loading two stems")
    assert terminal.getvalue() == ""
    clock.now += 5
    reporter.tell("separate", 0.4)
    assert "song.mp3:  40%" in terminal.getvalue()
    reporter.close()
    reporter.close()
    assert terminal.getvalue().endswith("\r")


def test_a_short_job_gets_no_bar(clock: Clock, watch_terminal: Callable[[], Terminal]) -> None:
    terminal = watch_terminal()
    reporter = Reporter(listener=True, name="song.mp3", clock=clock)
    for stage in ("load", "separate", "write", "done"):
        clock.now += 0.2
        reporter.tell(stage, 1.0)  # type: ignore[arg-type]
    reporter.close()
    assert terminal.getvalue() == ""


def test_what_is_no_terminal_gets_no_bar(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(listener=True, name="song.mp3", clock=clock)
    clock.now += 5
    reporter.tell("separate", 0.4, "hello")
    reporter.close()
    assert capsys.readouterr() == ("", "")


def test_nobody_is_told_on_request(clock: Clock, watch_terminal: Callable[[], Terminal]) -> None:
    terminal = watch_terminal()
    reporter = Reporter(listener=False, name="song.mp3", clock=clock)
    clock.now += 5
    reporter.tell("separate", 0.4)
    reporter.close()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("wiener", [False, True])
def test_a_separation_tells_its_stages_in_order(
    *, wiener: bool, noise: Callable[..., FloatArray], separated: Callable[..., SeparationResult]
) -> None:
    events: list[Progress] = []
    separated(noise(200_000), wiener=wiener, progress=events.append)
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == ["prepare", "load", "separate", "write", "done"]
    fractions = [event.fraction for event in events if event.stage == "separate"]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert [event.elapsed for event in events] == sorted(event.elapsed for event in events)


def test_fractions_are_of_the_part_that_is_separated(
    noise: Callable[..., FloatArray], separated: Callable[..., SeparationResult]
) -> None:
    for options in ({"offset": 5}, {"duration": 3}, {"offset": 20, "duration": 30}, {"sample_rate": 44_100}):
        events: list[Progress] = []
        separated(noise(200_000), progress=events.append, **options)
        assert [event.fraction for event in events if event.stage == "separate"][-1] == 1.0


def test_a_callback_that_fails_does_not_stop_a_separation(
    noise: Callable[..., FloatArray], separated: Callable[..., SeparationResult], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Progress) -> None:
        raise ZeroDivisionError

    assert len(separated(noise(20_000), progress=fail)) == 2
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1

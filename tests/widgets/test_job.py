"""The view of a job: what it tells the browser, how often, and what it lets go of."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import weakref
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import IPython
import numpy as np
import pytest

from spleeter_nb import JobView, SpleeterEngine
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets import displays
from spleeter_nb.widgets.throttle import Throttle
from tests.widgets.conftest import RATE, Browser, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spleeter_nb import SeparationJob

LONG = 8_000_000


@pytest.fixture
def engine() -> Iterator[SpleeterEngine]:
    engine = SpleeterEngine()
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
def submit(engine: SpleeterEngine, small_models: Path) -> Callable[..., SeparationJob]:
    def submit(source: Any = 30_000, **options: object) -> SeparationJob:
        if isinstance(source, int):
            source = np.random.default_rng(0).uniform(-0.5, 0.5, (source, 2)).astype(np.float32)
            options = {"sample_rate": RATE, **options}
        return engine.submit(source, small_models / "two" / "config.json", **{"progress": False, **options})

    return submit


def test_a_job_is_shown_to_its_end(submit: Callable[..., SeparationJob]) -> None:
    job = submit(400_000)
    view = JobView(job)
    browser = Browser(view)
    assert view.job is job
    job.wait(60)
    assert wait_until(lambda: view.state == "done")
    assert (view.title, view.stage, view.fraction, view.remaining) == ("audio", "done", 1.0, None)
    assert view.elapsed == job.result().seconds
    assert view.x_realtime == job.result().x_realtime
    assert view.cache_level == view.error == ""
    assert view.summary.startswith("done in ")
    assert "x real time" in view.summary
    assert repr(view) == "JobView('audio', done)"
    # The end came in one message, and it was the last.
    assert browser.updates[-1]["state"] == "done"
    assert {"elapsed", "x_realtime"} <= set(browser.updates[-1])
    view.close()


def test_five_messages_a_second_at_most_and_then_its_end(submit: Callable[..., SeparationJob]) -> None:
    job = submit(LONG)
    view = JobView(job)
    browser = Browser(view)
    job.wait(60)
    assert wait_until(lambda: view.state == "done")
    told = browser.update_times[:-1]
    assert len(told) >= 2
    assert min(later - sooner for sooner, later in pairwise(told)) > 0.15
    assert browser.updates[-1]["state"] == "done"
    view.close()


def test_a_view_lets_go_of_a_job_that_has_ended(submit: Callable[..., SeparationJob]) -> None:
    job = submit()
    view = JobView(job)
    result = weakref.ref(job.result(60))
    ended = weakref.ref(job)
    assert wait_until(lambda: view.job is None)
    del job

    def is_gone() -> bool:
        gc.collect()
        return ended() is None and result() is None

    assert wait_until(is_gone)
    assert view.state == "done"
    view.close()


def test_a_view_that_is_closed_is_told_nothing_and_stops_nothing(submit: Callable[..., SeparationJob]) -> None:
    job = submit(LONG)
    views = [JobView(job)]
    assert wait_until(lambda: views[0].state == "running", 60)
    browser = Browser(views[0])
    views[0].close()
    views[0].close()
    assert views[0].job is None
    heard = len(browser.updates)
    closed = weakref.ref(views.pop())
    time.sleep(0.5)
    assert len(browser.updates) == heard
    assert job.state == "running"
    del browser

    def is_gone() -> bool:
        gc.collect()
        return closed() is None

    assert wait_until(is_gone)
    job.cancel()
    job.wait(60)


def test_a_job_that_has_ended_is_shown_too(submit: Callable[..., SeparationJob]) -> None:
    job = submit()
    job.wait(60)
    view = JobView(job)
    assert (view.state, view.job) == ("done", None)
    view.close()


def test_an_error_is_told_as_text(submit: Callable[..., SeparationJob], tmp_path: Path) -> None:
    job = submit(str(tmp_path / "<b>missing</b>.wav"))
    job.wait(60)
    view = JobView(job)
    assert (view.state, view.error_class) == ("failed", "AudioNotFoundError")
    assert "<b>missing</b>.wav" in view.error
    assert "<b>" not in view.static_html()
    assert "AudioNotFoundError" in view.static_html()
    view.close()


def test_names_that_are_no_text_can_be_sent(submit: Callable[..., SeparationJob]) -> None:
    job = submit("/missing/\udcff.wav")
    job.wait(60)
    view = JobView(job)
    assert view.title == "?.wav"
    view.close()


def test_the_browser_cancels(submit: Callable[..., SeparationJob]) -> None:
    running, waiting = submit(LONG), [submit(LONG), submit(LONG)]
    views = [JobView(job) for job in (running, *waiting)]
    assert wait_until(lambda: views[0].state == "running", 60)
    for view in views:
        Browser(view).say({"type": "cancel_job"})
    for job in (running, *waiting):
        assert job.wait(30)
    assert [view.state for view in views] == ["cancelled"] * 3
    assert views[-1].summary == "cancelled"
    Browser(views[0]).say({"type": "cancel_job"})  # it has ended: nothing happens
    assert not any(view.refused for view in views)
    for view in views:
        view.close()


def test_removing_is_asked_of_whoever_wants_to_know(submit: Callable[..., SeparationJob]) -> None:
    asked: list[str] = []
    removable, other = JobView(submit(), on_remove=lambda: asked.append("yes")), JobView(submit())
    assert (removable.removable, other.removable) == (True, False)
    for view in (removable, other):
        Browser(view).say({"type": "remove_job"})
    assert asked == ["yes"]
    assert (removable.refused.total(), other.refused.total()) == (0, 1)
    for view in (removable, other):
        view.close()


@pytest.mark.parametrize(
    "content",
    [
        None,
        5,
        "cancel_job",
        [],
        {},
        {"type": "cancel"},
        {"type": "cancel_job", "why": 1},
        {"type": ["cancel_job"]},
        {"type": "x" * 1_000_000},
    ],
)
def test_hostile_messages_are_refused_and_counted(submit: Callable[..., SeparationJob], content: object) -> None:
    view = JobView(submit())
    browser = Browser(view)
    browser.say(content)
    assert view.refused.total() == 1
    view.close()
    browser.say({"type": "cancel_job"})
    assert view.refused.total() == 2


def test_the_browser_changes_nothing(submit: Callable[..., SeparationJob]) -> None:
    job = submit()
    job.wait(60)
    view = JobView(job)
    browser = Browser(view)
    for name, value in {"state": "failed", "title": "x", "elapsed": -1, "_esm": "evil()", "removable": True}.items():
        before = getattr(view, name)
        browser.change(**{name: value})
        assert getattr(view, name) == before
    assert view.refused.total() == 5
    view.close()


def test_only_jobs_are_shown() -> None:
    with pytest.raises(ValidationError, match="not a str"):
        JobView("song.wav")  # type: ignore[arg-type]


def test_a_job_at_the_end_of_a_cell_is_a_view(submit: Callable[..., SeparationJob]) -> None:
    job = submit()
    job.wait(60)
    data, _ = job._repr_mimebundle_()
    displays.SHOWN.pop().widget.close()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "SeparationJob('audio', done)"
    assert "done in" in data["text/html"]
    json.dumps(data)


def test_a_job_shown_again_is_the_same_view_until_its_cell_runs_again(
    submit: Callable[..., SeparationJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = SimpleNamespace(get_parent=lambda: {"metadata": {"cellId": "one"}, "header": {"msg_id": run}})
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    jobs = [submit(), submit()]
    for job in jobs:
        job.wait(60)
    run = "first"
    jobs[0]._repr_mimebundle_()
    jobs[0]._repr_mimebundle_()
    (first,) = displays.SHOWN
    run = "second"
    jobs[1]._repr_mimebundle_()
    (second,) = displays.SHOWN
    assert first.widget.comm is None
    assert second.widget.comm is not None
    displays.SHOWN.pop().widget.close()


# ---- the throttle


def test_the_latest_is_handed_on_and_the_last_always() -> None:
    heard: list[int] = []
    throttle = Throttle(heard.append)
    for value in range(100):
        throttle.put(value)
    assert heard == [0]
    assert wait_until(lambda: heard == [0, 99])
    throttle.put(100)
    assert wait_until(lambda: heard == [0, 99, 100])


def test_after_its_end_nothing_is_handed_on() -> None:
    heard: list[int] = []
    throttle = Throttle(heard.append)
    for value in range(3):
        throttle.put(value)
    throttle.close()
    throttle.put(3)
    time.sleep(0.3)
    assert heard == [0]

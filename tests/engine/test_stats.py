"""What an engine has done, in figures."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from spleeter_nb.engine.stats import EngineStats, ProcessingStats
from spleeter_nb.exceptions import EmptyAudioError, ModelNotFoundError


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stats(clock: Clock) -> EngineStats:
    return EngineStats(clock)


def start(stats: EngineStats, count: int = 1) -> None:
    for _ in range(count):
        stats.queued()
        stats.started()


def test_an_engine_that_has_done_nothing(stats: EngineStats, clock: Clock) -> None:
    clock.seconds += 60
    assert stats.snapshot() == {
        "jobs": {"queued": 0, "running": 0, "done": 0, "failed": 0, "cancelled": 0},
        "success_rate": None,
        "failures": {},
        "audio_seconds": 0,
        "busy_seconds": 0,
        "songs_per_hour": None,
        "throughput": None,
        "x_realtime": None,
        "stages": {},
        "cache": {"requests": 0, "hits": 0, "hit_rate": None, "by_level": {"memory": 0, "disk": 0, "redis": 0}},
    }
    assert EngineStats().snapshot() == stats.snapshot()


def test_every_figure_is_described() -> None:
    assert set(EngineStats().snapshot()) == set(ProcessingStats.__annotations__)


def test_jobs_by_state(stats: EngineStats) -> None:
    start(stats, 5)
    for _ in range(4):
        stats.queued()
    stats.succeeded(10, {})
    stats.failed(EmptyAudioError("empty"))
    stats.cancelled()
    stats.cancelled(before="queued")
    stats.failed(ModelNotFoundError("gone"), before="queued")
    assert stats.snapshot()["jobs"] == {"queued": 2, "running": 2, "done": 1, "failed": 2, "cancelled": 2}


def test_cancelled_jobs_are_no_failures(stats: EngineStats) -> None:
    start(stats, 5)
    stats.cancelled()
    assert stats.snapshot()["success_rate"] is None
    stats.failed(EmptyAudioError("empty"))
    assert stats.snapshot()["success_rate"] == 0
    for _ in range(3):
        stats.succeeded(1, {})
    assert stats.snapshot()["success_rate"] == 75


def test_failures_by_kind(stats: EngineStats) -> None:
    start(stats, 4)
    for error in (ModelNotFoundError("gone"), EmptyAudioError("a"), EmptyAudioError("b"), ZeroDivisionError()):
        stats.failed(error)
    failures = stats.snapshot()["failures"]
    assert failures == {"EmptyAudioError": 2, "ModelNotFoundError": 1, "ZeroDivisionError": 1}
    assert next(iter(failures)) == "EmptyAudioError"


def test_busy_is_while_at_least_one_job_runs(stats: EngineStats, clock: Clock) -> None:
    stats.queued()
    clock.seconds += 100  # waiting is not work
    stats.started()
    clock.seconds += 10
    start(stats)
    clock.seconds += 10
    assert stats.snapshot()["busy_seconds"] == 20
    stats.succeeded(60, {"separate": 15})
    clock.seconds += 10
    stats.succeeded(60, {"separate": 15})
    clock.seconds += 1000
    snapshot = stats.snapshot()
    assert snapshot["busy_seconds"] == 30
    assert snapshot["audio_seconds"] == 120
    assert snapshot["songs_per_hour"] == 2 * 3600 / 30
    assert snapshot["throughput"] == 4
    start(stats)
    clock.seconds += 5
    assert stats.snapshot()["busy_seconds"] == 35


def test_real_time_counts_only_what_was_computed(stats: EngineStats, clock: Clock) -> None:
    start(stats, 3)
    stats.succeeded(100, {"cache": 0.5}, cache="disk")
    stats.succeeded(100, {})
    assert stats.snapshot()["x_realtime"] is None
    stats.succeeded(100, {"load": 2, "separate": 4}, cache="miss")
    clock.seconds += 1
    assert stats.snapshot()["x_realtime"] == 25


def test_seconds_by_stage(stats: EngineStats) -> None:
    start(stats, 2)
    stats.succeeded(1, {"load": 2, "separate": 4})
    stats.succeeded(1, {"separate": 8})
    assert stats.snapshot()["stages"] == {
        "load": {"total_seconds": 2, "mean_seconds": 2},
        "separate": {"total_seconds": 12, "mean_seconds": 6},
    }


def test_hits_by_level(stats: EngineStats) -> None:
    start(stats, 6)
    for answer in ("memory", "disk", "disk", "miss", None, "redis"):
        stats.succeeded(1, {}, cache=answer)  # type: ignore[arg-type]
    assert stats.snapshot()["cache"] == {
        "requests": 5,
        "hits": 4,
        "hit_rate": 80,
        "by_level": {"memory": 1, "disk": 2, "redis": 1},
    }


def test_a_snapshot_stays_as_it_is(stats: EngineStats) -> None:
    start(stats, 2)
    stats.failed(EmptyAudioError("a"))
    before = stats.snapshot()
    text = json.dumps(before)
    stats.succeeded(1, {"separate": 1}, cache="miss")
    assert json.dumps(before) == text


def test_a_song_of_no_time(stats: EngineStats) -> None:
    start(stats)
    stats.succeeded(0, {"separate": 0})
    snapshot = stats.snapshot()
    assert snapshot["x_realtime"] is None
    assert snapshot["songs_per_hour"] is None


def test_many_threads_at_once() -> None:
    stats = EngineStats()
    begin = threading.Barrier(4)

    def work(_: int) -> None:
        begin.wait()
        for _ in range(300):
            start(stats, 2)
            stats.succeeded(2, {"separate": 1}, cache="memory")
            stats.failed(EmptyAudioError("a"))
            assert min(stats.snapshot()["jobs"].values()) >= 0

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    snapshot = stats.snapshot()
    assert snapshot["jobs"] == {"queued": 0, "running": 0, "done": 1200, "failed": 1200, "cancelled": 0}
    assert snapshot["cache"]["hits"] == 1200
    assert snapshot["x_realtime"] == 2

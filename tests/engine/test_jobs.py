"""The handle of a job: its state, its progress, its end."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb import SpleeterEngine
from spleeter_nb.exceptions import AudioNotFoundError, SeparationCancelledError
from tests.engine.conftest import RATE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spleeter_nb.engine.jobs import SeparationJob
    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

LONG = 8_000_000


@pytest.fixture
def engine() -> Iterator[SpleeterEngine]:
    engine = SpleeterEngine()
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
def submit(
    engine: SpleeterEngine, small_models: Path, noise: Callable[..., FloatArray]
) -> Callable[..., SeparationJob]:
    def submit(source: Any = 30_000, **options: object) -> SeparationJob:
        song = noise(source) if isinstance(source, int) else source
        rate = {"sample_rate": RATE} if isinstance(source, int) else {}
        return engine.submit(song, small_models / "two" / "config.json", **{"progress": False, **rate, **options})

    return submit


def test_a_job_gives_its_result_without_an_event_loop(submit: Callable[..., SeparationJob]) -> None:
    job = submit()
    result = job.result(timeout=60)
    assert result.vocals.frames == 30_000
    assert job.exception() is None
    assert job.state == "done"
    assert job.done()
    assert job.progress is not None
    assert (job.progress.stage, job.progress.fraction) == ("done", 1.0)
    assert repr(job) == "SeparationJob('audio', done)"
    assert not job.cancel()
    assert job.result() is result


def test_a_job_raises_what_it_failed_with(submit: Callable[..., SeparationJob], tmp_path: Path) -> None:
    job = submit(tmp_path / "missing.wav")
    assert isinstance(job.exception(timeout=60), AudioNotFoundError)
    with pytest.raises(AudioNotFoundError):
        job.result()
    assert job.state == "failed"
    assert job.source == str(tmp_path / "missing.wav")
    assert job.progress is not None
    assert job.progress.stage == "failed"
    assert "missing.wav" in job.progress.message


def test_listeners_hear_of_every_stage_to_the_end(submit: Callable[..., SeparationJob]) -> None:
    go = threading.Event()
    heard: list[Progress] = []
    job = submit(200_000, progress=lambda _: go.wait(10))
    stop = job.subscribe(heard.append)
    job.subscribe(lambda _: 1 / 0)
    go.set()
    job.result(timeout=60)
    stages = list(dict.fromkeys(event.stage for event in heard))
    assert stages[-3:] == ["separate", "write", "done"]
    fractions = [event.fraction for event in heard if event.stage == "separate"]
    assert fractions == sorted(fractions, key=lambda fraction: fraction or 0)
    assert any(event.remaining is not None for event in heard)
    stop()
    stop()


def test_a_running_job_is_cancelled(submit: Callable[..., SeparationJob], tmp_path: Path) -> None:
    begun = threading.Event()
    heard: list[str] = []

    def listen(event: Progress) -> None:
        heard.append(event.stage)
        if event.stage == "separate":
            begun.set()

    job = submit(LONG, progress=listen, output_dir=tmp_path / "out")
    assert begun.wait(60)
    assert job.cancel()
    with pytest.raises(SeparationCancelledError):
        job.result(timeout=5)
    assert job.state == "cancelled"
    assert heard[-1] == "cancelled"
    assert not job.cancel()
    assert not (tmp_path / "out").exists()


def test_a_queued_job_is_cancelled_at_once(submit: Callable[..., SeparationJob]) -> None:
    go = threading.Event()
    running = [submit(20_000, progress=lambda _: go.wait(10)) for _ in range(2)]
    queued = submit(20_000)
    assert queued.cancel()
    assert queued.state == "cancelled"
    with pytest.raises(SeparationCancelledError, match="before its turn"):
        queued.result(timeout=0)
    go.set()
    for job in running:
        job.result(timeout=60)


def test_a_listener_that_waits_for_its_own_job_is_refused_and_not_the_job(
    submit: Callable[..., SeparationJob], caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[Any] = []
    go = threading.Event()
    job = submit(20_000, progress=lambda _: go.wait(10))
    job.subscribe(lambda event: job.result() if event.stage == "done" else None)
    job.when_ended(lambda job: ended.append(job.result()))
    go.set()
    result = job.result(timeout=60)
    assert wait_until(lambda: ended == [result])
    assert caplog.text.count("ValidationError: A listener") == 1


def test_an_event_loop_that_gives_up_a_future_does_not_end_the_job(submit: Callable[..., SeparationJob]) -> None:
    go = threading.Event()
    job = submit(20_000, progress=lambda _: go.wait(10))

    async def give_up() -> None:
        job.in_loop().cancel()
        await asyncio.sleep(0)

    asyncio.run(give_up())
    assert not job.done()
    go.set()
    assert job.result(timeout=60).vocals.frames == 20_000


def test_whoever_stops_waiting_does_not_stop_the_job(submit: Callable[..., SeparationJob]) -> None:
    go = threading.Event()
    job = submit(20_000, progress=lambda _: go.wait(10))
    with pytest.raises(TimeoutError, match="it goes on"):
        job.result(timeout=0.01)
    with pytest.raises(TimeoutError, match="it goes on"):
        job.exception(timeout=0.01)

    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(job, 0.01)

    asyncio.run(give_up())
    go.set()
    assert job.result(timeout=60).vocals.frames == 20_000


def test_several_await_one_job(submit: Callable[..., SeparationJob]) -> None:
    async def run() -> list[Any]:
        job = submit()

        async def wait() -> Any:
            return await job

        return await asyncio.gather(wait(), wait())

    first, second = asyncio.run(run())
    assert first is second


def test_an_awaited_failure_that_nobody_hears_of_is_quiet(
    submit: Callable[..., SeparationJob], caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        job = submit(LONG)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(job, 0.05)
        job.cancel()
        assert await asyncio.to_thread(wait_until, job.done)

    asyncio.run(run())
    assert "never retrieved" not in caplog.text


def test_results_cannot_be_changed_in_place(submit: Callable[..., SeparationJob]) -> None:
    samples = submit().result(timeout=60).vocals.samples
    with pytest.raises(ValueError, match="read-only"):
        samples *= np.float32(2)

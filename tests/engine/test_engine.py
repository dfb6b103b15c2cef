"""The engine: many separations at once in one kernel, each as if it were alone."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import spleeter_nb
from spleeter_nb import SpleeterConfig, SpleeterEngine
from spleeter_nb.engine import engine as engine_module
from spleeter_nb.engine.fallback import ResilientRuntime
from spleeter_nb.engine.separation import LOADED_MODELS
from spleeter_nb.exceptions import (
    AudioNotFoundError,
    EngineClosedError,
    SeparationCancelledError,
    UnknownOptionError,
    ValidationError,
)
from tests.engine.conftest import RATE, job_threads, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray


@pytest.fixture
def model(small_models: Path) -> Path:
    return small_models / "two" / "config.json"


def given(**options: object) -> dict[str, Any]:
    return {"sample_rate": RATE, "progress": False, **options}


def test_a_separation_is_awaited(model: Path, noise: Callable[..., FloatArray], separated: Callable[..., Any]) -> None:
    song = noise(30_000)

    async def run() -> Any:
        async with SpleeterEngine() as engine:
            return await engine.separate(audio_path=song, model_name=model, **given())

    result, expected = asyncio.run(run()), separated(song)
    assert list(result) == list(expected)
    for name in expected:
        np.testing.assert_array_equal(result[name].samples, expected[name].samples)


def test_four_at_once_give_what_each_gives_alone(
    model: Path, noise: Callable[..., FloatArray], separated: Callable[..., Any]
) -> None:
    songs = [noise(60_000 + 1000 * seed, seed=seed) for seed in range(4)]
    most = 0

    def count(_: Progress) -> None:
        nonlocal most
        most = max(most, len(job_threads()))

    async def run() -> list[Any]:
        async with SpleeterEngine() as engine:
            jobs = (engine.separate(song, model, **given(progress=count)) for song in songs)
            return await asyncio.gather(*jobs)

    results = asyncio.run(run())
    for song, result in zip(songs, results, strict=True):
        expected = separated(song)
        for name in expected:
            np.testing.assert_array_equal(result[name].samples, expected[name].samples)
    # Two jobs, each with a thread of its own and two that compute.
    assert 0 < most <= 2 * 3


def test_two_run_and_the_others_wait_for_their_turn(model: Path, noise: Callable[..., FloatArray]) -> None:
    async def run() -> None:
        async with SpleeterEngine() as engine:
            go, begun = threading.Event(), threading.Semaphore(0)

            def hold(event: Progress) -> None:
                if event.stage == "load":
                    begun.release()
                    go.wait(10)

            jobs = [engine.submit(noise(20_000), model, **given(progress=hold)) for _ in range(3)]
            await asyncio.to_thread(lambda: [begun.acquire(timeout=10) for _ in range(2)])
            assert [job.state for job in jobs] == ["running", "running", "queued"]
            assert repr(engine) == "SpleeterEngine(3 jobs)"
            assert jobs[2].progress is not None
            assert jobs[2].progress.stage == "queued"
            go.set()
            for job in jobs:
                assert (await job).duration == 20_000 / RATE
            assert [job.state for job in jobs] == ["done"] * 3

    asyncio.run(run())


def test_a_wrong_option_is_refused_before_anything_begins(model: Path, noise: Callable[..., FloatArray]) -> None:
    engine = SpleeterEngine()
    with pytest.raises(UnknownOptionError, match="Did you mean 'overlap'"):
        engine.submit(noise(10), model, overlp=0.5)
    with pytest.raises(UnknownOptionError):
        asyncio.run(engine.separate(noise(10), model, overlp=0.5))
    assert engine.get_processing_stats()["jobs"]["failed"] == 0
    asyncio.run(engine.close())


def test_a_failure_is_raised_and_counted(model: Path, tmp_path: Path) -> None:
    async def run() -> Any:
        async with SpleeterEngine() as engine:
            with pytest.raises(AudioNotFoundError):
                await engine.separate(tmp_path / "missing.wav", model, progress=False)
            return engine.get_processing_stats()

    stats = asyncio.run(run())
    assert stats["failures"] == {"AudioNotFoundError": 1}
    assert stats["success_rate"] == 0


def test_successes_are_counted_with_their_seconds(model: Path, noise: Callable[..., FloatArray]) -> None:
    async def run() -> Any:
        async with SpleeterEngine() as engine:
            await engine.separate(noise(2 * RATE), model, **given())
            return engine.get_processing_stats()

    stats = asyncio.run(run())
    assert stats["jobs"]["done"] == 1
    assert stats["success_rate"] == 100
    assert stats["audio_seconds"] == pytest.approx(2)
    assert stats["x_realtime"] > 0
    assert "separate" in stats["stages"]


def test_cancelling_the_task_cancels_the_job(model: Path, noise: Callable[..., FloatArray]) -> None:
    async def run() -> None:
        async with SpleeterEngine() as engine:
            begun = asyncio.Event()
            loop = asyncio.get_running_loop()

            def tell(event: Progress) -> None:
                if event.stage == "separate":
                    loop.call_soon_threadsafe(begun.set)

            task = asyncio.create_task(engine.separate(noise(8_000_000), model, **given(progress=tell)))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(wait_until, lambda: not engine.get_processing_stats()["jobs"]["running"])
            assert engine.get_processing_stats()["jobs"]["cancelled"] == 1

    asyncio.run(run())


def test_a_closed_engine_takes_no_more_and_has_ended_its_jobs(model: Path, noise: Callable[..., FloatArray]) -> None:
    async def run() -> None:
        engine = await SpleeterEngine(SpleeterConfig()).initialize()
        jobs = [engine.submit(noise(8_000_000), model, **given()) for _ in range(3)]
        await engine.close()
        await engine.close()
        assert {job.state for job in jobs} == {"cancelled"}
        with pytest.raises(EngineClosedError, match="make a new one"):
            engine.submit(noise(10), model, **given())
        with pytest.raises(EngineClosedError):
            await engine.initialize()
        assert repr(engine) == "SpleeterEngine(closed)"
        for job in jobs:
            with pytest.raises(SeparationCancelledError):
                await job

    asyncio.run(run())
    assert wait_until(lambda: not job_threads())


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count the loaded networks that are new; engines and networks of other tests do not matter."""

    def count() -> int:
        gc.collect()
        # Not isinstance: it asks a proxy, too, whose object may be gone.
        return sum(type(thing) is ResilientRuntime for thing in gc.get_objects())

    monkeypatch.setattr(engine_module, "_OPEN", weakref.WeakSet())
    LOADED_MODELS.clear()
    before = count()
    return lambda: count() - before


def test_a_closed_engine_gives_the_memory_of_the_networks_back(
    model: Path, noise: Callable[..., FloatArray], loaded: Callable[[], int]
) -> None:
    async def run() -> None:
        async with SpleeterEngine(SpleeterConfig()) as engine:
            await engine.separate(noise(10_000), model, **given())
            assert loaded() == 1

    asyncio.run(run())
    assert wait_until(lambda: not job_threads())
    assert wait_until(lambda: loaded() == 0)


def test_networks_are_given_back_without_an_engine(
    model: Path, noise: Callable[..., FloatArray], loaded: Callable[[], int]
) -> None:
    before = spleeter_nb.separate(noise(10_000), model, **given())
    assert loaded() == 1
    spleeter_nb.release()
    assert wait_until(lambda: loaded() == 0)
    spleeter_nb.release()
    again = spleeter_nb.separate(noise(10_000), model, **given())
    np.testing.assert_array_equal(again.vocals.samples, before.vocals.samples)


def test_the_networks_stay_while_another_engine_is_open(
    model: Path, noise: Callable[..., FloatArray], loaded: Callable[[], int]
) -> None:
    async def run() -> None:
        SpleeterEngine()  # one that does nothing holds nothing
        idle = SpleeterEngine()
        async with SpleeterEngine() as other:
            for _ in range(2):
                async with SpleeterEngine() as engine:
                    await engine.separate(noise(10_000), model, **given())
                assert wait_until(lambda: loaded() == 1)
            await other.close()
        assert wait_until(lambda: loaded() == 0)
        await idle.close()

    asyncio.run(run())


def test_stems_that_nobody_holds_are_gone_at_once(model: Path, noise: Callable[..., FloatArray]) -> None:
    async def run() -> weakref.ref[object]:
        async with SpleeterEngine(SpleeterConfig()) as engine:
            return weakref.ref(await engine.separate(noise(10_000), model, **given()))

    gc.disable()
    try:
        stems = asyncio.run(run())
        assert wait_until(lambda: stems() is None)
    finally:
        gc.enable()


def test_an_engine_that_is_closed_meanwhile_by_another_thread(model: Path, noise: Callable[..., FloatArray]) -> None:
    engine = SpleeterEngine()

    def close(_: Progress) -> None:
        closing = threading.Thread(target=lambda: asyncio.run(engine.close()))
        closing.start()
        closing.join()

    with pytest.raises(EngineClosedError):
        engine.submit(noise(10), model, **given(progress=close))
    assert engine.get_processing_stats()["jobs"] == {
        "queued": 0, "running": 0, "done": 0, "failed": 0, "cancelled": 1,
    }  # fmt: skip


def test_settings_of_another_type_are_refused() -> None:
    with pytest.raises(ValidationError, match="config is a dict"):
        SpleeterEngine({"batch_size": 4})  # type: ignore[arg-type]


FORKING = """
import os, sys
import numpy as np
import spleeter_nb

engine, song = spleeter_nb.SpleeterEngine(), np.sin(np.arange(40_000.0)).reshape(-1, 2)
def separate():
    job = engine.submit(song, sys.argv[1], sample_rate=8000, progress=False, cache=False)
    return job.result(60).vocals.samples
expected, child = separate(), os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
np.testing.assert_array_equal(separate(), expected)
assert engine.get_processing_stats()["jobs"]["done"] == 1
np.testing.assert_array_equal(spleeter_nb.separate(
    song, sys.argv[1], sample_rate=8000, progress=False, cache=False).vocals.samples, expected)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_a_forked_process_begins_anew(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, model], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_models_are_listed(two_stems_models_dir: Path) -> None:
    engine = SpleeterEngine(SpleeterConfig(models_dir=two_stems_models_dir))
    models = {model.name: model for model in engine.get_available_models()}
    assert len(models) == 6
    assert models["spleeter:2stems"].installed
    assert not models["spleeter:5stems"].installed
    assert models["spleeter:4stems"].instruments == ("vocals", "drums", "bass", "other")

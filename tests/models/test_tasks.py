"""Downloads that tasks wait for: shared, told, cancelled."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import ModelNotFoundError, UnknownModelError
from spleeter_nb.models.sharing import SharedWork
from spleeter_nb.models.store import ModelManager
from tests.models.tiny import NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path
    from typing import Any

    from spleeter_nb.events import Progress
    from spleeter_nb.models.installed import InstalledModel
    from spleeter_nb.models.watch import Watch
    from tests.models.tiny import Server, Tiny

PARTIAL = {".tiny.lock", ".partial-tiny"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def nothing_runs() -> bool:
    """Say whether all threads end, within the moment that they may take after their result is known."""
    deadline = time.monotonic() + 2
    while downloading() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not downloading()


def downloading() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("spleeter_nb-download")]


@pytest.fixture
def patient(tiny: Tiny, server: Server, tmp_path: Path) -> ModelManager:
    """A manager that waits 20 s for the next byte."""
    return ModelManager(tmp_path, host=server.host, catalog=tiny.catalog)


def test_work_that_ends_at_once_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # The quickest thread there can be: it has ended when it has begun.
    monkeypatch.setattr(threading.Thread, "start", threading.Thread.run)
    told: list[Progress] = []
    asyncio.run(SharedWork[None]().join("work", lambda watch: watch.note("Trying"), progress=told.append))
    assert [event.message for event in told] == ["Trying"]


def test_one_after_the_other_fetches_once(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    manager = tiny.manager(tmp_path, host=server.host)

    async def twice() -> list[InstalledModel]:
        return [await manager.download_model(NAME), await manager.download_model(NAME)]

    tiny.check(asyncio.run(twice())[0])
    assert len(server.requests) == 1


@pytest.mark.parametrize("force", [False, True])
def test_twenty_at_once_share_one_download_and_all_look_on(
    tiny: Tiny, server: Server, tmp_path: Path, *, force: bool
) -> None:
    manager = tiny.manager(tmp_path, host=server.host)
    events: list[list[Progress]] = [[] for _ in range(20)]
    began: list[int] = []

    def count(handler: BaseHTTPRequestHandler) -> None:
        began.append(len(downloading()))
        server.later(handler)

    server.script.append(count)

    async def together() -> list[InstalledModel]:
        return await asyncio.gather(
            *(manager.download_model(NAME, force=force, progress=told.append) for told in events)
        )

    installed = asyncio.run(together())
    for model in installed:
        tiny.check(model)
    assert len(server.requests) == 1
    assert began == [2], "one thread that fetches, one that watches for a cancel"
    assert {told[-1].fraction for told in events} == {1.0}
    assert nothing_runs()


def test_an_error_reaches_all_who_wait_and_the_next_begins_anew(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    manager = tiny.manager(tmp_path, host=server.host)
    server.script.append(server.answer(404))

    async def together() -> list[InstalledModel | BaseException]:
        return await asyncio.gather(*(manager.download_model(NAME) for _ in range(3)), return_exceptions=True)

    assert [type(error) for error in asyncio.run(together())] == [ModelNotFoundError] * 3
    tiny.check(asyncio.run(manager.download_model(NAME)))
    with pytest.raises(UnknownModelError):
        asyncio.run(manager.download_model("test:tinny"))


@pytest.mark.parametrize("silent", ["before the answer", "within the answer"])
def test_a_cancelled_task_stops_its_download_at_once_and_leaves_it_to_be_continued(
    tiny: Tiny, server: Server, patient: ModelManager, silent: str
) -> None:
    server.script.append(server.breaking(100_000, stall=silent == "within the answer"))
    if silent == "before the answer":
        server.script.append(server.silent)

    async def cancel_it() -> float:
        task = asyncio.create_task(patient.download_model(NAME))
        await asyncio.to_thread(server.stalled.wait, 5)
        await asyncio.sleep(0.1)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seconds = time.monotonic() - began
        assert names(patient.models_dir) == PARTIAL
        assert nothing_runs()
        return seconds

    assert asyncio.run(cancel_it()) < 0.5
    tiny.check(asyncio.run(patient.download_model(NAME)))
    assert server.sent == len(tiny.archive)


def test_a_task_that_leaves_takes_nothing_from_the_others(tiny: Tiny, server: Server, patient: ModelManager) -> None:
    """The first of three is cancelled, then the second; the third gets the model of the one download."""
    server.script.append(server.later)
    told: list[Progress] = []

    async def leave() -> InstalledModel:
        tasks = [asyncio.create_task(patient.download_model(NAME, progress=told.append)) for _ in range(2)]
        last = asyncio.create_task(patient.download_model(NAME))
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        told.clear()
        return await last

    tiny.check(asyncio.run(leave()))
    assert len(server.requests) == 1
    assert told == []


def test_whoever_comes_after_the_last_has_left_begins_anew(tiny: Tiny, server: Server, patient: ModelManager) -> None:
    server.script.append(server.breaking(100_000, stall=True))

    async def cancel_and_come_again() -> InstalledModel:
        task = asyncio.create_task(patient.download_model(NAME))
        await asyncio.to_thread(server.stalled.wait, 5)
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.sleep(0)  # it is leaving, and its work is not over yet
        installed = await patient.download_model(NAME)
        assert task.cancelled()
        return installed

    tiny.check(asyncio.run(cancel_and_come_again()))
    assert server.sent == len(tiny.archive)


def test_loops_of_several_threads_share_as_well(server: Server, patient: ModelManager) -> None:
    meeting = threading.Barrier(3)
    server.script.append(server.later)
    installed: list[InstalledModel] = []

    def run() -> None:
        meeting.wait(5)
        installed.append(asyncio.run(patient.download_model(NAME)))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(installed) == 3
    assert len(server.requests) == 1


def run_cancelled(coroutine: Callable[[], Coroutine[Any, Any, object]], after: float) -> float:
    """Run a task, cancel it, and say how long it took to end."""

    async def main() -> float:
        task = asyncio.create_task(coroutine())
        await asyncio.sleep(after)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    return asyncio.run(main())


def test_work_that_does_not_stop_is_left_behind() -> None:
    """A server that cannot be reached holds a thread for seconds, and nobody has to wait for it."""
    release = threading.Event()

    def stubborn(_watch: Watch) -> None:
        release.wait(10)
        raise RuntimeError

    shared: SharedWork[None] = SharedWork()
    assert run_cancelled(lambda: shared.join("it", stubborn), 0.05) < 1
    assert downloading()
    release.set()
    assert nothing_runs()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_a_thread_of_its_parent() -> None:
    release, running = threading.Event(), threading.Event()
    shared: SharedWork[int] = SharedWork()

    def work(_watch: Watch) -> int:
        running.set()
        release.wait(10)
        return 1

    parent = threading.Thread(target=lambda: asyncio.run(shared.join("it", work)))
    parent.start()
    running.wait(5)
    with shared._lock:  # noqa: SLF001 - as a thread of the parent may hold it, for a moment
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            os._exit(asyncio.run(shared.join("it", lambda _: 42)))
    _, status = os.waitpid(child, 0)
    release.set()
    parent.join()
    assert os.waitstatus_to_exitcode(status) == 42

"""Several processes at once, locks that do nothing, and processes that are killed."""

from __future__ import annotations

import itertools
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import filelock
import pytest

from spleeter_nb.exceptions import ModelNotFoundError
from spleeter_nb.models.download import Patience
from spleeter_nb.models.store import ModelManager

if TYPE_CHECKING:
    from spleeter_nb.models.installed import InstalledModel
    from tests.models.tiny import Server, Tiny

HERE = Path(__file__).parent
NAME = "test:tiny"
LEFT_BEHIND = {".tiny.lock", "tiny"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def script(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(HERE / name), *map(str, arguments)]


def test_eight_processes_share_one_download(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    command = script("install.py", tmp_path, server.host, tiny.weights_json)
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    digests = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert len(set(digests)) == 1
    assert len(server.requests) == 1
    assert names(tmp_path) == LEFT_BEHIND


class NoLock:
    """What a network file system's lock may be worth."""

    is_locked: ClassVar[bool] = False

    def __init__(self, _path: Path) -> None:
        pass

    def acquire(self, timeout: float) -> None:
        type(self).is_locked = timeout == 0

    def release(self) -> None:
        pass


def test_locks_that_do_nothing_cost_downloads_and_no_more(
    tiny: Tiny, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filelock, "FileLock", NoLock)
    meeting = threading.Barrier(3)
    server.script.extend([lambda handler: (meeting.wait(5), server.serve(handler))] * 3)  # type: ignore[list-item, func-returns-value]
    installed: list[InstalledModel] = []
    manager = tiny.manager(tmp_path, host=server.host)
    threads = [threading.Thread(target=lambda: installed.append(manager.ensure(NAME))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(installed) == 3
    tiny.check(manager.validate_model(NAME))
    assert names(tmp_path) == {"tiny"}
    assert len(server.requests) == 3


def kill_download(tiny: Tiny, server: Server, models_dir: Path, *, at: int) -> None:
    """Kill a process that downloads, when the server fell silent after `at` bytes of the archive."""
    process = subprocess.Popen(script("install.py", models_dir, server.host, tiny.weights_json))
    assert server.stalled.wait(30)
    server.stalled.clear()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        # A few kilobytes may still be with the process.
        if any(path.stat().st_size > at - 8192 for path in models_dir.glob(".staging-*/download/archive")):
            break
        time.sleep(0.02)
    process.kill()
    assert process.wait(10) == -signal.SIGKILL


def test_a_killed_download_is_continued(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    server.script.append(server.breaking(300_000, stall=True))
    kill_download(tiny, server, tmp_path, at=300_000)
    manager = tiny.manager(tmp_path, host=server.host)
    with pytest.raises(ModelNotFoundError):
        manager.validate_model(NAME)
    tiny.check(manager.ensure(NAME))
    assert server.requests[1]["Range"] == "bytes=300000-"
    assert server.sent == len(tiny.archive)
    assert names(tmp_path) == LEFT_BEHIND


@pytest.mark.parametrize("seed", range(2))
def test_sixteen_ends_silences_and_kills_cost_hardly_a_byte_twice(
    tiny: Tiny, server: Server, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - test data
    places = [0, *sorted(dice.sample(range(1, len(tiny.archive)), 16))]
    kills = {dice.randint(1, 4), dice.randint(5, 9)}
    silences = {11, 13, 15}
    for number, (start, end) in enumerate(itertools.pairwise(places)):
        server.script.append(server.breaking(end - start, stall=number in kills | silences))
    for number in sorted(kills):
        kill_download(tiny, server, tmp_path, at=places[number + 1])
    patience = Patience(read=0.2, pause=0.001)
    manager = ModelManager(tmp_path, host=server.host, catalog=tiny.catalog, patience=patience)
    tiny.check(manager.ensure(NAME))
    assert len(server.requests) == 17
    assert server.sent <= 1.05 * len(tiny.archive)
    assert names(tmp_path) == LEFT_BEHIND


@pytest.mark.parametrize("before", ["absent", "damaged"])
def test_killed_at_any_call_an_installation_leaves_no_half_model(tiny: Tiny, tmp_path: Path, before: str) -> None:
    tiny = tiny.with_weights(digests={})  # the harder case: no file's digest is known beforehand
    (tmp_path / "archive").write_bytes(tiny.archive)
    command = script("crash_points.py", tmp_path, tmp_path / "archive", tiny.weights_json, before)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= 20
    shutil.rmtree(tmp_path)

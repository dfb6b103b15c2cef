"""Several processes at once, locks that do nothing, and processes that are killed."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from spleeter_nb.models.installed import InstalledModel
    from tests.models.conftest import Server, Tiny

HERE = Path(__file__).parent
NAME = "test:tiny"
LEFT_BEHIND = {".tiny.lock", "tiny"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def script(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(HERE / name), *map(str, arguments)]


def test_four_processes_share_one_download(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    command = script("install.py", tmp_path, server.host, tiny.weights_json)
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    digests = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
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


def test_a_killed_download_is_continued(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    server.script.append(server.breaking(300_000, stall=True))
    process = subprocess.Popen(script("install.py", tmp_path, server.host, tiny.weights_json))
    assert server.stalled.wait(30)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(path.stat().st_size == 300_000 for path in tmp_path.glob(".staging-*/download/archive")):
            break
        time.sleep(0.02)
    process.kill()
    assert process.wait(10) == -signal.SIGKILL
    manager = tiny.manager(tmp_path, host=server.host)
    with pytest.raises(ModelNotFoundError):
        manager.validate_model(NAME)
    tiny.check(manager.ensure(NAME))
    assert server.requests[1]["Range"] == "bytes=300000-"
    assert server.sent == len(tiny.archive)
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

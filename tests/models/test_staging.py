from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import filelock
import pytest

from spleeter_nb.exceptions import DiskFullError, SeparationCancelledError, StorageError
from spleeter_nb.models.staging import DOWNLOAD, model_lock, staging_folder
from spleeter_nb.models.watch import Watch
from spleeter_nb.storage import storing

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def abandoned(models_dir: Path, pid: int, *, content: bytes = b"") -> Path:
    """Make the staging folder of process `pid` as it would name it."""
    with staging_folder(models_dir, "tiny") as mine:
        name = mine.name.replace(f"-{os.getpid()}-", f"-{pid}-")
    folder = models_dir / name
    (folder / DOWNLOAD).mkdir(parents=True)
    if content:
        (folder / DOWNLOAD / "archive").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


@pytest.mark.parametrize("content", [b"", b"half"])
def test_the_folder_of_a_dead_process_is_swept_and_its_download_taken_over(
    tmp_path: Path, dead_pid: int, content: bytes
) -> None:
    abandoned(tmp_path, dead_pid, content=content)
    with staging_folder(tmp_path, "tiny") as mine:
        assert names(tmp_path) == {mine.name}
        assert names(mine / DOWNLOAD) == ({"archive"} if content else set())
    assert names(tmp_path) == set()


def test_an_orphan_without_a_download_is_swept(tmp_path: Path, dead_pid: int) -> None:
    (abandoned(tmp_path, dead_pid) / DOWNLOAD).rmdir()
    with staging_folder(tmp_path, "tiny") as mine:
        assert names(tmp_path) == {mine.name}


@pytest.mark.parametrize("pid", [1, os.getppid()])
def test_the_folder_of_a_living_process_is_left_alone(tmp_path: Path, pid: int) -> None:
    folder = abandoned(tmp_path, pid)
    with staging_folder(tmp_path, "tiny"):
        pass
    assert names(tmp_path) == {folder.name}


def test_a_folder_of_another_machine_is_swept_after_a_day(tmp_path: Path) -> None:
    folders = [tmp_path / f".staging-tiny-{rest}" for rest in ("0123abcd-1-0", "0123abcd-1-1", "strangeandold")]
    for folder in folders:
        folder.mkdir()
    yesterday = time.time() - 100_000
    for folder in folders[::2]:
        os.utime(folder, (yesterday, yesterday))
    (tmp_path / ".staging-tiny-strange").mkdir()
    (tmp_path / ".staging-other-0123abcd-1-0").mkdir()
    with staging_folder(tmp_path, "tiny"):
        pass
    assert names(tmp_path) == {folders[1].name, ".staging-tiny-strange", ".staging-other-0123abcd-1-0"}


@pytest.mark.parametrize(("error", "kept"), [(KeyboardInterrupt(), True), (DiskFullError("full"), False)])
def test_a_download_outlives_an_interrupt_and_not_a_full_disk(
    tmp_path: Path, error: BaseException, *, kept: bool
) -> None:
    def download() -> None:
        with staging_folder(tmp_path, "tiny") as mine:
            (mine / DOWNLOAD / "archive").write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        download()
    assert names(tmp_path) == ({".partial-tiny"} if kept else set())


def test_a_lock_that_another_holds_is_waited_for(tmp_path: Path) -> None:
    events: list[str] = []
    lock = filelock.FileLock(tmp_path / ".tiny.lock", thread_local=False)
    lock.acquire()
    threading.Timer(0.3, lock.release).start()
    with model_lock(tmp_path, "tiny", Watch(lambda progress: events.append(progress.message))):
        assert events == ["tiny is being installed by somebody else; waiting for it"]


def test_waiting_for_a_lock_can_be_stopped_and_ends(tmp_path: Path) -> None:
    cancel = threading.Event()
    with filelock.FileLock(tmp_path / ".tiny.lock"):
        with model_lock(tmp_path, "tiny", Watch(), patience=0.2):
            pass
        cancel.set()
        with pytest.raises(SeparationCancelledError), model_lock(tmp_path, "tiny", Watch(cancel=cancel)):
            pass


def test_where_there_are_no_locks_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / ".tiny.lock").mkdir()
    with model_lock(tmp_path, "tiny", Watch()):
        pass


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError), (errno.EIO, StorageError)]
)
def test_the_systems_errors_become_ours(tmp_path: Path, number: int, expected: type[StorageError]) -> None:
    path = tmp_path / "not" / "there"
    with pytest.raises(StorageError, match=str(path)) as caught, storing(path):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is expected

"""What the system says when it cannot write, in our words."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from spleeter_nb import storage
from spleeter_nb.exceptions import DiskFullError, StorageError, ValidationError
from spleeter_nb.storage import (
    create_temporary,
    is_abandoned,
    is_below,
    is_temporary,
    move_into_place,
    require_space,
    storing,
    sync_folder,
)


def test_without_an_error_nothing_happens(tmp_path: Path) -> None:
    with storing(tmp_path / "file"):
        (tmp_path / "file").write_bytes(b"1")
    assert (tmp_path / "file").read_bytes() == b"1"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_its_figures(number: int, tmp_path: Path) -> None:
    target = tmp_path / "not" / "yet" / "there"
    with pytest.raises(DiskFullError, match="1,234,567 bytes are needed") as caught, storing(target, needed=1_234_567):
        raise OSError(number, os.strerror(number))
    assert caught.value.context["path"] == str(target)
    assert caught.value.context["needed"] == 1_234_567
    assert caught.value.context["free"] > 0
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(DiskFullError, match=r"is full: [\d,]+ are free"), storing(target):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EFBIG, errno.EACCES])
def test_other_errors_of_the_system_keep_their_words(number: int) -> None:
    with pytest.raises(StorageError, match=os.strerror(number)) as caught, storing("somewhere"):
        raise OSError(number, os.strerror(number))
    assert caught.value.context == {"path": "somewhere", "errno": number}


def test_what_can_be_no_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="null byte"), storing(tmp_path / "\0"):
        (tmp_path / "\0").open("w")


def test_our_own_errors_pass() -> None:
    ours = ValidationError("ours")
    with pytest.raises(ValidationError) as caught, storing("somewhere"):
        raise ours
    assert caught.value is ours


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), storing("somewhere"):
        raise ZeroDivisionError


def test_room_is_looked_for_before_it_is_needed(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    require_space(tmp_path / "not" / "yet", free // 2)
    with pytest.raises(DiskFullError) as caught:
        require_space(tmp_path / "not" / "yet", 2**60)
    assert caught.value.context["needed"] == 2**60


def test_folders_are_synchronised_where_they_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    sync_folder(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")
    with monkeypatch.context() as patch:
        patch.setattr(storage.os, "name", "nt")
        sync_folder(tmp_path / "missing")


# Temporary files


def test_a_temporary_file_belongs_to_its_process_as_long_as_it_is_open(tmp_path: Path) -> None:
    path, file = create_temporary(tmp_path)
    with file:
        assert is_temporary(path.name)
        assert list(tmp_path.iterdir()) == [path]
        assert not is_abandoned(path)
        path = path.rename(tmp_path / "other")
        assert not is_abandoned(path)
    assert is_abandoned(path)
    path.unlink()
    assert not is_abandoned(path)


@pytest.mark.parametrize("swept_at", ["before it is locked", "while it is locked"])
def test_who_is_swept_before_the_lock_is_had_takes_another_file(
    swept_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, swept = storage._lock, []  # noqa: SLF001 - the moment between making and locking

    def sweep_and_lock(descriptor: int) -> bool | None:
        if swept:
            return lock(descriptor)
        swept.extend(tmp_path.iterdir())
        if swept_at == "while it is locked":
            return False
        swept[0].unlink()
        return lock(descriptor)

    monkeypatch.setattr(storage, "_lock", sweep_and_lock)
    path, file = create_temporary(tmp_path)
    with file:
        assert list(tmp_path.iterdir()) == [path]
        assert [path] != swept


def test_where_there_are_no_locks_age_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    path, file = create_temporary(tmp_path)
    file.close()
    assert not is_abandoned(path)
    then = time.time() - 2 * 86_400
    os.utime(path, (then, then))
    assert is_abandoned(path)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_replaced_only_if_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links on this file system")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    new, taken = tmp_path / "new", tmp_path / "taken"
    new.write_bytes(b"new")
    taken.symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        move_into_place(new, taken, replace=False)
    move_into_place(new, tmp_path / "free", replace=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["free", "taken"]
    move_into_place(tmp_path / "free", taken, replace=True)
    assert taken.read_bytes() == b"new"
    with pytest.raises(FileNotFoundError):
        move_into_place(new, tmp_path / "free", replace=False)


def test_a_place_below_a_folder_does_not_lead_out_of_it() -> None:
    assert is_below("a/b.wav")
    assert not any(map(is_below, ("/a", "..", "a/../../b", "a/..")))

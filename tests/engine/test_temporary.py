"""Temporary files on a disk that fails."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import resource
import tempfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.engine import mixture, stores
from spleeter_nb.engine.temporary import discard, storing_temporarily, temporary_file
from spleeter_nb.exceptions import DiskFullError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spleeter_nb import SeparationResult
    from spleeter_nb.values import FloatArray

# What makes each user of a temporary file open one: the Wiener filter's passes, long stems, a residual that waits.
USERS: dict[str, dict[str, object]] = {
    "passes": {"wiener": True},
    "stems": {},
    "residual": {"residual": "stem"},
}


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "_IN_MEMORY", 1000)
    monkeypatch.setattr(stores, "_IN_MEMORY", 1000)


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """Let no file of this process grow beyond a few bytes: writing more fails as on a full disk.

    No longer than needed: what pytest prints may go to a file, too.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_memory", "nothing_left")
@pytest.mark.parametrize("user", USERS)
def test_a_temporary_folder_that_is_not_there_is_an_error(
    user: str,
    *,
    noise: Callable[..., FloatArray],
    separated: Callable[..., SeparationResult],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    separated(noise(100), wiener=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(StorageError, match="missing"):
        separated(noise(20_000), **USERS[user])


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("user", USERS)
def test_a_temporary_file_that_cannot_grow_is_an_error(
    user: str,
    *,
    noise: Callable[..., FloatArray],
    separated: Callable[..., SeparationResult],
    request: pytest.FixtureRequest,
) -> None:
    separated(noise(100), wiener=True)
    request.getfixturevalue("small_memory")
    with pytest.raises(StorageError) as caught, small_files():
        separated(noise(20_000), **USERS[user])
    assert caught.value.context["errno"] == errno.EFBIG


def test_a_system_without_a_temporary_folder_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", fail)
    with pytest.raises(StorageError, match="Set TMPDIR"), temporary_file():
        pytest.fail("there is none")


def test_a_full_disk_is_told() -> None:
    with pytest.raises(DiskFullError), storing_temporarily():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_is_discarded_need_not_reach_the_disk() -> None:
    class Full(io.BytesIO):
        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = Full()
    discard(file)
    assert file.closed


def test_a_temporary_file_is_given_back() -> None:
    with temporary_file() as file:
        file.write(np.arange(4).data)
    assert file.closed

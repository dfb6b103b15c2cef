from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import ModelCorruptError
from spleeter_nb.models import files
from spleeter_nb.models.files import read_record, recall_record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that nobody has touched for a while."""
    path = tmp_path / "model.index"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read, with a clock that is far ahead."""
    read: list[Path] = []
    monkeypatch.setattr(files, "read_record", lambda path: (read.append(path), read_record(path))[1])
    now = time.time_ns()
    monkeypatch.setattr(files.time, "time_ns", lambda: now + 10**10)
    return read


def test_a_file_that_is_as_it_was_is_hashed_once(old: Path, hashed: list[Path]) -> None:
    first, second = recall_record(old), recall_record(old)
    assert first == second
    assert first.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert hashed == [old]


def test_a_change_that_hides_its_time_is_seen(old: Path, hashed: list[Path]) -> None:
    stamp = old.stat().st_mtime_ns
    recall_record(old)
    time.sleep(0.02)
    old.write_bytes(b"WEIGHTS")
    os.utime(old, ns=(stamp, stamp))
    assert recall_record(old).sha256 == hashlib.sha256(b"WEIGHTS").hexdigest()
    assert hashed == [old, old]


def test_another_file_under_the_name_is_seen(old: Path, hashed: list[Path], tmp_path: Path) -> None:
    recall_record(old)
    other = tmp_path / "other"
    other.write_bytes(b"strange")
    other.replace(old)
    assert recall_record(old).sha256 == hashlib.sha256(b"strange").hexdigest()
    assert len(hashed) == 2


def test_a_file_touched_just_now_is_hashed_again(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(files, "read_record", lambda path: (read.append(path), read_record(path))[1])
    recall_record(old)
    recall_record(old)
    assert read == [old, old]


def test_a_file_that_went_away_is_an_error(old: Path, hashed: list[Path]) -> None:
    recall_record(old)
    old.unlink()
    with pytest.raises(ModelCorruptError):
        recall_record(old)
    assert len(hashed) == 2

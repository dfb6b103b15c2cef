"""Files on disk: their digests, and reading small ones."""

from __future__ import annotations

import errno
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ModelCorruptError

if TYPE_CHECKING:
    from pathlib import Path

_TICK_NS = 2 * 10**9


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What identifies the content of a file."""

    sha256: str
    """In hexadecimal."""
    size: int
    """Bytes."""


_known: dict[Path, tuple[tuple[int, ...], FileRecord]] = {}
"""What was hashed by this process: a few files for each model that it uses."""


def read_record(path: Path) -> FileRecord:
    """Hash a file.

    Raises
    ------
    ModelCorruptError
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return FileRecord(hashlib.file_digest(file, "sha256").hexdigest(), file.tell())
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise ModelCorruptError(msg, path=str(path)) from error


def recall_record(path: Path) -> FileRecord:
    """Give a file's record, from memory if the file is as it was when this process hashed it.

    Raises
    ------
    ModelCorruptError
        The file cannot be read.
    """
    before = _identify(path)
    known = _known.get(path)
    if known is not None and known[0] == before:
        return known[1]
    record = read_record(path)
    # A change within the clock's last tick would not show.
    if before is not None and before == _identify(path) and time.time_ns() - before[-1] > _TICK_NS:
        _known[path] = (before, record)
    return record


def _identify(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    times = sorted((status.st_mtime_ns, status.st_ctime_ns))
    return (status.st_dev, status.st_ino, status.st_size, *times)


def read_small(path: Path, limit: int) -> bytes:
    """Read a regular file, and no more than `limit` bytes of it; errors are the system's own."""
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path))
    with path.open("rb") as file:
        return file.read(limit)

"""Files on disk: their digests, and reading small ones."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ModelCorruptError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What identifies the content of a file."""

    sha256: str
    """In hexadecimal."""
    size: int
    """Bytes."""


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


def read_small(path: Path, limit: int) -> bytes:
    """Read a regular file, and no more than `limit` bytes of it; errors are the system's own."""
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path))
    with path.open("rb") as file:
        return file.read(limit)

"""Files that other processes may lock, sweep, or replace by something else."""

from __future__ import annotations

import os
import secrets
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def open_plainly(path: Path) -> IO[bytes]:
    """Open a file for reading that somebody may have replaced by a pipe or a link."""
    return open(path, "rb", buffering=0, opener=lambda name, _: os.open(name, _OPEN))


def lock(descriptor: int) -> bool:
    """Lock a whole file for this process without waiting; False when another holds it.

    Where locks do not work it is True: nobody is kept waiting, and nothing depends on them but work.
    """
    import fcntl  # noqa: PLC0415 - Windows lacks it; there the cache is off

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def unlock(descriptor: int) -> None:
    """Give back what `lock` took; closing is not enough, because a mapping keeps the file open."""
    import fcntl  # noqa: PLC0415 - Windows lacks it; there the cache is off

    fcntl.flock(descriptor, fcntl.LOCK_UN)


def locked_file(folder: Path) -> tuple[IO[bytes], Path]:
    """Make a file that no sweeper takes for an orphan, not even between making and locking it."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = folder / f"{secrets.token_hex(8)}.part"
        file = path.open("xb+")
        if lock(file.fileno()) and path.exists():
            return file, path
        file.close()

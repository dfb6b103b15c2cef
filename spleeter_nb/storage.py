"""What everybody needs who writes to a disk: the system's errors in our words, room, and renames that last."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import DiskFullError, SpleeterError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def storing(path: str | os.PathLike[str], *, needed: int | None = None) -> Iterator[None]:
    """Turn what the system says into a `StorageError` that names `path`.

    Parameters
    ----------
    path : str or PathLike
        What is being written: a file or a folder, there already or not.
    needed : int, optional
        Bytes to be written, where known.

    Raises
    ------
    DiskFullError
        If there is no room left.
    StorageError
        If it cannot be written for another reason, or cannot be a path at all.
    """
    try:
        yield
    except SpleeterError:
        raise
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        if number in _NO_ROOM:
            raise _disk_full(Path(path), needed=needed) from error
        problem = getattr(error, "strerror", None) or error
        raise StorageError(
            f"{os.fspath(path)!r} cannot be written: {problem}. Choose another place.",
            path=str(path),
            errno=number,
        ) from error


def require_space(folder: Path, needed: int) -> None:
    """Raise `DiskFullError` unless the disk of `folder` has room for `needed` bytes."""
    if _free(folder) < needed:
        raise _disk_full(folder, needed=needed)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut, where the system can.

    Windows opens no folders, and some network file systems synchronise none.
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


def _free(path: Path) -> int:
    folder = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.is_dir())
    return shutil.disk_usage(folder).free


def _disk_full(path: Path, *, needed: int | None) -> DiskFullError:
    free = _free(path)
    wanted = "" if needed is None else f"{needed:,} bytes are needed, "
    return DiskFullError(
        f"The disk of {str(path)!r} is full: {wanted}{free:,} are free. Make room, or choose another place.",
        path=str(path),
        needed=needed,
        free=free,
    )

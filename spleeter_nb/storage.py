"""What everybody needs who writes to a disk: the system's errors in our words, room, and files that appear whole."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING

from spleeter_nb.exceptions import DiskFullError, SpleeterError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
_TEMPORARY = re.compile(r"\.spleeter-[0-9a-f]{16}\.part")
# Seconds; nobody leaves a file or a folder alone for so long and comes back to it.
_ABANDONED_AFTER = 86_400.0
# A stranger may have put a link or a pipe there. Windows has none of these flags.
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


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


def create_temporary(folder: Path) -> tuple[Path, IO[bytes]]:
    """Make a file that is to become another one; until it is closed, sweepers see that somebody works on it."""
    while True:
        path = folder / f".spleeter-{secrets.token_hex(8)}.part"
        file = path.open("x+b")
        # A sweeper may have come between making and locking it.
        if _lock(file.fileno()) is not False and path.exists():
            return path, file
        file.close()
        path.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Say whether `create_temporary` gives such names."""
    return _TEMPORARY.fullmatch(name) is not None


def is_abandoned(path: Path) -> bool:
    """Say whether the process is gone that made a file by `create_temporary`.

    It is when the file can be locked. Where locks do not work, or do nothing, it is when the file is a day old.
    """
    try:
        with _opened(path) as file, _opened(path) as other:
            locked = _lock(file.fileno())
            if locked and _lock(other.fileno()) is False:
                return True
            return locked is not False and time.time() - os.fstat(file.fileno()).st_mtime > _ABANDONED_AFTER
    except OSError:
        return False


def move_into_place(temporary: Path, path: Path, *, replace: bool) -> None:
    """Give a finished file its name; unless it may replace another one, `FileExistsError` is raised for that."""
    if replace:
        temporary.replace(path)
        return
    # A rename would replace what is there, a second name is refused.
    try:
        os.link(temporary, path)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        # A file system without second names: the best that is left.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.rename(path)
    else:
        with suppress(OSError):
            temporary.unlink()


def is_below(place: str) -> bool:
    """Say whether a relative path does not lead out of the folder that it starts from."""
    path = PurePath(place)
    return not path.anchor and ".." not in path.parts


def staging_name(prefix: str) -> str:
    """Return a name for a folder to prepare something in, of this process alone."""
    return f"{prefix}-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"


def orphans(folder: Path, prefix: str) -> Iterator[Path]:
    """Find what has names of `staging_name` and belongs to nobody: its process is gone, or it is a day old."""
    for path in folder.glob(f"{prefix}-*"):
        with suppress(OSError, ValueError):
            if _is_orphan(path):
                yield path


def _is_orphan(path: Path) -> bool:
    if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
        return True
    machine, pid, _ = path.name.rsplit("-", 3)[1:]
    return machine == _machine() and not _is_alive(int(pid))


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 is no question but Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


def _lock(descriptor: int) -> bool | None:
    """Lock a file until it is closed: False when somebody else holds it, None where there are no locks."""
    try:
        import fcntl  # noqa: PLC0415 - Windows lacks it
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _opened(path: Path) -> IO[bytes]:
    """Open a regular file, to be changed: some network file systems lock no other ones."""
    file = os.fdopen(os.open(path, os.O_RDWR | _FLAGS), "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("it is no regular file")
    return file


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

"""Opening: one open, one inode, and never anything that could block."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from spleeter_nb.exceptions import (
    AudioChangedError,
    AudioNotFoundError,
    AudioProcessingError,
    EmptyAudioError,
    NotARegularFileError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import ReadableBuffer, WriteableBuffer

_T = TypeVar("_T")

# A FIFO without a writer must not hang us, a terminal must not become ours; Windows has neither flag.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)

# Read at once while hashing.
_BLOCK_BYTES = 1 << 20

_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
_NOT_A_FILE = {errno.ELOOP, errno.ENXIO, errno.EISDIR}

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class ShieldedFile(io.RawIOBase):
    """A file for C libraries, whose callbacks cannot pass on an exception: the first one is kept instead.

    Parameters
    ----------
    file : binary file object
        Read and written through; closing the shield leaves it open.

    Attributes
    ----------
    failure : Exception or None
        What went wrong first; from then on nothing more is read or written.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self._file = file

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into `buffer`; 0 at the end and after a failure."""
        view = memoryview(buffer).cast("B")
        data = self._attempt(lambda: memoryview(self._file.read(len(view))), memoryview(b""))
        view[: len(data)] = data
        return len(data)

    def write(self, data: ReadableBuffer) -> int:
        """Write `data`; 0 after a failure."""
        return self._attempt(lambda: self._file.write(data), 0)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position."""
        return self._attempt(lambda: self._file.seek(offset, whence), 0)

    def tell(self) -> int:
        """Give the position."""
        return self._attempt(self._file.tell, 0)

    def _attempt(self, action: Callable[[], _T], otherwise: _T) -> _T:
        if self.failure is None:
            try:
                return action()
            except Exception as error:  # noqa: BLE001 - a stranger's file object; raised again by our caller
                self.failure = error
        return otherwise


class Source:
    """The bytes of one song, opened once.

    Parameters
    ----------
    handle : binary file object
        Open for reading, seekable.
    name : str
        For messages.
    path : str, optional
        Where the handle was opened, to notice changes.

    Raises
    ------
    EmptyAudioError
        When there is not a single byte.

    Attributes
    ----------
    handle : binary file object
        To be decoded; its position belongs to whoever decodes.
    """

    def __init__(self, handle: io.RawIOBase | io.BytesIO, name: str, *, path: str | None = None) -> None:
        self.handle = handle
        self.name = name
        self._path = path
        self._identity = self._identify()
        self.size = handle.seek(0, os.SEEK_END)
        self.check_readable()
        if not self.size:
            raise EmptyAudioError(f"{name!r} is empty: not a single byte.", source=name)

    @property
    def descriptor(self) -> int | None:
        """The file descriptor where libsndfile can use it: it then reads without calling back into Python."""
        # On Windows a descriptor means nothing to a library with another C runtime.
        return self.handle.fileno() if self._path is not None and os.name == "posix" else None

    @property
    def is_exhausted(self) -> bool:
        """Whether the position stands at the end."""
        return self.handle.tell() >= self.size

    def read_at(self, position: int, count: int) -> bytes:
        """Read up to `count` bytes at `position`, which headers may give as they like."""
        if position >= self.size:
            return b""
        self.handle.seek(position)
        return self.handle.read(count) or b""

    def contents(self) -> Iterator[bytes]:
        """Yield all bytes in blocks; the position is afterwards where it was."""
        with self.position_kept():
            for start in range(0, self.size, _BLOCK_BYTES):
                yield self.read_at(start, _BLOCK_BYTES)
                self.check_readable()

    @contextlib.contextmanager
    def position_kept(self) -> Iterator[None]:
        """Let anybody read inside: a caller's file object has one position for all who read it."""
        position = self.handle.tell()
        try:
            yield
        finally:
            self.handle.seek(position)

    @property
    def is_watched(self) -> bool:
        """Whether `check_unchanged` sees a change: a stranger's file object tells nothing."""
        return self._path is not None or isinstance(self.handle, io.BytesIO)

    def check_readable(self) -> None:
        """Raise what a stranger's file object raised while a decoder read it."""
        failure = getattr(self.handle, "failure", None)
        if failure is not None:
            raise AudioProcessingError(f"Reading {self.name!r} failed: {failure!r}.", source=self.name) from failure

    def check_unchanged(self) -> None:
        """Raise `AudioChangedError` when the file is another one than at the start."""
        if self._identify() != self._identity:
            raise AudioChangedError(
                f"{self.name!r} was changed while it was read. Let whoever writes it finish, then try again.",
                source=self.name,
            )

    def close(self) -> None:
        """Close what was opened here; a file object of the caller stays open."""
        self.handle.close()

    def _identify(self) -> list[tuple[int, int, int, int]]:
        """Tell the open file and the one under its name apart from all others."""
        if self._path is None:
            return []
        opened = os.fstat(self.handle.fileno())
        try:
            named = os.stat(self._path)  # noqa: PTH116 - the very string that was opened
        except OSError:
            # Removed meanwhile: what we hold open is still whole.
            named = opened
        return [(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for s in (opened, named)]


def open_source(source: str | os.PathLike[str] | bytes | IO[bytes], *, name: str | None = None) -> Source:
    """Open a path, the bytes of a file, or a file object.

    Parameters
    ----------
    source : path, bytes or binary file object
        A file object must be seekable; it is read from its first byte, wherever it stands.
    name : str, optional
        For messages; None takes the file's own.

    Returns
    -------
    Source

    Raises
    ------
    ValidationError
        When it is none of these.
    AudioNotFoundError, NotARegularFileError, AudioProcessingError
        When a path cannot be opened.
    EmptyAudioError
        When there is not a single byte.
    """
    if isinstance(source, bytes):
        return Source(io.BytesIO(source), name or "<bytes>")
    if isinstance(source, (str, os.PathLike)):
        return _open_path(os.fsdecode(source), name)
    return _open_file_object(source, name)


def _open_path(path: str, name: str | None) -> Source:
    try:
        # Asked before opening too: to open some devices is to do something to them.
        _require_regular(os.stat(path), path)  # noqa: PTH116 - pathlib would normalise what the user wrote
        handle = io.FileIO(path, opener=lambda name, _: os.open(name, _FLAGS))
    except OSError as error:
        raise _cannot_open(error, path) from error
    except ValueError as error:
        raise ValidationError(f"{path!r} can be no path: {error}.", path=path) from error
    try:
        _require_regular(os.fstat(handle.fileno()), path)
        return Source(handle, name or os.path.basename(path), path=path)  # noqa: PTH119 - a plain string
    except BaseException:
        handle.close()
        raise


def _open_file_object(file: IO[bytes], name: str | None) -> Source:
    if isinstance(file, io.TextIOBase):
        raise ValidationError("The file is open as text. Open it with mode 'rb'.", type=type(file).__name__)
    if not (hasattr(file, "read") and hasattr(file, "seek") and hasattr(file, "tell")):
        raise ValidationError(
            f"A {type(file).__name__} cannot be read as sound. Give a path, bytes, a seekable binary file "
            "object, or a NumPy array with sample_rate.",
            type=type(file).__name__,
        )
    if getattr(file, "closed", False):
        raise ValidationError("The file object is closed. Open it again, or give its path.", type=type(file).__name__)
    if hasattr(file, "seekable") and not file.seekable():
        raise ValidationError(
            "The file object cannot seek, and most formats need that. Read it first and give its bytes.",
            type=type(file).__name__,
        )
    return Source(ShieldedFile(file), name or "<file>")


def _require_regular(status: os.stat_result, path: str) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((word for test, word in _KINDS if test(status.st_mode)), "no file")
    raise NotARegularFileError(f"{path!r} is {kind}; only regular files are read.", path=path, kind=kind)


def _cannot_open(error: OSError, path: str) -> AudioProcessingError:
    if error.errno in _NOT_THERE:
        return AudioNotFoundError(
            f"There is no file {path!r} (relative paths start at {str(Path.cwd())!r}).", path=path
        )
    if error.errno in _NOT_A_FILE:
        return NotARegularFileError(f"{path!r} leads to no regular file: {error.strerror}.", path=path)
    return AudioProcessingError(f"{path!r} cannot be opened: {error.strerror}.", path=path)

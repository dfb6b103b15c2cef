"""What a folder of stems already holds, so that a second batch does only what is missing.

A text file in the output folder has a line of JSON for each finished song: which job made it, which files that job
wrote, and what they were then. The files themselves have the last word: a song counts as done only while all of them
are there and unchanged. The ledger is a help, never a truth. It may be cut, damaged, deleted, out of date or written
by several processes at once; then songs are done again, and nothing else happens.

There is no lock. A line is appended by one write to the end of the file, and begins with a line break, so that half
a line of a process that was killed spoils no other. Who replaces the file by a shorter one afterwards takes over what
was appended to the old one meanwhile, and who appends looks afterwards whether the file was replaced meanwhile, and
then appends again: one of the two sees the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import stat
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from spleeter_nb.storage import is_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEDGER_NAME = ".spleeter_nb-ledger.jsonl"

_LOG = logging.getLogger("spleeter_nb")

# Raised when lines of older versions are no longer understood; they are then skipped.
_VERSION = 1

# A link is not followed to somewhere else, and a pipe does not make us wait. Windows has none of these flags.
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Bytes; some million songs, and more than any model's stems with the longest names. What is beyond was not written
# here, and is not worth the memory.
_MAX_LEDGER = 1 << 29
_MAX_LINE = 1 << 20

# A file that is replaced each time that something was appended is not ours alone.
_ATTEMPTS = 5

# A shorter ledger is read in no time, superseded lines and all.
_WORTH_COMPACTING = 100

# Seconds; nobody takes so long to write a ledger. What is older was left by a process that was killed.
_ABANDONED_AFTER = 60


@dataclass(frozen=True, slots=True)
class _File:
    """A stem as it was when it had been written."""

    size: int
    """Bytes."""
    mtime_ns: int
    blake2b: str
    """Digest of 256 bits, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class _Record:
    """A line: one finished song."""

    key: str
    source: str
    files: dict[str, _File]
    """By path below the output folder, with ``/``."""


class Ledger:
    """Remembers which job wrote which files below a folder; threads and processes may share it.

    Nothing here raises: what cannot be read is not known, and what cannot be written is warned of once.

    Parameters
    ----------
    folder : Path
        The output folder, which need not exist yet. Files are remembered relative to it, so that it can be moved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LEDGER_NAME
        self._lock = threading.Lock()
        self._can_write = True
        self._has_warned = False
        self._forget()

    def holds(self, key: str, files: Iterable[Path]) -> bool:
        """Say whether a job need not be done, as all its files are here and as it left them.

        Parameters
        ----------
        key : str
            Of the job: different for everything that changes what is in the files.
        files : iterable of Path
            All that the job would write, below the folder.

        Returns
        -------
        bool
            A file is as the job left it if its size is the same, and its time or else its content.
        """
        places = {self._place(path): path for path in files}
        with self._lock:
            self._refresh()
            owners = {place: self._owners.get(place) for place in places}
        return all(
            owner is not None and owner.key == key and _is_unchanged(places[place], owner.files[place])
            for place, owner in owners.items()
        )

    def record(self, key: str, files: Iterable[Path], *, source: str) -> None:
        """Remember what a job has just written; its files are read once more for that.

        Parameters
        ----------
        key, files
            As :meth:`holds` takes them.
        source : str
            What the song is called, for whoever reads the ledger.
        """
        if not self._can_write:
            return
        try:
            described = {self._place(path): _described(path) for path in files}
        except OSError as error:
            _LOG.info("A song is not remembered as finished, because its stems are gone again: %s", error)
            return
        try:
            # The line break before it ends whatever somebody else left unfinished.
            self._append(b"\n" + _line(_Record(key, source, described)))
        except OSError as error:
            self._can_write = False
            self._warn("cannot be written, and the next batch will do again what this one does", error)

    def paths(self) -> set[Path]:
        """Return all files that are remembered, there or not, as ``Path.resolve()`` gives them."""
        with self._lock:
            self._refresh()
            folder = Path(os.path.realpath(self._folder))
            return {folder / place for place in self._owners}

    def _place(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _forget(self) -> None:
        self._records: list[_Record] = []
        self._owners: dict[str, _Record] = {}
        self._identity: tuple[int, int] | None = None
        self._offset = 0
        self._lines = 0

    def _refresh(self) -> None:
        """Read what was appended since the last time, or all of it if the file is another one."""
        try:
            with _opened(self._path, os.O_RDONLY) as file:
                status = os.fstat(file.fileno())
                _check_size(status.st_size)
                identity = (status.st_dev, status.st_ino)
                if self._identity == identity and status.st_size >= self._offset:
                    self._read(file)
                else:
                    self._forget()
                    self._identity = identity
                    self._read(file)
                    self._compact(file)
        except FileNotFoundError:
            self._forget()
        except OSError as error:
            self._forget()
            self._warn("cannot be read, and songs that are finished may be done again", error)

    def _read(self, file: IO[bytes]) -> None:
        """Take in all complete lines from the offset on."""
        file.seek(self._offset)
        while line := file.readline(_MAX_LINE):
            if not line.endswith(b"\n") and len(line) < _MAX_LINE:
                return  # half a line: somebody is writing it at this moment, or was killed
            self._offset += len(line)
            if line == b"\n":
                continue
            self._lines += 1
            record = _parsed(line)
            if record is not None:
                self._records.append(record)
                self._owners.update(dict.fromkeys(record.files, record))

    def _compact(self, file: IO[bytes]) -> None:
        """Replace the file by one without superseded and damaged lines, if these are more than half of it."""
        live = [record for record in self._records if any(self._owners[place] is record for place in record.files)]
        if self._lines < _WORTH_COMPACTING or self._lines <= 2 * len(live):
            return
        temporary = self._path.with_name(f"{LEDGER_NAME}.{secrets.token_hex(8)}.part")
        try:
            _sweep(self._folder)
            with _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as compact:
                compact.writelines(map(_line, live))
            temporary.chmod(stat.S_IMODE(os.fstat(file.fileno()).st_mode))
            temporary.replace(self._path)
            file.seek(self._offset)
            if late := file.read():
                self._append(late)
        except OSError as error:
            _LOG.info("The ledger %s stays as long as it is: %s", self._path, error)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _append(self, data: bytes) -> None:
        for _ in range(_ATTEMPTS):
            with _opened(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
                if os.write(file.fileno(), data) < len(data):
                    raise OSError("there is no room for a line")
                if os.path.samestat(os.fstat(file.fileno()), self._path.stat()):
                    return

    def _warn(self, problem: str, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            _LOG.warning("The ledger %s %s: %s", self._path, problem, error)


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[IO[bytes]]:
    """Open a regular file, or nothing."""
    descriptor = os.open(path, flags | _FLAGS, 0o666)
    with os.fdopen(descriptor, "wb" if flags & os.O_WRONLY else "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no regular file")
        yield file


def _check_size(size: int) -> None:
    if size > _MAX_LEDGER:
        raise OSError(f"it has {size:,} bytes, which is more than {_MAX_LEDGER:,}")


def _sweep(folder: Path) -> None:
    """Remove what processes left that were killed while they made a ledger shorter."""
    for orphan in folder.glob(f"{LEDGER_NAME}.*.part"):
        if time.time() - orphan.lstat().st_mtime > _ABANDONED_AFTER:
            orphan.unlink()


def _line(record: _Record) -> bytes:
    # ASCII, so that names that are no UTF-8 come back as they were.
    return json.dumps({"version": _VERSION, **asdict(record)}).encode("ascii") + b"\n"


def _parsed(line: bytes) -> _Record | None:
    """Return what a line says, None if it is damaged, from another version, or names files elsewhere."""
    try:
        entry = json.loads(line)
        if entry["version"] != _VERSION:
            return None
        files = {place: _File(**file) for place, file in entry["files"].items()}
        record = _Record(entry["key"], entry["source"], files)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return record if _is_sound(record) else None


def _is_sound(record: _Record) -> bool:
    words = [record.key, record.source, *(file.blake2b for file in record.files.values())]
    numbers = [number for file in record.files.values() for number in (file.size, file.mtime_ns)]
    return (
        all(isinstance(word, str) for word in words)
        and all(isinstance(number, int) for number in numbers)
        and all(map(is_below, record.files))
    )


def _described(path: Path) -> _File:
    with _opened(path, os.O_RDONLY) as file:
        # Asked before reading: whoever changes the file meanwhile makes it differ.
        status = os.fstat(file.fileno())
        return _File(status.st_size, status.st_mtime_ns, _digest(file))


def _digest(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()  # type: ignore[arg-type]


def _is_unchanged(path: Path, file: _File) -> bool:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
            return False
        return status.st_mtime_ns == file.mtime_ns or _described(path).blake2b == file.blake2b
    except OSError:
        return False

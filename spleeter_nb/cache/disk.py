"""L2: sealed files in a folder that all processes of a machine share.

The folder holds the database ``cache.db``, ``values/`` with one file each, ``tmp/`` where they grow, ``claims/`` with
the locks of those who compute. A value appears by renaming, then by its row; it goes in the reverse order, so after a
crash there is at worst a file without a row. The writer holds the file's lock until the row is there: so an orphan is
known, and swept.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from spleeter_nb.cache.claims import CLAIMS
from spleeter_nb.cache.complaints import Complaints
from spleeter_nb.cache.database import DATABASE, VALUES, Database, ReadOnlyDatabase, Usage
from spleeter_nb.cache.envelope import (
    TEMPORARY,
    DamagedValueError,
    Verified,
    unseal_digest,
)
from spleeter_nb.cache.files import lock, open_plainly
from spleeter_nb.cache.keys import digest_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb.cache.envelope import SealedFile, Value

_LOG = logging.getLogger("spleeter_nb")
_T = TypeVar("_T")
# Seconds until a level that failed is tried again.
_REST = 5.0
_LONG_REST = 60.0
# What SQLite says of its surroundings; everything else it says is about the file.
_SURROUNDINGS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
}

State = Literal["closed", "ready", "read-only", "off"]


class DiskLevel:
    """Values on disk. All verbs block, and raise nothing: what fails is a miss, and warned of once for each cause.

    One thread opens, uses and closes it.

    Parameters
    ----------
    folder : Path
        Made when first used.
    limit_bytes : int
        What all files may have together; the least recently used ones go first.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self.state: State = "closed"
        self._database: Database | ReadOnlyDatabase | None = None
        self._identity: tuple[int, int] | None = None
        self._rest_until = float("-inf")
        self._complaints = Complaints()
        self._damaged = self._errors = self._evicted = 0

    @property
    def largest(self) -> int:
        """Bytes of the longest value that is kept."""
        return self.limit_bytes // 2

    def writable_folder(self) -> Path | None:
        """Return the folder, where values can be written to it."""
        return self.folder if isinstance(self._opened(), Database) else None

    def read(self, key: str) -> Value | None:
        """Return the value of a key, every byte verified; one that is damaged is removed."""
        return self._read(digest_key(key))

    def write(self, key: str, sealed: SealedFile, ttl: float | None) -> bool:
        """Move a sealed file into place; the caller closes it, and it is gone where it could not be kept.

        Parameters
        ----------
        key : str
            The full key.
        sealed : SealedFile
            Made in the folder of this level.
        ttl : float or None
            Seconds until it is out of date; None for never.

        Returns
        -------
        bool
            Whether it was kept.
        """
        fits = sealed.nbytes <= self.largest
        kept = fits and self._attempt(lambda database: database.set(digest_key(key), sealed, expire=ttl), False)
        if not kept:
            with contextlib.suppress(OSError):
                sealed.unlink()
        return kept

    def discard(self, key: str) -> None:
        """Remove a value, if it is there."""
        self._attempt(lambda database: database.delete(digest_key(key)), False)

    def clear(self) -> int:
        """Remove all values; return how many there were."""
        count = self._attempt(lambda database: int(database.clear()), 0)
        self.sweep()
        return count

    def verify(self) -> Verified:
        """Verify every value, and remove those that are damaged."""
        none: list[tuple[str, str]] = []
        rows, before = self._attempt(lambda database: database.rows(), none), self._damaged
        for digest, _ in rows:
            self._read(str(digest))
        self.sweep()
        return Verified(len(rows), self._damaged - before)

    def sweep(self) -> None:
        """Remove what killed processes left, and count what is nobody's and cannot be removed."""
        database = self._opened()
        if isinstance(database, Database):
            self._attempt(lambda _: database.count_orphans(_sweep(self.folder, database)), None)

    def stats(self) -> dict[str, Any]:
        """Return how full it is, and how it does."""
        usage = self._attempt(lambda database: database.usage(), Usage(0, 0))
        return {
            "state": self.state,
            "entries": usage.entries,
            "bytes": usage.bytes,
            "limit_bytes": self.limit_bytes,
            "damaged": self._damaged,
            "evicted": self._evicted + (self._database.evicted if self._database else 0),
            "errors": self._errors,
        }

    def close(self) -> None:
        """Close the database; the next use opens it again."""
        database, self._database, self.state = self._database, None, "closed"
        if database is not None:
            self._evicted += database.evicted
            with contextlib.suppress(sqlite3.Error):
                database.close()

    def _read(self, digest: str) -> Value | None:
        def read(database: Database | ReadOnlyDatabase) -> Value | None:
            try:
                file = database.find(digest)
                if file is None:
                    return None
                with file:
                    return unseal_digest(file.fileno(), digest)
            except DamagedValueError as error:
                _LOG.info("a damaged value in %s is not used: %s", self.folder, error)
            self._damaged += 1
            database.delete(digest)
            return None

        return self._attempt(read, None)

    def _attempt(self, action: Callable[[Database | ReadOnlyDatabase], _T], otherwise: _T) -> _T:
        """Do something with the database; return `otherwise` where there is none, or it fails."""
        database = self._opened()
        if database is None:
            return otherwise
        try:
            return action(database)
        except Exception as error:  # noqa: BLE001 - no job fails because of its cache
            self._fail(error)
            return otherwise

    def _opened(self) -> Database | ReadOnlyDatabase | None:
        """Return the database, opening it unless it failed a moment ago."""
        if self._database is None and time.monotonic() >= self._rest_until:
            self._open()
        return self._database

    def _open(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # False for a file system that is read-only, even for root.
            if os.access(self.folder, os.W_OK):
                self._open_for_writing()
            else:
                self._open_for_reading()
        except Exception as error:  # noqa: BLE001 - no job fails because of its cache
            self.close()
            rest = _REST if _is_busy(error) else _LONG_REST
            self.state, self._rest_until = "off", time.monotonic() + rest
            cause = _root(error)
            self._complaints.warn("off", "The cache in %s cannot be used (%s); going on without.", self.folder, cause)

    def _open_for_writing(self) -> None:
        path = self.folder / DATABASE
        self._identity = _identity(path)
        try:
            self._database = Database(self.folder, self.limit_bytes)
        except Exception as error:
            if not _is_damage(error):
                raise
            self._move_aside(error)
            self._database = Database(self.folder, self.limit_bytes)
        self._identity, self.state = _identity(path), "ready"

    def _open_for_reading(self) -> None:
        self._database, self.state = ReadOnlyDatabase(self.folder), "read-only"
        self._complaints.warn(
            "read-only", "The cache in %s is read-only: what is in it is used, nothing is added.", self.folder
        )

    def _fail(self, error: Exception) -> None:
        """Take note of an error, and make the best of it."""
        self._errors += 1
        if _is_damage(error):
            self.close()
            with contextlib.suppress(OSError):
                self._move_aside(error)
            return
        if not isinstance(error, OSError):
            # SQLite may be within a transaction that it could not end.
            self.close()
            self._rest_until = time.monotonic() + _REST
        cause = _root(error)
        self._complaints.warn(str(cause), "The cache in %s fails (%s); going on without.", self.folder, cause)

    def _move_aside(self, error: Exception) -> None:
        """Give a damaged database another name, unless another process was faster."""
        path = self.folder / DATABASE
        if _identity(path) == self._identity:
            for name in (DATABASE, f"{DATABASE}-journal"):
                with contextlib.suppress(FileNotFoundError):
                    (self.folder / name).replace(self.folder / f"{name}.damaged")
        self._complaints.warn(
            "damaged", "The cache's database %s is damaged (%s); it is moved aside and a new one begun.", path, error
        )


def _root(error: BaseException) -> BaseException:
    """Return what an error began with: diskcache makes a time-out of anything, and trips over its own rollback."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _is_damage(error: BaseException) -> bool:
    """Say whether an error is about what is in the database, not about its surroundings."""
    cause = _root(error)
    if isinstance(cause, sqlite3.Error):
        # Python's own complaints have no code.
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF not in _SURROUNDINGS
    # A RuntimeError is about threads: there are too many, or the interpreter is about to end.
    return not isinstance(cause, (OSError, MemoryError, RuntimeError))


def _is_busy(error: BaseException) -> bool:
    """Say whether others only kept us waiting, as when many kernels begin at once."""
    return getattr(_root(error), "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _sweep(folder: Path, database: Database) -> int:
    """Remove the files that belong to no row and to no living process; return the bytes of those that stay."""
    folders = [folder / name for name in (VALUES, TEMPORARY, CLAIMS)]
    # In this order: a row that comes in between is looked for again when its file is locked.
    names = [path.relative_to(folder).as_posix() for inner in folders if inner.is_dir() for path in inner.iterdir()]
    referred = {filename for _, filename in database.rows()}
    left = 0
    for name in names:
        if name not in referred and not _remove_orphan(folder / name, functools.partial(database.refers_to, name)):
            with contextlib.suppress(OSError):
                left += (folder / name).lstat().st_size
    return left


def _remove_orphan(path: Path, is_referred: Callable[[], bool]) -> bool:
    """Remove a file unless somebody holds its lock; say whether it counts no more."""
    try:
        with open_plainly(path) as file:
            if not lock(file.fileno()):
                return False
            if not is_referred():
                path.unlink()
            return True
    except FileNotFoundError:
        return True
    except OSError:
        return False

"""Which value is in which file: diskcache's database, without what it trusts.

diskcache unpickles what its database says is a pickle, removes whatever path it finds there, and waits a minute for a
lock. Here a value is a file of ours or nothing, a path is a name of our form or damage, and a wait ends after a second.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import sqlite3
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import diskcache
from diskcache.core import MODE_BINARY

from spleeter_nb.cache.envelope import DamagedValueError, SealedFile
from spleeter_nb.cache.files import open_plainly

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE = "cache.db"
VALUES = "values"
TIMEOUT = 1.0
"""Seconds to wait for another process that is writing."""
OPENING_TIMEOUT = 5.0
"""The same when opening, which writes some twenty times, and is done once."""

_NAME = re.compile(rf"{VALUES}/[0-9a-f]{{32}}\.val")
_BLOCK = 4096
_SETTINGS = {
    "eviction_policy": "least-recently-used",
    # Nothing of the database is mapped, neither itself nor the shared memory that a write-ahead log needs: another
    # process that cuts a mapped file short ends this one. And a folder can be read that cannot be written.
    "sqlite_journal_mode": "truncate",
    "sqlite_mmap_size": 0,
    # What a power cut tears is found: the database by SQLite, values by their digests.
    "sqlite_synchronous": 0,
    "statistics": 0,
    "tag_index": 0,
}


class Usage(NamedTuple):
    """How full a database says it is."""

    entries: int
    bytes: int


class _Files(diskcache.Disk):  # type: ignore[misc]  # it has no types
    """Values are sealed files: they are moved into place, and handed out open."""

    def put(self, key: str) -> tuple[str, bool]:
        """Return a key as the database has it."""
        return key, True

    def get(self, key: object, raw: object) -> str:
        """Return a key of the database; diskcache's would unpickle it."""
        if not isinstance(key, str) or not raw:
            raise DamagedValueError("a key that is none of ours")
        return key

    def store(self, value: SealedFile, read: object, key: object = None) -> tuple[int, int, str, None]:  # noqa: ARG002 - diskcache calls it so
        """Move a sealed file into place."""
        if value.path is None:
            raise FileNotFoundError("the value has no file")
        name = f"{VALUES}/{secrets.token_hex(16)}.val"
        value.path = value.path.rename(Path(self._directory, name))
        return -(-value.nbytes // _BLOCK) * _BLOCK, MODE_BINARY, name, None

    def fetch(self, mode: object, filename: object, value: object, read: object) -> IO[bytes]:  # noqa: ARG002 - diskcache calls it so
        """Open a value's file; whatever else a row holds is damage."""
        if mode != MODE_BINARY or value is not None or not _is_ours(filename):
            raise DamagedValueError("a row that is none of ours")
        try:
            return open_plainly(Path(self._directory, str(filename)))
        except OSError as error:
            # Not as it is, which diskcache would take for a miss.
            raise DamagedValueError(f"its file cannot be opened: {error.strerror}") from error

    def remove(self, file_path: object) -> None:
        """Remove a value's file, and nothing else."""
        if _is_ours(file_path):
            with contextlib.suppress(OSError):
                Path(self._directory, str(file_path)).unlink()


class Database(diskcache.Cache):  # type: ignore[misc]  # it has no types
    """The rows of a folder that can be written. One thread opens, uses and closes it.

    Every method raises what SQLite raises, and `diskcache.Timeout` when another process holds the lock.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        (folder / VALUES).mkdir(exist_ok=True)
        self.evicted = 0
        self._orphans = 0
        self._patience = OPENING_TIMEOUT
        try:
            super().__init__(str(folder), timeout=TIMEOUT, disk=_Files, size_limit=limit_bytes, **_SETTINGS)
        except BaseException:
            self.close()
            raise
        self._patience = TIMEOUT
        # A forked child drops what belongs to the parent's threads; this keeps it from closing the parent's connection.
        self._kept = self._con

    def find(self, digest: str) -> IO[bytes] | None:
        """Open the file of a value and note its use; None where there is none."""
        file: IO[bytes] | None = self.get(digest, read=True)
        return file

    def usage(self) -> Usage:
        """Return how many values there are, and the bytes of their files."""
        return Usage(*self._sql("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM Cache").fetchone())

    def rows(self) -> list[tuple[str, str]]:
        """Return digest and file of all values as they are in the database, the least recently used first."""
        return list(self._sql("SELECT key, filename FROM Cache ORDER BY access_time, rowid").fetchall())

    def refers_to(self, filename: str) -> bool:
        """Say whether a value has this file."""
        return self._sql("SELECT 1 FROM Cache WHERE filename = ?", (filename,)).fetchone() is not None

    def count_orphans(self, size: int) -> None:
        """Count `size` bytes of files as taken, beside those of the rows."""
        self._orphans = size

    @property
    def _sql_retry(self) -> Callable[..., Any]:
        """What diskcache does for a minute, for a moment: it retries while the database is locked."""

        def execute(*arguments: Any) -> Any:
            deadline = time.monotonic() + self._patience
            while True:
                try:
                    return self._sql(*arguments)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                        raise
                    if time.monotonic() > deadline:
                        # Not as it is, which diskcache would wait a minute for when it opens.
                        raise diskcache.Timeout from error
                    time.sleep(0.001)

        return execute

    def _cull(self, now: float, sql: Callable[..., Any], cleanup: Callable[[str], None], limit: None = None) -> None:  # noqa: ARG002 - diskcache's signature
        """Remove what is out of date, then one value after another until the limit holds; part of each writing."""
        for rowid, filename in sql("SELECT rowid, filename FROM Cache WHERE expire_time < ?", (now,)).fetchall():
            sql("DELETE FROM Cache WHERE rowid = ?", (rowid,))
            cleanup(filename)
        while self.usage().bytes + self._orphans > self.size_limit:
            oldest = sql("SELECT rowid, filename FROM Cache ORDER BY access_time, rowid LIMIT 1").fetchone()
            if oldest is None:
                break
            sql("DELETE FROM Cache WHERE rowid = ?", oldest[:1])
            cleanup(oldest[1])
            self.evicted += 1


class ReadOnlyDatabase:
    """The rows of a folder that cannot be written, with the verbs of one that can."""

    evicted = 0

    def __init__(self, folder: Path) -> None:
        self._files = _Files(str(folder))
        self._connection = _connect(folder / DATABASE)

    def find(self, digest: str) -> IO[bytes] | None:
        """Open the file of a value; None where there is none."""
        row = self._connection.execute(
            "SELECT mode, filename, value FROM Cache WHERE key = ? AND raw = 1"
            " AND (expire_time IS NULL OR expire_time > ?)",
            (digest, time.time()),
        ).fetchone()
        if row is None:
            return None
        mode, filename, value = row
        return self._files.fetch(mode, filename, value, read=True)

    def usage(self) -> Usage:
        """Return how many values there are, and the bytes of their files."""
        return Usage(*self._connection.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM Cache").fetchone())

    def rows(self) -> list[tuple[str, str]]:
        """Return digest and file of all values as they are in the database."""
        return self._connection.execute("SELECT key, filename FROM Cache").fetchall()

    def set(self, digest: str, sealed: SealedFile, *, expire: float | None) -> bool:  # noqa: ARG002 - as a database that can be written has it
        """Keep nothing."""
        return False

    def delete(self, digest: str) -> bool:  # noqa: ARG002 - as above
        """Remove nothing."""
        return False

    def clear(self) -> int:
        """Remove nothing."""
        return 0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    """Connect for reading: with locks where they can be had, else taking the file as it is."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, timeout=TIMEOUT, uri=True)
    try:
        connection.execute("SELECT 1 FROM Cache")
    except sqlite3.Error as error:
        connection.close()
        if not isinstance(error, sqlite3.OperationalError):
            raise
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return connection


def _is_ours(filename: object) -> bool:
    return isinstance(filename, str) and _NAME.fullmatch(filename) is not None

"""Several files get their names together, even if the process is killed between two of them.

A system renames one file at a time. So before the first rename a journal is written beside the files, or in the
folder that is common to theirs, and is made to last: which temporary file gets which name, what was under that name
before, and what will be. When all have their names it is removed. A journal whose process is gone tells the next use
of the folder what is left to do. It is done, unless somebody else has put files there meanwhile: these stay, and what
was published goes.

Who completes a journal holds no lock. Each step can be taken only once, and taking it twice does no harm, so several
may try at the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from spleeter_nb.storage import (
    create_temporary,
    is_abandoned,
    is_below,
    is_temporary,
    move_into_place,
    storing,
    sync_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from spleeter_nb.audio import AudioWriter

_LOG = logging.getLogger("spleeter_nb")
_JOURNAL = re.compile(r"\.spleeter-[0-9a-f]{16}\.journal")
# Bytes; what is longer was not written here.
_MAX_JOURNAL = 1 << 20
_DIGEST = 64

_Stamp: TypeAlias = tuple[int, int]
"""Size in bytes and time of the last change in microseconds: some file systems keep no finer one."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A file that gets its name."""

    temporary: Path
    path: Path
    before: _Stamp | None
    """What was under that name when all were ready; None for nothing."""
    after: _Stamp

    @property
    def is_possible(self) -> bool:
        """Whether it can be taken or has been; asked in an order that holds while somebody else takes it."""
        is_ready = _stamp(self.temporary) == self.after and _stamp(self.path) == self.before
        return is_ready or self.is_taken

    @property
    def is_taken(self) -> bool:
        return _stamp(self.path) == self.after

    def take(self) -> None:
        if not self.is_taken:
            move_into_place(self.temporary, self.path, replace=self.before is not None)
        self.temporary.unlink(missing_ok=True)

    def take_back(self) -> None:
        self.temporary.unlink(missing_ok=True)
        if self.is_taken:
            self.path.unlink(missing_ok=True)


def publish_together(writers: Mapping[Path, AudioWriter]) -> None:
    """Give all files their names, or none.

    Parameters
    ----------
    writers : mapping of Path to AudioWriter
        By the names of the files, in folders of one tree; each is finished.

    Raises
    ------
    OutputExistsError, StorageError
        If a file cannot have its name. Those that had theirs already are gone, with what they replaced.
    """
    for writer in writers.values():
        writer.check_target()
    folders = {path.parent for path in writers}
    published: list[Path] = []
    with _journal(writers, folders):
        try:
            for path, writer in writers.items():
                writer.publish()
                published.append(path)
            _sync(folders)
        except BaseException:
            for path in published:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise


def complete_interrupted(paths: Iterable[Path]) -> None:
    """Bring to an end what killed processes began in the folders of these files, and sweep what they left.

    Nothing here raises: where it cannot be done now, the next use tries again.

    Parameters
    ----------
    paths : iterable of Path
        All files of a song, there or not: some may lie in other folders than the rest.
    """
    try:
        folders = {path.absolute().parent for path in paths}
        folders.add(_common(folders))
    except (OSError, ValueError):  # no files, or a working folder that is gone
        return
    for folder in folders:
        for journal in _ours(folder, _is_journal):
            _complete(journal)
    for folder in folders:
        for temporary in _ours(folder, is_temporary):
            if is_abandoned(temporary) and not _is_needed(temporary):
                with contextlib.suppress(OSError):
                    temporary.unlink()


@contextlib.contextmanager
def _journal(writers: Mapping[Path, AudioWriter], folders: set[Path]) -> Iterator[None]:
    """Keep a journal of the renames to come; a single one needs none."""
    if len(writers) < 2:  # noqa: PLR2004 - one rename cannot be interrupted
        yield
        return
    folder = _common(folders)
    with storing(folder):
        journal, file = _write_journal(folder, writers)
    try:
        _sync({*folders, folder})
        yield
    finally:
        _discard(journal, file)


def _write_journal(folder: Path, writers: Mapping[Path, AudioWriter]) -> tuple[Path, IO[bytes]]:
    """Return the journal, whole and on the disk; while it is open, its lock tells others to leave it to us."""
    temporary, file = create_temporary(folder)
    try:
        file.write(_written(writers, folder))
        file.flush()
        os.fsync(file.fileno())
        if os.name == "nt":
            file.close()  # Windows renames no open file, and has no lock to keep
        return temporary.rename(temporary.with_suffix(".journal")), file
    except BaseException:
        _discard(temporary, file)
        raise


def _discard(path: Path, file: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
    # Closing writes what is buffered, which fails again where the disk is full.
    with contextlib.suppress(OSError):
        file.close()


def _written(writers: Mapping[Path, AudioWriter], folder: Path) -> bytes:
    steps = [
        {
            "temporary": writer.temporary.relative_to(folder).as_posix(),
            "path": path.relative_to(folder).as_posix(),
            "before": _stamp(path),
            "after": _stamp(writer.temporary),
        }
        for path, writer in writers.items()
    ]
    # ASCII, so that names that are no UTF-8 come back as they were.
    text = json.dumps(steps).encode("ascii")
    return _digest(text) + text


def _parsed(data: bytes, folder: Path) -> list[_Step]:
    """Return what a journal says; `ValueError` if it is damaged or speaks of files elsewhere."""
    digest, text = data[:_DIGEST], data[_DIGEST:]
    if digest != _digest(text):
        raise ValueError("its digest is wrong")
    try:
        return [_step(entry, folder) for entry in json.loads(text)]
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError("it makes no sense") from error


def _step(entry: dict[str, Any], folder: Path) -> _Step:
    temporary, path = folder / entry["temporary"], folder / entry["path"]
    is_sound = is_below(entry["temporary"]) and is_below(entry["path"])
    if not is_sound or not is_temporary(temporary.name) or temporary.parent != path.parent:
        raise ValueError("it names other people's files")
    size, changed = entry["after"]
    before = None if entry["before"] is None else (entry["before"][0], entry["before"][1])
    return _Step(temporary, path, before, (size, changed))


def _complete(journal: Path) -> None:
    """Do what a journal says, if its process is gone, and remove it."""
    if not is_abandoned(journal):
        return
    try:
        _finish(journal)
        journal.unlink()
    except FileNotFoundError:
        pass  # somebody else was quicker
    except OSError as error:
        _LOG.info("What %s tells of cannot be completed now: %s", journal, error)


def _finish(journal: Path) -> None:
    try:
        with journal.open("rb") as file:
            steps = _parsed(file.read(_MAX_JOURNAL), journal.parent)
        if not any(os.path.lexists(step.temporary) for step in steps):
            return  # all was done but for the journal's removal
        is_possible = all(step.is_possible for step in steps)
    except ValueError as error:
        _LOG.warning("The journal %s is damaged and is removed: %s.", journal, error)
        return
    if not is_possible:
        _LOG.warning("The stems that a killed process began to publish in %s are removed: others came.", journal.parent)
    act = _Step.take if is_possible else _Step.take_back
    for step in steps:
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            act(step)
    _sync({step.path.parent for step in steps})


def _is_needed(temporary: Path) -> bool:
    """Say whether a journal may still speak of a file: it lies in the same folder or above it."""
    journals = [
        journal for folder in (temporary.parent, *temporary.parent.parents) for journal in _ours(folder, _is_journal)
    ]
    for journal in journals:
        _complete(journal)
    return any(map(os.path.lexists, journals))


def _ours(folder: Path, is_ours: Callable[[str], bool]) -> Sequence[Path]:
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in entries if is_ours(entry.name)]
    except (OSError, ValueError):
        return []


def _is_journal(name: str) -> bool:
    return _JOURNAL.fullmatch(name) is not None


def _common(folders: Iterable[Path]) -> Path:
    return Path(os.path.commonpath(list(folders)))


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size, status.st_mtime_ns // 1000


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST // 2).hexdigest().encode("ascii")


def _sync(folders: Iterable[Path]) -> None:
    for folder in folders:
        with storing(folder):
            sync_folder(folder)

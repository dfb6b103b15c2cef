"""Taking a few known files out of an archive, whatever else it holds.

The standard library's extraction writes where an archive tells it to. Here only the members that the caller
lists are written, under names that the caller chooses; an archive with anything hostile in it is refused as a
whole; every byte that decompression produces is counted.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol, cast

from spleeter_nb.exceptions import ModelCorruptError, SpleeterError
from spleeter_nb.models.files import FileRecord
from spleeter_nb.storage import storing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from spleeter_nb.models.watch import Watch

_CHUNK = 1 << 20
_ENCRYPTED = 0x1
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What to take out of an archive."""

    members: Mapping[str, str]
    """Names inside the archive, with ``/`` and no leading ``./``, to file names in `target`."""
    target: Path
    """An existing folder."""
    limit: int
    """Bytes that may be produced in all."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Member(NamedTuple):
    name: str
    plain: bool
    """A regular file or a folder: no link, no device, nothing sparse or encrypted."""
    folder: bool
    open: Callable[[], _Readable | None]


def unpack_tar(archive: IO[bytes], extraction: Extraction, watch: Watch) -> dict[str, FileRecord]:
    """Take files out of a gzipped tar archive.

    Parameters
    ----------
    archive : binary file
        Open for reading, at its start.
    extraction : Extraction
        What to take and where to.
    watch : Watch
        May stop it.

    Returns
    -------
    dict
        The records of the files written, by their new names.

    Raises
    ------
    ModelCorruptError
        The archive is damaged, hostile or too large, or lacks a member.
    StorageError
        A file could not be written.
    """
    with _damage_named():
        produced = _Counted(gzip.GzipFile(fileobj=archive), _Budget(extraction.limit))
        # "r|" only ever reads forwards: what a member claims of its size allocates nothing and seeks nowhere.
        with tarfile.open(fileobj=cast("IO[bytes]", produced), mode="r|") as tar:
            return _take(_tar_members(tar), extraction, watch)


def unpack_zip(archive: IO[bytes], extraction: Extraction, watch: Watch) -> dict[str, FileRecord]:
    """Take files out of a zip archive (a wheel is one); like `unpack_tar`."""
    with _damage_named(), zipfile.ZipFile(archive) as file:
        return _take(_zip_members(file, _Budget(extraction.limit)), extraction, watch)


@dataclass(slots=True)
class _Budget:
    """Bytes that decompression may still produce."""

    left: int

    def spend(self, n_bytes: int) -> None:
        self.left -= n_bytes
        if self.left < 0:
            msg = "The archive unpacks to more than is allowed for this model."
            raise ModelCorruptError(msg)


@dataclass(frozen=True, slots=True)
class _Counted:
    """A stream whose every byte is paid from a budget."""

    stream: _Readable
    budget: _Budget

    def read(self, size: int, /) -> bytes:
        data = self.stream.read(size)
        self.budget.spend(len(data))
        return data


@contextmanager
def _damage_named() -> Iterator[None]:
    """Turn whatever the readers raise on broken bytes into `ModelCorruptError`."""
    try:
        yield
    except SpleeterError:
        raise
    except _DAMAGE as error:
        msg = f"The archive is damaged: {str(error) or type(error).__name__}."
        raise ModelCorruptError(msg) from error


def _tar_members(tar: tarfile.TarFile) -> Iterator[_Member]:
    for info in tar:
        plain = (info.isreg() and not info.issparse()) or info.isdir()
        yield _Member(info.name, plain, info.isdir(), partial(tar.extractfile, info))


def _zip_members(file: zipfile.ZipFile, budget: _Budget) -> Iterator[_Member]:
    for info in file.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        expected = stat.S_IFDIR if info.is_dir() else stat.S_IFREG
        plain = kind in {0, expected} and not info.flag_bits & _ENCRYPTED
        yield _Member(info.filename, plain, info.is_dir(), partial(_open_in_zip, file, info, budget))


def _open_in_zip(file: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> _Readable:
    return _Counted(file.open(info), budget)


def _take(members: Iterable[_Member], extraction: Extraction, watch: Watch) -> dict[str, FileRecord]:
    """Go through all members, refuse the hostile ones, write the wanted ones."""
    records: dict[str, FileRecord] = {}
    seen: set[str] = set()
    for member in members:
        name = _checked_name(member)
        if member.folder:
            continue
        if name in seen:
            msg = f"The archive holds {name!r} twice; it is refused."
            raise ModelCorruptError(msg, member=name)
        seen.add(name)
        if name in extraction.members:
            target = extraction.target / extraction.members[name]
            records[target.name] = _write(member, target, watch)
    missing = sorted(set(extraction.members) - seen)
    if missing:
        msg = f"The archive lacks {', '.join(missing)}."
        raise ModelCorruptError(msg, missing=missing)
    return records


def _checked_name(member: _Member) -> str:
    """Return the member's name without ``./``, or refuse the archive for it."""
    path = PurePosixPath(member.name)
    inside = not path.is_absolute() and ".." not in path.parts and not set(member.name) & set("\\:")
    if not inside or not member.plain:
        what = "is a link, a device or encoded oddly" if inside else "leads out of its folder"
        msg = f"The archive's member {member.name!r} {what}; the whole archive is refused."
        raise ModelCorruptError(msg, member=member.name)
    return str(path)


def _write(member: _Member, target: Path, watch: Watch) -> FileRecord:
    """Write one member durably and hash it on the way."""
    digest, size = hashlib.sha256(), 0
    stream = member.open()
    with storing(target), target.open("wb") as file:
        while stream is not None and (chunk := _read_member(stream)):
            watch.check()
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return FileRecord(digest.hexdigest(), size)


def _read_member(stream: _Readable) -> bytes:
    """Read a chunk; an error of reading must not pass for one of writing."""
    with _damage_named():
        return stream.read(_CHUNK)

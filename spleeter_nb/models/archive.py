"""Taking a few known files out of an archive, whatever else it holds.

The standard library's extraction writes where an archive tells it to. Here only the members that the caller
lists are written, under names that the caller chooses; an archive with anything hostile in it is refused as a
whole. What a member says of its size, wanted or not, is held against the limit before it is read, and no more
is read than was said.
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
# Other methods allocate what an archive declares of its dictionary; tar.gz and wheels use these.
_ZIP_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# For all headers of a tar archive, its padding, and what tarfile reads ahead: published ones take a tenth.
_HEADERS = 1 << 18
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RecursionError,  # tarfile follows headers that announce headers
)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What to take out of an archive."""

    members: Mapping[str, str]
    """Names inside the archive, with ``/`` and no leading ``./``, to file names in `target`."""
    target: Path
    """An existing folder."""
    limit: int
    """Bytes that all members may have together."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Member(NamedTuple):
    name: str
    plain: bool
    """A regular file or a folder: no link, no device, nothing sparse, encrypted or packed in a rare way."""
    folder: bool
    size: int
    """Bytes, as the archive says."""
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
        packed = cast("IO[bytes]", _Stoppable(archive, watch))
        stream = _Unpacked(gzip.GzipFile(fileobj=packed, mode="rb"))
        # "r|" only ever reads forwards: what a member claims of its size allocates nothing and seeks nowhere.
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as tar:
            return _take(_tar_members(tar, stream), extraction, watch)


def unpack_zip(archive: IO[bytes], extraction: Extraction, watch: Watch) -> dict[str, FileRecord]:
    """Take files out of a zip archive (a wheel is one); like `unpack_tar`."""
    with _damage_named(), zipfile.ZipFile(archive) as file:
        return _take(_zip_members(file), extraction, watch)


@dataclass(frozen=True, slots=True)
class _Stoppable:
    """An archive whose reader stops on request, even where nothing comes out of what it reads."""

    archive: IO[bytes]
    watch: Watch

    def read(self, size: int, /) -> bytes:
        self.watch.check()
        return self.archive.read(size)


@dataclass(slots=True)
class _Unpacked:
    """A tar archive that gives what its headers announce and no more; tarfile would read on beyond its end."""

    stream: _Readable
    left: int = _HEADERS

    def read(self, size: int, /) -> bytes:
        data = self.stream.read(size)
        if not data:
            msg = "it ends in the middle"
            raise EOFError(msg)
        self.left -= len(data)
        if self.left < 0:
            msg = "its headers are larger than those of any model"
            raise tarfile.ReadError(msg)
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


def _tar_members(tar: tarfile.TarFile, stream: _Unpacked) -> Iterator[_Member]:
    for info in tar:
        plain = (info.isreg() and not info.issparse()) or info.isdir()
        size = 0 if info.isdir() else info.size
        stream.left += size
        yield _Member(info.name, plain, info.isdir(), size, partial(tar.extractfile, info))


def _zip_members(file: zipfile.ZipFile) -> Iterator[_Member]:
    for info in file.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        expected = stat.S_IFDIR if info.is_dir() else stat.S_IFREG
        plain = kind in {0, expected} and not info.flag_bits & _ENCRYPTED and info.compress_type in _ZIP_METHODS
        yield _Member(info.filename, plain, info.is_dir(), info.file_size, partial(file.open, info))


def _take(members: Iterable[_Member], extraction: Extraction, watch: Watch) -> dict[str, FileRecord]:
    """Go through all members, refuse the hostile ones, write the wanted ones."""
    records: dict[str, FileRecord] = {}
    seen: set[str] = set()
    left = extraction.limit
    for member in members:
        watch.check()
        name = _checked_name(member)
        if not 0 <= member.size <= left:
            msg = f"The archive's member {name!r} claims {member.size:,} bytes, {left:,} are allowed; it is refused."
            raise ModelCorruptError(msg, member=name, size=member.size, allowed=left)
        left -= member.size
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

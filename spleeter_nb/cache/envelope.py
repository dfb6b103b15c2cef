"""One value as one sealed file: the same bytes on disk and, cut into chunks, in Redis.

::

    payload   the arrays one after another, each from a multiple of 64 on, zeros between
    header    JSON: the full key, name, dtype, shape and digest of each array, the notes, the time of expiry
    seal      magic, version, lengths of header and payload, digest of the key, digest of all of this

What is known only in the end stands at the end, so that arrays of unknown length can be written block by block. Every
byte is covered by a digest (BLAKE2b-256) or must be zero, and the length of the file must be the sum of its parts, so
any damage is found. Nothing is allocated from a number before it was compared with the size of the file, and nothing
is ever unpickled. Nothing is synchronised either: what a power cut tears, the digests find.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import mmap
import os
import shutil
import stat
import struct
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from spleeter_nb.cache.files import locked_file, open_plainly, unlock
from spleeter_nb.cache.keys import digest_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

AnyArray: TypeAlias = npt.NDArray[Any]

DTYPES = frozenset(
    ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f4", "<f8", "<c8"),
)
"""What arrays may be made of, as NumPy's ``dtype.str`` has it."""
TEMPORARY = "tmp"
"""The folder, inside the one for values, where they grow."""

_MAGIC = b"SPLNBVAL"
_VERSION = 1
_NUMBERS = struct.Struct("<8sIQQ32s")
_DIGEST = 32
_SEAL = _NUMBERS.size + _DIGEST
_ALIGN = 64
_CHUNK = 1 << 20
# A mapping holds a descriptor for its whole life, so what is smaller than this is read instead.
_MAPPED = 4 << 20
_MAX_HEADER = 16 << 20
_THREADS = 8


class Verified(NamedTuple):
    """What an inspection of a level found."""

    checked: int
    """Values looked at."""
    damaged: int
    """Those that were not what was sealed; they are removed."""


class DamagedValueError(Exception):
    """The bytes are not what was sealed under this key; never leaves the room."""


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """What is stored under one key."""

    arrays: Mapping[str, AnyArray]
    """Read-only arrays by name, of the types in `DTYPES`."""
    meta: Mapping[str, Any]
    """Notes, as JSON has them."""
    expires: float | None = None
    """When it goes out of date, in seconds since the epoch; None for never."""

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())


@dataclass(slots=True)
class SealedFile:
    """A finished file; while it is open, its lock tells sweepers that it is no orphan.

    It is a context manager, and removes nothing on leaving.
    """

    handle: IO[bytes]
    path: Path | None
    """None for a file without a name, which vanishes when it is closed."""
    nbytes: int
    """Bytes of the file."""

    def close(self) -> None:
        """Give the lock and the descriptor back; arrays that were mapped stay."""
        with contextlib.suppress(OSError):
            unlock(self.handle.fileno())
        self.handle.close()

    def unlink(self) -> None:
        """Remove the name; arrays that were mapped stay."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            self.path = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


@dataclass(slots=True)
class _Part:
    """One array while it grows."""

    file: IO[bytes]
    dtype: str = ""
    shape: tuple[int, ...] = ()
    digest: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=_DIGEST))
    nbytes: int = 0

    def append(self, samples: AnyArray) -> None:
        dtype, trailing = samples.dtype.str, samples.shape[1:]
        follows = not self.dtype or (dtype, trailing) == (self.dtype, self.shape[1:])
        if dtype not in DTYPES or not samples.ndim or not follows:
            raise ValueError(f"a block of {dtype} {samples.shape} cannot follow {self.dtype} {self.shape}")
        data = np.ascontiguousarray(samples).reshape(-1).view(np.uint8).data
        self.digest.update(data)
        self.file.write(data)
        self.nbytes += data.nbytes
        self.dtype, self.shape = dtype, (samples.shape[0] + (self.shape[0] if self.shape else 0), *trailing)

    def describe(self, name: str) -> dict[str, Any]:
        return {"name": name, "dtype": self.dtype, "shape": self.shape, "digest": self.digest.hexdigest()}


class EnvelopeWriter:
    """A sealed file in the making; several arrays may grow side by side.

    Each array has a temporary file of its own. The first one becomes the value's file, the others are copied behind it.
    Any thread may append; two that append to one array must take turns.

    Parameters
    ----------
    folder : Path or None
        Where values live; files grow in its subfolder `TEMPORARY`. None for temporary files without names.
    names : sequence of str
        The arrays, one at least.

    Raises
    ------
    OSError
        From every method, when something cannot be written; `abort` is then due.
    """

    def __init__(self, folder: Path | None, names: Sequence[str]) -> None:
        self._path: Path | None = None
        self._parts: dict[str, _Part] = {}
        try:
            for name in names:
                self._parts[name] = _Part(self._new_file(folder))
        except OSError:
            self.abort()
            raise

    @property
    def nbytes(self) -> int:
        """Bytes appended so far."""
        return sum(part.nbytes for part in self._parts.values())

    def append(self, name: str, samples: AnyArray) -> None:
        """Append a block along axis 0; dtype and the other axes are those of the first block.

        Raises
        ------
        ValueError
            The block does not fit, or its type is not among `DTYPES`.
        """
        self._parts[name].append(samples)

    def seal(self, key: str, meta: Mapping[str, Any], *, expires: float | None = None) -> SealedFile:
        """Finish the file.

        Parameters
        ----------
        key : str
            The full key that it is for.
        meta : mapping
            Notes, as JSON has them.
        expires : float, optional
            When it goes out of date, in seconds since the epoch.

        Returns
        -------
        SealedFile
            Still in the temporary folder, open and locked.

        Raises
        ------
        ValueError, TypeError
            An array got no block, or `meta` is no JSON.
        """
        if not all(part.dtype for part in self._parts.values()):
            raise ValueError("an array got no block")
        first, *others = self._parts.values()
        payload = first.nbytes
        for part in others:
            part.file.seek(0)
            payload += first.file.write(bytes(-payload % _ALIGN))
            shutil.copyfileobj(part.file, first.file, _CHUNK)
            payload += part.nbytes
            part.file.close()
        size = payload + first.file.write(self._closing(key, meta, expires, payload))
        first.file.flush()
        sealed = SealedFile(first.file, self._path, size)
        self._path, self._parts = None, {}
        return sealed

    def abort(self) -> None:
        """Give back what was written; after `seal` there is nothing to give back."""
        for part in self._parts.values():
            # Closing writes what is buffered, which fails again where the disk is full.
            with contextlib.suppress(OSError):
                part.file.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._path, self._parts = None, {}

    def _new_file(self, folder: Path | None) -> IO[bytes]:
        if folder is None:
            return tempfile.TemporaryFile()
        if self._parts:
            return tempfile.TemporaryFile(dir=folder / TEMPORARY)
        file, self._path = locked_file(folder / TEMPORARY)
        return file

    def _closing(self, key: str, meta: Mapping[str, Any], expires: float | None, payload: int) -> bytes:
        arrays = [part.describe(name) for name, part in self._parts.items()]
        header = json.dumps(
            {"key": key, "arrays": arrays, "meta": meta, "expires": expires}, allow_nan=False, separators=(",", ":")
        ).encode()
        if len(header) > _MAX_HEADER:
            raise ValueError(f"notes of {len(header):,} bytes are too long")
        numbers = _NUMBERS.pack(_MAGIC, _VERSION, len(header), payload, bytes.fromhex(digest_key(key)))
        return header + numbers + _digest(header + numbers)


def seal_value(folder: Path | None, key: str, value: Value) -> SealedFile:
    """Seal a value that is in memory or mapped; raises what `EnvelopeWriter` does."""
    writer = EnvelopeWriter(folder, list(value.arrays))
    try:
        for name, array in value.arrays.items():
            writer.append(name, array)
        return writer.seal(key, value.meta, expires=value.expires)
    except BaseException:
        writer.abort()
        raise


def unseal(source: IO[bytes] | Path, key: str) -> Value:
    """Verify a sealed file, every byte of it, and map its arrays.

    Parameters
    ----------
    source : Path or binary file
        Its place, or an open file with a descriptor; the position is not used.
    key : str
        The full key that it must be for.

    Returns
    -------
    Value
        It outlives `source` and the file's name.

    Raises
    ------
    DamagedValueError
        It is not what was sealed, or was sealed for another key.
    OSError
        It cannot be opened or read.
    """
    if isinstance(source, Path):
        with open_plainly(source) as file:
            return unseal_digest(file.fileno(), digest_key(key))
    return unseal_digest(source.fileno(), digest_key(key))


def unseal_digest(descriptor: int, digest: str, *, trusted: bool = False) -> Value:
    """Do what `unseal` does, where only the key's digest is known.

    With `trusted` the arrays are taken as they are: for who has just written them.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise DamagedValueError("not a regular file")
    header, payload = _read_header(descriptor, status.st_size, digest)
    try:
        specs = list(_layout(header["arrays"], payload))
        meta, expires = dict(header["meta"]), header["expires"]
        expires = None if expires is None else float(expires)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise DamagedValueError("the header makes no sense") from error
    if not trusted:
        _verify(descriptor, specs, payload)
    return Value(_load(descriptor, specs, payload), meta, expires)


class _Spec(NamedTuple):
    """Where an array lies."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    digest: str
    offset: int
    nbytes: int


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()


def _read_header(descriptor: int, size: int, digest: str) -> tuple[dict[str, Any], int]:
    """Return the header, verified, and the length of the payload."""
    if size < _SEAL:
        raise DamagedValueError(f"only {size} bytes")
    seal = _read(descriptor, _SEAL, size - _SEAL)
    numbers, header_digest = seal[:-_DIGEST], seal[-_DIGEST:]
    magic, version, length, payload, key_digest = _NUMBERS.unpack(numbers)
    if magic != _MAGIC or version != _VERSION or length > _MAX_HEADER or payload + length + _SEAL != size:
        raise DamagedValueError("the seal is broken")
    header = _read(descriptor, length, payload)
    if _digest(header + numbers) != header_digest:
        raise DamagedValueError("the header is damaged")
    try:
        parsed: dict[str, Any] = json.loads(header)
        right = key_digest.hex() == digest == digest_key(parsed["key"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DamagedValueError("the header makes no sense") from error
    if not right:
        raise DamagedValueError("sealed for another key")
    return parsed, payload


def _layout(arrays: list[dict[str, Any]], payload: int) -> Iterator[_Spec]:
    """Find where each array lies, refusing what does not fill the payload exactly."""
    end = 0
    for array in arrays:
        dtype, shape = str(array["dtype"]), tuple(array["shape"])
        if dtype not in DTYPES or not shape or not all(type(length) is int and length >= 0 for length in shape):
            raise ValueError(f"no array: {dtype} {shape}")
        offset = end + -end % _ALIGN
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        end = offset + nbytes
        yield _Spec(str(array["name"]), dtype, shape, str(array["digest"]), offset, nbytes)
    if end != payload:
        raise ValueError(f"arrays of {end} bytes in a payload of {payload}")


def _verify(descriptor: int, specs: Sequence[_Spec], payload: int) -> None:
    """Compare every byte of the arrays and between them with what it should be.

    They are read, not mapped: to touch a mapping of a file that another process cuts short would end this one.
    """

    def is_sound(spec: _Spec) -> bool:
        return _file_digest(descriptor, spec) == spec.digest

    if payload < _MAPPED:
        sound = all(map(is_sound, specs))
    else:
        with ThreadPoolExecutor(_THREADS) as pool:
            sound = all(pool.map(is_sound, specs))
    end = 0
    for spec in specs:
        sound = sound and not any(_read(descriptor, spec.offset - end, end))
        end = spec.offset + spec.nbytes
    if not sound:
        raise DamagedValueError("an array is damaged")


def _load(descriptor: int, specs: Sequence[_Spec], payload: int) -> dict[str, AnyArray]:
    """Return the arrays: small ones read, long ones mapped."""
    mapped = payload >= _MAPPED
    buffer = mmap.mmap(descriptor, payload, access=mmap.ACCESS_READ) if mapped else _read(descriptor, payload, 0)
    try:
        return {spec.name: np.ndarray(spec.shape, spec.dtype, buffer, spec.offset) for spec in specs}
    except (TypeError, ValueError) as error:
        raise DamagedValueError("an array cannot be") from error


def _file_digest(descriptor: int, spec: _Spec) -> str:
    """Hash an array without moving the file's position, which threads share."""
    digest, chunk, done = hashlib.blake2b(digest_size=_DIGEST), memoryview(bytearray(_CHUNK)), 0
    while done < spec.nbytes:
        count = os.preadv(descriptor, [chunk[: spec.nbytes - done]], spec.offset + done)
        if not count:
            raise DamagedValueError("cut short while it was read")
        digest.update(chunk[:count])
        done += count
    return digest.hexdigest()


def _read(descriptor: int, length: int, offset: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = os.pread(descriptor, length - len(data), offset + len(data))
        if not piece:
            raise DamagedValueError("cut short while it was read")
        data += piece
    return bytes(data)

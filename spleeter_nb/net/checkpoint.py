"""Read TensorFlow's "tensor bundle" checkpoints without TensorFlow.

A bundle is two files. ``<prefix>.index`` is a table in LevelDB's format: blocks of prefix-compressed keys, each
block closed by a type byte and a masked CRC-32C, and a 48-byte footer that leads to the block of blocks. Its
values are small protocol buffers that tell each tensor's type, shape and place in
``<prefix>.data-00000-of-00001``, and the CRC-32C of its bytes. Every CRC on the way is verified.

Formats: https://github.com/google/leveldb/blob/main/doc/table_format.md and TensorFlow's
``tensorflow/core/protobuf/tensor_bundle.proto``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import google_crc32c
import numpy as np

from spleeter_nb.exceptions import ModelCorruptError, ModelNotFoundError, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

_FOOTER_SIZE = 48
_TABLE_MAGIC = 0xDB4775248B80FB57
_BLOCK_TRAILER_SIZE = 5
_CRC_MASK_DELTA = 0xA282EAD8

# The wire types of protocol buffers that a bundle's entries use.
_VARINT, _BYTES, _FIXED32 = 0, 2, 5
_VARINT_BITS = 64

# TensorFlow's DataType numbers, for the types that a Spleeter checkpoint may hold.
_DTYPES: dict[int, np.dtype[np.generic]] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
}

_Value = TypeVar("_Value", int, bytes)


class _Entry(NamedTuple):
    """Where one tensor lies (``BundleEntryProto``)."""

    dtype: int
    shape: tuple[int, ...]
    offset: int
    size: int
    crc: int


def read_checkpoint(prefix: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read all tensors of a checkpoint.

    Parameters
    ----------
    prefix : Path
        The checkpoint's path without ``.index``, such as ``2stems/model``.

    Returns
    -------
    dict of str to ndarray
        The tensors by their variables' names, in the order of the names.

    Raises
    ------
    ModelNotFoundError
        If one of the two files is missing.
    ModelCorruptError
        If a CRC, a length or the structure is wrong; ``context`` names the file.
    UnsupportedModelError
        If the checkpoint is compressed, in several shards, or holds a type that no Spleeter model uses.
    """
    index = prefix.with_name(prefix.name + ".index")
    data = prefix.with_name(prefix.name + ".data-00000-of-00001")
    try:
        entries = _entries(_existing(index).read_bytes())
        raw = np.memmap(data, np.uint8, "r") if _existing(data).stat().st_size else np.empty(0, np.uint8)
        return {name: _tensor(name, entry, raw) for name, entry in entries.items()}
    except _Damage as damage:
        raise ModelCorruptError(
            f"The checkpoint {prefix} is damaged ({damage}): install the model again.",
            path=prefix,
            detail=str(damage),
        ) from None
    except (IndexError, OverflowError, ValueError, struct.error) as error:
        raise ModelCorruptError(
            f"The checkpoint index {index} has no valid structure ({error}): install the model again.",
            path=index,
            detail=str(error),
        ) from error


class _Damage(Exception):  # noqa: N818 - never leaves this module; the caller adds the file's name
    """Something in the files is not as it was written."""


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelNotFoundError(f"The checkpoint file {path} is missing: install the model again.", path=path)
    return path


def _entries(index: bytes) -> dict[str, _Entry]:
    messages = dict(_table(index))
    header = dict(_fields(messages.pop(b"", b""), int))
    shards, is_big_endian = header.get(1, 0), header.get(2, 0)
    if shards != 1 or is_big_endian:
        raise UnsupportedModelError(
            f"The checkpoint has {shards} shards in {'big' if is_big_endian else 'little'}-endian order; one in "
            f"little-endian order is read: save it again so.",
            shards=shards,
        )
    return {key.decode(): _entry(message) for key, message in messages.items()}


def _tensor(name: str, entry: _Entry, raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.generic]:
    if entry.dtype not in _DTYPES:
        raise UnsupportedModelError(
            f"The tensor {name!r} is of TensorFlow's type {entry.dtype}; float32, float64, int32 and int64 (types "
            f"{', '.join(map(str, _DTYPES))}) are read: save the checkpoint again without it.",
            tensor=name,
        )
    chunk = raw[entry.offset : entry.offset + entry.size].tobytes()
    if len(chunk) != entry.size:
        raise _Damage(f"the data file ends inside of {name!r}")
    if google_crc32c.value(chunk) != entry.crc:
        raise _Damage(f"wrong CRC in {name!r}")
    return np.frombuffer(chunk, _DTYPES[entry.dtype]).reshape(entry.shape)


def _table(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a LevelDB table in order."""
    footer = table[-_FOOTER_SIZE:]
    if len(footer) < _FOOTER_SIZE or struct.unpack("<Q", footer[-8:])[0] != _TABLE_MAGIC:
        raise _Damage("the index does not end as a table does")
    _, _, position = _handle(footer, 0)  # of the block of meta data, which bundles leave empty
    offset, size, _ = _handle(footer, position)
    for _, handle in _block(table, offset, size):
        offset, size, _ = _handle(handle, 0)
        yield from _block(table, offset, size)


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of one block, after its CRC held."""
    end = offset + size
    if end + _BLOCK_TRAILER_SIZE > len(table):
        raise _Damage("the index is cut")
    if google_crc32c.value(table[offset : end + 1]) != _unmask(struct.unpack_from("<I", table, end + 1)[0]):
        raise _Damage("wrong CRC in the index")
    if table[end] != 0:
        raise UnsupportedModelError("The checkpoint's index is compressed; TensorFlow writes it plain: save it again.")
    restarts = struct.unpack_from("<I", table, end - 4)[0]
    end -= 4 * (restarts + 1)
    key, position = b"", offset
    while position < end:
        shared, position = _varint(table, position)
        fresh, position = _varint(table, position)
        length, position = _varint(table, position)
        key = key[:shared] + table[position : position + fresh]
        position += fresh
        yield key, table[position : position + length]
        position += length


def _handle(buffer: bytes, position: int) -> tuple[int, int, int]:
    """Return offset and size of a block, and the position behind its handle."""
    offset, position = _varint(buffer, position)
    size, position = _varint(buffer, position)
    return offset, size, position


def _entry(message: bytes) -> _Entry:
    shape = tuple(
        dict(_fields(dimension, int)).get(1, 0)
        for field, dimension in _fields(dict(_fields(message, bytes)).get(2, b""), bytes)
        if field == 2  # noqa: PLR2004 - TensorShapeProto.dim
    )
    numbers = dict(_fields(message, int))
    dtype, offset, size, crc = (numbers.get(field, 0) for field in (1, 4, 5, 6))
    return _Entry(dtype, shape, offset, size, _unmask(crc))


def _fields(message: bytes, kind: type[_Value]) -> Iterator[tuple[int, _Value]]:
    """Yield number and value of those fields of a protocol buffer that hold numbers (int), or the others (bytes)."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        field, wire_type = tag >> 3, tag & 7
        value: bytes | int
        if wire_type == _VARINT:
            value, position = _varint(message, position)
        elif wire_type == _BYTES:
            length, position = _varint(message, position)
            value, position = message[position : position + length], position + length
        elif wire_type == _FIXED32:
            value, position = struct.unpack_from("<I", message, position)[0], position + 4
        else:
            raise _Damage(f"wire type {wire_type} in an entry of the index")
        if isinstance(value, kind):
            yield field, value


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more bytes follow
            return value, position
        shift += 7
        if shift > _VARINT_BITS:
            raise _Damage("a number in the index has no end")


def _unmask(crc: int) -> int:
    """Undo LevelDB's masking, which keeps the CRC of data that holds CRCs from being trivial."""
    rotated = (crc - _CRC_MASK_DELTA) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF

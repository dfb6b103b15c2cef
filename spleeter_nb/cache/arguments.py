"""What users hand in, checked, and what they get back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.cache.counts import LEVELS
from spleeter_nb.cache.envelope import DTYPES, Value
from spleeter_nb.exceptions import ValidationError, nearest

if TYPE_CHECKING:
    from spleeter_nb.cache.counts import LevelName
    from spleeter_nb.cache.envelope import AnyArray


def pack(data: Any) -> Value:
    """Return the value of what a user stores; the notes say what it was."""
    if isinstance(data, bytes):
        return Value({"data": np.frombuffer(data, np.uint8)}, {"kind": "bytes"})
    if isinstance(data, np.ndarray):
        return Value({"data": _check_array(data)}, {"kind": "array"})
    if isinstance(data, Mapping) and data and all(isinstance(name, str) for name in data):
        return Value({name: _check_array(array) for name, array in data.items()}, {"kind": "mapping"})
    raise ValidationError(
        f"{type(data).__name__} cannot be stored. Allowed are bytes, an array, or a mapping of names to arrays that is "
        "not empty.",
        type=type(data).__name__,
    )


def unpack(value: Value) -> Any:
    """Return what a user stored."""
    kind = value.meta.get("kind")
    if kind == "bytes":
        return value.arrays["data"].tobytes()
    return value.arrays["data"] if kind == "array" else dict(value.arrays)


def _check_array(array: Any) -> AnyArray:
    if isinstance(array, np.ndarray) and array.ndim and array.dtype.str in DTYPES:
        return array
    came = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
    raise ValidationError(
        f"An array of {came} cannot be stored. Allowed are arrays of one axis or more, of {', '.join(sorted(DTYPES))}; "
        "convert it with astype.",
        got=came,
    )


def check_key(key: Any) -> None:
    """Refuse what is no text that can be encoded."""
    try:
        usable = bool(key.encode())
    except (AttributeError, TypeError, UnicodeEncodeError):
        usable = False
    if not (usable and isinstance(key, str)):
        raise ValidationError(f"{key!r} is no key. Allowed is any text that is not empty.", key=repr(key))


def check_level(level: Any) -> tuple[LevelName, ...]:
    """Return the levels that a user means."""
    if level == "auto":
        return LEVELS
    if isinstance(level, str) and level in LEVELS:
        return (level,)
    allowed = ("auto", *LEVELS)
    raise ValidationError(
        f"There is no cache level {level!r}. Allowed are {', '.join(allowed)}.{nearest(str(level), allowed)}",
        cache_level=level,
    )


def check_number(name: str, number: Any, *, zero: bool = False) -> float:
    """Return a finite number that is positive, or zero where that is allowed."""
    if isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number):
        value = float(number)
        if value > 0 or (zero and value == 0):
            return value
    allowed = "0 and positive numbers" if zero else "positive numbers"
    raise ValidationError(f"{name}={number!r}: allowed are {allowed}.", **{name: number})


def check_url(url: Any) -> str | None:
    """Return an address that is text, None for None; it is not shown, since it may hold a password."""
    if url is None or isinstance(url, str):
        return url
    raise ValidationError(
        f"redis_url is no text but {type(url).__name__}. Give an address like redis://host:6379/0.",
        type=type(url).__name__,
    )


def check_folder(folder: Any) -> Path | None:
    """Return a path, None for None."""
    try:
        return None if folder is None else Path(folder).expanduser()
    except (TypeError, RuntimeError) as error:
        raise ValidationError(f"cache_dir={folder!r} is no path ({error}). Give the path of a folder.") from error

"""Keys: one text for everything that a result depends on."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spleeter_nb._version import __version__
from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = Path(__file__).parent.parent
_ROOMS = ("audio", "dsp", "net", "engine")
_LIBRARIES = ("numpy", "scipy", "soxr", "soundfile", "av", "openvino")


def make_key(kind: str, **parts: object) -> str:
    """Write down what a result depends on, so that equal texts mean equal results.

    Parameters
    ----------
    kind : str
        What is stored: ``"stems"`` …
    **parts : object
        Text, numbers, booleans, None, and lists and mappings of these.

    Returns
    -------
    str
        Canonical JSON in ASCII: names sorted, nothing rounded; 1, 1.0, True and "1" differ.

    Raises
    ------
    ValidationError
        A part is of another type, is not finite, or a mapping has names that are no text.
    """
    whole = {"kind": kind, "parts": parts}
    for part in _parts(whole):
        if not isinstance(part, (str, bool, int, float, type(None))) or (
            isinstance(part, float) and not math.isfinite(part)
        ):
            raise ValidationError(
                f"{part!r} ({type(part).__name__}) cannot be part of a key. Allowed are text, finite numbers, "
                "booleans, None, and lists and mappings of these; turn it into one of them.",
                kind=kind,
            )
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_key(key: str) -> str:
    """Return the BLAKE2b-256 of a key in hexadecimal: its name in files and in Redis."""
    return hashlib.blake2b(key.encode(), digest_size=32).hexdigest()


@functools.cache
def code_version() -> str:
    """Digest what turns sound into stems: the source of the rooms that do it, and the libraries they compute with.

    It is part of the keys, so that results made by other code are never taken for today's. Where the source cannot be
    read, the package's version stands for it.

    Returns
    -------
    str
        BLAKE2b-128 in hexadecimal; computed once per process.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        for room in _ROOMS:
            # A program may be shipped without its source.
            paths = sorted((_PACKAGE / room).glob("**/*.py")) or [_PACKAGE / room / "__init__.py"]
            for path in paths:
                source = path.read_bytes()
                digest.update(f"{path.relative_to(_PACKAGE).as_posix()} {len(source)}\n".encode() + source)
    except OSError:
        digest = hashlib.blake2b(__version__.encode(), digest_size=16)
    for library in _LIBRARIES:
        digest.update(f"{library} {_version(library)}\n".encode())
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _parts(value: object) -> Iterator[object]:
    """Find everything in lists and mappings, names included; a name that is no text counts as a part of its type."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield name if isinstance(name, str) else (name,)
            yield from _parts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _parts(part)
    else:
        yield value

"""Temporary files without a name: what goes wrong with them, in our words."""

from __future__ import annotations

import contextlib
import tempfile
from typing import IO, TYPE_CHECKING

from spleeter_nb.exceptions import StorageError
from spleeter_nb.storage import storing

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def storing_temporarily() -> Iterator[None]:
    """Do what :func:`spleeter_nb.storage.storing` does, for the folder of temporary files, wherever that is.

    Raises
    ------
    DiskFullError
        If there is no room left.
    StorageError
        If there is no such folder, or a file in it cannot be opened, written or read.
    """
    try:
        folder = tempfile.gettempdir()
    except OSError as error:
        raise StorageError(
            f"There is no folder for temporary files: {error.strerror}. Set TMPDIR to one that can be written to."
        ) from error
    with storing(folder):
        yield


@contextlib.contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """Open a temporary file, and give it back on leaving."""
    with storing_temporarily():
        file = tempfile.TemporaryFile()  # noqa: SIM115 - given back below
    try:
        yield file
    finally:
        discard(file)


def discard(file: IO[bytes]) -> None:
    """Close a temporary file whose contents nobody needs any more."""
    # Closing writes what is buffered, which fails again where the disk is full.
    with contextlib.suppress(OSError):
        file.close()

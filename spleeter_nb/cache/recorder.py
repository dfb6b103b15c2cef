"""A value on its way into the cache, block by block, beside a job that must not fail because of it."""

from __future__ import annotations

import errno
import logging
import shutil
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from spleeter_nb.cache.envelope import EnvelopeWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from spleeter_nb.cache.complaints import Complaints
    from spleeter_nb.cache.envelope import AnyArray, SealedFile

_LOG = logging.getLogger("spleeter_nb")
# What is left free on a disk, for the stems themselves: this many bytes, or that part of a small disk.
_RESERVE = 256 << 20
_RESERVED_PART = 20


class Recorder:
    """Takes a value block by block. Nothing raises: what cannot be recorded is given up, and a warning says why.

    Any thread may use it. As a context manager it gives up what was not committed.

    Parameters
    ----------
    names : sequence of str
        The arrays.
    folder : Path or None
        Where they grow; None for temporary files without names.
    largest : int
        Bytes of all arrays; a value that has more is not worth its room. 0 records nothing.
    ttl : float
        Seconds until a value is out of date, where `commit` is not told.
    publish : callable
        Takes the key, the finished file and the seconds it holds, and closes the file.
    complaints : Complaints
        Where to complain.
    """

    def __init__(  # noqa: PLR0913 - made in one place
        self,
        names: Sequence[str],
        *,
        folder: Path | None,
        largest: int,
        ttl: float,
        publish: Callable[[str, SealedFile, float], None],
        complaints: Complaints,
    ) -> None:
        self._lock = threading.Lock()
        self._folder = folder
        self._largest = largest
        self._ttl = ttl
        self._publish = publish
        self._complaints = complaints
        self._writer: EnvelopeWriter | None = None
        if largest:
            try:
                self._writer = EnvelopeWriter(folder, names)
            except Exception as error:  # noqa: BLE001 - no job fails because of its cache
                self._give_up(error)

    def write(self, name: str, samples: AnyArray) -> None:
        """Append a block to an array, along axis 0."""
        with self._lock:
            if self._writer is None:
                return
            if self._writer.nbytes + samples.nbytes > self._largest:
                _LOG.info("a result of more than %s bytes is not cached", f"{self._largest:,}")
                self._drop()
                return
            try:
                self._keep_free(samples.nbytes)
                self._writer.append(name, samples)
            except Exception as error:  # noqa: BLE001 - no job fails because of its cache
                self._give_up(error)

    def commit(self, key: str, meta: Mapping[str, Any], ttl: float | None = None) -> None:
        """Finish the value and store it.

        Parameters
        ----------
        key : str
            From `make_key`.
        meta : mapping
            Notes, as JSON has them.
        ttl : float, optional
            Seconds until it is out of date; by default what the cache was told.
        """
        ttl = self._ttl if ttl is None else ttl
        with self._lock:
            if self._writer is None:
                return
            try:
                sealed = self._writer.seal(key, meta, expires=time.time() + ttl)
            except Exception as error:  # noqa: BLE001 - no job fails because of its cache
                self._give_up(error)
                return
            self._writer = None
        self._publish(key, sealed, ttl)

    def abort(self) -> None:
        """Give up, and give back what was written; after `commit` there is nothing to give back."""
        with self._lock:
            self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.abort()

    def _drop(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abort()

    def _give_up(self, error: Exception) -> None:
        self._drop()
        place = self._folder or "temporary files"
        self._complaints.warn(type(error).__name__, "A result cannot be cached in %s (%s).", place, error)

    def _keep_free(self, needed: int) -> None:
        """See that the stems themselves still find room afterwards."""
        disk = shutil.disk_usage(self._folder or tempfile.gettempdir())
        if disk.free - needed < min(_RESERVE, disk.total // _RESERVED_PART):
            raise OSError(errno.ENOSPC, f"the disk is nearly full, {disk.free:,} bytes are free")

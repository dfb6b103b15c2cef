"""Files that come from a browser in pieces: whatever is lost, doubled or late, the whole file appears, or none."""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import os
import re
import secrets
import shutil
import tempfile
import threading
import unicodedata
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from spleeter_nb.exceptions import StorageError, ValidationError
from spleeter_nb.storage import create_temporary, is_abandoned, is_temporary, move_into_place, require_space, storing
from spleeter_nb.widgets.wire import UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

_PREFIX = "spleeter_nb-uploads-"
_MOST_UNFINISHED = 32
_LONGEST_NAME = 200  # bytes; file systems take 255, and " (2)" is put into names that exist
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(eq=False, kw_only=True)
class Upload:
    """One file on its way here, or arrived."""

    name: str
    """As it is called here; made safe."""
    size: int
    """Bytes, as the browser declared."""
    modified: int
    """When the file was changed last, in ms since 1970; with name and size it tells one file from another."""
    temporary: Path
    file: IO[bytes]
    """The temporary file, open until it has its name."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    received: int = 0
    crc: int = 0
    """CRC-32 of what was received."""
    path: Path | None = None
    """Where it is, once it is whole."""
    asks_again: bool = False
    """Whether the browser was told already that a piece is missing."""


class Uploads:
    """All uploads of one picker; its methods may be called in any thread.

    Parameters
    ----------
    folder : callable
        Gives the folder where files end up; asked when the first one begins.
    max_bytes : int, optional
        Larger files are refused; None takes what the disk takes.
    changed : callable
        Called without arguments after each change.
    """

    def __init__(self, folder: Callable[[], Path], *, max_bytes: int | None, changed: Callable[[], None]) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._changed = changed
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.RLock()
        self._is_closed = False

    def all(self) -> tuple[Upload, ...]:
        """Return those under way and those that arrived, in the order in which they began."""
        with self._lock:
            return tuple(self._uploads.values())

    def begin(self, *, name: str, size: int, modified: int) -> Upload:
        """Begin a file, or go on with it: the same name, size and time find what was begun before.

        Raises
        ------
        ValidationError
            If it is empty or too large, or too many are under way.
        DiskFullError, StorageError
            If there is no room for it.
        """
        name = safe_name(name)
        with self._lock:
            for upload in self._uploads.values():
                if upload.path is None and (upload.name, upload.size, upload.modified) == (name, size, modified):
                    return upload
            self._check(name, size)
            with storing(self._folder(), needed=size):
                temporary, file = create_temporary(self._folder())
            upload = Upload(name=name, size=size, modified=modified, temporary=temporary, file=file)
            self._uploads[upload.id] = upload
        self._changed()
        return upload

    def add(self, upload_id: str, piece: bytes | memoryview, *, offset: int, crc: int) -> bool | None:
        """Take one piece.

        Parameters
        ----------
        upload_id : str
        piece : bytes
            At most `UPLOAD_BYTES`.
        offset : int
            Where in the file it belongs.
        crc : int
            CRC-32 of the file up to the end of this piece.

        Returns
        -------
        bool or None
            True if it was taken or had been before; False if the browser has to send again from `Upload.received`
            on; None if it was told so already.

        Raises
        ------
        ValidationError
            If there is no such upload, or no such piece in it.
        DiskFullError, StorageError
            If it cannot be written; the upload is then gone.
        """
        try:
            with self._lock:
                taken = self._add(self.get(upload_id), piece, offset=offset, crc=crc)
        except StorageError:
            self.remove(upload_id)
            raise
        self._changed()
        return taken

    def _add(self, upload: Upload, piece: bytes | memoryview, *, offset: int, crc: int) -> bool | None:
        end = offset + len(piece)
        if not (0 <= offset < end <= upload.size and len(piece) <= UPLOAD_BYTES):
            raise ValidationError(
                f"A piece of {len(piece)} bytes at {offset} is none of {upload.name!r}, which has {upload.size} "
                f"bytes and comes in pieces of at most {UPLOAD_BYTES}.",
                upload=upload.id,
            )
        if upload.path is not None or end <= upload.received:
            return True
        if offset != upload.received or zlib.crc32(piece, upload.crc) != crc:
            told, upload.asks_again = upload.asks_again, True
            return None if told else False
        with storing(upload.temporary, needed=upload.size - upload.received):
            upload.file.write(piece)
            upload.file.flush()
        upload.received, upload.crc, upload.asks_again = end, crc, False
        return True

    def finish(self, upload_id: str, *, crc: int) -> Upload:
        """Give a file that is here its name; once it is done, nothing more happens.

        Raises
        ------
        ValidationError
            If there is no such upload, it is not whole, or not what the browser sent.
        StorageError
            If it cannot get its name; the upload is then gone.
        """
        try:
            with self._lock:
                upload = self.get(upload_id)
                if upload.path is None:
                    self._check_whole(upload, crc)
                    upload.path = self._publish(upload)
        except StorageError:
            self.remove(upload_id)
            raise
        self._changed()
        return upload

    def remove(self, upload_id: str) -> None:
        """Delete a file, whether it is whole or not; does nothing where there is none."""
        with self._lock:
            upload = self._uploads.pop(upload_id, None)
            if upload is None:
                return
            _discard(upload)
            if upload.path is not None:
                with storing(upload.path):
                    upload.path.unlink(missing_ok=True)
        self._changed()

    def close(self) -> None:
        """Take nothing more; what is not whole is deleted, what is whole stays."""
        with self._lock:
            self._is_closed = True
            for upload in [upload for upload in self._uploads.values() if upload.path is None]:
                _discard(self._uploads.pop(upload.id))

    def where(self, upload_id: str) -> Upload:
        """Return an upload for a browser that will go on from where it is."""
        upload = self.get(upload_id)
        upload.asks_again = False
        return upload

    def get(self, upload_id: str) -> Upload:
        """Return an upload.

        Raises
        ------
        ValidationError
            If there is none with that name.
        """
        with self._lock:
            upload = self._uploads.get(upload_id)
        if upload is None:
            raise ValidationError(f"There is no upload {upload_id[:40]!r}; it was cancelled, or never began.")
        return upload

    def _check(self, name: str, size: int) -> None:
        """Refuse what cannot be taken before the first byte of it comes."""
        unfinished = [upload for upload in self._uploads.values() if upload.path is None]
        if self._is_closed or len(unfinished) >= _MOST_UNFINISHED:
            raise ValidationError(
                "The picker is closed." if self._is_closed else f"{len(unfinished)} uploads are unfinished; end some."
            )
        if size < 1:
            raise ValidationError(f"{name!r} is empty.", size=size)
        if self._max_bytes is not None and size > self._max_bytes:
            raise ValidationError(
                f"{name!r} has {size / 1e6:.1f} MB; at most {self._max_bytes / 1e6:g} MB are taken. Put it on the "
                "server in another way, and choose it there.",
                size=size,
                allowed=self._max_bytes,
            )
        require_space(self._folder(), size + sum(upload.size - upload.received for upload in unfinished))

    def _check_whole(self, upload: Upload, crc: int) -> None:
        if (upload.received, upload.crc) != (upload.size, crc):
            raise ValidationError(
                f"{upload.name!r} is not whole: {upload.received} of {upload.size} bytes are here.", upload=upload.id
            )

    def _publish(self, upload: Upload) -> Path:
        with storing(self._folder() / upload.name):
            os.fsync(upload.file.fileno())
            if os.name == "nt":
                upload.file.close()  # Windows renames no open file
            for path in _names(self._folder() / upload.name):
                with contextlib.suppress(FileExistsError):
                    move_into_place(upload.temporary, path, replace=False)
                    break
            upload.file.close()
        return path


def _names(path: Path) -> itertools.chain[Path]:
    """Yield a path, then others like it: ``song.wav``, ``song (2).wav`` and so on."""
    others = (path.with_stem(f"{path.stem} ({count})") for count in itertools.count(2))
    return itertools.chain([path], others)


def _discard(upload: Upload) -> None:
    # Closing writes what is buffered, which fails again where the disk is full.
    for undo in (upload.file.close, upload.temporary.unlink):
        with contextlib.suppress(OSError):
            undo()


def safe_name(name: str) -> str:
    """Make a name for a file of what a browser calls it: never a path, never hidden, the same on every system.

    Parameters
    ----------
    name : str
        Anything.

    Returns
    -------
    str
        Not empty, at most 200 bytes of UTF-8; what the name ends in is kept.
    """
    last = re.split(r"[/\\]", name[-4 * _LONGEST_NAME :])[-1]
    clean = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", last)).strip(". ") or "upload"
    if _RESERVED.fullmatch(clean):
        clean = f"_{clean}"
    stem, dot, suffix = clean.rpartition(".")
    if not stem or len(suffix) > _LONGEST_NAME // 10:
        stem, dot, suffix = clean, "", ""
    room = _LONGEST_NAME - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + suffix


@functools.cache
def kernels_folder() -> Path:
    """Return a folder for uploads that goes when this process ends; it is made when it is first asked for.

    What killed processes left is swept first.

    Raises
    ------
    StorageError
        If it cannot be made.
    """
    parent = Path(tempfile.gettempdir())
    _sweep(parent)
    with storing(parent):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        _, keeper = create_temporary(folder)  # locked as long as the process lives
    atexit.register(_remove_folder, folder, keeper, os.getpid())
    return folder


def _remove_folder(folder: Path, keeper: IO[bytes], pid: int) -> None:
    # A fork of the process ends, too, and must leave the folder.
    if os.getpid() == pid:
        keeper.close()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            keeper = next((path for path in folder.iterdir() if is_temporary(path.name)), None)
            if keeper is not None and not folder.is_symlink() and is_abandoned(keeper):
                keeper.unlink()  # refused where a living process has it open and there are no locks: Windows
                shutil.rmtree(folder, ignore_errors=True)

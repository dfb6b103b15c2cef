"""Choose songs: on the server's disk, by typing a path, or by uploading them from the browser's."""

from __future__ import annotations

import html
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from spleeter_nb.engine.targets import home_expanded
from spleeter_nb.exceptions import AudioNotFoundError, SpleeterError, StorageError, ValidationError
from spleeter_nb.storage import storing
from spleeter_nb.widgets import wire
from spleeter_nb.widgets.bridge import Bridge, validates
from spleeter_nb.widgets.previews import describe, preview
from spleeter_nb.widgets.roots import Roots
from spleeter_nb.widgets.uploads import Upload, Uploads, kernels_folder

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

_PAGE = 200
_MOST_CHOSEN = 1000
# Requests that wait for a slow file system; more at once are a flood.
_MOST_WAITING = 16
_PROGRESS_SECONDS = 0.25


class FilePicker(Bridge):
    """Choose songs: browse the server's disk, type a path, or upload files of any size from the browser.

    The browser can name nothing but what lies below the roots and is not hidden, and what it uploaded itself.

    Parameters
    ----------
    roots : iterable of path, optional
        Folders to choose from; None takes the working folder and the home folder. Relative paths start at the first.
    multiple : bool
        Whether several songs can be chosen.
    upload_dir : path, optional
        A folder, made where it is missing, in which uploads stay. None takes a temporary one, which outlives the
        picker, so that a separation can go on reading from it, and goes when the kernel ends.
    max_upload_mb : float, optional
        Larger files are refused; None takes what the disk takes.

    Raises
    ------
    ValidationError
        If a root is no folder, or the size makes no sense.

    Attributes
    ----------
    value : list of str
        Paths of the chosen songs, to be observed and set; what is not within the roots is refused. It also changes
        in other threads than the kernel's: after an upload.
    paths : list of Path
        The same.

    Examples
    --------
    >>> picker = FilePicker(["."])
    >>> picker.paths
    []
    """

    bundle = "files"
    protocol = wire.FILES

    value: traitlets.List[str] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    multiple = traitlets.Bool(default_value=True, read_only=True).tag(sync=True)
    roots: traitlets.List[str] = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    max_upload_bytes = traitlets.Int(None, allow_none=True, read_only=True).tag(sync=True)
    uploads: traitlets.List[dict[str, Any]] = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    """What was uploaded and what is on its way; written at most four times a second."""

    def __init__(
        self,
        roots: Iterable[str | os.PathLike[str]] | None = None,
        *,
        multiple: bool = True,
        upload_dir: str | os.PathLike[str] | None = None,
        max_upload_mb: float | None = None,
    ) -> None:
        max_bytes = None if max_upload_mb is None else _bytes(max_upload_mb)
        self._upload_dir = None if upload_dir is None else home_expanded(upload_dir).absolute()
        self._roots = Roots([Path.cwd(), Path.home()] if roots is None else roots)
        self._uploads = Uploads(self._upload_folder, max_bytes=max_bytes, changed=self._show_uploads)
        # Not those of `value`, which traitlets may have set before it is checked.
        self._checked_paths: frozenset[str] = frozenset()
        self._changing = threading.RLock()
        self._shown_at = 0.0
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        super().__init__()
        self.set_trait("multiple", bool(multiple))
        self.set_trait("roots", [str(folder) for folder in self._roots.folders])
        self.set_trait("max_upload_bytes", max_bytes)

    @property
    def paths(self) -> list[Path]:
        """The chosen songs."""
        return [Path(path) for path in self.value]

    def close(self) -> None:
        """End it; uploads that are not whole are deleted, whole ones stay as `upload_dir` says."""
        super().close()
        self._uploads.close()

    def static_html(self) -> str:
        """Return the names of the chosen songs."""
        names = "".join(f"<li>{html.escape(path)}</li>" for path in self.value)
        return f"<ul>{names}</ul>" if names else "<p>No song was chosen.</p>"

    def __repr__(self) -> str:
        return f"FilePicker({len(self.value)} chosen)"

    @validates("value")
    def _check_value(self, proposal: dict[str, Any]) -> list[str]:
        chosen = list(dict.fromkeys(proposal["value"]))
        most = _MOST_CHOSEN if self.multiple else 1
        if len(chosen) > most:
            raise ValidationError(f"{len(chosen)} songs are chosen; at most {most} can be.", allowed=most)
        # What was chosen before may have gone meanwhile: it must not keep others from being chosen.
        checked = dict.fromkeys(path if path in self._checked_paths else str(self._file(path)) for path in chosen)
        self._checked_paths = frozenset(checked)
        return list(checked)

    def _file(self, text: str) -> Path:
        uploaded = (upload.path for upload in self._uploads.all() if upload.path is not None)
        return next((path for path in uploaded if str(path) == text), None) or self._roots.file(text)

    # ---- questions: answered in a thread each, for a file system may be slow

    def _on_list_folder(self, message: wire.ListFolder, _buffers: object) -> None:
        self._answer(message.id, lambda: (self._listed(message), ()))

    def _on_check_path(self, message: wire.CheckPath, _buffers: object) -> None:
        self._answer(message.id, lambda: (self._checked(message), ()))

    def _on_preview_song(self, message: wire.PreviewSong, _buffers: object) -> None:
        def answer() -> tuple[wire.SongPreview, list[bytes]]:
            path = self._file(message.path)
            return wire.SongPreview(id=message.id, text=describe(path)), [preview(path)]

        self._answer(message.id, answer)

    def _answer(self, request: int, work: Callable[[], tuple[Any, Sequence[bytes]]]) -> None:
        if not self._waiting.acquire(blocking=False):
            raise ValidationError(f"{_MOST_WAITING} questions are not answered yet; ask again later.")

        def answer() -> None:
            try:
                with self._answering(request):
                    self.post(*work())
            finally:
                self._waiting.release()

        # A daemon: what a dead network drive holds must not hold the kernel's end.
        threading.Thread(target=answer, name="spleeter_nb-files", daemon=True).start()

    def _listed(self, message: wire.ListFolder) -> wire.FolderListed:
        if message.path is None:
            roots = tuple((str(folder), str(folder), None) for folder in self._roots.folders)
            return wire.FolderListed(id=message.id, crumbs=(), entries=roots, total=len(roots), note="")
        folder = self._roots.folder(message.path)
        listing = self._roots.listing(folder)
        first = max(message.first, 0)
        page = listing.entries[first : first + _PAGE]
        return wire.FolderListed(
            id=message.id,
            crumbs=self._roots.crumbs(folder),
            entries=tuple((entry.name, str(entry.path), entry.size) for entry in page),
            total=len(listing.entries),
            note=_note(listing.others, is_whole=listing.is_whole),
        )

    def _checked(self, message: wire.CheckPath) -> wire.PathChecked:
        kind, path, text = self._judged(message.text)
        completions = self._roots.complete(message.text)
        return wire.PathChecked(id=message.id, kind=kind, path=path, text=text, completions=completions)

    def _judged(self, text: str) -> tuple[Any, str, str]:
        try:
            path = self._file(text)
        except AudioNotFoundError as error:
            return "missing", "", str(error)
        except SpleeterError as error:
            try:
                return "folder", str(self._roots.folder(text)), ""
            except SpleeterError:
                return "unusable", "", str(error)
        try:
            return "song", str(path), describe(path)
        except SpleeterError as error:
            return "unusable", "", str(error)

    # ---- uploads

    def _on_upload_begin(self, message: wire.UploadBegin, _buffers: object) -> None:
        upload = self._uploads.begin(name=message.name, size=message.size, modified=message.modified)
        self.post(_upload_at(upload, request=message.id))

    def _on_upload_piece(self, message: wire.UploadPiece, buffers: Sequence[memoryview]) -> None:
        if len(buffers) != 1:
            raise ValidationError(f"A piece is one buffer, not {len(buffers)}.")
        upload = self._uploads.get(message.upload)
        try:
            taken = self._uploads.add(message.upload, buffers[0], offset=message.offset, crc=message.crc)
        except StorageError as error:
            self.post(_upload_at(upload, problem=str(error)))
            raise
        if taken is not None:
            self.post(_upload_at(upload, again=not taken))

    def _on_upload_where(self, message: wire.UploadWhere, _buffers: object) -> None:
        self.post(_upload_at(self._uploads.where(message.upload), request=message.id))

    def _on_upload_finish(self, message: wire.UploadFinish, _buffers: object) -> None:
        def answer() -> tuple[wire.UploadAt, tuple[()]]:
            upload = self._uploads.finish(message.upload, crc=message.crc)
            self._choose(str(upload.path))
            return _upload_at(upload, request=message.id), ()

        self._answer(message.id, answer)

    def _on_upload_remove(self, message: wire.UploadRemove, _buffers: object) -> None:
        gone = [str(upload.path) for upload in self._uploads.all() if upload.id == message.upload and upload.path]
        with self._changing:
            self.value = [path for path in self.value if path not in gone]
        self._uploads.remove(message.upload)
        answer = wire.UploadAt(id=message.id, upload=message.upload, offset=0, crc=0, again=False, problem="")
        self.post(answer)

    def _choose(self, path: str) -> None:
        with self._changing:
            self.value = [*self.value, path] if self.multiple else [path]

    def _show_uploads(self) -> None:
        with self._changing:
            shown = [_shown(upload) for upload in self._uploads.all()]
            now = time.monotonic()
            is_progress = [{**new, "received": 0} for new in shown] == [{**old, "received": 0} for old in self.uploads]
            if not is_progress or now - self._shown_at >= _PROGRESS_SECONDS:
                self._shown_at = now
                self.set_trait("uploads", shown)

    def _upload_folder(self) -> Path:
        if self._upload_dir is None:
            return kernels_folder()
        with storing(self._upload_dir):
            self._upload_dir.mkdir(parents=True, exist_ok=True)
        return self._upload_dir


def _bytes(megabytes: Any) -> int:
    """Return how large an upload may be."""
    is_number = isinstance(megabytes, int | float) and not isinstance(megabytes, bool)
    if not is_number or not 0 < megabytes <= sys.maxsize:
        raise ValidationError(
            f"max_upload_mb is {str(megabytes)[:40]}; allowed: a number of megabytes above 0, or None for no limit.",
            option="max_upload_mb",
        )
    return int(megabytes * 1e6)


def _shown(upload: Upload) -> dict[str, Any]:
    path = "" if upload.path is None else str(upload.path)
    return {"id": upload.id, "name": upload.name, "size": upload.size, "received": upload.received, "path": path}


def _upload_at(upload: Upload, *, request: int | None = None, again: bool = False, problem: str = "") -> wire.UploadAt:
    return wire.UploadAt(
        id=request,
        upload=upload.id,
        offset=upload.received,
        crc=upload.crc,
        again=again,
        problem=problem,
    )


def _note(others: int, *, is_whole: bool) -> str:
    notes = []
    if others:
        notes.append(f"Not listed, because not named like sound: {others}.")
    if not is_whole:
        notes.append("There is more in this folder than can be listed: type the path.")
    return " ".join(notes)

"""What widgets and browsers tell each other: every custom message, declared once.

``python scripts/make_wire.py`` writes the same for TypeScript. Synced state (traits) carries settings and small
pictures; audio, fine peaks and pieces of files travel as these messages, with binary buffers beside them. The kernel
never speaks before it was asked: hosts drop what comes before a view is there.

A message is a frozen dataclass; on the wire it is an object with its fields and ``type``, the name of the class in
``snake_case``. One with a field ``id`` is a request, or the answer to one: exactly one answer bears that id.
"""

from __future__ import annotations

import dataclasses
import re
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Sequence

MESSAGE_BYTES = 2**20
"""A message to the browser carries at most about this much in its buffers."""

UPLOAD_BYTES = 2**19
"""A message to the kernel carries at most this much: servers and hosts drop larger ones without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """To the browser: why a request was not fulfilled, or what was under way not done."""

    id: int | None
    """None where no request is answered."""
    message: str
    """For people; it may hold names that others chose, so it is shown as text."""
    error: str
    """The name of the exception's class."""


# ---- StemPlayer ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """To the kernel: a view is there; send everything in order of need, what is held already left out.

    Answered with ``peaks`` of every signal, then ``chunk`` after ``chunk``, then ``sent_all``, or a ``failure`` when it
    cannot go on. Another one while that is under way begins anew from `frame`.
    """

    frame: int
    """Sample from which audio is wanted first."""
    has_peaks: bool
    held: tuple[tuple[int, int], ...]
    """Chunks that are here already, as ranges [first, stop) of chunk numbers that all signals have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """To the kernel: where the sound is, at most 4 times a second while it plays, and on pause and seek."""

    frame: int
    playing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """To the browser: lowest and highest sample of each bin, int8 pairs in the one buffer, of one signal."""

    signal: int
    """Stems count from 0 in their order; the mixture is the one after the last stem."""
    samples_per_bin: int
    full_scale: float
    """The sample value that 127 stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """To the browser: one chunk of sound of one signal, or a part of one where it is larger than a message.

    The buffers of all `parts` joined are one FLAC file: samples ``chunk * chunk_frames`` and following, up to the first
    one of the next chunk, which interpolation at another speed needs.
    """

    signal: int
    chunk: int
    part: int
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAll:
    """To the browser: everything that the last ``hello`` asked for was sent; what is missing was lost on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """To the browser: play, pause, or go somewhere."""

    action: Literal["play", "pause", "seek"]
    frame: int | None
    """Where to; None where it is."""


# ---- SpectrogramComparison -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WantTiles:
    """To the kernel: which tiles the views lack, most needed first; this replaces what was wanted before.

    Answered with a ``tile`` for each, or a ``failure``.
    """

    tiles: tuple[tuple[int, int, int], ...]
    """Signal, level of the time pyramid, index in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetTiles:
    """To the kernel: nobody has looked for a while; what was computed for the views may go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """To the browser: a piece of one signal's spectrogram.

    The one buffer is uint8 of shape (columns, bins), deflated by zlib: 255 is `full_db`, each step half a decibel, 0
    is nothing.
    """

    signal: int
    level: int
    """A column is the maximum of ``2 ** level`` frames."""
    index: int
    exact: bool
    """False: of the frames of a column, only some were looked at; an exact tile follows."""


# ---- ModelPicker -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadModel:
    """To the kernel: fetch a model; how far it is, and what went wrong, is synced state."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelDownload:
    """To the kernel: fetch it no further; what came is continued by the next download."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureModel:
    """To the kernel: separate a piece of the demonstration song, to learn how fast this machine is."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgain:
    """To the kernel: see anew which models are here."""


# ---- JobView ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJob:
    """To the kernel: stop this job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveJob:
    """To the kernel: this view, and what was made, are not wanted any more."""


# ---- Desk ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparateSongs:
    """To the kernel: separate the songs that are chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryDemo:
    """To the kernel: separate the demonstration song."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll:
    """To the kernel: stop all jobs."""


# ---- FilePicker ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFolder:
    """To the kernel: what is in a folder? Answered with ``folder_listed``."""

    id: int
    path: str | None
    """None for the roots themselves."""
    first: int
    """How many entries are here already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderListed:
    """To the browser: a part of a folder, folders before songs."""

    id: int
    crumbs: tuple[tuple[str, str], ...]
    """Name and path of each folder from a root down to this one; none for the roots themselves."""
    entries: tuple[tuple[str, str, int | None], ...]
    """Name, path, bytes (None for a folder), from the one asked for on."""
    total: int
    note: str
    """What is not listed, and why; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPath:
    """To the kernel: what is this, and how could it go on? Answered with ``path_checked``."""

    id: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChecked:
    """To the browser: what a path leads to."""

    id: int
    kind: Literal["song", "folder", "missing", "unusable"]
    path: str
    """As it is written in `value`; empty unless it is a song or a folder."""
    text: str
    """What the song is like, or why it cannot be used."""
    completions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewSong:
    """To the kernel: let me hear how it begins. Answered with ``song_preview``."""

    id: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SongPreview:
    """To the browser: the first seconds as a FLAC file, in the one buffer."""

    id: int
    text: str
    """What the song is like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBegin:
    """To the kernel: a file is to come, or to go on coming. Answered with ``upload_at``."""

    id: int
    name: str
    size: int
    modified: int
    """Milliseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPiece:
    """To the kernel: at most `UPLOAD_BYTES` of a file, in the one buffer.

    Answered with an ``upload_at`` without an id, unless the browser was told already to send from elsewhere.
    """

    upload: str
    offset: int
    crc: int
    """CRC-32 of the file up to the end of this piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadWhere:
    """To the kernel: where is an upload, as no answer comes? Answered with ``upload_at``."""

    id: int
    upload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFinish:
    """To the kernel: that was all. Answered with ``upload_at`` when the file has its name."""

    id: int
    upload: str
    crc: int
    """CRC-32 of the whole file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRemove:
    """To the kernel: delete a file, whole or not. Answered with ``upload_at``."""

    id: int
    upload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadAt:
    """To the browser: so much of a file is here."""

    id: int | None
    upload: str
    offset: int
    """Bytes that are here."""
    crc: int
    """CRC-32 of these."""
    again: bool
    """Whether what was sent beyond is lost, and has to be sent again."""
    problem: str
    """Why nothing more is taken; the upload is gone then. Empty as long as all is well."""


# ---- which widget speaks what ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Protocol:
    """The messages of one widget."""

    name: str
    """As TypeScript's types are named: ``{name}ToKernel``, ``{name}ToBrowser``."""
    to_kernel: tuple[type[Any], ...]
    to_browser: tuple[type[Any], ...]


PLAYER = Protocol("Player", (Hello, Position), (Peaks, Chunk, SentAll, Transport))
SPECTROGRAM = Protocol("Spectrogram", (WantTiles, ForgetTiles), (Tile,))
MODELS = Protocol("Models", (DownloadModel, CancelDownload, MeasureModel, LookAgain), ())
JOB = Protocol("Job", (CancelJob, RemoveJob), ())
DESK = Protocol("Desk", (SeparateSongs, TryDemo, CancelAll), ())
FILES = Protocol(
    "Files",
    (ListFolder, CheckPath, PreviewSong, UploadBegin, UploadPiece, UploadWhere, UploadFinish, UploadRemove),
    (FolderListed, PathChecked, SongPreview, UploadAt),
)

PROTOCOLS = (
    PLAYER,
    SPECTROGRAM,
    MODELS,
    JOB,
    DESK,
    FILES,
)
"""What TypeScript is told of."""


def wire_name(message: type[Any]) -> str:
    """Return what a message is called on the wire: ``SentAll`` is ``sent_all``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", message.__name__).lower()


def encode(message: Any) -> dict[str, Any]:
    """Return a message as the object that is sent."""
    return {"type": wire_name(type(message)), **dataclasses.asdict(message)}


def decode(content: object, allowed: Sequence[type[Any]]) -> Any:
    """Turn what a browser sent into a message.

    Parameters
    ----------
    content : object
        Anything: browsers are not trusted.
    allowed : sequence of type
        The dataclasses of messages that may come.

    Raises
    ------
    ValidationError
        If it is none of those, lacks a field, has one too many, or one of a wrong type.
    """
    if not isinstance(content, dict):
        raise ValidationError(f"A message is an object, not a {type(content).__name__}.")
    fields = dict(content)
    kind = fields.pop("type", None)
    by_name = {wire_name(message): message for message in allowed}
    if not isinstance(kind, str) or kind not in by_name:
        raise ValidationError(f"There is no message {str(kind)[:40]!r}; allowed: {', '.join(by_name)}.")
    types_ = _field_types(by_name[kind])
    if set(fields) != set(types_):
        raise ValidationError(
            f"{kind} has the fields {', '.join(types_)}, not {', '.join(sorted(map(str, fields)))[:200]}."
        )
    values = {name: _checked(value, types_[name], f"{kind}.{name}") for name, value in fields.items()}
    return by_name[kind](**values)


def _field_types(message: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(message)
    return {field.name: hints[field.name] for field in dataclasses.fields(message)}


def _checked(value: object, expected: Any, name: str) -> Any:
    """Return `value` as `expected`, lists as tuples."""
    origin, inner = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        (some,) = (kind for kind in inner if kind is not type(None))
        return None if value is None else _checked(value, some, name)
    if origin is Literal and isinstance(value, str) and value in inner:
        return value
    if origin is tuple and isinstance(value, list):
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) == len(value):
            return tuple(_checked(item, kind, name) for item, kind in zip(value, kinds, strict=True))
    # JSON has one kind of number, and bool is an int to isinstance.
    if expected is float and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]  # just looked
    if origin is None and type(value) is expected:
        return value
    raise ValidationError(f"{name} is {str(value)[:40]!r}; allowed: {expected}.")

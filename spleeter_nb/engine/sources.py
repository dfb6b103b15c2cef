"""What a batch is made of: lists, folders and patterns become one list of songs."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from spleeter_nb.audio import ENDINGS
from spleeter_nb.engine.targets import home_expanded
from spleeter_nb.exceptions import AudioProcessingError, SpleeterError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from spleeter_nb.values import AudioSource

AudioSources: TypeAlias = "AudioSource | Iterable[AudioSource]"

EXTENSIONS = tuple(f".{end}" for name, ends in ENDINGS.items() if name != "mpegts" for end in ends)
"""What names of songs end in, in lower case. Only a folder is searched by it: a file is read by its content, whatever
its name. Not ``.ts``: in folders of notebooks that is TypeScript more often than sound."""

_WILDCARDS = re.compile(r"[*?\[]")
_LOG = logging.getLogger("spleeter_nb")


@dataclass(frozen=True, slots=True)
class _Found:
    """Files that nobody named: they were found in a folder, or by a pattern."""

    files: list[Path]


def expand(
    audio_files: AudioSources, *, recursive: bool = False, leave_out: Container[Path] = ()
) -> list[AudioSource | SpleeterError]:
    """List the songs of a batch.

    A path that exists is what it is, whatever characters its name has. A leading ``~`` is the home folder. A folder
    stands for the files in it that are named like sound (`EXTENSIONS`, in upper or lower case), ``track2`` before
    ``track10``. What does not exist and has ``*``, ``?`` or ``[…]`` in it is a pattern; ``**`` stands for folders at
    any depth. A pattern that ends in an extension finds all files with it, as it is written; another one finds files
    that are named like sound. Neither finds what is hidden, unless a pattern has a part that begins with a dot, nor
    enters folders by links. Links to files are followed. All else is left to whoever opens it.

    Parameters
    ----------
    audio_files : source, or iterable of sources
        A source is a path, the bytes of a file, a binary file object, or an array of numbers. Arrays of words, and
        pandas' columns of them, are iterables.
    recursive : bool
        Whether a folder stands for its sub-folders, too.
    leave_out : container of Path
        Files that are not to be found, as ``Path.resolve()`` gives them: what earlier batches wrote.

    Returns
    -------
    list
        In the order given. Each song that was named keeps its place, also when it is named twice. A file that was
        found comes once, and not at all if it was named. Where nothing was found stands the error.

    Raises
    ------
    ValidationError
        If a single folder has no sound, or a single pattern fits none.
    AudioProcessingError
        If a single folder cannot be read.

    Examples
    --------
    >>> expand([b"RIFF...", "song.mp3"])
    [b'RIFF...', 'song.mp3']
    """
    if _is_single(audio_files):
        parts = [_look_up(cast("AudioSource", audio_files), recursive=recursive, leave_out=leave_out)]
        if isinstance(parts[0], SpleeterError):
            raise parts[0]
    else:
        sources = cast("Iterable[AudioSource]", audio_files)
        parts = [_look_up(source, recursive=recursive, leave_out=leave_out) for source in sources]
    return list(_without_repetition(parts))


def _is_single(audio_files: AudioSources) -> bool:
    if isinstance(audio_files, str | bytes | os.PathLike) or hasattr(audio_files, "read"):
        return True
    if hasattr(audio_files, "dtype"):
        return getattr(audio_files.dtype, "kind", None) not in {"U", "O", "T"}
    return not isinstance(audio_files, Iterable)


def _look_up(
    source: AudioSource, *, recursive: bool, leave_out: Container[Path]
) -> AudioSource | _Found | SpleeterError:
    if not isinstance(source, str | os.PathLike):
        return source
    try:
        named = os.fsdecode(source)
        if named.startswith("~") and not os.path.lexists(named):
            source = home_expanded(named)
            named = str(source)
        if _is_folder(named):
            return _in_folder(Path(named), recursive=recursive, leave_out=leave_out)
        if os.path.lexists(named) or not _WILDCARDS.search(named):
            return source
        return _by_pattern(Path(named), leave_out)
    except SpleeterError as error:
        return error
    except OSError as error:
        return AudioProcessingError(f"{named!r} cannot be searched for songs: {error.strerror}.", path=named)


def _is_folder(path: str | Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - pathlib's raises an error for what can be no path, and where it may not look


def _in_folder(folder: Path, *, recursive: bool, leave_out: Container[Path]) -> _Found:
    files = [path for path in _walk(folder, recursive=recursive) if path.suffix.lower() in EXTENSIONS]
    hint = "" if recursive else "; with recursive=True its sub-folders are searched, too"
    return _kept(files, folder, leave_out, f"The folder {str(folder)!r} holds no sound{hint}.")


def _walk(folder: Path, *, recursive: bool) -> Iterator[Path]:
    def give_up(error: OSError) -> None:
        if error.filename == str(folder):
            raise error
        _LOG.warning("The folder %r is left out: %s.", error.filename, error.strerror)

    for parent, folders, names in os.walk(folder, onerror=give_up):
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def _by_pattern(pattern: Path, leave_out: Container[Path]) -> _Found:
    # Brackets in the name of a folder that exists are no wildcards.
    folder = next(parent for parent in pattern.parents if _is_folder(parent) or parent == parent.parent)
    parts = pattern.relative_to(folder).parts
    # What a pattern that ends in ** means depends on the version of Python.
    parts = (*parts, "*") if parts[-1] == "**" else parts
    try:
        matches = list(folder.glob("/".join(parts)))
    except ValueError as error:
        raise ValidationError(f"{str(pattern)!r} is no pattern: {error}.", pattern=str(pattern)) from error
    ends_in_extension = pattern.suffix and not _WILDCARDS.search(pattern.suffix)
    wants_hidden = any(part.startswith(".") for part in parts)
    files = [
        path
        for path in matches
        if (ends_in_extension or path.suffix.lower() in EXTENSIONS)
        and (wants_hidden or not any(part.startswith(".") for part in path.relative_to(folder).parts))
        and not _is_folder(path)
    ]
    return _kept(
        files,
        folder,
        leave_out,
        f"There is no file {str(pattern)!r}, and as a pattern it fits none that is named like sound.",
    )


def _kept(files: list[Path], folder: Path, leave_out: Container[Path], complaint: str) -> _Found:
    """Sort what was found and leave out what earlier batches wrote; nothing left is an error."""
    kept = [path for path in files if _without_links(path) not in leave_out]
    if not kept:
        written = f" {len(files)} were left out, because an earlier batch wrote them." if files else ""
        raise ValidationError(
            f"{complaint}{written} Sought are names that end in {', '.join(EXTENSIONS)}; name a file itself to have it "
            "read whatever its name.",
            folder=str(folder),
            left_out=len(files),
        )
    return _Found(sorted(kept, key=lambda path: (natural_order(path.relative_to(folder)), path)))


def natural_order(path: Path) -> list[list[str | int]]:
    """Make a key that sorts numbers in names by value, folder by folder."""
    return [
        [int(piece) if piece.isdecimal() else piece for piece in re.split(r"(\d+)", part.casefold())]
        for part in path.parts
    ]


def _without_repetition(
    parts: list[AudioSource | _Found | SpleeterError],
) -> Iterator[AudioSource | SpleeterError]:
    # Without links, so that one file under two names counts as one.
    seen = {_without_links(part) for part in parts if isinstance(part, str | os.PathLike)}
    for part in parts:
        if not isinstance(part, _Found):
            yield part
            continue
        for path in part.files:
            place = _without_links(path)
            if place not in seen:
                seen.add(place)
                yield path


def _without_links(path: str | os.PathLike[str]) -> Path:
    # Path.resolve() raises where links lead in a circle.
    try:
        return Path(os.path.realpath(os.fsdecode(path)))
    except ValueError:  # it can be no path, and whoever opens it says so
        return Path(os.fsdecode(path))


def label(source: AudioSource) -> str:
    """Return the path of a source, or what its stems are named after."""
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else "audio"

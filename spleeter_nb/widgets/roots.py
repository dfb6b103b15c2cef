"""Which files a browser may name: those below some folders, and none that is hidden."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spleeter_nb.engine.sources import EXTENSIONS, natural_order
from spleeter_nb.engine.targets import home_expanded
from spleeter_nb.exceptions import AudioNotFoundError, AudioProcessingError, NotARegularFileError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_PATH = 4096
# A folder may hold millions of files; whoever has more songs in one types a part of the name.
_MOST_ENTRIES = 20_000
_COMPLETIONS = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a folder."""

    name: str
    path: Path
    size: int | None
    """Bytes; None for a folder."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds for somebody who looks for songs."""

    entries: tuple[Entry, ...]
    """Folders, then songs, ``track2`` before ``track10``."""
    others: int
    """How many files are not listed, because they are not named like sound."""
    is_whole: bool
    """False where the folder holds more than are ever looked at."""


class Roots:
    """Folders, and the question whether something lies in them.

    Parameters
    ----------
    folders : iterable of path
        The first one is where relative paths start.

    Raises
    ------
    ValidationError
        If there is none, or one is no folder.
    """

    def __init__(self, folders: Iterable[str | os.PathLike[str]]) -> None:
        if isinstance(folders, str | bytes | os.PathLike) or not isinstance(folders, Iterable):
            raise ValidationError(f"Roots are a list of folders, as in ['music'], not {str(folders)[:80]!r}.")
        # The user's own names of them are shown; links are followed only to compare.
        shown = [Path(os.path.abspath(home_expanded(folder))) for folder in folders]  # noqa: PTH100 - see above
        for folder in shown:
            if not folder.is_dir():
                raise ValidationError(
                    f"The root {str(folder)!r} is no folder. Give folders that exist.", root=str(folder)
                )
        if not shown:
            raise ValidationError("There are no roots: give at least one folder to choose from.")
        self.folders = tuple(dict.fromkeys(shown))
        self._real = tuple(Path(os.path.realpath(folder)) for folder in self.folders)

    def resolve(self, text: str) -> Path:
        """Turn what a browser sent into a path that may be looked at; whether anything is there, is not asked.

        Parameters
        ----------
        text : str
            Absolute, relative to the first root, or from ``~``; ``..`` and links are followed before it is judged.

        Raises
        ------
        ValidationError
            If it leads out of the roots, to something hidden, or can be no path.
        """
        if len(text) > _LONGEST_PATH or re.search("[\0\ud800-\udfff]", text):
            raise ValidationError(f"{text[:40]!r} can be no path.", path=text[:_LONGEST_PATH])
        if text == "~" or text.startswith(("~/", "~" + os.sep)):
            text = str(Path.home()) + text[1:]
        path = Path(os.path.normpath(self.folders[0] / text))
        real = Path(os.path.realpath(path))
        if not any(_is_visible_below(real, root) for root in self._real):
            raise self._outside(text)
        if any(_is_visible_below(path, root) for root in self.folders):
            return path
        # Another way to the same place, such as by the real name of a root that is a link.
        return real

    def folder(self, text: str) -> Path:
        """Return a folder that may be listed.

        Raises
        ------
        ValidationError
            As `resolve`, or if it is no folder.
        """
        path = self.resolve(text)
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib's raises an error where it may not look
            raise ValidationError(f"There is no folder {str(path)!r}.", path=str(path))
        return path

    def file(self, text: str) -> Path:
        """Return a regular file that may be read.

        Raises
        ------
        ValidationError
            As `resolve`.
        AudioNotFoundError, NotARegularFileError
            If there is nothing, or a folder, a pipe, a device.
        """
        path = self.resolve(text)
        if os.path.isfile(path):  # noqa: PTH113 - pathlib's raises an error where it may not look
            return path
        # lexists and not exists: a link in a circle is there.
        if os.path.lexists(path):
            raise NotARegularFileError(f"{str(path)!r} is no regular file.", path=str(path))
        raise AudioNotFoundError(f"There is no file {str(path)!r}.", path=str(path))

    def listing(self, folder: Path) -> Listing:
        """List a folder that `folder` gave.

        Raises
        ------
        AudioProcessingError
            If it cannot be read.
        """
        found: list[Entry] = []
        looked = others = 0
        try:
            with os.scandir(folder) as inside:
                for looked, item in enumerate(inside, 1):
                    if looked > _MOST_ENTRIES:
                        break
                    entry = self._entry(item)
                    if entry is None:
                        others += not item.name.startswith(".")
                    else:
                        found.append(entry)
        except OSError as error:
            raise AudioProcessingError(
                f"The folder {str(folder)!r} cannot be read: {error.strerror}.", path=str(folder)
            ) from error
        found.sort(key=lambda entry: (entry.size is not None, natural_order(Path(entry.name))))
        return Listing(tuple(found), others, is_whole=looked <= _MOST_ENTRIES)

    def crumbs(self, folder: Path) -> tuple[tuple[str, str], ...]:
        """Return names and paths of the folders from a root down to `folder`."""
        root = max((root for root in self.folders if folder.is_relative_to(root)), key=lambda root: len(root.parts))
        below = folder.relative_to(root).parts
        first = "Home" if root == Path.home() else root.name or str(root)
        return ((first, str(root)), *((name, str(root.joinpath(*below[: i + 1]))) for i, name in enumerate(below)))

    def complete(self, text: str) -> tuple[str, ...]:
        """Return a few paths of folders, with a separator at the end, and songs that begin with `text`."""
        before, _, begun = text.rpartition("/") if "/" in text else text.rpartition(os.sep)
        return tuple(dict.fromkeys((*self._complete_roots(text), *self._complete_inside(text, before, begun))))[
            :_COMPLETIONS
        ]

    def _complete_roots(self, text: str) -> Iterator[str]:
        for root in self.folders:
            if text and str(root).startswith(text):
                yield f"{root}{os.sep}"

    def _complete_inside(self, text: str, before: str, begun: str) -> Iterator[str]:
        try:
            listing = self.listing(self.folder(before or (os.sep if text[:1] in {"/", os.sep} else "")))
        except (ValidationError, AudioProcessingError):
            return
        head = text[: len(text) - len(begun)]
        for entry in listing.entries:
            if entry.name.casefold().startswith(begun.casefold()):
                yield head + entry.name + (os.sep if entry.size is None else "")

    def _entry(self, item: os.DirEntry[str]) -> Entry | None:
        """Return what may be chosen or entered; None for all else."""
        try:
            if item.name.startswith("."):
                return None
            path = self.resolve(item.path) if item.is_symlink() else Path(item.path)
            item.name.encode()
            if item.is_dir():
                return Entry(item.name, path, None)
            if item.is_file() and path.suffix.lower() in EXTENSIONS:
                return Entry(item.name, path, item.stat().st_size)
        except (OSError, ValueError):  # it went meanwhile, leads out of the roots, or its name is no text
            pass
        return None

    def _outside(self, text: str) -> ValidationError:
        return ValidationError(
            f"{text!r} lies outside of the folders to choose from, or is hidden. Choose from "
            f"{', '.join(map(str, self.folders))}, or give other roots.",
            path=text,
        )


def _is_visible_below(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and not any(part.startswith(".") for part in path.relative_to(root).parts)

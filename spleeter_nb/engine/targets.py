"""Where stems are written: names from a template, what to do with files that exist, all of a song together."""

from __future__ import annotations

import contextlib
import os
import string
import threading
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from spleeter_nb.audio import AudioWriter, choose_encoding
from spleeter_nb.engine.publishing import complete_interrupted, publish_together
from spleeter_nb.engine.threads import check_cancelled, run_interruptible
from spleeter_nb.exceptions import OutputExistsError, ValidationError, is_one_of, nearest
from spleeter_nb.storage import storing
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from spleeter_nb.audio import BitDepth, Bitrate, Encoding
    from spleeter_nb.values import FloatArray, Tags

OnExist: TypeAlias = Literal["overwrite", "skip", "error"]

_FIELDS = ("filename", "foldername", "instrument", "codec")

_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Directions that one sign gives to those that follow: ``photo<U+202E>gnp.wav`` looks like a picture."""

_SEPARATORS = str.maketrans("/\\", "__")

# Samples between two looks at whether the writing was cancelled.
_WRITE_FRAMES = 1 << 16


STEM_FILE_ENDING = ".stem.mp4"


def song_name(path: PurePath) -> str:
    """Return what a file is called without its ending; one whose name is nothing but an ending keeps it."""
    name = path.name.removesuffix(STEM_FILE_ENDING)
    stem = path.stem if name == path.name else name
    return stem if stem.strip(".") else path.name


@dataclass(frozen=True)
class Targets:
    """A folder, the template of the paths below it, and what to do where there is something."""

    folder: Path
    template: str
    codec: str
    on_exist: OnExist

    def __post_init__(self) -> None:
        if not is_one_of(self.on_exist, get_args(OnExist)):
            raise ValidationError(
                f"on_exist is {self.on_exist!r}; allowed: {', '.join(get_args(OnExist))}."
                f"{nearest(str(self.on_exist), get_args(OnExist))}",
                option="on_exist",
                value=self.on_exist,
            )
        try:
            used = {name for _, name, _, _ in string.Formatter().parse(self.template) if name is not None}
        except (TypeError, ValueError) as error:
            raise ValidationError(f"filename_format {self.template!r} is no template: {error}.") from error
        for name in used:
            if name not in _FIELDS:
                raise ValidationError(
                    f"filename_format {self.template!r} has an unknown field {name!r}.{nearest(name, _FIELDS)} "
                    f"Fields are {', '.join(_FIELDS)}.",
                    field=name,
                )

    @property
    def may_replace(self) -> bool:
        """Whether a file may be replaced, also one that appears while stems are made."""
        return self.on_exist == "overwrite"

    def paths(self, source: str, instruments: Iterable[str]) -> dict[str, Path]:
        """Return each stem's path.

        Parameters
        ----------
        source : str
            The path of the source, or what its stems are named after.
        instruments : iterable of str

        Raises
        ------
        ValidationError
            If a path leaves the folder, or two stems would share one.
        """
        # Without "..", and without following links: a song is called what the user calls it.
        path = Path(os.path.abspath(source))  # noqa: PTH100 - pathlib's way follows links
        paths = {}
        for instrument in instruments:
            relative = PurePath(
                self._filled(
                    filename=_safe(song_name(path)),
                    foldername=_safe(path.parent.name),
                    # Stem files of strangers have any names.
                    instrument=_safe(instrument).translate(_SEPARATORS),
                )
            )
            if relative.is_absolute() or ".." in relative.parts or not relative.name:
                raise ValidationError(f"filename_format {self.template!r} leads out of the output folder: {relative}.")
            paths[instrument] = self.folder / relative
        if len(set(paths.values())) < len(paths):
            raise ValidationError(
                f"filename_format {self.template!r} gives several stems one path: put {{instrument}} into it."
            )
        return paths

    def check_distinct(self, sources: Iterable[str]) -> None:
        """Refuse songs whose stems would overwrite each other's.

        Parameters
        ----------
        sources : iterable of str
            The paths of songs that are to be separated one after the other.

        Raises
        ------
        ValidationError
            If two of them would share a path.
        """
        owners: dict[Path, str] = {}
        for source in sources:
            target = self.paths(source, ["stem"])["stem"]
            if target in owners:
                raise ValidationError(
                    f"{owners[target]!r} and {source!r} would write to the same files: "
                    f"{self._how_to_tell_apart(owners[target], source)}.",
                    sources=[owners[target], source],
                )
            owners[target] = source

    def _how_to_tell_apart(self, one: str, other: str) -> str:
        """Advise a template only where it helps: no field tells song.wav and song.mp3 of one folder apart."""
        with_folder = replace(self, template=f"{{foldername}}/{self.template}")
        if with_folder.paths(one, ["stem"]) == with_folder.paths(other, ["stem"]):
            return "give each its own output_dir, or rename one of them"
        return (
            f"put {{foldername}} into filename_format, as in {with_folder.template!r}, or give each its own output_dir"
        )

    def _filled(self, **fields: str) -> str:
        try:
            return self.template.format(**fields, codec=self.codec)
        except (ValueError, LookupError, AttributeError) as error:
            raise ValidationError(
                f"filename_format {self.template!r} cannot be filled in: {error}. Write each field plainly, as in "
                f"{{instrument}}.",
                option="filename_format",
                value=self.template,
            ) from error

    def missing(self, paths: Mapping[str, Path]) -> list[str]:
        """Return the stems that are to be written, having completed what a killed process began to publish.

        Raises
        ------
        OutputExistsError
            If ``on_exist`` is ``error`` and there is a file.
        StorageError
            If a path cannot be one of a file.
        """
        complete_interrupted(paths.values())
        existing = [name for name, path in paths.items() if _exists(path)]
        if existing and self.on_exist == "error":
            raise OutputExistsError(
                f"{paths[existing[0]]} exists, and on_exist is 'error': choose another output_dir, or 'overwrite' or "
                f"'skip'.",
                path=paths[existing[0]],
            )
        return [name for name in paths if self.on_exist != "skip" or name not in existing]


def _safe(name: str) -> str:
    """Replace, in the name of a source, what a terminal obeys, what turns text round, and bytes that are no text."""
    return "".join(
        "_" if unicodedata.category(sign) in {"Cc", "Cs"} or unicodedata.bidirectional(sign) in _TURNING else sign
        for sign in name
    )


def _exists(path: Path) -> bool:
    with storing(path):
        return path.exists()


def home_expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with its leading ``~`` replaced by the home folder.

    Raises
    ------
    ValidationError
        If nobody knows that home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValidationError(f"{os.fspath(path)!r} names no home folder: {error}", path=os.fspath(path)) from error


@contextlib.contextmanager
def writers(  # noqa: PLR0913 - what is written, and how
    paths: Iterable[Path],
    *,
    sample_rate: int,
    encoding: Encoding,
    tags: Tags,
    exist_ok: bool,
    cancel: threading.Event,
    channels: int = 2,
) -> Iterator[dict[Path, AudioWriter]]:
    """Open a file for each path; on leaving they all appear, after an error none does.

    If the process is killed, the next use of the folder finds either all of them or none, and what it left is swept.

    A file that was replaced cannot be brought back: should the last step fail, which only gives complete files
    their names, those of this call are removed, and what lay under their names is gone.

    Parameters
    ----------
    paths : iterable of Path
        Their folders are made.
    sample_rate : int
        Hz.
    encoding : Encoding
    tags : Tags
        For each file.
    exist_ok : bool
        Whether files that are there may be replaced.
    cancel : threading.Event
        When it is set before the last step, no file appears; afterwards all do.
    channels : int
        Of what is written to them.

    Yields
    ------
    dict of Path to AudioWriter

    Raises
    ------
    OutputExistsError
        If there is a file, even a later one than the call, and `exist_ok` is False.
    DiskFullError, StorageError
        If the files cannot be written.
    ValidationError
        If the codec lacks the sample rate.
    SeparationCancelledError
        If `cancel` was set.
    """
    paths = list(paths)
    complete_interrupted(paths)
    opened: dict[Path, AudioWriter] = {}
    made: list[Path] = []
    try:
        for path in paths:
            with storing(path.parent):
                _make_folders(path.parent, made)
            opened[path] = AudioWriter(
                path, encoding, sample_rate=sample_rate, channels=channels, tags=tags, exist_ok=exist_ok
            )
        yield opened
        for writer in opened.values():
            writer.finish()
            check_cancelled(cancel)
        publish_together(opened)
    except BaseException:
        for writer in opened.values():
            writer.abort()
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # somebody else may have put something there
                folder.rmdir()
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it; add each new one to `made`, outermost first."""
    for path in [path for path in (folder, *folder.parents) if not path.exists()][::-1]:
        path.mkdir(exist_ok=True)
        made.append(path)


def write_together(
    samples: Mapping[Path, FloatArray], *, sample_rate: int, encoding: Encoding, tags: Tags = NO_TAGS, exist_ok: bool
) -> None:
    """Write arrays of float32 (frames, 2) to files that appear together, or not at all; an interrupt stops it."""
    cancel = threading.Event()

    def write() -> None:
        with writers(
            samples, sample_rate=sample_rate, encoding=encoding, tags=tags, exist_ok=exist_ok, cancel=cancel
        ) as opened:
            for path, writer in opened.items():
                for start in range(0, len(samples[path]), _WRITE_FRAMES):
                    check_cancelled(cancel)
                    writer.write(samples[path][start : start + _WRITE_FRAMES])

    run_interruptible(write, cancel=cancel)


def write_one(  # noqa: PLR0913 - what `save` takes
    path: str | os.PathLike[str],
    samples: FloatArray,
    *,
    sample_rate: int,
    codec: str | None,
    bit_depth: BitDepth | None,
    bitrate: Bitrate | None,
    tags: Tags = NO_TAGS,
) -> Path:
    """Write float32 (frames, 2) to a file, in place of what was there, and return where it lies.

    A leading ``~`` is the home folder; `codec` is by default what the path ends in, and else ``wav``.
    """
    path = home_expanded(path)
    codec = codec or path.suffix.removeprefix(".").lower() or "wav"
    encoding = choose_encoding(codec, bit_depth=bit_depth, bitrate=bitrate)
    write_together({path: samples}, sample_rate=sample_rate, encoding=encoding, tags=tags, exist_ok=True)
    return path

"""Writing: a temporary neighbour, verified, synchronised, then moved into place."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from spleeter_nb.audio.codecs import CODECS, choose_encoding
from spleeter_nb.audio.opening import probe
from spleeter_nb.exceptions import (
    EmptyAudioError,
    OutputExistsError,
    StorageError,
    ValidationError,
)
from spleeter_nb.storage import create_temporary, move_into_place, storing, sync_folder
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from spleeter_nb.audio.codecs import Bitrate, Encoding
    from spleeter_nb.audio.pcm import BitDepth
    from spleeter_nb.values import FloatArray, Tags

_WRITE_FRAMES = 1 << 16
_log = logging.getLogger("spleeter_nb")


class AudioWriter:
    """Write one file, so that under its name there is nothing, the old file, or the whole new one.

    As a context manager it commits at the end of the block and aborts when the block raises.

    Parameters
    ----------
    path : path
        The target. Its folder must exist; a link there is replaced, not followed.
    encoding : Encoding
        How to write; `choose_encoding` makes one.
    sample_rate : int
        Hz.
    channels : int
    tags : Tags
        Of the song, as far as the codec has room for them.
    exist_ok : bool
        Whether a file at `path` may be replaced, also one that appears while this one is written.

    Raises
    ------
    ValidationError
        When the codec cannot hold such samples: nothing is resampled on the way.
    OutputExistsError
        When the target exists and may not be replaced.
    DiskFullError, StorageError
        When nothing can be written there. Every method can raise these; the writer is then aborted.

    Attributes
    ----------
    frames : int
        Samples per channel written so far.
    clipped : int
        Samples so far that were beyond full scale and were cut off, as all but WAV in ``"float"`` does.
    temporary : Path
        What it is called until it is published: a neighbour, locked where the system can, so that whoever sweeps
        what killed processes left lets it be.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of the file to write
        self,
        path: str | os.PathLike[str],
        encoding: Encoding,
        *,
        sample_rate: int,
        channels: int,
        tags: Tags = NO_TAGS,
        exist_ok: bool = True,
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        self.clipped = 0
        self._channels = channels
        self._encoding = encoding
        encoding.check(sample_rate=sample_rate, channels=channels)
        self._exist_ok = exist_ok
        self._is_open = True
        self._is_finished = False
        with self._storing():
            self.check_target()
            # The target's name may be as long as a name can be, so the neighbour's is not made from it.
            self.temporary, self._file = create_temporary(self.path.parent)
            self._encoder = encoding.begin(self._file, sample_rate=sample_rate, channels=channels, tags=tags)

    def write(self, block: FloatArray) -> None:
        """Append samples.

        Parameters
        ----------
        block : ndarray of float32, shape (samples, channels)
            Full scale 1.0; may be empty.

        Raises
        ------
        ValidationError
            When the shape is another one, a value is NaN, or the writer is closed.
        """
        self._check_open(finished=False)
        samples = np.ascontiguousarray(block, np.float32)
        if samples.ndim != 2 or samples.shape[1] != self._channels:  # noqa: PLR2004 - samples, channels
            raise ValidationError(
                f"A block of shape {samples.shape} does not fit: (samples, {self._channels}) is wanted.",
                shape=samples.shape,
                channels=self._channels,
            )
        if not len(samples):
            return
        self._count_clipped(samples)
        with self._storing(needed=samples.nbytes):
            self._encoder.write(samples)
        self.frames += len(samples)

    def finish(self) -> None:
        """Complete the temporary file, flush it to the disk, and verify that it holds what was written."""
        self._check_open(finished=False)
        with self._storing():
            self._check_not_empty()
            self._encoder.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._verify()
        self._is_finished = True
        if self.clipped:
            _log.warning(
                "%r: samples beyond full scale were cut off: %d. WAV in bit depth 'float' keeps them.",
                Path(self.path.parent.name, self.path.name).as_posix(),
                self.clipped,
            )

    def check_target(self) -> None:
        """Raise `OutputExistsError` or `StorageError` when the file cannot have its name as things are."""
        path = str(self.path)
        with self._storing():
            try:
                status = self.path.lstat()
            except FileNotFoundError:
                return
            if stat.S_ISDIR(status.st_mode):
                raise StorageError(f"{path!r} is a folder; give the name of a file.", path=path)
            if not self._exist_ok:
                raise self._exists()

    def publish(self) -> None:
        """Move the finished file to its name, and no more: only a synchronised folder keeps it in a power cut."""
        self._check_open(finished=True)
        with self._storing():
            if os.name == "nt":
                self._file.close()  # Windows renames no open file, and has no lock to keep
            try:
                move_into_place(self.temporary, self.path, replace=self._exist_ok)
            except FileExistsError:
                self.check_target()
                raise
        self._is_open = False
        with contextlib.suppress(OSError):  # all is on the disk; this gives back the lock
            self._file.close()

    def commit(self) -> None:
        """Finish, where that was not done yet, publish, and synchronise the folder."""
        if not self._is_finished:
            self.finish()
        self.publish()
        with storing(self.path.parent):
            sync_folder(self.path.parent)

    def abort(self) -> None:
        """Leave no trace; does nothing once the file is published. Can be repeated."""
        if not self._is_open:
            return
        self._is_open = False
        # Closing writes what is buffered, which fails again where the disk is full.
        with contextlib.suppress(OSError, AttributeError):
            self._file.close()
        with contextlib.suppress(OSError, AttributeError):
            self.temporary.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            self.abort()
        elif self._is_open:
            self.commit()

    @contextlib.contextmanager
    def _storing(self, *, needed: int | None = None) -> Iterator[None]:
        """Abort on any error, and make the system's errors ours."""
        try:
            with storing(self.path, needed=needed):
                yield
        except BaseException:
            self.abort()
            raise

    def _check_open(self, *, finished: bool) -> None:
        if not self._is_open or self._is_finished != finished:
            state = "closed" if not self._is_open else "finished" if self._is_finished else "not finished"
            raise ValidationError(
                f"The writer of {self.path.name!r} is {state}. The order is: write, finish, publish.",
                state=state,
            )

    def _exists(self) -> OutputExistsError:
        path = str(self.path)
        return OutputExistsError(f"{path!r} exists. Allow overwriting, or choose another name.", path=path)

    def _check_not_empty(self) -> None:
        name = self._encoding.codec
        if not self.frames and not CODECS[name].can_be_empty:
            raise ValidationError(f"{name} cannot say that it holds no samples; write a WAV.", codec=name)

    def _count_clipped(self, samples: FloatArray) -> None:
        highest, lowest = samples.max(), samples.min()
        if np.isnan(highest):
            raise ValidationError("A block to write holds NaN, which is no sound.", path=str(self.path))
        if self._encoding.bit_depth != "float" and (highest > 1.0 or lowest < -1.0):
            self.clipped += int(np.count_nonzero(np.abs(samples) > 1.0))

    def _verify(self) -> None:
        """Open the temporary file as any reader would."""
        found: int | None = 0
        with contextlib.suppress(EmptyAudioError):
            found = probe(self.temporary).frames
        if found != self.frames:
            raise StorageError(
                f"{self.path.name!r} holds {found} samples per channel after writing {self.frames}. "
                "The disk or its file system is failing; write to another one.",
                path=str(self.path),
                expected=self.frames,
                got=found,
            )


def write(  # noqa: PLR0913 - each is a fact of the file to write
    path: str | os.PathLike[str],
    samples: FloatArray,
    *,
    sample_rate: int,
    codec: str = "wav",
    bit_depth: BitDepth | None = None,
    bitrate: Bitrate | None = None,
    exist_ok: bool = True,
) -> None:
    """Write an array to a file, atomically.

    Parameters
    ----------
    path : path
        The target.
    samples : ndarray of float32, shape (samples,) or (samples, channels)
        Full scale 1.0.
    sample_rate, exist_ok
        As for `AudioWriter`.
    codec, bit_depth, bitrate
        As for `choose_encoding`.

    Raises
    ------
    SpleeterError
        As `choose_encoding` and `AudioWriter`.
    """
    channelled = samples[:, np.newaxis] if samples.ndim == 1 else samples
    with AudioWriter(
        path,
        choose_encoding(codec, bit_depth=bit_depth, bitrate=bitrate),
        sample_rate=sample_rate,
        channels=channelled.shape[-1],
        exist_ok=exist_ok,
    ) as writer:
        for start in range(0, len(channelled), _WRITE_FRAMES):
            writer.write(channelled[start : start + _WRITE_FRAMES])

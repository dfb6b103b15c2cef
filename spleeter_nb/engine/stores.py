"""Where stems go while they are made: to memory, or to files."""

from __future__ import annotations

import contextlib
import io
import tempfile
from typing import IO, TYPE_CHECKING, Protocol

import numpy as np

from spleeter_nb.audio import open_audio
from spleeter_nb.container import memory_limit
from spleeter_nb.dsp.downmix import to_stereo
from spleeter_nb.engine.stem import Stem
from spleeter_nb.engine.targets import writers
from spleeter_nb.engine.temporary import discard, storing_temporarily
from spleeter_nb.engine.threads import read_whole
from spleeter_nb.exceptions import AudioChangedError

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from spleeter_nb.audio import AudioWriter, Encoding
    from spleeter_nb.values import FloatArray, Tags

# Bytes of one stem that stay in memory; what is longer goes to a temporary file (6 minutes of stereo at 44.1 kHz).
_IN_MEMORY = 128 * 2**20
# Of a container's memory, the part that one stem may take of it: five of them leave room for the networks.
_SHARE = 1 / 32

_READ_FRAMES = 1 << 16


class Store(Protocol):
    """Takes the stems block by block and gives them back as values."""

    def write(self, name: str, samples: FloatArray) -> None:
        """Append float32 (samples, 2) to a stem."""

    def stem(self, name: str, *, sample_rate: int, frames: int) -> Stem:
        """Return a finished stem."""
        ...


class MemoryStore:
    """Stems in memory, long ones in temporary files without a name, which vanish with the last reference."""

    def __init__(self, names: Sequence[str]) -> None:
        self._samples = {name: _Samples() for name in names}

    def write(self, name: str, samples: FloatArray) -> None:
        """Append float32 (samples, 2) to a stem."""
        self._samples[name].append(samples)

    def stem(self, name: str, *, sample_rate: int, frames: int) -> Stem:
        """Return a finished stem."""
        samples = self._samples[name].take()
        return Stem(name, sample_rate, frames, lambda: samples)

    def discard(self) -> None:
        """Give back what the stems took."""
        for samples in self._samples.values():
            samples.close()


class _Samples:
    """Bytes that grow in memory, and move to a temporary file when they become too many."""

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        limit = memory_limit()
        self._most = _IN_MEMORY if limit is None else min(_IN_MEMORY, int(limit * _SHARE))

    def append(self, samples: FloatArray) -> None:
        with storing_temporarily():
            if isinstance(self._file, io.BytesIO) and self._file.tell() + samples.nbytes > self._most:
                in_memory, self._file = self._file, tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its array
                self._file.write(in_memory.getbuffer())
            self._file.write(np.ascontiguousarray(samples).data)

    def take(self) -> FloatArray:
        """Return float32 (samples, 2) over the bytes, without a copy; nothing can be appended after it."""
        if isinstance(self._file, io.BytesIO):
            return np.frombuffer(self._file.getbuffer(), np.float32).reshape(-1, 2)
        with storing_temporarily(), self._file:
            self._file.flush()
            return np.memmap(self._file, np.float32, "c").reshape(-1, 2)

    def close(self) -> None:
        discard(self._file)


@contextlib.contextmanager
def memory_store(names: Sequence[str]) -> Iterator[MemoryStore]:
    """Open a store in memory; after an error its temporary files are closed at once."""
    store = MemoryStore(names)
    try:
        yield store
    except BaseException:
        store.discard()
        raise


class FileStore:
    """Stems in files, read back only when somebody asks for their samples."""

    def __init__(self, paths: Mapping[str, Path], opened: Mapping[Path, AudioWriter]) -> None:
        self._paths = paths
        self._writers = {name: opened[path] for name, path in paths.items() if path in opened}

    def write(self, name: str, samples: FloatArray) -> None:
        """Append float32 (samples, 2) to a stem, unless its file was there before."""
        if name in self._writers:
            self._writers[name].write(samples)

    def stem(self, name: str, *, sample_rate: int, frames: int) -> Stem:  # noqa: ARG002 - the file knows
        """Return a finished stem."""
        return written_stem(name, self._paths[name])


@contextlib.contextmanager
def file_store(  # noqa: PLR0913 - what is to be written, and what `writers` takes
    paths: Mapping[str, Path],
    missing: Sequence[str],
    *,
    sample_rate: int,
    encoding: Encoding,
    tags: Tags,
    exist_ok: bool,
    cancel: threading.Event,
) -> Iterator[FileStore]:
    """Open a store of files: on leaving they all appear, after an error none does; see :func:`writers`."""
    with writers(
        [paths[name] for name in missing],
        sample_rate=sample_rate,
        encoding=encoding,
        tags=tags,
        exist_ok=exist_ok,
        cancel=cancel,
    ) as opened:
        yield FileStore(paths, opened)


def written_stem(name: str, path: Path, *, stream: int = 0) -> Stem:
    """Return a stem that lies in a file, for as long as that file is not replaced."""
    with open_audio(path, stream=stream) as reader:
        info, written = reader.info, _identity(path)

    def read() -> Generator[FloatArray]:
        for block in _blocks(path, stream):
            yield to_stereo(block)
        if _identity(path) != written:
            raise AudioChangedError(
                f"{str(path)!r} was overwritten since: it is not what this separation wrote. Separate again, or into "
                "another output_dir.",
                path=str(path),
            )

    return Stem(name, info.sample_rate, info.frames or 0, lambda: read_whole(read()), path, read)


def written_stems(paths: Mapping[str, Path]) -> dict[str, Stem]:
    """Return stems that lie in files, by their names."""
    return {name: written_stem(name, path) for name, path in paths.items()}


def _identity(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def read_file(path: Path) -> FloatArray:
    """Return all samples of a file, float32 (frames, channels); an interrupt stops the reading."""
    return read_whole(_blocks(path))


def _blocks(path: Path, stream: int = 0) -> Generator[FloatArray]:
    with open_audio(path, stream=stream) as reader:
        yield from reader.blocks(_READ_FRAMES)

"""Who reads songs: this package, and for the anchors the libraries by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import soundfile

from spleeter_nb.audio import read_blocks, read_tags
from spleeter_nb.exceptions import SpleeterError

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK_FRAMES = 1 << 16


def _ours(path: str) -> int:
    try:
        return sum(len(block) for block in read_blocks(path, _BLOCK_FRAMES))
    finally:
        read_tags(path)


def _pyav(path: str) -> int:
    with av.open(path) as container:
        return sum(frame.samples for frame in container.decode(container.streams.audio[0]))


def _soundfile(path: str) -> int:
    with soundfile.SoundFile(path) as file:
        return sum(len(block) for block in file.blocks(_BLOCK_FRAMES, dtype="float32"))


READERS: dict[str, tuple[Callable[[str], int], tuple[type[Exception], ...]]] = {
    "spleeter_nb": (_ours, (SpleeterError,)),
    "pyav": (_pyav, (av.FFmpegError,)),
    "soundfile": (_soundfile, (soundfile.SoundFileError,)),
}
"""Each reads a file to its end, ours its tags, too, and returns the samples per channel; then the errors that it may
raise."""


def outcome(reader: str, path: str) -> str:
    """Read a file, and say what came of it: ``read``, ``nothing``, ``refused``, or an error that nobody expects."""
    read, typed = READERS[reader]
    try:
        return "read" if read(path) else "nothing"
    except typed:
        return "refused"
    except Exception as error:  # noqa: BLE001 - to see what comes
        return f"untyped {_told(error)}"


def _told(error: Any) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:100]

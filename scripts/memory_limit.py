"""Processes that together get so much memory and no more, as in a container; and how much they have taken."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SAMPLE_EVERY = 0.05
ENDS_WITHIN = 10.0


@dataclass(frozen=True)
class Version:
    """How one version of Linux's control groups calls things."""

    name: str
    root: Path
    limit: str
    no_swap: tuple[str, int]
    """The file that stands there where the system can swap, and its share of the limit: nothing may be swapped."""
    peak: str
    events: str


VERSIONS = (
    Version(
        "cgroup v1",
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes",
        ("memory.memsw.limit_in_bytes", 1),
        "memory.max_usage_in_bytes",
        "memory.oom_control",
    ),
    Version("cgroup v2", Path("/sys/fs/cgroup"), "memory.max", ("memory.swap.max", 0), "memory.peak", "memory.events"),
)


class Group:
    """A control group: the system ends what goes beyond its limit."""

    def __init__(self, version: Version, folder: Path) -> None:
        self.name = f"{version.name}, cached files included"
        self._version, self._folder = version, folder

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process that is in the group from its first moment on."""
        enter = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._folder / "cgroup.procs")]
        return subprocess.Popen([*enter, *command], **options)

    @property
    def peak(self) -> int:
        """The most memory that was taken at once, bytes."""
        return int((self._folder / self._version.peak).read_text())

    @property
    def killed(self) -> int:
        """How many processes were ended for want of memory."""
        words = (self._folder / self._version.events).read_text().split()
        return int(words[words.index("oom_kill") + 1])


class Watched:
    """Without a group nothing is ended: the processes' resident memory is looked at, what they share many times."""

    name = "resident, not enforced: no cgroup can be made here"
    killed = 0

    def __init__(self) -> None:
        self.peak = 0
        self._ended = threading.Event()

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process and look at it and at what it starts."""
        process = subprocess.Popen(command, **options)
        threading.Thread(target=self._watch, args=[psutil.Process(process.pid)], daemon=True).start()
        return process

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _watch(self, process: psutil.Process) -> None:
        while not self._ended.wait(SAMPLE_EVERY):
            taken = 0
            with contextlib.suppress(psutil.NoSuchProcess):
                for it in (process, *process.children(recursive=True)):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        taken += it.memory_info().rss
            self.peak = max(self.peak, taken)


@contextlib.contextmanager
def limited(most: int) -> Iterator[Group | Watched]:
    """Give processes at most so many bytes together; all must have ended when the block does."""
    for version in VERSIONS:
        if folder := _made(version, most):
            try:
                yield Group(version, folder)
            finally:
                _remove(folder)
            return
    watched = Watched()
    try:
        yield watched
    finally:
        watched.end()


def _made(version: Version, most: int) -> Path | None:
    """Make a group with its limit; None where it cannot be."""
    folder = version.root / f"spleeter-nb-{os.getpid()}"
    swap, share = version.no_swap
    try:
        folder.mkdir()
        (folder / version.limit).write_text(str(most))
        if (folder / swap).exists():
            (folder / swap).write_text(str(share * most))
        (folder / version.peak).read_text()
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        return None
    return folder


def _remove(folder: Path) -> None:
    """Remove a group, which the system refuses until it has cleared away the processes."""
    ends = time.monotonic() + ENDS_WITHIN
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(SAMPLE_EVERY)
        else:
            return

"""Kill a process at its K-th call of the system, whatever the call; all of them can be gone through."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import traceback
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from tests.faults.figure import CannotRunError, need_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = """
    open openat creat mkdir mkdirat rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir
    write writev pwrite64 pwritev sendfile copy_file_range ftruncate truncate fallocate fsync fdatasync msync
    flock fcntl chmod fchmod fchmodat utimensat
"""
"""What changes files, and what locks them. A processor may lack some, which the question marks below allow."""
TRACE = ["-e", "trace=" + ",".join(f"?{call}" for call in CALLS.split())]
_PR_SET_PTRACER = 0x59616D61
_ANYBODY = ctypes.c_ulong(-1)


class Point(NamedTuple):
    """A moment in a process: a call, and the how many of its kind in its thread."""

    call: str
    number: int


def points(act: Callable[[], None], log: Path) -> list[Point]:
    """Watch `act` go to its end in a process of its own, and return each point that it came by."""
    status = _traced(act, log, TRACE)
    if status:
        raise RuntimeError(f"what was to be killed fails by itself: {status}")
    lines = log.read_text(errors="replace")
    # Each thread counts for itself.
    counts = Counter(re.findall(r"^(\d+) +(\w+)\(", lines, re.MULTILINE))
    most: Counter[str] = Counter()
    for (_, call), count in counts.items():
        most[call] = max(most[call], count)
    return [Point(call, number) for call, count in most.items() for number in range(1, count + 1)]


def killed_at(point: Point, act: Callable[[], None], log: Path) -> bool:
    """Run `act` in a process that is killed as it makes a call; return False if it never came to it."""
    injection = f"inject={point.call}:signal=KILL:when={point.number}"
    status = _traced(act, log, [*TRACE, "-e", injection])
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _traced(act: Callable[[], None], log: Path, options: list[str]) -> int:
    """Return the status of a forked child that did `act` under the eyes of strace."""
    strace = need_program("strace")
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        _live(act, ready)
    os.close(ready)
    command = [strace, "-f", "-p", str(child), "-o", str(log), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        told = tracer.stderr.readline()
        if "attached" not in told:
            os.kill(child, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            os.write(go, b"!")
        os.close(go)
        _, status = os.waitpid(child, 0)
        tracer.stderr.read()
    if "attached" not in told:
        raise CannotRunError(f"strace may not look into processes here: {told.strip()}")
    return status


def _live(act: Callable[[], None], ready: int) -> NoReturn:
    """Be the child: wait for strace, act, and end without a word to the parent's belongings."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)
        os.read(ready, 1)
        act()
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as its parent
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)

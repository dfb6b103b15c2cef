"""Kill the writing of a value at each of its file-system calls in turn; run by the tests as a process of its own.

``crash_points.py FOLDER BEFORE``: a value is written under a key that is new, or replaces another (BEFORE is ``new`` or
``old``); a forked child does it and kills itself at its K-th call. Afterwards the key must have the old value or the
new one, whole, and the next process must write its own and sweep what was left. Ends with the number of points.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from actor import left, record, seen

from spleeter_nb.cache import CacheManager

# Python announces these before they happen.
CALLS = {"open", "os.mkdir", "os.rename", "os.remove", "os.scandir", "os.listdir", "sqlite3.connect", "fcntl.flock"}
SIZE = 20_000


def write_and_die(folder: Path, point: int) -> None:
    """Write, and be killed at the call number `point`, in whatever thread it is."""
    calls, busy = 0, False

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal calls
        if busy and event in CALLS and (event == "fcntl.flock" or str(folder) in str(arguments[0])):
            calls += 1
            if calls == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    manager = CacheManager(folder)
    busy = True
    record(manager, "key", 2, size=SIZE)
    manager.close()


def check(folder: Path, before: int | None) -> None:
    manager = CacheManager(folder, memory_mb=0)
    assert seen(manager.lookup("key")) in {before, 2}
    record(manager, "key", 3, size=SIZE)
    assert seen(manager.lookup("key")) == 3
    assert manager.verify()["disk"] == (1, 0)
    assert len(left(folder)) == 1, left(folder)
    manager.close()


def main(place: str, before: str) -> None:
    point = 0
    while True:
        folder = Path(place) / f"{before}-{point}"
        manager = CacheManager(folder)
        if before == "old":
            record(manager, "key", 1, size=SIZE)
        manager.close()
        child = os.fork()
        if child == 0:
            write_and_die(folder, point)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        check(folder, 1 if before == "old" else None)
        shutil.rmtree(folder)
        if point and not os.WIFSIGNALED(status):
            break
        point += 1
    assert os.WEXITSTATUS(status) == 0
    sys.stdout.write(str(point - 1))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What other processes do to a cache; run by the tests as a process of its own: ``actor.py PLAY FOLDER …``."""

from __future__ import annotations

import atexit
import json
import logging
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from spleeter_nb.cache import CacheManager, Found

SIZE = 1 << 20


def record(manager: CacheManager, key: str, fill: int, *, size: int = SIZE) -> None:
    with manager.recorder(["a", "b"]) as recorder:
        for _ in range(4):
            recorder.write("a", np.full(size // 4, fill, np.uint8))
            recorder.write("b", np.full(size // 4, fill, np.uint8))
        recorder.commit(key, {"fill": fill})


def seen(found: Found | None) -> int | None:
    """Return what the value is made of, after looking at every byte."""
    if found is None:
        return None
    for array in found.value.arrays.values():
        assert set(np.unique(array).tolist()) == {found.value.meta["fill"]}
    return int(found.value.meta["fill"])


def left(folder: Path) -> list[str]:
    return sorted(path.name for name in ("values", "tmp", "claims") for path in (folder / "v1" / name).glob("*"))


def report(manager: CacheManager, **facts: object) -> None:
    disk = manager.get_cache_stats()["levels"].get("disk")
    sys.stdout.write(json.dumps({**facts, "disk": disk, "warnings": WARNINGS}))
    manager.close()


def write(folder: Path, key: str, fill: str, size: str = str(SIZE)) -> None:
    manager = CacheManager(folder)
    record(manager, key, int(fill), size=int(size))
    report(manager, seen=seen(manager.lookup(key)), left=left(folder))


def read(folder: Path, key: str) -> None:
    manager = CacheManager(folder, memory_mb=0)
    found = seen(manager.lookup(key))
    record(manager, "other", 9)
    report(manager, seen=found, left=left(folder))


def write_limited(folder: Path, key: str) -> None:
    """Write where no file may be longer than half of the value."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, SIZE // 2))
    write(folder, key, "1")


def compute(folder: Path, key: str, seconds: str) -> None:
    """Compute a value once among all who want it."""
    manager, computed = CacheManager(folder, memory_mb=0), False
    cancel = threading.Event()
    with manager.claim(key, cancel=cancel):
        found = manager.lookup(key)
        if found is None:
            Path(folder, f"computing-{os.getpid()}").touch()
            time.sleep(float(seconds))
            record(manager, key, os.getpid() % 250)
            computed, found = True, manager.lookup(key)
    report(manager, seen=seen(found), computed=computed)


def leave(folder: Path, redis_url: str) -> None:
    """End as a script does, with an upload under way."""
    manager = CacheManager(folder, redis_url=redis_url)
    manager.lookup("key")
    record(manager, "key", 4, size=64 * SIZE)
    sys.stdout.write("{}")


def look_at_the_end(folder: Path, key: str) -> None:
    """Look up when the interpreter ends, and no more threads can be started."""
    manager = CacheManager(folder, memory_mb=0)
    atexit.register(lambda: report(manager, seen=seen(manager.lookup(key))))


def fork(folder: Path) -> None:
    """Fork with everything open, and use it on both sides."""
    manager = CacheManager(folder)
    record(manager, "before", 1)
    child = os.fork()
    for number in range(20):
        mine = f"{'child' if child == 0 else 'parent'}-{number}"
        record(manager, mine, number, size=4096)
        assert seen(manager.lookup("before")) == 1
        assert seen(manager.lookup(mine)) == number
    if child == 0:
        manager.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = [seen(manager.lookup(f"child-{number}")) for number in range(20)]
    report(manager, child=status, seen=found, verified=manager.verify()["disk"])


def interrupted(folder: Path, rounds: str) -> None:
    """Interrupt the main thread at random points of what it asks of the cache."""
    manager, chance, interrupts = CacheManager(folder), np.random.default_rng(0), 0
    for number in range(int(rounds)):
        timer = threading.Timer(chance.uniform(0, 0.01), os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            for turn in range(100):
                record(manager, f"{number}-{turn}", turn, size=4096)
                assert seen(manager.lookup(f"{number}-{turn}")) == turn
                manager.get_cache_stats()
        except KeyboardInterrupt:
            interrupts += 1
        timer.join()
        record(manager, f"{number}", number % 250, size=4096)
        assert seen(manager.lookup(f"{number}")) == number % 250
    report(manager, interrupts=interrupts, verified=manager.verify()["disk"])


class Keep(logging.Handler):
    def emit(self, entry: logging.LogRecord) -> None:
        WARNINGS.append(entry.getMessage())


WARNINGS: list[str] = []
PLAYS = {
    play.__name__: play for play in (write, read, write_limited, compute, leave, look_at_the_end, fork, interrupted)
}

if __name__ == "__main__":
    logging.getLogger("spleeter_nb").addHandler(Keep(logging.WARNING))
    play, where, *rest = sys.argv[1:]
    PLAYS[play](Path(where), *rest)

"""A second kernel with the same cache: ``python -m tests.faults.neighbour FOLDER SEED REDIS-URL``; see `interrupts`.

It works until its input ends, then says as JSON what went wrong and how long its slowest operation took.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from pathlib import Path

from tests.faults.workload import Workload

PATIENCE = 2.0
"""Seconds after which an operation counts as blocked."""
PAUSE = 0.01


def main(folder: str, seed: str, redis_url: str) -> None:
    work = Workload(Path(folder), redis_url or None, int(seed))
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,)).start()
    problems, slowest, count, blocked = [], 0.0, 0, 0
    while not ended.wait(PAUSE):
        _, operation = work.draw(only_cache=True)
        began = time.monotonic()
        try:
            operation()
        except Exception as error:  # noqa: BLE001 - counted as what must not happen
            traceback.print_exc()
            problems.append(repr(error))
        seconds = time.monotonic() - began
        count, slowest, blocked = count + 1, max(slowest, seconds), blocked + (seconds > PATIENCE)
    levels = work.cache.get_cache_stats()["levels"]
    work.cache.close()
    work.loop.close()
    report = {"count": count, "slowest": slowest, "blocked": blocked, "problems": problems, "levels": levels}
    sys.stdout.write(json.dumps(report, default=str))


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main(*sys.argv[1:])

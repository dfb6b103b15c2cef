"""A kernel that is interrupted: ``python -m tests.faults.kernel FOLDER SEED REDIS-URL``; see `interrupts`.

For each operation it writes a line when it begins, and one when it is over, after it was told that all is sent.
"""

from __future__ import annotations

import json
import signal
import statistics
import sys
import time
import traceback
import warnings
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.faults.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WARM_UP = 60
"""Operations without interrupts, from which it is known how long each kind takes."""


class Ended(NamedTuple):
    """How an operation ended."""

    at: float
    interrupted: bool
    problem: str


def operate(operation: Callable[[], object]) -> object:
    """Be the mark by which `interrupt` knows that an operation is under way."""
    return operation()


def interrupt(number: int, frame: FrameType | None) -> None:
    """Do what Python does, but only to operations: what stands around them is no part of what is measured."""
    while frame is not None:
        if frame.f_code is operate.__code__:
            signal.default_int_handler(number, frame)
        frame = frame.f_back


def run(operation: Callable[[], object]) -> Ended:
    interrupted, problem = False, ""
    try:
        operate(operation)
    except KeyboardInterrupt:
        interrupted = True
    except Exception as error:  # noqa: BLE001 - counted as what must not happen
        traceback.print_exc()
        problem = repr(error)
    return Ended(time.monotonic(), interrupted, problem)


def say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(folder: str, seed: str, redis_url: str) -> None:
    signal.signal(signal.SIGINT, interrupt)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited")  # it was interrupted before
    work = Workload(Path(folder), redis_url or None, int(seed))
    work.prepare()
    lengths: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(WARM_UP):
        kind, operation = work.draw()
        began = time.monotonic()
        ended = run(operation)
        lengths[kind].append(ended.at - began)
        work.tidy()
    while True:
        kind, operation = work.draw()
        say(kind=kind, usual=statistics.median(lengths[kind]))
        ended = run(operation)
        if not sys.stdin.readline():
            break
        # What comes next must be right as well.
        after = [run(work.tidy), run(work.draw(only_cache=True)[1])]
        say(
            at=ended.at, interrupted=ended.interrupted, problems=[one.problem for one in (ended, *after) if one.problem]
        )
    work.cache.close()
    work.loop.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A kernel is interrupted at random moments, while another one works with the same cache."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tests.cache.redis_server import RedisServer
from tests.faults.figure import (
    ROOT,
    CannotRunError,
    Figure,
    module_command,
    need_module,
    need_program,
    new_dice,
    unmeasured,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

N, QUICK = 1000, 40
MOST_AT_ONCE = 3
GAP = 0.01
"""Seconds between the interrupts of one moment, at most."""
HANGS = 60.0
"""Seconds after which an operation will never end."""


class Answer(NamedTuple):
    """What an operation did with the interrupts that it got."""

    kind: str
    sent: int
    seconds: float | None
    """From the first interrupt to its exception; None if the operation was over before."""
    problems: list[str]


def measure(n: int, seed: int, folder: Path) -> tuple[Figure, ...]:
    shutil.copytree(ROOT / "tests" / "parity" / "data" / "two", folder / "small" / "two")
    dice = new_dice(seed)
    answers: list[Answer] = []
    with ExitStack() as stack:
        url = _redis(stack)
        kernel = stack.enter_context(_process("kernel", folder, seed, url))
        neighbour = stack.enter_context(_process("neighbour", folder, seed + 1, url))
        while sum(answer.seconds is not None for answer in answers) < n:
            with _killed_if_it_hangs(kernel):
                answers.append(_interrupt(kernel, dice))
        other = json.loads(neighbour.communicate(timeout=60)[0])
    return _figures(answers, other, with_redis=bool(url))


def _figures(answers: list[Answer], other: dict[str, Any], *, with_redis: bool) -> tuple[Figure, ...]:
    wrong = [problem for answer in answers for problem in answer.problems] + other["problems"]
    hit = [answer for answer in answers if answer.seconds is not None]
    seconds = [answer.seconds for answer in hit]
    kinds = ", ".join(
        f"{kind} {sum(answer.kind == kind for answer in hit)}" for kind in ("get", "set", "separate", "write")
    )
    note = f"{sum(a.sent for a in answers):,} interrupts at {len(answers):,} moments, of which N in time ({kinds})"
    levels = "L1, L2, L3" if with_redis else "L1, L2; Redis is not installed"
    slowest = f"{other['count']:,} operations of the other, the slowest {other['slowest']:.2f} s"
    errors = other["levels"]["disk"]["errors"]
    return (
        Figure(
            "interrupts: wrong value",
            0,
            len(wrong),
            len(hit),
            note="; ".join([note, levels, *wrong[:5]]),
            anchor="redis-py 1 %",
        ),
        Figure(
            "interrupts: others blocked",
            0,
            other["blocked"] + errors,
            len(hit),
            note=f"{slowest}; {errors} errors",
            anchor="diskcache 4 %",
        ),
        Figure(
            "interrupt answered, 95 %",
            0.5,
            float(np.percentile(seconds, 95)),
            len(hit),
            "s",
            f"the slowest {max(seconds):.3f} s",
            "3.5 s",
        ),
    )


def _redis(stack: ExitStack) -> str:
    try:
        need_program("redis-server")
        need_module("redis")
    except CannotRunError:
        return ""
    return stack.enter_context(RedisServer()).url


@contextmanager
def _process(name: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = module_command(name, *arguments)
    process = subprocess.Popen(
        command, cwd=ROOT, env=unmeasured(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def _killed_if_it_hangs(process: subprocess.Popen[str]) -> Iterator[None]:
    """Have whoever reads what the process says notice that it says no more."""
    timer = threading.Timer(HANGS, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _interrupt(kernel: subprocess.Popen[str], dice: random.Random) -> Answer:
    """Interrupt the next operation of the kernel once or more."""
    assert kernel.stdin is not None
    begun = _line(kernel.stdout)
    time.sleep(dice.random() * begun["usual"])
    first, count = time.monotonic(), dice.randint(1, MOST_AT_ONCE)
    for number in range(count):
        time.sleep(dice.random() * GAP if number else 0)
        os.kill(kernel.pid, signal.SIGINT)
    kernel.stdin.write("sent\n")
    kernel.stdin.flush()
    ended = _line(kernel.stdout)
    seconds = max(0.0, ended["at"] - first) if ended["interrupted"] else None
    return Answer(begun["kind"], count, seconds, ended["problems"])


def _line(stream: IO[str] | None) -> dict[str, Any]:
    assert stream is not None
    line = stream.readline()
    if not line:
        raise RuntimeError("the kernel has ended")
    told: dict[str, Any] = json.loads(line)
    return told

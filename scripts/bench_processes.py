"""Processes, and what they cost: for `bench.py`."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from spleeter_env import SCRIPTS, spleeter_environ

Command: TypeAlias = Sequence[str | Path]


@dataclass(frozen=True)
class Run:
    """What one process cost."""

    seconds: float
    megabytes: float
    """Its peak of resident memory, in 10**6 bytes; Linux counts no less than the peak of this process."""


def run(command: Command, environ: dict[str, str] | None = None) -> Run:
    """Run a process to its end; refuse one that fails."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise SystemExit(f"{said}\n{' '.join(map(str, command))} ended with {process.returncode}")
    return Run(seconds, usage.ru_maxrss * 1024 / 1e6)


@contextmanager
def worker(python: str | Path, side: str, song: Path, *, models: Path) -> Iterator[Callable[[], Run]]:
    """Start `bench_worker.py`, warm; give the function that has it separate once."""
    command = [python, SCRIPTS / "bench_worker.py", "live", side, song]
    environ = spleeter_environ(models)
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):

        def ask(line: str = "\n") -> str:
            process.stdin.write(line)
            process.stdin.flush()
            return process.stdout.readline()

        if ask("") != "ready\n":
            errors.seek(0)
            raise SystemExit(f"{errors.read().decode(errors='replace')}\nThe worker for {side} did not start.")
        yield lambda: Run(float(ask()), 0.0)


def alternate(runs: int, actions: dict[str, Callable[[], Run]]) -> dict[str, list[Run]]:
    """Run every action in turn, `runs` times over."""
    results: dict[str, list[Run]] = {name: [] for name in actions}
    for number in range(runs):
        for name, action in actions.items():
            results[name].append(action())
            print(f"  {number + 1}/{runs} {name}: {results[name][-1].seconds:.2f} s", flush=True)
    return results


def median(runs: Sequence[Run]) -> float:
    """Return the median of the seconds."""
    return statistics.median(run.seconds for run in runs)


def times_faster(runs: Sequence[Run], than: Sequence[Run]) -> float:
    """Return the median of the ratios of neighbouring runs."""
    return statistics.median(b.seconds / a.seconds for a, b in zip(runs, than, strict=True))

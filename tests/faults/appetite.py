"""What a file of a megabyte at most makes its reader take: mutants, headers that lie, bombs, many of everything."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
from pathlib import Path

from tests.faults.figure import Figure, hush, new_dice, run_module
from tests.faults.media import MEGABYTE, bad_input, hungry_inputs, songs
from tests.faults.readers import READERS

N, QUICK = 6_000, 300
PATIENCE = 20
"""Seconds after which a reader is stopped, with what it has by then."""
FRAMES = 6_000


def measure(n: int, seed: int, folder: Path, reader: str = "spleeter_nb") -> tuple[Figure, ...]:
    job = {"n": n, "seed": seed, "folder": str(folder), "reader": reader}
    found = run_module("appetite", json.dumps(job), timeout=3600)
    worst = sorted(found, reverse=True)
    note = "above what the process had before; most for " + ", ".join(f"{name}: {mb:.0f} MB" for mb, name in worst[:5])
    anchor = "PyAV 1044 MB, soundfile 3 MB"
    return (Figure("memory for any input of 1 MB", 64, worst[0][0], len(found), "MB", note=note, anchor=anchor),)


def _peak(path: Path, reader: str) -> float:
    """Return the megabytes that a fork of this process takes above what it has at first."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        # A new process begins to count its peak with what it has.
        before = _memory("VmHWM")
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        with contextlib.suppress(Exception):
            READERS[reader][0](str(path))
        os.write(theirs, str(_memory("VmHWM") - before).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return float(told or "inf")


def _memory(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def _give_up(*_: object) -> None:
    raise TimeoutError


def _run(job: dict[str, str]) -> list[tuple[float, str]]:
    hush()
    signal.signal(signal.SIGALRM, _give_up)
    known = songs(FRAMES)
    hungry = [(name, data) for name, data in hungry_inputs() if len(data) <= MEGABYTE]
    count, found = int(job["n"]), []
    for number in range(count):
        dice = new_dice(int(job["seed"]) * 1_000_003 + number)
        name, data = hungry[number] if number < len(hungry) else bad_input(dice, known)
        path = Path(job["folder"]) / name
        path.write_bytes(data)
        found.append((_peak(path, job["reader"]), name))
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_run(json.loads(sys.argv[1]))))

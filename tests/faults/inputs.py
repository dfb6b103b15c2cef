"""Random bytes, mutants of songs and headers that lie: none may crash, hang, or raise what is no error of ours."""

from __future__ import annotations

import faulthandler
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.faults.figure import ROOT, Figure, module_command, new_dice
from tests.faults.media import bad_input, songs
from tests.faults.readers import outcome

N, QUICK = 30_000, 3_000
PATIENCE = 5.0
"""Seconds after which an input has brought its reader to a stop."""
FRAMES = 6_000


def measure(n: int, seed: int, folder: Path, reader: str = "spleeter_nb") -> tuple[Figure, ...]:
    outcomes: Counter[str] = Counter()
    begin, bad = 0, []
    while begin < n:
        told, status = _read(begin, n, seed, folder, reader)
        outcomes.update(what.partition(" ")[0] for what in told)
        bad += [what for what in told if what.startswith("untyped")]
        begin += len(told) + 1
        if begin <= n:
            what = "crash" if status < 0 else "hang"
            outcomes[what] += 1
            bad.append(f"{what} of input {begin - 1}")
    note = f"{outcomes['read']:,} read, {outcomes['refused']:,} refused"
    return (
        Figure("bad inputs: crashes", 0, outcomes["crash"], n, note=note, anchor="PyAV 0, soundfile 0"),
        Figure("bad inputs: hangs", 0, outcomes["hang"], n, anchor="PyAV 0, soundfile 0"),
        Figure(
            "bad inputs: untyped errors",
            0,
            outcomes["untyped"],
            n,
            note="; ".join(sorted(set(bad))[:9]),
            anchor="PyAV 292 of 30,000, soundfile 0",
        ),
    )


def _read(begin: int, end: int, seed: int, folder: Path, reader: str) -> tuple[list[str], int]:
    """Read inputs in a process of its own until one brings it down; return what came of each, and how it ended."""
    job = json.dumps({"begin": begin, "end": end, "seed": seed, "folder": str(folder), "reader": reader})
    done = subprocess.run(
        module_command("inputs", job), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    return done.stdout.decode().splitlines(), done.returncode


def _run(job: dict[str, object]) -> None:
    known = songs(FRAMES)
    folder = Path(str(job["folder"]))
    for number in range(int(str(job["begin"])), int(str(job["end"]))):
        name, data = bad_input(new_dice(int(str(job["seed"])) * 1_000_003 + number), known)
        path = folder / name
        path.write_bytes(data)
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        told = outcome(str(job["reader"]), str(path))
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.write(told + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _run(json.loads(sys.argv[1]))

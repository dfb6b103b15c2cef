"""Songs that are cut off, in every format and at many places: none may pass for a whole one."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from tests.faults.figure import Figure, hush, run_module
from tests.faults.media import songs
from tests.faults.readers import outcome

N, QUICK = 2_700, 540
FRAMES = 40_000


def measure(n: int, seed: int, folder: Path, reader: str = "spleeter_nb") -> tuple[Figure, ...]:
    found = run_module(
        "cuts", json.dumps({"n": n, "seed": seed, "folder": str(folder), "reader": reader}), timeout=3600
    )
    cuts, taken = Counter(found["cuts"]), Counter(found["taken"])
    worst = [f"{name}: {count} of {cuts[name]}" for name, count in taken.most_common(9)]
    return (
        Figure(
            "cut files accepted silently",
            5,
            100 * taken.total() / cuts.total(),
            cuts.total(),
            "%",
            note="; ".join([f"{len(cuts)} formats, cut after 1 to 99 %", *worst]),
            anchor="PyAV 64 %, soundfile 83 %",
        ),
    )


def _run(job: dict[str, str]) -> dict[str, dict[str, int]]:
    """Cut each format that a reader reads, evenly; a file of which nothing was read without a word counts, too."""
    hush()
    known = songs(FRAMES)
    each = max(1, int(job["n"]) // len(known))
    cuts: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for name, data in known.items():
        path = Path(job["folder"]) / name
        path.write_bytes(data)
        if outcome(job["reader"], str(path)) != "read":
            continue
        for number in range(each):
            path.write_bytes(data[: int(len(data) * (0.01 + 0.98 * number / max(1, each - 1)))])
            cuts[name] += 1
            taken[name] += outcome(job["reader"], str(path)) in {"read", "nothing"}
    return {"cuts": dict(cuts), "taken": dict(+taken)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_run(json.loads(sys.argv[1]))))

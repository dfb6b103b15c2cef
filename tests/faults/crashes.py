"""Processes killed at any call that changes files: afterwards there is the old or the new, and nothing is left over."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.figure import CannotRunError, Figure, need_program, run_module

if TYPE_CHECKING:
    from pathlib import Path

N, QUICK = 5000, 80
"""Points, at most; there are some 1,700."""


def measure(n: int, seed: int, folder: Path) -> tuple[Figure, ...]:
    need_program("strace")
    report = run_module("dying", folder, n, seed, timeout=1200)
    if "cannot" in report:
        raise CannotRunError(report["cannot"])
    count, wrong, left = sum(report["points"].values()), report["wrong"], report["left"]
    judged = "each file is judged as it was left, each set as the next use finds it"
    note = "; ".join(
        [f"{report['possible']:,} points exist", judged, *(f"{k}: {v}" for k, v in report["points"].items())]
    )
    kinds = Counter(problem.partition(", killed at")[0] for problem in left)
    return (
        Figure(
            "crash points: wrong or half results",
            0,
            len(wrong),
            count,
            note="; ".join([note, *wrong[:9]]),
            anchor="pooch, Spleeter: yes",
        ),
        Figure(
            "crash points: left over after the next use",
            0,
            len(left),
            count,
            note=", ".join(f"{kind}: {times}" for kind, times in kinds.items()),
        ),
    )

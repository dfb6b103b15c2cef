"""A process of its own, because it forks: ``python -m tests.faults.dying FOLDER N SEED``, see `crashes`.

Writes what happened as JSON.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.figure import CannotRunError, new_dice
from tests.faults.strace import killed_at, points
from tests.faults.subjects import forget, subjects

if TYPE_CHECKING:
    from tests.faults.subjects import Subject


def main(folder: str, n: int, seed: int) -> dict[str, Any]:
    report: dict[str, Any] = {"points": Counter(), "possible": 0, "wrong": [], "left": []}
    there_are = []
    for label, subject in subjects().items():
        where = _prepared(subject, Path(folder))
        subject.act(where)  # what is loaded late is loaded before the fork
        where = _prepared(subject, Path(folder))
        there_are += [(label, subject, point) for point in points(partial(subject.act, where), Path(folder, "log"))]
    report["possible"] = len(there_are)
    new_dice(seed).shuffle(there_are)
    for label, subject, point in there_are[:n]:
        where = _prepared(subject, Path(folder))
        if killed_at(point, partial(subject.act, where), Path(folder, "log")):
            report["points"][label] += 1
            told = f"{label}, killed at {point.call} {point.number}: "
            report["wrong"] += [told + problem for problem in _problems(subject, where)]
            report["left"] += [told + ", ".join(left) for left in [sorted(subject.left(where))] if left]
    return report


def _prepared(subject: Subject, folder: Path) -> Path:
    where = folder / "subject"
    forget(where)
    where.mkdir()
    subject.prepare(where)
    return where


def _problems(subject: Subject, where: Path) -> list[str]:
    """Look at what a killed process left, and do again what it did not get done."""
    problems = [subject.half_done(where)]
    try:
        subject.again(where)
    except Exception:  # noqa: BLE001 - a figure counts them
        problems.append(traceback.format_exc())
    return [problem for problem in problems if problem]


if __name__ == "__main__":
    try:
        outcome = main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except CannotRunError as error:
        outcome = {"cannot": str(error)}
    sys.stdout.write(json.dumps(outcome))

"""A process of its own, because it forks: ``python -m tests.faults.dying FOLDER N SEED``, see `crashes`.

Writes what happened as JSON.
"""

from __future__ import annotations

import itertools
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
    from collections.abc import Iterator

    from tests.faults.strace import Point
    from tests.faults.subjects import Subject


def main(folder: str, n: int, seed: int) -> dict[str, Any]:
    report: dict[str, Any] = {"points": Counter(), "possible": 0, "wrong": [], "left": []}
    points_of: dict[str, list[Point]] = {}
    known = subjects()
    for label, subject in known.items():
        where = _prepared(subject, Path(folder))
        subject.act(where)  # what is loaded late is loaded before the fork
        where = _prepared(subject, Path(folder))
        points_of[label] = points(partial(subject.act, where), Path(folder, "log"))
        new_dice(seed).shuffle(points_of[label])
    report["possible"] = sum(map(len, points_of.values()))
    for label, point in itertools.islice(_in_turn(points_of), n):
        subject = known[label]
        where = _prepared(subject, Path(folder))
        if killed_at(point, partial(subject.act, where), Path(folder, "log")):
            report["points"][label] += 1
            told = f"{label}, killed at {point.call} {point.number}: "
            report["wrong"] += [told + problem for problem in _problems(subject, where)]
            report["left"] += [told + ", ".join(left) for left in [sorted(subject.left(where))] if left]
    return report


def _in_turn(points_of: dict[str, list[Point]]) -> Iterator[tuple[str, Point]]:
    """Go through all subjects alike, so that few tries try each of them."""
    for row in itertools.zip_longest(*points_of.values()):
        yield from ((label, point) for label, point in zip(points_of, row, strict=True) if point is not None)


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
    except Exception as error:  # noqa: BLE001 - counted as what must not happen
        traceback.print_exc()
        problems.append(repr(error))
    return [problem for problem in problems if problem]


if __name__ == "__main__":
    try:
        outcome = main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except CannotRunError as error:
        outcome = {"cannot": str(error)}
    sys.stdout.write(json.dumps(outcome))

"""Measure how faults are borne, and print one table: ``python -m tests.faults``, or ``make faults``.

Ends with 1 when a requirement is missed, and on a build server also when something could not be run there.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import (
    absence,
    appetite,
    archives,
    crashes,
    cuts,
    damage,
    downloads,
    flatness,
    inputs,
    interrupts,
    references,
)
from tests.faults.figure import CannotRunError, Figure
from tests.faults.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Sequence

MEASUREMENTS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        inputs,
        cuts,
        appetite,
        references,
        damage,
        interrupts,
        absence,
        downloads,
        archives,
        crashes,
        flatness,
    )
}
"""Each has ``measure(n, seed, folder)``, and how often it tries: ``N``, and ``QUICK`` in every run of the tests."""

OF_READERS = {"inputs", "cuts", "appetite", "references"}
"""These take a reader, too: with another one they give the anchors."""

LIBRARIES = ("spleeter-nb", "numpy", "soundfile", "av", "openvino", "diskcache", "redis", "filelock", "httpx")
PROGRAMS = {"redis-server": ("redis-server", "--version"), "strace": ("strace", "--version")}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one measurement."""

    name: str
    seed: int
    seconds: float
    figures: tuple[Figure, ...]
    not_run: str = ""
    """Why there are no figures."""

    @property
    def failed(self) -> bool:
        return not all(figure.met for figure in self.figures) or bool(self.not_run and os.environ.get("CI"))


def measure(name: str, *, scale: float, seed: int, reader: str | None = None) -> Outcome:
    options = {} if reader is None else {"reader": reader}
    module, began, reason = MEASUREMENTS[name], time.monotonic(), ""
    figures: tuple[Figure, ...] = ()
    with tempfile.TemporaryDirectory(prefix="spleeter_nb-faults-") as folder:
        try:
            figures = module.measure(max(1, round(module.N * scale)), seed, Path(folder), **options)
        except CannotRunError as error:
            reason = str(error)
    return Outcome(name, seed, time.monotonic() - began, figures, reason)


def versions() -> dict[str, str]:
    found = {"platform": platform.platform(), "processors": str(os.cpu_count()), "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    for name, command in PROGRAMS.items():
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found[name] = told.splitlines()[0].strip()
        except OSError:
            found[name] = "not installed"
    return found


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [("figure", "anchor", "required", "measured", "N", "seed", "seconds", "")]
    for outcome in outcomes:
        seconds = f"{outcome.seconds:.1f}"
        for figure in outcome.figures:
            verdict = "met" if figure.met else "MISSED"
            required, measured = (f"{value:.4g} {figure.unit}".strip() for value in (figure.required, figure.measured))
            facts = (figure.name, figure.anchor, required, measured, f"{figure.n:,}")
            lines.append((*facts, str(outcome.seed), seconds, verdict))
            seconds = ""
        if outcome.not_run:
            lines.append((outcome.name, "", "", "not run", "", "", seconds, ""))
    return lines


def table(outcomes: Sequence[Outcome]) -> str:
    lines = rows(outcomes)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths).rstrip())
    notes = [f"{figure.name}: {figure.note}." for outcome in outcomes for figure in outcome.figures if figure.note]
    missing = [f"{outcome.name} was not run: {outcome.not_run}." for outcome in outcomes if outcome.not_run]
    return "\n".join([*text, "", *notes, *missing])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual number of tries")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--reader",
        choices=READERS,
        help=f"measure a library for the anchors, with --only {', '.join(sorted(OF_READERS))}",
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.reader and not set(asked.only or MEASUREMENTS) <= OF_READERS:
        parser.error(f"--reader goes with --only {', '.join(sorted(OF_READERS))}")
    return asked


def main() -> int:
    asked = arguments()
    logging.getLogger("spleeter_nb").setLevel(logging.CRITICAL)  # its warnings are what is brought about here
    facts, outcomes = versions(), []
    if not asked.json:
        sys.stdout.write("".join(f"{name}: {value}\n" for name, value in facts.items()) + "\n")
    for name in asked.only or MEASUREMENTS:
        sys.stderr.write(f"measuring {name} ...\n")
        outcomes.append(measure(name, scale=asked.scale, seed=asked.seed, reader=asked.reader))
    if asked.json:
        report = {"versions": facts, "outcomes": [dataclasses.asdict(outcome) for outcome in outcomes]}
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        sys.stdout.write(table(outcomes) + "\n")
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())

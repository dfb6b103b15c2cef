"""A process that is interrupted at several moments: ``interrupts.py MODELS_DIR FOLDER``; run by the tests."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import spleeter_nb
from spleeter_nb.audio import writer
from spleeter_nb.engine.separation import LOADED_MODELS

if TYPE_CHECKING:
    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

RATE = 44_100
MINUTE = np.tile(np.random.default_rng(0).uniform(-0.5, 0.5, (RATE, 2)).astype(np.float32), (60, 1))


def separate(samples: FloatArray, folder: Path | None, **options: object) -> spleeter_nb.SeparationResult:
    return spleeter_nb.separate(samples, sample_rate=RATE, output_dir=folder, **options)


def interrupted(samples: FloatArray, folder: Path | None, *, stage: str, fraction: float, delay: float) -> float:
    """Return the seconds from the signal, sent so long after an event, to its exception."""
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    def listen(event: Progress) -> None:
        if event.stage == stage and (event.fraction or 0) >= fraction and not timers:
            timers.append(threading.Timer(delay, send))
            timers[0].start()

    timers: list[threading.Timer] = []
    try:
        separate(samples, folder, progress=listen)
    except KeyboardInterrupt:
        return time.monotonic() - sent[0]
    raise SystemExit(f"not interrupted in stage {stage!r}")


def left(folder: Path) -> list[str]:
    """Say what is left when the job has had time to end in its own thread."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("spleeter_nb")]
        if not threads:
            break
        time.sleep(0.01)
    return [*threads, *map(str, folder.rglob("*"))]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def slow_fsync(descriptor: int, fsync: object = os.fsync) -> None:
    time.sleep(0.4)
    fsync(descriptor)  # type: ignore[operator]


def main(models_dir: str, folder: str) -> None:
    os.environ.update(SPLEETER_MODELS_DIR=models_dir, SPLEETER_AUTO_DOWNLOAD="false")
    out, short = Path(folder), MINUTE[: 15 * RATE]
    before = separate(short, None, progress=False)
    opened = descriptors()
    report = []
    long = np.tile(MINUTE, (10, 1))
    for stage, fraction, delay in (
        ("load", 0.0, 0.0),
        ("load", 0.0, 0.1),
        ("load", 0.0, 0.3),
        ("separate", 0.0, 0.0),
        ("separate", 0.0, 0.05),
        ("separate", 0.01, 0.0),
        ("separate", 0.03, 0.2),
        ("separate", 0.05, 0.37),
    ):
        LOADED_MODELS.clear() if stage == "load" else None
        target = None if fraction == 0.01 else out / "new"
        seconds = interrupted(long, target, stage=stage, fraction=fraction, delay=delay)
        report.append({"stage": stage, "seconds": seconds, "left": left(out)})
    writer.os.fsync = slow_fsync  # type: ignore[attr-defined]
    seconds = interrupted(short, out / "new", stage="write", fraction=1.0, delay=0.05)
    report.append({"stage": "write", "seconds": seconds, "left": left(out)})
    after = separate(short, None, progress=False)
    equal = all(np.array_equal(before[name].samples, after[name].samples) for name in before)
    sys.stdout.write(json.dumps({"interrupts": report, "equal": equal, "leaked": descriptors() - opened}))


if __name__ == "__main__":
    main(*sys.argv[1:])

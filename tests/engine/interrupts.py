"""A process that is interrupted at several moments: ``interrupts.py MODELS_DIR FOLDER``; run by the tests."""

from __future__ import annotations

import dataclasses
import io
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
from spleeter_nb.audio import AudioWriter, writer
from spleeter_nb.engine.mixture import read_mixture
from spleeter_nb.engine.options import Options
from spleeter_nb.engine.separation import LOADED_MODELS
from spleeter_nb.engine.stores import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

RATE = 44_100
FSYNC = os.fsync
MINUTE = np.tile(np.random.default_rng(0).uniform(-0.5, 0.5, (RATE, 2)).astype(np.float32), (60, 1))


def separate(samples: FloatArray, folder: Path | None, **options: object) -> spleeter_nb.SeparationResult:
    return spleeter_nb.separate(samples, sample_rate=RATE, output_dir=folder, **options)


def send_later(delay: float, sent: list[float]) -> None:
    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(delay, send).start()


def interrupted(samples: FloatArray, folder: Path | None, *, stage: str, fraction: float, delay: float) -> float:
    """Return the seconds from the signal, sent so long after an event, to its exception."""
    sent: list[float] = []
    begun = threading.Event()

    def listen(event: Progress) -> None:
        if event.stage == stage and (event.fraction or 0) >= fraction and not begun.is_set():
            begun.set()
            send_later(delay, sent)

    try:
        separate(samples, folder, progress=listen)
    except KeyboardInterrupt:
        return time.monotonic() - sent[0]
    raise SystemExit(f"not interrupted in stage {stage!r}")


def interrupted_call(call: Callable[[], object], *, delay: float) -> float:
    """Return the seconds from the signal, sent so long after the call began, to its exception."""
    sent: list[float] = []
    send_later(delay, sent)
    try:
        call()
    except KeyboardInterrupt:
        return time.monotonic() - sent[0]
    raise SystemExit("the call ended before it was interrupted")


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


def slow_publish(finished: AudioWriter, publish: Callable[[AudioWriter], None] = AudioWriter.publish) -> None:
    publish(finished)
    time.sleep(0.2)


def interrupt_separations(out: Path, long: FloatArray) -> Iterator[dict[str, object]]:
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
        yield {"stage": stage, "seconds": seconds, "left": left(out)}


def interrupt_files(out: Path, result: spleeter_nb.SeparationResult, long: FloatArray) -> Iterator[dict[str, object]]:
    """Interrupt what reads and writes files without a separation."""
    stems = {name: dataclasses.replace(stem, frames=len(long), _load=lambda: long) for name, stem in result.items()}
    saved = dataclasses.replace(result, stems=stems)
    for delay in (0.05, 0.3):
        seconds = interrupted_call(lambda: saved.save(out / "new", codec="flac"), delay=delay)
        yield {"stage": "save", "seconds": seconds, "left": left(out)}
    seconds = interrupted_call(lambda: saved.vocals.save(out / "new" / "vocals.flac"), delay=0.2)
    yield {"stage": "save", "seconds": seconds, "left": left(out)}

    path = saved.vocals.save(out / "long.flac")
    encoded = io.BytesIO(path.read_bytes())
    path.rename(out.with_suffix(".flac"))
    for read in (
        lambda: read_file(out.with_suffix(".flac")),
        lambda: read_mixture(encoded, Options(), saved.sample_rate),
    ):
        seconds = interrupted_call(read, delay=0.1)
        yield {"stage": "read", "seconds": seconds, "left": left(out)}
    out.with_suffix(".flac").unlink()


def interrupt_publishing(out: Path, short: FloatArray) -> Iterator[dict[str, object]]:
    writer.os.fsync = slow_fsync  # type: ignore[attr-defined]
    seconds = interrupted(short, out / "new", stage="write", fraction=1.0, delay=0.05)
    yield {"stage": "flush", "seconds": seconds, "left": left(out)}
    writer.os.fsync = FSYNC  # type: ignore[attr-defined]
    AudioWriter.publish = slow_publish  # type: ignore[method-assign]
    seconds = interrupted(short, out / "new", stage="write", fraction=1.0, delay=0.15)
    yield {"stage": "publish", "seconds": seconds, "left": left(out)}


def main(models_dir: str, folder: str) -> None:
    os.environ.update(SPLEETER_MODELS_DIR=models_dir, SPLEETER_AUTO_DOWNLOAD="false")
    out, short, long = Path(folder), MINUTE[: 15 * RATE], np.tile(MINUTE, (10, 1))
    before = separate(short, None, progress=False)
    opened = descriptors()
    report = [
        *interrupt_separations(out, long),
        *interrupt_files(out, before, long),
        *interrupt_publishing(out, short),
    ]
    after = separate(short, None, progress=False)
    equal = all(np.array_equal(before[name].samples, after[name].samples) for name in before)
    sys.stdout.write(json.dumps({"interrupts": report, "equal": equal, "leaked": descriptors() - opened}))


if __name__ == "__main__":
    main(*sys.argv[1:])

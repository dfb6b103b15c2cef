"""Many short separations in one process: what each leaves behind."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import spleeter_nb
from tests.faults.figure import ROOT, Figure, run_module

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

N, QUICK = 200, 60
"""Separations."""
WARM_UP = 20
"""Separations after which a process has all that it will need."""

_RATE = 8000
_MODEL = ROOT / "tests" / "parity" / "data" / "two" / "config.json"


def measure(n: int, seed: int, folder: Path) -> tuple[Figure, ...]:
    found = run_module("flatness", json.dumps({"n": n, "seed": seed, "folder": str(folder)}), timeout=60 + 2 * n)
    return (
        Figure("separations in one process: memory, each", 0.05, found["megabytes"], n, "MB"),
        Figure("separations in one process: threads left", 0, found["threads"], n),
        Figure("separations in one process: descriptors left", 0, found["descriptors"], n),
    )


def _resident() -> float:
    """Return the megabytes that this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def _state() -> tuple[int, int]:
    gc.collect()
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


async def _separate(engine: spleeter_nb.SpleeterEngine, songs: list[FloatArray], model: Path) -> list[float]:
    """Separate all songs, two at a time, each new to the cache; return the memory after each pair."""
    resident = []
    for pair in zip(songs[::2], songs[1::2], strict=True):
        jobs = (engine.separate(song, model, sample_rate=_RATE, progress=False) for song in pair)
        await asyncio.gather(*jobs)
        gc.collect()
        resident.append(_resident())
    return resident


async def _run(job: dict[str, Any]) -> dict[str, float]:
    rng = np.random.default_rng(job["seed"])
    folder = Path(job["folder"])
    model = folder / "model"
    model.mkdir()
    for path in _MODEL.parent.iterdir():
        if path.is_file():
            (model / path.name).write_bytes(path.read_bytes())
    # A cache so small that it is full soon: what it holds is no leak.
    config = spleeter_nb.SpleeterConfig(
        cache_enabled=True, cache_dir=folder / "cache", memory_cache_mb=1, cache_size_mb=4
    )
    count = 2 * ((job["n"] + WARM_UP) // 2)
    songs = [rng.uniform(-0.5, 0.5, (20_000, 2)).astype(np.float32) for _ in range(count)]
    async with spleeter_nb.SpleeterEngine(config) as engine:
        await _separate(engine, songs[:WARM_UP], model / "config.json")
        before = _state()
        resident = await _separate(engine, songs[WARM_UP:], model / "config.json")
        after = _state()
    slope = np.polyfit(2 * np.arange(len(resident)), resident, 1)[0]
    return {"megabytes": float(slope), "threads": after[0] - before[0], "descriptors": after[1] - before[1]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_run(json.loads(sys.argv[1])))))

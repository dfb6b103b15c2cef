"""One side of a comparison, run by `bench.py` in the environment of that side.

As a live process, that answers each line on its input with the seconds of one separation::

    python bench_worker.py live spleeter song.wav
    python bench_worker.py live float32 song.wav

In place of Spleeter's command where the ffmpeg program is missing, which that command cannot do without::

    python bench_worker.py files song.wav out

Spleeter's environment may be as old as Python 3.8, and neither side can import the other.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


MODEL = "spleeter:2stems"
SAMPLE_RATE = 44_100


def read(path: str) -> np.ndarray:
    """Read a 16-bit WAV file as float32 ``(samples, 2)``."""
    from scipy.io import wavfile  # noqa: PLC0415 - both sides have SciPy, and load it in their own time

    return wavfile.read(path)[1].astype(np.float32) / 32768


def spleeter_side() -> Callable[[np.ndarray], object]:
    """Return the separation of Spleeter, as its own command runs it."""
    from spleeter.separator import Separator  # noqa: PLC0415 - only in Spleeter's environment

    return Separator(MODEL, multiprocess=False).separate


def our_side(precision: str) -> Callable[[np.ndarray], object]:
    """Return the separation of spleeter_nb."""
    import spleeter_nb  # noqa: PLC0415 - only in our environment

    def separate(song: np.ndarray) -> object:
        options = {"sample_rate": SAMPLE_RATE, "precision": precision, "progress": False, "cache": False}
        return spleeter_nb.separate(song, MODEL, **options)

    return separate


def live(side: str, path: str) -> None:
    """Separate once to warm up, then once for each line on the input."""
    # Whatever a library prints must not stand between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    song = read(path)
    separate = spleeter_side() if side == "spleeter" else our_side(side)
    separate(song)
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        separate(song)
        print(time.perf_counter() - start, file=answers, flush=True)


def cached(path: str, cache: str) -> None:
    """Separate a file that another process has separated; print the seconds of the first call and of the next."""
    import spleeter_nb  # noqa: PLC0415 - only in our environment

    os.environ["SPLEETER_CACHE_DIR"] = cache
    for _ in range(2):
        start = time.perf_counter()
        result = spleeter_nb.separate(path, MODEL, progress=False)
        print(time.perf_counter() - start, result.cache_level)


def batch(folder: str, target: str) -> None:
    """Separate the songs of a folder one by one and as a batch, in turn; print the seconds of both each time."""
    import spleeter_nb  # noqa: PLC0415 - only in our environment

    os.environ["SPLEETER_CACHE_ENABLED"] = "false"
    songs = sorted(Path(folder).iterdir())

    def one_by_one() -> None:
        for song in songs:
            spleeter_nb.separate(song, MODEL, output_dir=target, progress=False)

    async def at_once() -> None:
        async with spleeter_nb.SpleeterEngine() as engine:
            await engine.batch_separate(folder, MODEL, output_dir=target, progress=False)

    one_by_one()
    for _ in range(5):
        seconds = []
        for action in (one_by_one, lambda: asyncio.run(at_once())):
            shutil.rmtree(target)
            start = time.perf_counter()
            action()
            seconds.append(time.perf_counter() - start)
        print(*seconds)


def files(source: str, target: str) -> None:
    """Separate a WAV file with Spleeter into 16-bit WAV files, without ffmpeg."""
    from scipy.io import wavfile  # noqa: PLC0415 - in Spleeter's environment, for norbert

    stems = spleeter_side()(read(source))
    folder = Path(target, Path(source).stem)
    folder.mkdir(parents=True)
    for name, stem in stems.items():
        pcm = np.round(np.clip(stem, -1, 1) * 32767).astype(np.int16)
        wavfile.write(folder / f"{name}.wav", SAMPLE_RATE, pcm)


if __name__ == "__main__":
    {"live": live, "files": files, "cached": cached, "batch": batch}[sys.argv[1]](*sys.argv[2:])

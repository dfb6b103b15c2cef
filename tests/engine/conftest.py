"""What tests of the engine share: small models, noise, and a watch on what a job leaves behind."""

from __future__ import annotations

import gc
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import spleeter_nb
from spleeter_nb import SpleeterConfig
from spleeter_nb.engine.loaded import cache_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spleeter_nb import SeparationResult
    from spleeter_nb.values import FloatArray

# Hz, of the small models.
RATE = 8000


@pytest.fixture
def noise() -> Callable[..., FloatArray]:
    def make(frames: int, channels: int = 2, seed: int = 0) -> FloatArray:
        return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)

    return make


@pytest.fixture
def config(tmp_path: Path) -> Iterator[SpleeterConfig]:
    """Settings with a cache of its own."""
    config = SpleeterConfig(cache_enabled=True, cache_dir=tmp_path / "cache")
    yield config
    cache = cache_manager(config)
    assert cache is not None
    cache.close()


@pytest.fixture
def separated(small_models: Path) -> Callable[..., SeparationResult]:
    """Separate by a small model; arrays are at the model's rate unless another is given."""

    def separate(source: object, model: str = "two", **options: object) -> SeparationResult:
        if isinstance(source, np.ndarray):
            options = {"sample_rate": RATE, **options}
        return spleeter_nb.separate(source, small_models / model / "config.json", **{"progress": False, **options})

    return separate


def descriptors() -> set[str]:
    """What is open in this process."""
    opened = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists
            opened.add(f"{entry.name}: {entry.readlink()}")
    return opened


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def job_threads() -> list[str]:
    """The threads of jobs; those of a cache stay for the next one."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("spleeter_nb") and "-cache" not in name and "-redis" not in name]


def entries(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, with its contents."""
    paths = (Path(parent, name) for parent, folders, files in os.walk(folder) for name in (*folders, *files))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """See that a test leaves the temporary folder, threads and descriptors as they were when it asked for this."""
    before, opened = entries(tmp_path), descriptors()
    yield
    gc.collect()
    assert wait_until(lambda: not job_threads()), job_threads()
    assert wait_until(lambda: descriptors() <= opened), descriptors() - opened
    assert entries(tmp_path) == before

"""What a kernel does all day with its cache and a small model, and whether it came out right."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine.loaded import cache_manager
from spleeter_nb.engine.separation import separate_with
from tests.faults.figure import new_dice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from typing import Any

    from spleeter_nb import SeparationResult
    from spleeter_nb.values import FloatArray

RATE = 8000
KEYS, SONGS = 40, 12
CACHED = 0.3
"""How often the cache is used for stems; too often, and nothing would be computed."""
STEMS = {"vocals.wav", "accompaniment.wav"}
TIDY = 5.0
"""Seconds that an interrupted job may need to end in its own thread."""


class WrongError(Exception):
    """What came is not what was stored or what is right."""


@dataclass
class Workload:
    """Operations on a cache that others use as well; each raises `WrongError` when it gets what is not right."""

    folder: Path
    redis_url: str | None
    seed: int
    references: dict[int, SeparationResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = new_dice(self.seed)
        self.config = SpleeterConfig(
            cache_enabled=True,
            cache_dir=self.folder / "cache",
            memory_cache_mb=16,
            cache_size_mb=128,
            redis_url=self.redis_url,
        )
        cache = cache_manager(self.config)
        assert cache is not None
        self.cache = cache
        self.loop = asyncio.new_event_loop()

    def draw(self, *, only_cache: bool = False) -> tuple[str, Callable[[], object]]:
        """Choose what to do next."""
        kinds = {"get": self.get, "set": self.set, "separate": self.separate, "write": self.write}
        weights = (4, 3, 0, 0) if only_cache else (4, 3, 3, 2)
        kind = self.dice.choices(list(kinds), weights)[0]
        which = self.dice.randrange(KEYS if kind in {"get", "set"} else SONGS)
        level = self.dice.choice(("auto", "auto", "disk", *(["redis"] if self.redis_url else [])))
        return kind, lambda: kinds[kind](which, level)

    def get(self, key: int, level: Any) -> None:
        found = self.wait(self.cache.get(f"key {key}", level))
        if found is not None and not np.array_equal(found, _value(key, int(found[1]))):
            raise WrongError(f"key {key} came with the value of key {found[0]}, or of none")

    def set(self, key: int, level: Any) -> None:
        value = _value(key, self.dice.randrange(2**31))
        self.wait(self.cache.set(f"key {key}", value, cache_level=level))

    def separate(self, song: int, _: str) -> None:
        self.compare(song, self.separated(song, cache=self.dice.random() < CACHED))

    def write(self, song: int, _: str) -> None:
        self.separated(song, output_dir=self.out, cache=self.dice.random() < CACHED)

    def separated(self, song: int, **options: object) -> SeparationResult:
        given = {"sample_rate": RATE, "progress": False, **options}
        return separate_with(self.config, _song(song), self.folder / "small" / "two" / "config.json", **given)

    def compare(self, song: int, result: SeparationResult) -> None:
        right = self.references[song]
        if list(result) != list(right) or any(
            not np.array_equal(result[name].samples, right[name].samples) for name in right
        ):
            raise WrongError(f"song {song} was separated differently")

    def prepare(self) -> None:
        """Learn what is right."""
        for song in range(SONGS):
            self.references[song] = self.separated(song, cache=False)

    @property
    def out(self) -> Path:
        return self.folder / f"out-{self.seed}"

    def wait(self, awaitable: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(_settled(awaitable))

    def tidy(self) -> None:
        """See what an interrupt has left, when the job has had time to end in its own thread."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        for _ in range(3):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        deadline = time.monotonic() + TIDY
        while time.monotonic() < deadline and any("spleeter_nb-job" in thread.name for thread in threading.enumerate()):
            time.sleep(0.002)
        found = {path.name for path in self.out.rglob("*") if path.is_file()}
        shutil.rmtree(self.out, ignore_errors=True)
        if found not in (set(), STEMS):
            raise WrongError(f"an interrupt left {found}")


async def _settled(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _value(key: int, version: int) -> FloatArray:
    """Make a value that says whose it is; keys have values of a few bytes to 2 MB."""
    value = np.random.default_rng([key, version]).integers(0, 2**62, 4 + 7000 * key)
    value[:2] = key, version
    return value


def _song(number: int) -> FloatArray:
    """Make noise of 1 to 23 s."""
    frames = RATE * (1 + 2 * number)
    return np.random.default_rng(number).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)

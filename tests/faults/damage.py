"""Values in the cache are damaged in every way, on disk and in Redis, and asked for: none may be served."""

from __future__ import annotations

import asyncio
import os
import pickle
import sqlite3
from collections import Counter
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spleeter_nb.cache import CacheManager, digest_key
from tests.cache.redis_server import RedisServer
from tests.faults.figure import Figure, need_module, need_program, new_dice

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    import redis

N, QUICK = 10_000, 300
OTHER = "the other"
UPLOAD_SECONDS = 5.0


class Bomb:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


MUTATIONS: dict[str, Callable[[random.Random, bytearray, bytes], object]] = {
    "a bit flipped": lambda dice, data, _: flip(dice, data),
    "bytes replaced": lambda dice, data, _: overwrite(
        data, dice.randrange(len(data)), dice.randbytes(dice.randint(1, 99))
    ),
    "bytes zeroed": lambda dice, data, _: overwrite(data, dice.randrange(len(data) - 8), bytes(dice.randint(8, 4096))),
    "the end cut off": lambda dice, data, _: data.__delitem__(slice(dice.randrange(len(data)), None)),
    "the beginning cut off": lambda dice, data, _: data.__delitem__(slice(dice.randint(1, len(data)))),
    "a piece cut out": lambda dice, data, _: cut_out(dice, data),
    "longer": lambda dice, data, _: data.extend(dice.randbytes(dice.randint(1, 500))),
    "twice": lambda _, data, __: data.extend(data),
    "empty": lambda _, data, __: data.clear(),
    "noise": lambda dice, data, _: overwrite(data, 0, dice.randbytes(len(data))),
    "that of another key": lambda _, data, other: data.__setitem__(slice(None), other),
    "begun by that of another key": lambda dice, data, other: overwrite(data, 0, other[: dice.randint(8, len(data))]),
    "ended by that of another key": lambda dice, data, other: overwrite(data, -1, other[-dice.randint(9, len(data)) :]),
    "halves swapped": lambda _, data, __: data.__setitem__(
        slice(None), data[len(data) // 2 :] + data[: len(data) // 2]
    ),
}
"""What can happen to bytes; the last argument is what belongs to another key."""


def flip(dice: random.Random, data: bytearray) -> None:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def cut_out(dice: random.Random, data: bytearray) -> None:
    start = dice.randrange(len(data))
    del data[start : start + dice.randint(1, 64)]


def overwrite(data: bytearray, start: int, piece: bytes) -> None:
    """Put bytes over others, without changing how many there are; -1 is so that they end with the last."""
    start = max(0, len(data) - len(piece)) if start < 0 else start
    data[start : start + len(piece)] = piece[: len(data) - start]


class Store(Protocol):
    """A level that can be reached behind the cache's back."""

    name: str
    cache: CacheManager

    async def arrived(self, key: str) -> None:
        """Wait until a value is there."""

    def damage(self, dice: random.Random, key: str, trace: Path) -> str:
        """Damage a value; return how."""

    def close(self) -> None:
        """Give everything back."""


class Disk:
    """L2."""

    name = "disk"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "v1"
        self.cache = CacheManager(folder, memory_mb=0)

    async def arrived(self, key: str) -> None:
        """Nothing to wait for."""

    def damage(self, dice: random.Random, key: str, trace: Path) -> str:
        kinds = [*MUTATIONS, *FILES] * 2 + list(ROWS)
        kind = dice.choice(kinds)
        with closing(sqlite3.connect(self.folder / "cache.db", isolation_level=None)) as database:
            path, other = (self._path(database, one) for one in (key, OTHER))
            if kind in MUTATIONS:
                data = bytearray(path.read_bytes())
                MUTATIONS[kind](dice, data, other.read_bytes())
                path.write_bytes(data)
            elif kind in FILES:
                path.unlink()
                FILES[kind](path, other)
            else:
                given = {"key": digest_key(key), "other": digest_key(OTHER), "bomb": pickle.dumps(Bomb(trace))}
                database.execute(ROWS[kind], {**given, "file": str(other)})
        return kind

    def close(self) -> None:
        self.cache.close()

    def _path(self, database: sqlite3.Connection, key: str) -> Path:
        found = database.execute("SELECT filename FROM Cache WHERE key = ?", (digest_key(key),)).fetchone()
        return self.folder / found[0]


FILES: dict[str, Callable[[Path, Path], object]] = {
    "gone": lambda _path, _other: None,
    "a folder": lambda path, _: path.mkdir(),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a link to another value": lambda path, other: path.symlink_to(other),
    "a second name of another value": lambda path, other: path.hardlink_to(other),
    "a link to a device": lambda path, _: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path, _: path.symlink_to(path),
}
"""What can lie where a value's file was."""

_UPDATE = "UPDATE Cache SET {} WHERE key = :key"
ROWS = {
    "a row with the file of another": _UPDATE.format("filename = (SELECT filename FROM Cache WHERE key = :other)"),
    "a row with a file outside": _UPDATE.format("filename = '../../../../etc/hostname'"),
    "a row with a whole path": _UPDATE.format("filename = :file"),
    "a row without a file": _UPDATE.format("filename = NULL"),
    "a row with a pickle": _UPDATE.format("mode = 4, filename = NULL, value = :bomb"),
    "a row that says pickle of its file": _UPDATE.format("mode = 4"),
    "a row that is the value": _UPDATE.format("mode = 1, filename = NULL, value = 'text'"),
    "a row with a value and a file": _UPDATE.format("value = 5"),
    "a row that says text": _UPDATE.format("mode = 3"),
    "a row that says nothing": _UPDATE.format("mode = NULL"),
    "a row whose key is a pickle": _UPDATE.format("raw = 0"),
    "a row whose time is text": _UPDATE.format("expire_time = 'soon'"),
    "a row whose file name is a number": _UPDATE.format("filename = 7"),
}
"""What can be in the database instead."""


class Redis:
    """L3."""

    name = "redis"

    def __init__(self, url: str) -> None:
        import redis  # noqa: PLC0415 - not installed everywhere

        self.raw: redis.Redis = redis.Redis.from_url(url)
        self.cache = CacheManager(memory_mb=0, disk_mb=0, redis_url=url)

    async def arrived(self, key: str) -> None:
        """Wait for the head, which is sent last, in the background."""
        async with asyncio.timeout(UPLOAD_SECONDS):
            while not self.raw.exists(_head(key)):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.0005)

    def damage(self, dice: random.Random, key: str, trace: Path) -> str:
        part, other = dice.choice([(_head(key), _head(OTHER)), (self._chunk(key), self._chunk(OTHER))])
        kind = dice.choice([*MUTATIONS, *MUTATIONS, "gone", "a list", "a pickle", "the value of another key"])
        if kind in MUTATIONS:
            data = bytearray(self._bytes(part))
            MUTATIONS[kind](dice, data, self._bytes(other))
            self.raw.set(part, bytes(data))
        elif kind == "gone":
            self.raw.delete(part)
        elif kind == "a list":
            self.raw.delete(part)
            self.raw.lpush(part, "x")
        elif kind == "a pickle":
            self.raw.set(part, pickle.dumps(Bomb(trace)))
        else:
            head = self._bytes(_head(OTHER))
            self.raw.set(_head(key), head)
            self.raw.set(self._chunk(OTHER).replace(_head(OTHER), _head(key)), self._bytes(self._chunk(OTHER)))
        return kind

    def close(self) -> None:
        self.cache.close()
        self.raw.close()

    def _bytes(self, name: bytes) -> bytes:
        data = self.raw.get(name)
        assert isinstance(data, bytes)
        return data

    def _chunk(self, key: str) -> bytes:
        (name,) = self.raw.scan_iter(_head(key) + b":*", count=100_000)
        return bytes(name)


def _head(key: str) -> bytes:
    return f"spleeter_nb:1:{digest_key(key)}".encode()


def measure(n: int, seed: int, folder: Path) -> tuple[Figure, ...]:
    need_program("redis-server")
    need_module("redis")
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer())
        stores: list[Store] = [Disk(folder / "cache"), Redis(server.url)]
        outcomes: Counter[str] = Counter()
        for index, store in enumerate(stores):
            count = n // 2 + (n % 2 if index == 0 else 0)
            outcomes += asyncio.run(_try(store, new_dice(seed + index), folder / "trace", count))
            store.close()
    served = [f"{kind}: {count}" for kind, count in outcomes.items() if kind.startswith("served")]
    whole = sum(count for kind, count in outcomes.items() if kind.startswith("whole"))
    note = f"half on disk, half in Redis; {outcomes['miss']:,} misses, {whole:,} came whole, the damage beside them"
    wrong = sum(count for kind, count in outcomes.items() if kind.startswith("served"))
    ran = int((folder / "trace").exists())
    return (
        Figure(
            "damaged cache values served", 0, wrong, n, note="; ".join([note, *served[:9]]), anchor="diskcache 100 %"
        ),
        Figure("hostile pickles run", 0, ran, n, anchor="diskcache: all"),
    )


async def _try(store: Store, dice: random.Random, trace: Path, count: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for number in range(count):
        if await store.cache.get(OTHER) is None:
            await store.cache.set(OTHER, {"other": np.arange(200)})
            await store.arrived(OTHER)
        key, value = f"key {number}", {"one": _array(dice), "two": _array(dice)}
        await store.cache.set(key, value)
        await store.arrived(key)
        kind = store.damage(dice, key, trace)
        outcomes[_judge(value, await store.cache.get(key), f"{store.name}, {kind}")] += 1
    return outcomes


def _judge(value: dict[str, Any], found: Any, kind: str) -> str:
    if found is None:
        return "miss"
    same = list(found) == list(value) and all(np.array_equal(found[name], value[name]) for name in value)
    return f"whole: {kind}" if same else f"served: {kind}"


def _array(dice: random.Random) -> np.ndarray[Any, Any]:
    return np.frombuffer(dice.randbytes(8 * dice.randint(1, 60)), np.int64)

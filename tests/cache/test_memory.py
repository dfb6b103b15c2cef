from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from spleeter_nb.cache.envelope import Value
from spleeter_nb.cache.memory import MemoryLevel

KIB = 1024


def value(size: int = 7 * KIB, expires: float | None = None) -> Value:
    return Value({"a": np.zeros(size, np.uint8)}, {}, expires)


def test_least_recently_used_goes_first() -> None:
    level = MemoryLevel(3 * 8 * KIB)
    for key in "abc":
        level.write(key, value())
    assert level.read("a") is not None
    level.write("d", value())
    assert [key for key in "abcd" if level.read(key)] == ["a", "c", "d"]
    assert level.stats()["evicted"] == 1


def test_limit_holds_and_bytes_are_counted() -> None:
    level = MemoryLevel(100 * KIB)
    for number in range(50):
        level.write(str(number % 30), value(number * KIB))
        stats = level.stats()
        assert stats["bytes"] <= stats["limit_bytes"] == 100 * KIB
    assert level.clear() == stats["entries"]
    assert (level.stats()["bytes"], level.stats()["entries"]) == (0, 0)


def test_value_beyond_the_limit_is_not_kept_and_replaces_the_old_one() -> None:
    level = MemoryLevel(10 * KIB)
    level.write("a", value(KIB))
    level.write("b", value(2 * KIB))
    level.write("a", value(20 * KIB))
    assert level.read("a") is None
    assert level.read("b") is not None


def test_value_that_is_out_of_date_is_gone() -> None:
    now = [100.0]
    level = MemoryLevel(100 * KIB, clock=lambda: now[0])
    level.write("a", value(expires=101.0))
    level.write("b", value())
    assert level.read("a") is not None
    now[0] = 101.0
    assert level.read("a") is None
    assert level.stats()["entries"] == 1
    assert level.read("b") is not None


def test_discarded_value_is_gone() -> None:
    level = MemoryLevel(100 * KIB)
    level.write("a", value())
    level.discard("a")
    level.discard("a")
    assert level.read("a") is None
    assert level.stats()["bytes"] == 0


def test_level_without_room_is_off() -> None:
    level = MemoryLevel(0)
    level.write("a", value(0))
    assert level.read("a") is None
    assert level.stats()["state"] == "off"


def test_threads_never_see_another_key_s_value() -> None:
    level = MemoryLevel(64 * KIB)

    def work(seed: int) -> None:
        generator = np.random.default_rng(seed)
        for _ in range(500):
            key = str(generator.integers(20))
            found = level.read(key)
            assert found is None or found.meta["key"] == key
            level.write(key, Value({"a": np.zeros(int(generator.integers(9000)), np.uint8)}, {"key": key}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert level.stats()["bytes"] <= 64 * KIB

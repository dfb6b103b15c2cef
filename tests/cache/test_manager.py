from __future__ import annotations

import asyncio
import fcntl
import gc
import logging
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb.cache import CacheManager, Found, make_key
from spleeter_nb.exceptions import ValidationError
from tests.cache.redis_server import RedisServer, require_redis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY = make_key("stems", song="a")
DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[CacheManager]:
    manager = CacheManager(tmp_path)
    yield manager
    manager.close()


def record(manager: CacheManager, key: str = KEY, *, fill: int = 1, ttl: float | None = None, size: int = 1000) -> None:
    with manager.recorder(["vocals", "rest"]) as recorder:
        for _ in range(3):
            recorder.write("vocals", np.full((size, 2), fill, np.float32))
            recorder.write("rest", np.full((size, 2), -fill, np.float32))
        recorder.commit(key, {"fill": fill}, ttl)


def check(found: Found | None, fill: int, level: str, *, size: int = 1000) -> None:
    assert found is not None
    assert (found.level, found.value.meta) == (level, {"fill": fill})
    for name, sign in (("vocals", 1), ("rest", -1)):
        array = found.value.arrays[name]
        assert not array.flags.writeable
        np.testing.assert_array_equal(array, np.full((3 * size, 2), sign * fill, np.float32), strict=True)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING]


def cache_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("spleeter_nb-")}


def files(folder: Path) -> list[Path]:
    return [path for name in ("values", "tmp", "claims") for path in (folder / "v1" / name).glob("*")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"bytes \0 of any kind",
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.zeros((0, 2), np.float32),
        {"a": np.ones(3, np.complex64), "b": np.array([[True], [False]])},
    ],
)
@pytest.mark.parametrize("level", ["auto", "memory", "disk"])
def test_what_is_set_comes_back_as_it_was(manager: CacheManager, data: Any, level: Any) -> None:
    async def there_and_back() -> None:
        await manager.set("key", data, cache_level=level)
        same(await manager.get("key"), data)
        same(await manager.get("key", level), data)
        assert await manager.get("another key") is None

    asyncio.run(there_and_back())


def same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], strict=True)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, strict=True)
    else:
        assert one == other


def test_levels_are_filled_and_asked_as_told(manager: CacheManager) -> None:
    async def there_and_back() -> None:
        await manager.set("a", b"a", cache_level="memory")
        await manager.set("b", b"b", cache_level="disk")
        await manager.set("c", b"c", cache_level="redis")
        assert await manager.get("a", "disk") is None
        assert await manager.get("b", "memory") is None
        assert await manager.get("c") is None
        assert await manager.get("b") == b"b"
        assert await manager.get("b", "memory") == b"b"

    asyncio.run(there_and_back())


def test_what_is_set_does_not_change_with_what_was_given(manager: CacheManager) -> None:
    array = np.arange(5)

    async def there_and_back() -> None:
        await manager.set("a", array)
        array[:] = 0
        same(await manager.get("a"), np.arange(5))

    asyncio.run(there_and_back())


def test_value_is_gone_when_its_time_is_over(manager: CacheManager) -> None:
    async def there_and_back() -> None:
        await manager.set("a", b"a", ttl=0.1)
        assert await manager.get("a") == b"a"
        await asyncio.sleep(0.15)
        assert await manager.get("a") is None

    asyncio.run(there_and_back())


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"data": "text"}, "bytes, an array, or a mapping"),
        ({"data": None}, "NoneType cannot be stored"),
        ({"data": {}}, "not empty"),
        ({"data": {1: np.zeros(1)}}, "names to arrays"),
        ({"data": {"a": b"bytes"}}, "An array of bytes"),
        ({"data": np.float32(1)}, "float32 cannot"),
        ({"data": np.array(1)}, "one axis or more"),
        ({"data": np.array(["text"])}, "one axis or more"),
        ({"data": np.array([object()])}, "one axis or more"),
        ({"ttl": 0}, "positive numbers"),
        ({"ttl": -1}, "positive numbers"),
        ({"ttl": float("nan")}, "positive numbers"),
        ({"ttl": float("inf")}, "positive numbers"),
        ({"ttl": True}, "positive numbers"),
        ({"ttl": "3600"}, "positive numbers"),
        ({"cache_level": "dsk"}, "Did you mean 'disk'"),
        ({"cache_level": None}, "auto, memory, disk, redis"),
        ({"key": ""}, "is no key"),
        ({"key": b"key"}, "is no key"),
        ({"key": None}, "is no key"),
        ({"key": "\ud800"}, "is no key"),
    ],
)
def test_wrong_argument_is_refused(manager: CacheManager, arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        asyncio.run(manager.set(**{"key": "key", "data": b"", **arguments}))
    for_get = {"key": "key"} | {name: value for name, value in arguments.items() if name in {"key", "cache_level"}}
    if len(for_get) > 1 or "key" in arguments:
        with pytest.raises(ValidationError, match=match):
            asyncio.run(manager.get(**for_get))


@pytest.mark.parametrize(
    "setting",
    [
        {"memory_mb": -1},
        {"disk_mb": "many"},
        {"disk_mb": float("inf")},
        {"ttl_hours": 0},
        {"cache_dir": 7},
        {"cache_dir": "~nobody-of-this-name/x"},
        {"redis_url": 7},
        {"redis_url": b"redis://:hunter2@host"},
    ],
)
def test_wrong_setting_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(setting))) as refused:
        CacheManager(**setting)
    assert "hunter2" not in f"{refused.value} {refused.value.context}"


def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    before = cache_threads()
    manager = CacheManager(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    assert cache_threads() <= before
    manager.lookup(KEY)
    assert [thread.name for thread in cache_threads() - before] == ["spleeter_nb-cache"]
    manager.close()
    assert cache_threads() <= before


def test_threads_of_a_manager_that_nobody_closed_end(tmp_path: Path) -> None:
    before = cache_threads()
    manager = CacheManager(tmp_path)
    manager.lookup(KEY)
    assert cache_threads() - before
    del manager
    gc.collect()
    ends = time.monotonic() + 5
    while cache_threads() - before and time.monotonic() < ends:
        time.sleep(0.01)
    assert not cache_threads() - before


def test_child_leaves_alone_what_its_parent_was_using(tmp_path: Path) -> None:
    """A lock that a thread of the parent held when it forked is never free in the child."""
    manager = CacheManager(tmp_path)
    manager.lookup(KEY)
    (service,) = manager._services.values()  # noqa: SLF001 - a fork at this very moment cannot be arranged
    with service._lock:  # noqa: SLF001 - as above
        manager.after_fork()
        last = [manager]
        del manager
        thread = threading.Thread(target=last.clear, daemon=True)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
    service.stop(timeout=5)


def test_default_folder_is_the_user_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    manager = CacheManager()
    record(manager)
    manager.close()
    assert (tmp_path / "spleeter_nb" / "v1" / "cache.db").exists()


@pytest.mark.parametrize("size", [1000, 400_000])
def test_recorded_value_is_found_in_memory_and_on_disk(manager: CacheManager, tmp_path: Path, size: int) -> None:
    assert manager.lookup(KEY) is None
    record(manager, size=size)
    check(manager.lookup(KEY), 1, "memory", size=size)
    other = CacheManager(tmp_path)
    check(other.lookup(KEY), 1, "disk", size=size)
    check(other.lookup(KEY), 1, "memory", size=size)
    other.close()
    assert len(files(tmp_path)) == 1


def test_found_value_survives_everything_that_happens_to_the_cache(manager: CacheManager, tmp_path: Path) -> None:
    record(manager, size=400_000)
    manager.clear("memory")
    found = manager.lookup(KEY)
    manager.clear()
    manager.close()
    shutil.rmtree(tmp_path)
    check(found, 1, "disk", size=400_000)


def test_value_that_was_not_committed_leaves_nothing(manager: CacheManager, tmp_path: Path) -> None:
    with manager.recorder(["a"]) as recorder:
        recorder.write("a", np.zeros(10))
    recorder.write("a", np.zeros(10))
    recorder.commit(KEY, {})
    assert manager.lookup(KEY) is None
    assert not files(tmp_path)


def test_recorder_never_raises(manager: CacheManager, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        with manager.recorder(["a"]) as recorder:
            recorder.write("b", np.zeros(10))
            recorder.commit(KEY, {})
        with manager.recorder(["a"]) as recorder:
            recorder.write("a", np.zeros(10))
            recorder.write("a", np.zeros((10, 2)))
            recorder.commit(KEY, {})
        with manager.recorder(["a"]) as recorder:
            recorder.write("a", np.zeros(10))
            recorder.commit(KEY, {"a": object()})
        with manager.recorder([]) as recorder:
            recorder.commit(KEY, {})
    assert not files(tmp_path)
    assert manager.lookup(KEY) is None
    assert len(warnings(caplog)) == 3


def test_value_that_is_too_long_is_given_up_without_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = CacheManager(tmp_path, disk_mb=1, memory_mb=0)
    record(manager, size=30_000)
    assert manager.lookup(KEY) is None
    assert not files(tmp_path)
    record(manager, size=10_000)
    check(manager.lookup(KEY), 1, "disk", size=10_000)
    manager.close()
    assert not warnings(caplog)


@pytest.mark.parametrize("place", ["file", "file/inner"])
def test_without_a_folder_memory_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture, place: str) -> None:
    (tmp_path / "file").touch()
    manager = CacheManager(tmp_path / place)
    for fill in (1, 2):
        with manager.claim(KEY, cancel=threading.Event()):
            record(manager, fill=fill, size=400_000)
        check(manager.lookup(KEY), fill, "memory", size=400_000)
    assert manager.get_cache_stats()["levels"]["disk"]["state"] == "off"
    manager.close()
    assert len(warnings(caplog)) == 1


def test_file_that_a_hanging_disk_did_not_take_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("spleeter_nb.cache.manager._PATIENCE", 0.1)
    manager, release = CacheManager(tmp_path), threading.Event()
    recorder = manager.recorder(["a"])
    recorder.write("a", np.zeros(10))
    manager._services["disk"].later(lambda _: release.wait(20))  # noqa: SLF001 - stands for a disk that hangs
    recorder.commit(KEY, {})
    found = manager.lookup(KEY)
    assert found is not None
    assert found.level == "memory"
    assert not files(tmp_path)
    release.set()
    manager.close()
    assert not files(tmp_path)
    assert any("not done after 0.1 s" in text for text in warnings(caplog))


def test_levels_can_be_turned_off(tmp_path: Path) -> None:
    only_disk = CacheManager(tmp_path, memory_mb=0)
    record(only_disk)
    check(only_disk.lookup(KEY), 1, "disk")
    check(only_disk.lookup(KEY), 1, "disk")
    only_memory = CacheManager(tmp_path / "nowhere", disk_mb=0)
    record(only_memory)
    check(only_memory.lookup(KEY), 1, "memory")
    assert set(only_memory.get_cache_stats()["levels"]) == {"memory"}
    assert not (tmp_path / "nowhere").exists()
    off = CacheManager(tmp_path, enabled=False)
    with off.claim(KEY, cancel=threading.Event()):
        record(off)
    assert off.lookup(KEY) is None
    assert off.clear() == {"memory": 0}
    for manager in (only_disk, only_memory, off):
        manager.close()


def test_statistics_add_up(manager: CacheManager, tmp_path: Path) -> None:
    manager.lookup(KEY)
    record(manager)
    manager.lookup(KEY)
    manager.clear("memory")
    manager.lookup(KEY)
    manager.lookup(KEY)
    stats = manager.get_cache_stats()
    assert (stats["requests"], stats["hits"], stats["hit_rate"]) == (4, 3, 0.75)
    memory, disk = stats["levels"]["memory"], stats["levels"]["disk"]
    assert (memory["hits"], memory["misses"], memory["hit_rate"], memory["entries"]) == (2, 2, 0.5, 1)
    assert (disk["hits"], disk["misses"], disk["hit_rate"], disk["entries"]) == (1, 1, 0.5, 1)
    (value,) = (tmp_path / "v1" / "values").iterdir()
    assert value.stat().st_size <= disk["bytes"] <= disk["limit_bytes"] == 2048 * 2**20
    value.write_bytes(b"")
    assert manager.verify() == {"disk": (1, 1)}
    assert manager.get_cache_stats()["levels"]["disk"]["damaged"] == 1
    assert manager.clear() == {"memory": 1, "disk": 0}


def test_no_lock_is_needed_to_be_right(
    manager: CacheManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A network disk whose locks say yes to everybody."""
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    manager.lookup(KEY)  # the three that follow need not all make the database
    seen: list[Found | None] = []

    def compute(fill: int) -> None:
        own = CacheManager(tmp_path, memory_mb=0)
        for number in range(10):
            with own.claim(f"{number}", cancel=threading.Event()):
                record(own, f"{number}", fill=fill)
                seen.append(own.lookup(f"{number}"))
        own.close()

    threads = [threading.Thread(target=compute, args=(fill,)) for fill in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for found in seen:
        if found is not None:
            check(found, found.value.meta["fill"], "disk")
    assert sum(found is not None for found in seen) >= 25
    assert manager.verify()["disk"].damaged == 0
    assert not [text for text in warnings(caplog) if "damaged" in text]


def test_threads_share_one_manager(manager: CacheManager) -> None:
    wrong: list[object] = []

    def work(seed: int) -> None:
        generator = np.random.default_rng(seed)
        for _ in range(40):
            fill = int(generator.integers(1, 9))
            found = manager.lookup(str(fill))
            if found is None:
                record(manager, str(fill), fill=fill)
            elif found.value.meta["fill"] != fill or found.value.arrays["vocals"][-1, 0] != fill:
                wrong.append(found)
            if generator.random() < 0.2:
                manager.clear("memory" if generator.random() < 0.5 else "disk")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert manager.verify()["disk"].damaged == 0


def test_descriptors_stay_flat(manager: CacheManager) -> None:
    record(manager)
    before = len(list(DESCRIPTORS.iterdir()))
    for number in range(50):
        record(manager, str(number))
        manager.lookup(str(number))
    assert len(list(DESCRIPTORS.iterdir())) == before


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    require_redis()
    with RedisServer() as server:
        yield server


def levels_of(manager: CacheManager) -> Mapping[str, Any]:
    return manager.get_cache_stats()["levels"]


def test_value_from_redis_is_put_into_the_levels_above(server: RedisServer, tmp_path: Path) -> None:
    first = CacheManager(tmp_path / "a", redis_url=server.url)
    record(first, size=400_000)
    first.close()
    second = CacheManager(tmp_path / "b", redis_url=server.url)
    check(second.lookup(KEY), 1, "redis", size=400_000)
    check(second.lookup(KEY), 1, "memory", size=400_000)
    second.close()
    third = CacheManager(tmp_path / "b", redis_url=server.url)
    check(third.lookup(KEY), 1, "disk", size=400_000)
    assert third.verify() == {"disk": (1, 0), "redis": (1, 0)}
    assert third.clear("redis") == {"redis": 1}
    assert levels_of(third)["redis"]["entries"] == 0
    assert levels_of(third)["disk"]["entries"] == 1
    third.close()


def test_without_the_server_the_others_go_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = CacheManager(tmp_path, redis_url="redis://:secret@127.0.0.1:1/0")
    for fill in range(1, 5):
        assert manager.lookup(str(fill)) is None
        record(manager, str(fill), fill=fill)
        check(manager.lookup(str(fill)), fill, "memory")
    began = time.monotonic()
    for _ in range(100):
        manager.lookup("nothing")
    assert time.monotonic() - began < 1
    redis = levels_of(manager)["redis"]
    assert redis["state"] == "open"
    assert redis["errors"] >= 3
    manager.close()
    assert "secret" not in caplog.text

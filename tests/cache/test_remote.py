"""Values in Redis come back as they were sent or not at all, and nothing a server does costs more than a moment."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import redis

from spleeter_nb.cache import remote
from spleeter_nb.cache.client import Client
from spleeter_nb.cache.envelope import Value, seal_value
from spleeter_nb.cache.keys import digest_key
from spleeter_nb.cache.remote import CHUNK, PREFIX, RedisLevel
from tests.cache.redis_server import RedisServer, free_port, require_redis
from tests.proxy import FaultProxy, Mode, deaf_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = '{"kind":"stems","parts":{"audio":"1"}}'
OTHER = '{"kind":"stems","parts":{"audio":"2"}}'
SMALL = Value({"vocals": np.arange(6, dtype=np.float32).reshape(3, 2)}, {"sample_rate": 44100})
# Two whole chunks and the beginning of a third.
LONG = Value({"vocals": np.random.default_rng(1).integers(0, 256, 2 * CHUNK + 1000, dtype=np.uint8)}, {"take": 1})
DEAD = "redis://127.0.0.1:1"
FIRST_FAILURE = 0.25
HEAD = PREFIX + digest_key(KEY)


@pytest.fixture(scope="module")
def running() -> Iterator[RedisServer]:
    require_redis()
    with RedisServer() as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    with raw_client(running) as raw:
        raw.flushall()
    return running


@pytest.fixture
def level(server: RedisServer, tmp_path: Path) -> Iterator[RedisLevel]:
    with closing(RedisLevel(server.url, tmp_path)) as level:
        yield level


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as proxy:
        yield proxy


@contextmanager
def raw_client(server: RedisServer) -> Iterator[redis.Redis]:
    with closing(redis.Redis(port=server.port)) as raw:
        yield raw


def send(level: RedisLevel, key: str, value: Value, ttl: float | None = 60) -> None:
    with seal_value(None, key, value) as sealed:
        level.write(key, sealed, ttl)


def assert_equal(value: Value | None, expected: Value) -> None:
    assert value is not None
    assert value.meta == expected.meta
    assert list(value.arrays) == list(expected.arrays)
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(value.arrays[name], array)


def url_of(proxy: FaultProxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}"


def chunks(raw: redis.Redis) -> list[bytes]:
    return sorted(raw.keys(f"{HEAD}:*"))


@pytest.mark.parametrize("value", [SMALL, LONG], ids=["small", "long"])
def test_what_was_sent_comes_back(level: RedisLevel, value: Value) -> None:
    assert level.read(KEY) is None
    send(level, KEY, value)
    assert_equal(level.read(KEY), value)
    assert level.read(OTHER) is None
    assert {name: level.stats()[name] for name in ("hits", "misses", "damaged")} == {
        "hits": 1,
        "misses": 2,
        "damaged": 0,
    }


def test_nothing_stays_in_the_folder(level: RedisLevel, tmp_path: Path) -> None:
    send(level, KEY, LONG)
    value = level.read(KEY)
    assert list(tmp_path.iterdir()) == []
    assert_equal(value, LONG)


def test_every_key_goes_out_of_date_and_chunks_after_the_head(level: RedisLevel, server: RedisServer) -> None:
    send(level, KEY, LONG, ttl=100)
    with raw_client(server) as raw:
        head = raw.pttl(HEAD)
        assert 90_000 < head <= 100_000
        assert [head < raw.pttl(name) < 1_000_000 for name in chunks(raw)] == [True] * 3
        send(level, OTHER, SMALL, ttl=None)
        assert all(raw.pttl(name) > 0 for name in raw.scan_iter())
        send(level, OTHER, SMALL, ttl=1e300)
    assert level.read(OTHER) is not None


def test_a_value_is_gone_when_its_time_is_over(level: RedisLevel) -> None:
    send(level, KEY, SMALL, ttl=0.05)
    time.sleep(0.1)
    assert level.read(KEY) is None
    assert level.stats()["damaged"] == 0


def test_a_new_value_replaces_the_old_one_wholly(level: RedisLevel, server: RedisServer) -> None:
    send(level, KEY, LONG)
    send(level, KEY, SMALL)
    assert_equal(level.read(KEY), SMALL)
    with raw_client(server) as raw:
        assert len(chunks(raw)) == 1


def test_two_machines_that_send_one_key_do_not_mix(server: RedisServer, tmp_path: Path) -> None:
    variants = [Value({"vocals": LONG.arrays["vocals"] ^ np.uint8(n)}, {"take": n}) for n in range(2)]
    with closing(RedisLevel(server.url, tmp_path)) as a, closing(RedisLevel(server.url, tmp_path)) as b:
        for _ in range(5):
            threads = [
                threading.Thread(target=send, args=(level, KEY, value))
                for level, value in zip((a, b), variants, strict=True)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            value = a.read(KEY)
            assert value is not None
            assert_equal(value, variants[value.meta["take"]])


def test_discarding_leaves_nothing_behind(level: RedisLevel, server: RedisServer) -> None:
    send(level, KEY, LONG)
    send(level, OTHER, SMALL)
    level.discard(KEY)
    level.discard("unknown")
    assert level.read(KEY) is None
    assert level.read(OTHER) is not None
    with raw_client(server) as raw:
        assert chunks(raw) == []


def test_clearing_removes_ours_only(level: RedisLevel, server: RedisServer) -> None:
    send(level, KEY, LONG)
    send(level, OTHER, SMALL)
    with raw_client(server) as raw:
        raw.set("stranger", "x")
        assert level.clear() == 2
        assert list(raw.scan_iter()) == [b"stranger"]
    assert level.clear() == 0


def test_verifying_finds_and_removes_what_is_damaged(level: RedisLevel, server: RedisServer) -> None:
    for number in range(5):
        send(level, f"key {number}", SMALL)
    with raw_client(server) as raw:
        raw.set(PREFIX + digest_key("key 0"), b"nonsense")
        raw.delete(*raw.keys(PREFIX + digest_key("key 1") + ":*"))
    assert level.verify() == (5, 2)
    assert level.verify() == (3, 0)


def test_a_value_beyond_the_limit_is_not_sent(
    level: RedisLevel, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LARGEST", 100_000)
    send(level, KEY, LONG)
    with raw_client(server) as raw:
        assert list(raw.scan_iter()) == []


def test_the_other_levels_of_a_process_use_other_connections(level: RedisLevel) -> None:
    send(level, KEY, SMALL)
    failures: list[BaseException] = []

    def use(number: int) -> None:
        try:
            for _ in range(20):
                send(level, f"key {number}", Value({"x": np.full(10, number)}, {}))
                assert_equal(level.read(f"key {number}"), Value({"x": np.full(10, number)}, {}))
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def flip(raw: redis.Redis, name: bytes | str, position: int) -> None:
    data = bytearray(raw.get(name))
    data[position] ^= 1
    raw.set(name, bytes(data))


def claim(raw: redis.Redis, length: int) -> None:
    """Let the head claim another length."""
    raw.setrange(HEAD, 8, length.to_bytes(8, "little"))


def swap(raw: redis.Redis) -> None:
    first, second, _ = chunks(raw)
    raw.rename(first, "between")
    raw.rename(second, first)
    raw.rename("between", second)


def take_other_head(raw: redis.Redis) -> None:
    raw.set(HEAD, raw.get(PREFIX + digest_key(OTHER)))


def take_other_value(raw: redis.Redis) -> None:
    take_other_head(raw)
    (name,) = raw.keys(f"{PREFIX}{digest_key(OTHER)}:*")
    raw.set(HEAD.encode() + name[len(HEAD) :], raw.get(name))


def put_list(raw: redis.Redis, name: bytes | str) -> None:
    raw.delete(name)
    raw.lpush(name, "x")


class Bomb:
    """Ends the process where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (66,)


DAMAGES: dict[str, Callable[[redis.Redis], object]] = {
    "first bit": lambda raw: flip(raw, chunks(raw)[0], 0),
    "bit in the middle": lambda raw: flip(raw, chunks(raw)[1], CHUNK // 2),
    "last bit": lambda raw: flip(raw, chunks(raw)[2], -1),
    **{f"byte {n} of the head": lambda raw, n=n: flip(raw, HEAD, n) for n in range(0, 32, 3)},
    "swapped chunks": swap,
    "chunk cut": lambda raw: raw.set(chunks(raw)[1], raw.get(chunks(raw)[1])[:-1]),
    "last chunk longer": lambda raw: raw.append(chunks(raw)[2], b"x"),
    "chunk longer": lambda raw: raw.append(chunks(raw)[0], bytes(CHUNK)),
    "chunk a list": lambda raw: put_list(raw, chunks(raw)[0]),
    "head cut": lambda raw: raw.set(HEAD, raw.get(HEAD)[:-1]),
    "head longer": lambda raw: raw.append(HEAD, b"x"),
    "head a list": lambda raw: put_list(raw, HEAD),
    "head a pickle": lambda raw: raw.set(HEAD, pickle.dumps(Bomb())),
    "chunk a pickle": lambda raw: raw.set(chunks(raw)[0], pickle.dumps(Bomb())),
    "length 0": lambda raw: claim(raw, 0),
    "length 4 GB": lambda raw: claim(raw, 4 << 30),
    "length 2^64-1": lambda raw: claim(raw, (1 << 64) - 1),
    "length allowed, not there": lambda raw: claim(raw, 500 << 20),
    "length too small": lambda raw: claim(raw, CHUNK),
    "head of another key": take_other_head,
    "value of another key": take_other_value,
    "chunk missing": lambda raw: raw.delete(chunks(raw)[1]),
    "chunks missing": lambda raw: raw.delete(*chunks(raw)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_a_miss_and_removed(
    level: RedisLevel, server: RedisServer, damage: Callable[[redis.Redis], object]
) -> None:
    send(level, KEY, LONG)
    send(level, OTHER, SMALL)
    with raw_client(server) as raw:
        damage(raw)
        tracemalloc.start()
        try:
            assert level.read(KEY) is None
            assert tracemalloc.get_traced_memory()[1] < 8 * CHUNK
        finally:
            tracemalloc.stop()
        assert not raw.exists(HEAD)
    stats = level.stats()
    assert stats["damaged"] + stats["evicted"] == 1
    assert stats["failures"] == {}
    send(level, KEY, LONG)
    assert_equal(level.read(KEY), LONG)


def test_what_a_server_dropped_to_make_room_is_not_called_damaged(level: RedisLevel, server: RedisServer) -> None:
    send(level, KEY, LONG)
    with raw_client(server) as raw:
        raw.delete(chunks(raw)[1])
    assert level.read(KEY) is None
    assert (level.stats()["evicted"], level.stats()["damaged"]) == (1, 0)


def test_a_reader_does_not_remove_what_came_in_the_meantime(
    level: RedisLevel, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(level, KEY, LONG)
    with closing(RedisLevel(server.url, None)) as other, raw_client(server) as raw:
        flip(raw, chunks(raw)[0], 0)
        download = RedisLevel._download  # noqa: SLF001 - the moment between reading and removing

        def overtaken(self: RedisLevel, *arguments: Any) -> Value:
            send(other, KEY, SMALL)
            return download(self, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(RedisLevel, "_download", overtaken)
            assert level.read(KEY) is None
    assert_equal(level.read(KEY), SMALL)


def time_failures(read: Callable[[], object], count: int = 3) -> list[float]:
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - began)
    return seconds


def assert_soon(seconds: list[float], what: str) -> None:
    """A failure costs 0.25 s at most; one of three may meet a busy machine."""
    print(f"\n{what}: {', '.join(f'{1000 * each:.1f}' for each in seconds)} ms")  # noqa: T201 - a figure to look at
    assert statistics.median(seconds) < FIRST_FAILURE


ARRAYS = [b"*1000000000\r\n" + b":1\r\n" * 1000, b"*1\r\n" * 1000, b"$4294967296\r\n" + bytes(1000)]
LINES = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\r\n" * 100,
    b"$-7\r\n",
    b":12\r\n",
    b"+OK\r\n" * 9,
    b"*-3\r\n",
    b"$x\r\n",
]


@pytest.mark.parametrize("mode", ["refuse", "drop", "stall", "drip", "garbage", "flood", "cut"])
def test_a_server_that_fails_costs_a_moment_three_times_and_then_nothing(
    proxy: FaultProxy, tmp_path: Path, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(RedisLevel(url_of(proxy), tmp_path)) as level:
        send(level, KEY, LONG)
        assert level.read(KEY) is not None
        proxy.mode = mode
        assert_soon(time_failures(lambda: level.read(KEY)), mode)
        assert level.stats()["state"] == "open"
        connections = proxy.connections
        open_costs = time_failures(lambda: level.read(KEY), 200)
        assert statistics.median(open_costs) < 1e-3
        send(level, KEY, SMALL)
        assert proxy.connections == connections
        assert sum(level.stats()["failures"].values()) == 3
        assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("mode", ["refuse", "drop", "stall", "drip", "garbage", "flood", "cut"])
def test_a_server_that_fails_in_the_midst_of_a_value_costs_a_moment(
    proxy: FaultProxy, tmp_path: Path, mode: Mode
) -> None:
    proxy.cut_after = CHUNK
    with closing(RedisLevel(url_of(proxy), tmp_path)) as level:
        send(level, KEY, LONG)

        def change() -> None:
            while level.stats()["bytes_received"] < CHUNK:
                time.sleep(0.0005)
            proxy.mode = mode

        thread = threading.Thread(target=change)
        thread.start()
        value = level.read(KEY)
        thread.join()
        if value is not None:
            assert_equal(value, LONG)
        proxy.mode = "pass"
        assert_equal(level.read(KEY), LONG)


@pytest.mark.parametrize("garbage", [*ARRAYS, *LINES, os.urandom(3000)])
@pytest.mark.parametrize("mode", ["garbage", "flood"])
def test_garbage_costs_neither_time_nor_memory(proxy: FaultProxy, tmp_path: Path, mode: Mode, garbage: bytes) -> None:
    with closing(RedisLevel(url_of(proxy), tmp_path)) as level:
        send(level, KEY, SMALL)
        proxy.garbage, proxy.mode = garbage, mode
        tracemalloc.start()
        try:
            seconds = time_failures(lambda: level.read(KEY))
            assert tracemalloc.get_traced_memory()[1] < 8 * CHUNK
        finally:
            tracemalloc.stop()
        assert statistics.median(seconds) < FIRST_FAILURE
        assert level.stats()["hits"] == 0


@pytest.mark.parametrize("garbage", [b":12\r\n", b"+OK\r\n", b"*2\r\n$1\r\n7\r\n*0\r\n", b"-ERR no\r\n"])
def test_answers_to_other_questions_harm_no_verb(
    proxy: FaultProxy, tmp_path: Path, garbage: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spleeter_nb.cache.client._LONGEST_SCAN", 0.1)
    proxy.garbage, proxy.mode = garbage, "garbage"
    with closing(RedisLevel(url_of(proxy), tmp_path)) as level:
        send(level, KEY, LONG)
        assert level.clear() == 0
        assert level.verify() == (0, 0)
        level.discard(KEY)
        assert level.read(KEY) is None
        proxy.mode = "pass"


@pytest.mark.parametrize("garbage", ARRAYS)
def test_a_chunk_without_end_is_bounded(proxy: FaultProxy, tmp_path: Path, garbage: bytes) -> None:
    with closing(RedisLevel(url_of(proxy), tmp_path)) as level:
        send(level, KEY, LONG)
        proxy.garbage = garbage
        tracemalloc.start()
        try:
            thread = threading.Thread(target=lambda: level.read(KEY))
            thread.start()
            while level.stats()["bytes_received"] < CHUNK and thread.is_alive():
                time.sleep(0.0005)
            proxy.mode = "flood"
            thread.join()
            assert tracemalloc.get_traced_memory()[1] < 32 * CHUNK
        finally:
            tracemalloc.stop()


def test_an_absent_server_costs_a_moment_and_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(RedisLevel(DEAD, tmp_path)) as level:
        assert_soon(time_failures(lambda: level.read(KEY)), "absent")
        for _ in range(10):
            assert level.read(KEY) is None
            send(level, KEY, SMALL)
        assert level.clear() == 0
        assert level.verify() == (0, 0)
        level.discard(KEY)
        stats = level.stats()
    assert len(caplog.records) == 1
    assert "127.0.0.1:1" in caplog.text
    assert (stats["state"], stats["uploads"], stats["misses"]) == ("open", "open", 13)
    assert stats["failures"] == {"connection": 3}
    assert stats["latency_ms"] is None


def test_a_host_that_does_not_even_refuse_costs_a_moment(tmp_path: Path) -> None:
    with deaf_port() as port, closing(RedisLevel(f"redis://127.0.0.1:{port}", tmp_path)) as level:
        assert_soon(time_failures(lambda: level.read(KEY)), "deaf")
        assert level.stats()["failures"] == {"timeout": 3}


def test_a_server_that_comes_back_is_used_again(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="spleeter_nb")
    now = [0.0]
    with closing(RedisLevel(server.url, tmp_path, clock=lambda: now[0])) as level:
        send(level, KEY, SMALL)
        server.kill()
        try:
            assert_soon(time_failures(lambda: level.read(KEY)), "killed")
        finally:
            server.start()
        assert level.read(KEY) is None
        assert level.stats()["state"] == "open"
        now[0] += 5
        assert level.read(KEY) is None
        assert level.stats()["state"] == "ready"
        send(level, KEY, SMALL)
        assert_equal(level.read(KEY), SMALL)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_restart_between_two_calls_is_not_even_noticed(server: RedisServer, level: RedisLevel) -> None:
    send(level, KEY, SMALL)
    server.kill()
    server.start()
    send(level, KEY, SMALL)
    assert_equal(level.read(KEY), SMALL)
    assert level.stats()["failures"] == {}


def test_a_stopped_server_costs_a_moment_and_is_used_again(server: RedisServer, tmp_path: Path) -> None:
    now = [0.0]
    with closing(RedisLevel(server.url, tmp_path, clock=lambda: now[0])) as level:
        send(level, KEY, SMALL)
        server.pause()
        try:
            assert_soon(time_failures(lambda: level.read(KEY)), "silent")
            assert level.stats()["failures"] == {"timeout": 3}
        finally:
            server.resume()
        now[0] += 5
        assert_equal(level.read(KEY), SMALL)


def test_a_server_killed_while_a_value_is_sent_or_fetched_is_a_miss(server: RedisServer, level: RedisLevel) -> None:
    for verb in (lambda: send(level, KEY, LONG), lambda: level.read(KEY)):
        timer = threading.Timer(0.005, server.kill)
        timer.start()
        verb()
        timer.join()
        server.start()
        assert level.read(KEY) is None
    send(level, KEY, LONG)
    assert_equal(level.read(KEY), LONG)


def test_an_upload_that_is_cut_off_is_never_found_and_goes_out_of_date(
    server: RedisServer, proxy: FaultProxy, tmp_path: Path
) -> None:
    proxy.mode, proxy.cut_after = "cut", 8
    with closing(RedisLevel(url_of(proxy), tmp_path)) as level, raw_client(server) as raw:
        # The answer to the look for an old head has 6 bytes, the one to the first chunk 5.
        send(level, KEY, LONG)
        assert not raw.exists(HEAD)
        assert all(raw.pttl(name) > 0 for name in raw.scan_iter())
        proxy.mode = "pass"
        assert level.read(KEY) is None


def test_a_full_server_still_gives_what_it_has_and_is_not_filled_further(tmp_path: Path) -> None:
    require_redis()
    full = RedisServer("--maxmemory", "6mb", "--maxmemory-policy", "noeviction")
    with full as server, closing(RedisLevel(server.url, tmp_path)) as level, raw_client(server) as raw:
        send(level, OTHER, SMALL)
        for _ in range(5):
            send(level, KEY, LONG)
        assert level.stats()["failures"] == {"out of memory": 3}
        assert (level.stats()["state"], level.stats()["uploads"]) == ("ready", "open")
        assert chunks(raw) == []
        assert level.read(KEY) is None
        assert_equal(level.read(OTHER), SMALL)


def test_a_read_only_server_still_gives_what_it_has(tmp_path: Path) -> None:
    require_redis()
    with RedisServer() as server, closing(RedisLevel(server.url, tmp_path)) as level, raw_client(server) as raw:
        send(level, KEY, SMALL)
        raw.replicaof("127.0.0.1", 1)
        for _ in range(4):
            send(level, OTHER, SMALL)
        assert level.stats()["failures"] == {"read-only": 3}
        assert level.stats()["uploads"] == "open"
        assert_equal(level.read(KEY), SMALL)


PASSWORD = "hunter2-%2F-secret"  # noqa: S105 - of a server that lives for one test


@pytest.mark.parametrize("url", ["redis://:{}@127.0.0.1:{}", "redis://someone:{}@127.0.0.1:{}/2"])
def test_a_wrong_password_is_a_failure_that_shows_no_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    require_redis()
    caplog.set_level(logging.DEBUG)
    with RedisServer("--requirepass", "right") as server:
        with closing(RedisLevel(url.format(PASSWORD, server.port), tmp_path)) as level:
            for _ in range(4):
                assert level.read(KEY) is None
                send(level, KEY, SMALL)
            assert level.stats()["failures"]["authentication"] >= 3
            shown = caplog.text + repr(level) + str(level.stats())
        assert "hunter2" not in shown
        with closing(RedisLevel(f"redis://:right@127.0.0.1:{server.port}", tmp_path)) as level:
            send(level, KEY, SMALL)
            assert_equal(level.read(KEY), SMALL)


@pytest.mark.parametrize(
    "url",
    [
        "http://:hunter2@host",
        "redis://:hunter2/x@host:6379",
        "redis://hunter2#x@host",
        "redis://hunter2:12?x@host",
        "redis://:pass@host:hunter2",
        "redis://host?socket_timeout=hunter2",
        "redis://host?hunter2=1",
        "redis://:[hunter2]@host",
        "redis://:[hunter2@host",
        "",
    ],
)
def test_an_address_that_makes_no_sense_is_told_of_once_without_showing_it(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    level = RedisLevel(url, None)
    for _ in range(4):
        assert level.read(KEY) is None
        send(level, KEY, SMALL)
    assert level.stats()["state"] == "off"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "hunter2" not in caplog.text
    assert "%XX" in caplog.text


def test_without_the_library_it_is_off_and_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "spleeter_nb.cache.client", raising=False)
    monkeypatch.setitem(sys.modules, "redis._parsers", None)
    level = RedisLevel(DEAD, None)
    for _ in range(4):
        assert level.read(KEY) is None
        send(level, KEY, SMALL)
    assert (level.stats()["state"], level.stats()["uploads"]) == ("off", "off")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "spleeter-nb[redis]" in caplog.text


def test_settings_in_the_address_do_not_override_ours(proxy: FaultProxy) -> None:
    proxy.mode = "stall"
    settings = "socket_timeout=30&socket_connect_timeout=30&retry_on_timeout=yes&protocol=3&decode_responses=yes"
    with closing(RedisLevel(f"{url_of(proxy)}?{settings}", None)) as level:
        assert_soon(time_failures(lambda: level.read(KEY)), "silent, with settings")
        proxy.mode = "pass"


def test_the_greeting_is_as_short_as_can_be(server: RedisServer, level: RedisLevel) -> None:
    with raw_client(server) as raw:
        raw.config_resetstat()
        level.read(KEY)
        seen = set(raw.info("commandstats"))
    assert {name for name in seen if "config" not in name} == {"cmdstat_getrange"}


def test_a_unix_socket_works(server: RedisServer) -> None:
    with closing(RedisLevel(f"unix://{server.socket_path}?db=3", None)) as level:
        send(level, KEY, LONG)
        assert_equal(level.read(KEY), LONG)


def test_tls_works_and_its_silence_ends(tmp_path: Path) -> None:
    require_redis()
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([openssl, "req", *request, *names], check=True, capture_output=True)
    port = free_port()
    options = ["--tls-port", str(port), "--tls-cert-file", certificate, "--tls-key-file", key]
    with RedisServer(*map(str, options), "--tls-auth-clients", "no"), FaultProxy(port) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}?ssl_ca_certs={certificate}"
        with closing(RedisLevel(url, tmp_path)) as level:
            send(level, KEY, LONG)
            assert_equal(level.read(KEY), LONG)
            proxy.mode = "drip"
            assert_soon(time_failures(lambda: level.read(KEY)), "TLS, dripping")
        with closing(RedisLevel(url.partition("?")[0], None)) as level:
            proxy.mode = "pass"
            assert level.read(KEY) is None
            assert level.stats()["failures"] == {"connection": 1}


def test_a_child_of_fork_has_connections_of_its_own(level: RedisLevel) -> None:
    for number in range(20):
        send(level, f"key {number}", Value({"x": np.full(100, number)}, {}))
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=read_all, args=(level,)) for _ in range(3)]
    for child in children:
        child.start()
    read_all(level)
    for child in children:
        child.join(30)
    codes = [child.exitcode for child in children]
    for child in children:
        child.kill()
        child.join()
    assert codes == [0, 0, 0]
    assert level.stats()["failures"] == {}


def read_all(level: RedisLevel) -> None:
    for _ in range(10):
        for number in range(20):
            assert_equal(level.read(f"key {number}"), Value({"x": np.full(100, number)}, {}))
    assert level.stats()["failures"] == {}


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(server: RedisServer) -> None:
    with closing(Client(server.url)) as client:
        client.set("a", b"first", lifetime=10)
        client.set("b", b"other", lifetime=10)
        connection = client._connection  # noqa: SLF001 - the moment between asking and being answered

        class Interrupt(BaseException):
            pass

        def interrupted() -> None:
            del connection.read_response
            raise Interrupt

        for _ in range(10):
            connection.read_response = interrupted
            with pytest.raises(Interrupt):
                client.get("a", 5)
            assert client.get("b", 5) == b"other"


def test_an_interrupt_is_passed_on_and_the_level_goes_on(level: RedisLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    send(level, KEY, SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(RedisLevel, "_fetch", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            level.read(KEY)
    assert_equal(level.read(KEY), SMALL)


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_folder_that_cannot_be_used_is_replaced(server: RedisServer, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with closing(RedisLevel(server.url, tmp_path / folder)) as level:
        send(level, KEY, SMALL)
        assert_equal(level.read(KEY), SMALL)


def test_a_full_disk_here_is_a_miss_and_no_fault_of_the_server(
    level: RedisLevel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send(level, KEY, LONG)
    monkeypatch.setattr(remote.RedisLevel, "_new_file", lambda _: open("/dev/full", "w+b"))  # noqa: PTH123, SIM115 - closed by the level
    for _ in range(4):
        assert level.read(KEY) is None
    monkeypatch.undo()
    assert_equal(level.read(KEY), LONG)
    assert level.stats()["state"] == "ready"
    assert len(caplog.records) == 1


def test_a_file_that_cannot_be_read_is_not_sent(
    level: RedisLevel, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with seal_value(None, KEY, LONG) as sealed:
        os.ftruncate(sealed.handle.fileno(), CHUNK)
        level.write(KEY, sealed, 60)
    with raw_client(server) as raw:
        assert list(raw.scan_iter()) == []
    assert level.stats()["failures"] == {}
    assert len(caplog.records) == 1

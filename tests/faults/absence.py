"""Redis is not there, silent, slow or talks garbage: what the first calls cost, and every call after that."""

from __future__ import annotations

import contextlib
import socket
import statistics
import time
from typing import TYPE_CHECKING

from spleeter_nb.cache import CacheManager
from tests.cache.redis_server import RedisServer
from tests.faults.figure import Figure, need_module, need_program
from tests.proxy import FaultProxy, deaf_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

N, QUICK = 1000, 100
"""Lookups for each kind of absence."""
FAILURES = 3
"""After so many the breaker opens."""
FIRST_TRIES = 3
"""Fresh caches for each kind, of which the slowest first failure counts."""


def measure(n: int, seed: int, folder: Path) -> tuple[Figure, ...]:  # noqa: ARG001 - nothing is drawn
    need_program("redis-server")
    need_module("redis")
    import redis  # noqa: F401, PLC0415 - to load it takes its time, which is no failure

    firsts: dict[str, float] = {}
    added: dict[str, float] = {}
    with RedisServer() as server, FaultProxy(server.port) as proxy:
        for kind, url in _kinds(server, proxy):
            firsts[kind] = max(_first_failure(folder / kind, url) for _ in range(FIRST_TRIES))
            added[kind] = _added(folder / kind, url, calls=n)
    return (
        Figure(
            "Redis absent: added per call",
            1.0,
            max(added.values()),
            n * len(added),
            "ms",
            _told(added, "ms"),
            anchor="redis-py 4.7 s",
        ),
        Figure(
            "Redis absent: first failure",
            250.0,
            max(firsts.values()),
            FIRST_TRIES * len(firsts),
            "ms",
            _told(firsts, "ms"),
        ),
    )


def _kinds(server: RedisServer, proxy: FaultProxy) -> Iterator[tuple[str, str]]:
    """Bring about one fault after the other."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield "refused", f"redis://127.0.0.1:{port}/0"
    with deaf_port() as port:
        yield "deaf", f"redis://127.0.0.1:{port}/0"
    proxied = f"redis://127.0.0.1:{proxy.port}/0"
    for mode in ("drop", "garbage", "flood"):
        proxy.mode = mode
        yield mode, proxied
    proxy.mode = "pass"
    server.pause()
    try:
        yield "silent", server.url
    finally:
        server.resume()


def _first_failure(folder: Path, url: str) -> float:
    """Return the milliseconds of a lookup in a cache that has never met this server."""
    with _cache(folder, url) as cache:
        return _lookup(cache)


def _added(folder: Path, url: str, *, calls: int) -> float:
    """Return the milliseconds that a server that is left alone adds to a lookup, in the median."""
    with _cache(folder, url) as broken, _cache(folder, None) as without:
        for _ in range(FAILURES):
            _lookup(broken)
        times = [(_lookup(broken), _lookup(without)) for _ in range(calls)]
        state = broken.get_cache_stats()["levels"]["redis"]["state"]
    assert state == "open", state
    return statistics.median(one for one, _ in times) - statistics.median(other for _, other in times)


@contextlib.contextmanager
def _cache(folder: Path, url: str | None) -> Iterator[CacheManager]:
    cache = CacheManager(folder, redis_url=url)
    cache.get_cache_stats()  # opens what is on the disk
    try:
        yield cache
    finally:
        cache.close()


def _lookup(cache: CacheManager) -> float:
    began = time.perf_counter()
    assert cache.lookup("nothing") is None
    return 1000 * (time.perf_counter() - began)


def _told(by_kind: dict[str, float], unit: str) -> str:
    return ", ".join(f"{kind} {value:.3g} {unit}" for kind, value in by_kind.items())

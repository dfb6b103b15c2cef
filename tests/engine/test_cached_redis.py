"""Stems through a real Redis: shared between kernels that share no disk, and never missed when it goes wrong."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import redis
import soundfile

from spleeter_nb import SpleeterConfig
from spleeter_nb.engine.loaded import cache_manager
from spleeter_nb.engine.separation import separate_with
from tests.cache.redis_server import RedisServer, require_redis
from tests.engine.conftest import RATE, wait_until
from tests.engine.test_cached import digest, in_another_process
from tests.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spleeter_nb import SeparationResult
    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray


@pytest.fixture
def server() -> Iterator[RedisServer]:
    require_redis()
    with RedisServer() as server:
        yield server


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def song(tmp_path: Path, noise: Callable[..., FloatArray]) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, noise(60_000), RATE, subtype="FLOAT")
    return path


@pytest.fixture
def new_config(tmp_path: Path) -> Iterator[Callable[[str], SpleeterConfig]]:
    """Settings with a disk cache of their own, as on another machine."""
    made: list[SpleeterConfig] = []

    def new(url: str) -> SpleeterConfig:
        made.append(SpleeterConfig(cache_enabled=True, cache_dir=tmp_path / f"cache-{len(made)}", redis_url=url))
        return made[-1]

    yield new
    for config in made:
        cache = cache_manager(config)
        assert cache is not None
        cache.close()


def test_a_process_with_an_empty_disk_finds_it_in_redis(
    server: RedisServer, new_config: Callable[[str], SpleeterConfig], song: Path, small_models: Path
) -> None:
    model = small_models / "two" / "config.json"
    here, there = new_config(server.url), new_config(server.url)
    first = separate_with(here, song, model, progress=False)
    assert first.cache_level is None
    with redis.Redis.from_url(server.url) as client:
        assert wait_until(lambda: client.dbsize() >= 2, 20)
    answer = in_another_process(there, song, model)
    assert (answer["level"], answer["again"]) == ("redis", "memory")
    assert answer["stems"] == {name: digest(first[name].samples) for name in first}
    # It was put into the disk of that machine, too.
    server.kill()
    assert wait_until(lambda: in_another_process(there, song, model)["level"] == "disk", 30)


@pytest.fixture
def proxied(
    server: RedisServer, proxy: FaultProxy, new_config: Callable[[str], SpleeterConfig]
) -> tuple[RedisServer, FaultProxy, SpleeterConfig]:
    return server, proxy, new_config(f"redis://127.0.0.1:{proxy.port}/0")


FAULTS: dict[str, Callable[[RedisServer, FaultProxy], object]] = {
    "killed": lambda server, _: server.kill(),
    "silent": lambda server, _: server.pause(),
    "garbage": lambda _, proxy: setattr(proxy, "mode", "garbage"),
    "endless garbage": lambda _, proxy: setattr(proxy, "mode", "flood"),
    "dripping": lambda _, proxy: setattr(proxy, "mode", "drip"),
    "dropping": lambda _, proxy: setattr(proxy, "mode", "drop"),
    "refusing": lambda _, proxy: setattr(proxy, "mode", "refuse"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_jobs_succeed_whatever_becomes_of_redis_in_mid_run(
    proxied: tuple[RedisServer, FaultProxy, SpleeterConfig], song: Path, small_models: Path, fault: str
) -> None:
    model = small_models / "two" / "config.json"
    server, proxy, config = proxied
    expected = separate_with(config, song, model, progress=False, cache=False)
    broken = threading.Event()

    def listen(event: Progress) -> None:
        if event.stage == "separate" and not broken.is_set():
            broken.set()
            FAULTS[fault](server, proxy)

    def check(result: SeparationResult, level: str | None) -> None:
        assert result.cache_level == level
        for name in expected:
            np.testing.assert_array_equal(result[name].samples, expected[name].samples)

    try:
        check(separate_with(config, song, model, progress=listen), None)
        assert broken.is_set()
        check(separate_with(config, song, model, progress=False), "memory")
        options: dict[str, Any] = {"progress": False, "overlap": 0.25}
        assert separate_with(config, song, model, **options).cache_level is None
        cache = cache_manager(config)
        assert cache is not None
        cache.clear("memory")
        check(separate_with(config, song, model, progress=False), "disk")
    finally:
        if fault == "silent":
            server.resume()

"""The cache as the rest of the house sees it: three levels behind one door."""

from __future__ import annotations

import contextlib
import functools
import os
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spleeter_nb.cache.arguments import check_folder, check_key, check_level, check_number, check_url, pack, unpack
from spleeter_nb.cache.claims import CLAIMS, Claims
from spleeter_nb.cache.complaints import Complaints
from spleeter_nb.cache.counts import LEVELS, Counts
from spleeter_nb.cache.envelope import DamagedValueError, Value, Verified, seal_value, unseal_digest
from spleeter_nb.cache.keys import digest_key
from spleeter_nb.cache.memory import MemoryLevel
from spleeter_nb.cache.recorder import Recorder
from spleeter_nb.cache.service import Service
from spleeter_nb.forks import begin_anew_after_fork
from spleeter_nb.waiting import in_thread

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from spleeter_nb.cache.counts import CacheStats, Level, LevelName, LevelStats
    from spleeter_nb.cache.disk import DiskLevel
    from spleeter_nb.cache.envelope import SealedFile
    from spleeter_nb.cache.remote import RedisLevel

_FORMAT = "v1"
_PATIENCE = 30.0
_LONG_PATIENCE = 3600.0
# Bytes of a value in Redis, where that is the only level.
_LARGEST_REMOTE = 512 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and where it was."""

    value: Value
    level: LevelName


class CacheManager:
    """Results in memory (L1), on disk (L2) and in Redis (L3), shared safely by threads, processes and machines.

    A level that fails is passed over with a warning; what is damaged is a miss. Nothing is opened before it is used.

    Parameters
    ----------
    cache_dir : path, optional
        Where L2 lives; by default the user's cache folder.
    memory_mb : float
        Limit of L1 in MiB; 0 turns it off.
    disk_mb : float
        Limit of L2 in MiB; 0 turns it off. A value of more than half of it is not kept.
    ttl_hours : float
        How long results of separations are kept.
    redis_url : str, optional
        Where L3 is: ``redis://host:6379/0``. Without it there is none.
    enabled : bool
        False for a cache that keeps nothing.

    Raises
    ------
    ValidationError
        A limit is no number of that range, `cache_dir` no path, or `redis_url` no text.

    Examples
    --------
    >>> import asyncio
    >>> cache = CacheManager(disk_mb=0)
    >>> asyncio.run(cache.set("beats of a song", b"0.5 1.0 1.5"))
    >>> asyncio.run(cache.get("beats of a song"))
    b'0.5 1.0 1.5'
    >>> cache.close()
    """

    def __init__(  # noqa: PLR0913 - settings, each by its name
        self,
        cache_dir: str | os.PathLike[str] | None = None,
        *,
        memory_mb: float = 512,
        disk_mb: float = 2048,
        ttl_hours: float = 24.0,
        redis_url: str | None = None,
        enabled: bool = True,
    ) -> None:
        # Locks and positioned reads are POSIX's.
        self._enabled = enabled and os.name == "posix"
        self._cache_dir = check_folder(cache_dir)
        self._memory_bytes = int(check_number("memory_mb", memory_mb, zero=True) * 2**20)
        self._disk_bytes = int(check_number("disk_mb", disk_mb, zero=True) * 2**20)
        self._ttl = check_number("ttl_hours", ttl_hours) * 3600
        self._redis_url = check_url(redis_url)
        self._begin()
        begin_anew_after_fork(self)

    async def get(self, key: str, cache_level: Level = "auto") -> Any | None:
        """Return what was stored under a key.

        Parameters
        ----------
        key : str
            Any text.
        cache_level : {"auto", "memory", "disk", "redis"}
            Where to look; ``"auto"`` looks into all levels in this order, and what is found is put into those above.

        Returns
        -------
        bytes, ndarray, dict of ndarray, or None
            As it was given to `set`, arrays read-only; None where nothing was found.

        Raises
        ------
        ValidationError
            The key is no text, or there is no such level.
        """
        check_key(key)
        levels = check_level(cache_level)
        found = await in_thread(lambda: self._look_up(key, levels))
        return None if found is None else unpack(found.value)

    async def set(self, key: str, data: Any, ttl: float = 3600, cache_level: Level = "auto") -> None:
        """Store something.

        Parameters
        ----------
        key : str
            Any text.
        data : bytes, ndarray, or mapping of str to ndarray
            Arrays of one axis or more, of booleans, integers, float32, float64 or complex64.
        ttl : float
            Seconds until it is out of date.
        cache_level : {"auto", "memory", "disk", "redis"}
            Where to; ``"auto"`` is all levels.

        Raises
        ------
        ValidationError
            An argument is of another type, or out of range. Nothing else is raised: what cannot be stored is not.
        """
        check_key(key)
        levels = check_level(cache_level)
        seconds = check_number("ttl", ttl)
        value = pack(data)
        await in_thread(lambda: self._store(key, value, seconds, levels))

    def get_cache_stats(self) -> CacheStats:
        """Return hits, misses, sizes and states, in all and of each level."""
        levels = {name: self._level_stats(name, counts) for name, counts in self._counts.items()}
        total = self._total
        return {
            "requests": total.hits + total.misses,
            "hits": total.hits,
            "hit_rate": total.rate,
            "levels": levels,
        }

    def clear(self, cache_level: Level = "auto") -> dict[str, int]:
        """Remove all values; return how many there were in each level."""
        levels = check_level(cache_level)
        counts: dict[str, int] = {}
        if "memory" in levels:
            counts["memory"] = self._memory.clear()
        for name, service in self._services.items():
            if name in levels:
                counts[name] = service.call(lambda level: level.clear(), 0, timeout=_LONG_PATIENCE)
        return counts

    def verify(self) -> dict[str, Verified]:
        """Verify every value on disk and in Redis, and remove those that are damaged."""
        return {
            name: service.call(lambda level: level.verify(), Verified(0, 0), timeout=_LONG_PATIENCE)
            for name, service in self._services.items()
        }

    def close(self, timeout: float = 5.0) -> None:
        """Finish what is under way, within `timeout` seconds, and give everything back; the next use opens it again."""
        deadline = time.monotonic() + timeout
        for service in self._all_services():
            service.stop(timeout=max(deadline - time.monotonic(), 0))
        self._memory.clear()

    def lookup(self, key: str, *, again: bool = False) -> Found | None:
        """Look for a result in all levels; for threads that may block.

        Parameters
        ----------
        key : str
            From `make_key`.
        again : bool
            Whether the same asked before, and looks again after `claim`: only a hit counts.

        Returns
        -------
        Found or None
            It was put into the levels above, too.
        """
        return self._look_up(key, LEVELS, again=again)

    def claim(
        self, key: str, *, cancel: threading.Event, on_wait: Callable[[], object] | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Let one at a time compute a key, here and in all processes that share the folder.

        Look into the cache again inside: somebody else may have been faster. It saves work, no more: where locks cannot
        be had, nobody waits.

        Parameters
        ----------
        key : str
            From `make_key`.
        cancel : threading.Event
            Ends the waiting.
        on_wait : callable, optional
            Called once, when somebody else has the claim.

        Raises
        ------
        SeparationCancelledError
            On entering, when `cancel` was set while waiting.
        """
        if not self._enabled:
            return contextlib.nullcontext()
        return self._claims.claim(key, cancel=cancel, on_wait=on_wait)

    def recorder(self, names: Sequence[str]) -> Recorder:
        """Begin a value whose arrays come block by block; for threads that may block.

        Parameters
        ----------
        names : sequence of str
            The arrays.
        """
        return self._recorder(names, LEVELS)

    def after_fork(self) -> None:
        """Begin anew in a child process: locks, threads and connections are its parent's."""
        self._abandoning.detach()
        self._begin()

    def _begin(self) -> None:
        on = self._enabled
        self._memory = MemoryLevel(self._memory_bytes if on else 0)
        self._services: dict[LevelName, Service[Any]] = {}
        if on and self._disk_bytes:
            self._services["disk"] = Service("spleeter_nb-cache", self._disk_maker())
        self._uploads: Service[RedisLevel] | None = None
        if on and self._redis_url:
            make = _redis_maker(self._redis_url, self._folder if "disk" in self._services else None)
            self._services["redis"] = Service("spleeter_nb-redis", make)
            self._uploads = Service("spleeter_nb-uploads", make)
        self._claims = Claims(self._folder / CLAIMS if "disk" in self._services else None)
        self._swept = False
        self._complaints = Complaints()
        self._total = Counts()
        self._counts: dict[LevelName, Counts] = {name: Counts() for name in ("memory", *self._services)}
        # Without it the threads of a manager that nobody closed would wait for ever.
        self._abandoning = weakref.finalize(self, _abandon, self._all_services())
        self._abandoning.atexit = False

    def _all_services(self) -> list[Service[Any]]:
        return [*([self._uploads] if self._uploads else []), *self._services.values()]

    def _look_up(self, key: str, levels: Sequence[LevelName], *, again: bool = False) -> Found | None:
        found = self._find(key, levels, again=again)
        if found is not None or not again:
            self._total.count(hit=found is not None)
        if found is not None and found.level != "memory" and "memory" in levels:
            self._memory.write(key, found.value)
        if found is not None and found.level == "redis" and "disk" in levels and "disk" in self._services:
            self._services["disk"].later(functools.partial(_copy, key, found.value))
        return found

    def _find(self, key: str, levels: Sequence[LevelName], *, again: bool) -> Found | None:
        for name in levels:
            if name not in self._counts:
                continue
            if name == "memory":
                value = self._memory.read(key)
            else:
                value = self._services[name].call(lambda level: level.read(key), None, timeout=_PATIENCE)
            if value is not None and value.expires is not None and value.expires <= time.time():
                value = None  # its level keeps it longer, as Redis does after a late upload
            if value is not None or not again:
                self._counts[name].count(hit=value is not None)
            if value is not None:
                return Found(value, name)
        return None

    def _store(self, key: str, value: Value, ttl: float, levels: Sequence[LevelName]) -> None:
        with self._recorder(list(value.arrays), levels) as recorder:
            for name, array in value.arrays.items():
                recorder.write(name, array)
            recorder.commit(key, value.meta, ttl)

    def _recorder(self, names: Sequence[str], levels: Sequence[LevelName]) -> Recorder:
        folder = None
        if "disk" in levels and "disk" in self._services:
            service: Service[DiskLevel] = self._services["disk"]
            folder = service.call(lambda level: level.writable_folder(), None, timeout=_PATIENCE)
            if not self._swept:
                self._swept = True
                service.later(lambda level: level.sweep())
        limits = {
            "memory": self._memory_bytes,
            "disk": self._disk_bytes // 2 if folder else 0,
            "redis": _LARGEST_REMOTE,
        }
        return Recorder(
            names,
            folder=folder,
            largest=max((limits[name] for name in levels if name in self._counts), default=0) if self._enabled else 0,
            ttl=self._ttl,
            publish=functools.partial(self._publish, levels),
            complaints=self._complaints,
        )

    def _publish(self, levels: Sequence[LevelName], key: str, sealed: SealedFile, ttl: float) -> None:
        """Put a finished file into levels: into Redis in the background, into the others at once."""
        if "memory" in levels:
            try:
                value = unseal_digest(sealed.handle.fileno(), digest_key(key), trusted=True)
                self._memory.write(key, value)
            except (DamagedValueError, OSError) as error:
                self._complaints.warn("map", "A result cannot be kept in memory (%s).", error)
        if sealed.path is not None:
            disk: Service[DiskLevel] = self._services["disk"]
            if not disk.call(lambda level: level.write(key, sealed, ttl), False, timeout=_PATIENCE):
                with contextlib.suppress(OSError):
                    sealed.unlink()
        uploading = None
        if "redis" in levels and self._uploads is not None:
            uploading = self._uploads.later(functools.partial(_upload, key, sealed, ttl))
        if uploading is None:
            sealed.close()

    def _level_stats(self, name: LevelName, counts: Counts) -> LevelStats:
        if name == "memory":
            told = self._memory.stats()
        else:
            told = self._services[name].call(lambda level: level.stats(), {}, timeout=_PATIENCE)
        return counts.describe(told)

    @functools.cached_property
    def _folder(self) -> Path:
        cache_dir = self._cache_dir
        if cache_dir is None:
            from platformdirs import user_cache_path  # noqa: PLC0415 - not needed when a folder is given

            cache_dir = user_cache_path("spleeter_nb", appauthor=False)
        return cache_dir / _FORMAT

    def _disk_maker(self) -> Callable[[], DiskLevel]:
        folder, limit = self._folder, self._disk_bytes

        def make() -> DiskLevel:
            from spleeter_nb.cache.disk import DiskLevel  # noqa: PLC0415 - loads SQLite

            return DiskLevel(folder, limit)

        return make


def _redis_maker(url: str, folder: Path | None) -> Callable[[], RedisLevel]:
    from spleeter_nb.cache.remote import RedisLevel  # noqa: PLC0415 - for those who have a server

    # One for both threads: it connects each of them by itself, and opens nothing before.
    level = RedisLevel(url, folder)
    return lambda: level


def _abandon(services: Sequence[Service[Any]]) -> None:
    for service in services:
        service.stop(timeout=0)


def _copy(key: str, value: Value, disk: DiskLevel) -> None:
    """Write a value that came from elsewhere, for as long as it holds."""
    folder = disk.writable_folder()
    if folder is not None and value.nbytes <= disk.largest:
        with seal_value(folder, key, value) as sealed:
            disk.write(key, sealed, None if value.expires is None else value.expires - time.time())


def _upload(key: str, sealed: SealedFile, ttl: float, redis: RedisLevel) -> None:
    with sealed:
        redis.write(key, sealed, ttl)

"""The levels by name, and what is counted of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

LevelName: TypeAlias = Literal["memory", "disk", "redis"]
Level: TypeAlias = Literal["auto", "memory", "disk", "redis"]

LEVELS: tuple[LevelName, ...] = get_args(LevelName)
"""In the order in which they are looked into."""


class LevelStats(TypedDict):
    """What :meth:`spleeter_nb.CacheManager.get_cache_stats` tells of a level."""

    state: str
    """``ready``; ``read-only``; ``open``, a server that is left alone for a while; ``closed`` before use; ``off``."""
    hits: int
    misses: int
    hit_rate: float
    """Hits among the look-ups of this level, 0 to 1."""
    entries: int
    bytes: int
    limit_bytes: int
    damaged: int
    """Values that were found damaged, and not used."""
    evicted: int
    """Values that made room for others."""
    errors: int
    """Attempts that failed."""


class CacheStats(TypedDict):
    """What :meth:`spleeter_nb.CacheManager.get_cache_stats` tells."""

    requests: int
    hits: int
    hit_rate: float
    """Hits of any level among all requests, 0 to 1."""
    levels: dict[LevelName, LevelStats]


class Counts:
    """Hits and misses; any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def count(self, *, hit: bool) -> None:
        """Count one look-up."""
        with self._lock:
            self.hits += hit
            self.misses += not hit

    @property
    def rate(self) -> float:
        """Hits among the look-ups, 0 where there were none."""
        return self.hits / max(self.hits + self.misses, 1)

    def describe(self, told: Mapping[str, Any]) -> LevelStats:
        """Return what a level told, with these counts; what it did not tell is zero."""
        return {
            "state": told.get("state", "off"),
            "hits": self.hits,
            "misses": self.misses,
            "hit_rate": self.rate,
            "entries": told.get("entries", 0),
            "bytes": told.get("bytes", 0),
            "limit_bytes": told.get("limit_bytes", 0),
            "damaged": told.get("damaged", 0),
            "evicted": told.get("evicted", 0),
            "errors": told.get("errors", 0),
        }

"""Stored results: in memory, on disk, in Redis. diskcache, redis and their kind live here only."""

from __future__ import annotations

from spleeter_nb.cache.counts import CacheStats, Level, LevelName
from spleeter_nb.cache.envelope import Value
from spleeter_nb.cache.keys import code_version, digest_key, make_key
from spleeter_nb.cache.manager import CacheManager, Found
from spleeter_nb.cache.recorder import Recorder

__all__ = [
    "CacheManager",
    "CacheStats",
    "Found",
    "Level",
    "LevelName",
    "Recorder",
    "Value",
    "code_version",
    "digest_key",
    "make_key",
]

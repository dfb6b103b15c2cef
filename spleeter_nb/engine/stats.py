"""What an engine has done so far, in figures."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JobState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
CacheAnswer: TypeAlias = Literal["memory", "disk", "redis", "miss"]

_SECONDS_AN_HOUR = 3600


class StageStats(TypedDict):
    """How long one stage of a separation took."""

    total_seconds: float
    """Over all songs done."""
    mean_seconds: float
    """Over the songs done that had this stage."""


class CacheUse(TypedDict):
    """How often stems came from the cache."""

    requests: int
    """Songs done for which the cache was asked."""
    hits: int
    """Songs whose stems it had."""
    hit_rate: float | None
    """Percent of the requests; None before the first."""
    by_level: dict[str, int]
    """Hits of ``memory``, ``disk`` and ``redis``."""


class ProcessingStats(TypedDict):
    """What an engine has done since it was made.

    Rates are None as long as there is nothing to take them from; everything else begins at 0, or empty.
    """

    jobs: dict[str, int]
    """How many there are ``queued`` and ``running`` now, and how many are ``done``, ``failed`` and ``cancelled``."""
    success_rate: float | None
    """Percent of the jobs done or failed; those cancelled do not count."""
    failures: dict[str, int]
    """How many jobs failed with each kind of error, by the name of its class, the most frequent first."""
    audio_seconds: float
    """Seconds of sound of the songs done."""
    busy_seconds: float
    """Seconds in which at least one job was running."""
    songs_per_hour: float | None
    """Songs done in an hour in which at least one job is running, those from the cache included."""
    throughput: float | None
    """Seconds of sound done in one such second, over all jobs that ran side by side."""
    x_realtime: float | None
    """Seconds of sound that one job separates in one second of its stage ``separate``; songs for which nothing was
    computed do not count."""
    stages: dict[str, StageStats]
    """Seconds by stage."""
    cache: CacheUse


class EngineStats:
    """Counts jobs; any thread may tell it of them.

    Parameters
    ----------
    clock : callable
        Gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs = Counter[JobState]()
        self._failures = Counter[str]()
        self._stage_seconds = defaultdict[str, float](float)
        self._stage_songs = Counter[str]()
        self._cache = Counter[CacheAnswer]()
        self._audio_seconds = 0.0
        self._computed_seconds = 0.0
        self._busy_seconds = 0.0
        self._busy_since = 0.0

    def queued(self) -> None:
        """Count a job that waits."""
        with self._lock:
            self._jobs["queued"] += 1

    def started(self) -> None:
        """Count a waiting job as running."""
        with self._lock:
            self._move("queued", "running")

    def succeeded(
        self, audio_seconds: float, timings: Mapping[str, float], *, cache: CacheAnswer | None = None
    ) -> None:
        """Count a running job as done.

        Parameters
        ----------
        audio_seconds : float
            How long the song is.
        timings : mapping of str to float
            Seconds by stage, of those stages that there were: ``separate`` only if something was computed.
        cache : {"memory", "disk", "redis", "miss"}, optional
            The level of the cache that had the stems, or ``miss``; None if it was not asked.
        """
        with self._lock:
            self._move("running", "done")
            self._audio_seconds += audio_seconds
            if "separate" in timings:
                self._computed_seconds += audio_seconds
            for stage, seconds in timings.items():
                self._stage_seconds[stage] += seconds
                self._stage_songs[stage] += 1
            if cache is not None:
                self._cache[cache] += 1

    def failed(self, error: BaseException, *, before: Literal["queued", "running"] = "running") -> None:
        """Count a job as failed by the class of its error.

        Parameters
        ----------
        error : BaseException
        before : {"running", "queued"}
            What the job was.
        """
        with self._lock:
            self._move(before, "failed")
            self._failures[type(error).__name__] += 1

    def cancelled(self, *, before: Literal["queued", "running"] = "running") -> None:
        """Count a job as cancelled, which was running or still queued."""
        with self._lock:
            self._move(before, "cancelled")

    def _move(self, before: JobState, after: JobState) -> None:
        now, was_busy = self._clock(), self._jobs["running"] > 0
        self._jobs[before] -= 1
        self._jobs[after] += 1
        is_busy = self._jobs["running"] > 0
        if is_busy and not was_busy:
            self._busy_since = now
        if was_busy and not is_busy:
            self._busy_seconds += now - self._busy_since

    def snapshot(self) -> ProcessingStats:
        """Return the figures of this moment; they all belong together, and do not change any more."""
        with self._lock:
            done, failed = self._jobs["done"], self._jobs["failed"]
            busy = self._busy_seconds + (self._clock() - self._busy_since if self._jobs["running"] else 0.0)
            requests, hits = self._cache.total(), self._cache.total() - self._cache["miss"]
            return {
                "jobs": {state: self._jobs[state] for state in get_args(JobState)},
                "success_rate": _ratio(100 * done, done + failed),
                "failures": dict(self._failures.most_common()),
                "audio_seconds": self._audio_seconds,
                "busy_seconds": busy,
                "songs_per_hour": _ratio(_SECONDS_AN_HOUR * done, busy),
                "throughput": _ratio(self._audio_seconds, busy),
                "x_realtime": _ratio(self._computed_seconds, self._stage_seconds.get("separate", 0.0)),
                "stages": {
                    stage: {"total_seconds": seconds, "mean_seconds": seconds / self._stage_songs[stage]}
                    for stage, seconds in self._stage_seconds.items()
                },
                "cache": {
                    "requests": requests,
                    "hits": hits,
                    "hit_rate": _ratio(100 * hits, requests),
                    "by_level": {level: self._cache[level] for level in get_args(CacheAnswer) if level != "miss"},
                },
            }


def _ratio(amount: float, whole: float) -> float | None:
    return amount / whole if whole else None

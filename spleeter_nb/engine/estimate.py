"""How long a separation will take here, learned from those that have been.

What a network costs is proportional to the values of the spectrogram that it estimates: whole segments, times the bins
of its band, times the stems. Seconds for each such value are remembered by model, device and precision; a model that
has never run here is expected to be as fast as the others, value for value.

A separation that shared the machine with another one says nothing and is not remembered, nor is one that computed more
than the networks (the Wiener filter, overlap).
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import threading
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from spleeter_nb.forks import begin_anew_after_fork
from spleeter_nb.models.catalog import CATALOG
from spleeter_nb.storage import create_temporary, move_into_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.net.runtime import Precision
    from spleeter_nb.values import ModelSpec

_LOG = logging.getLogger("spleeter_nb")

_FILE = "speeds.json"
_VERSION = 1

# The median of so many is what is expected: one run beside something heavy changes nothing.
_KEPT = 5

# Of a shorter song, loading and the silence that fills its last segment are most of it.
_LEAST_SEGMENTS = 2

_LARGEST_FILE = 100_000

# Of a fetched model, the network decides; of another job's stems, that job. Neither comes again.
_NOT_AROUND = ("separate", "download", "wait")


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a separation is expected to take."""

    seconds: float
    basis: Literal["measured", "scaled"]
    """Whether this model has run here, or only others have."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One separation that has been."""

    model: str
    device: str
    precision: str
    per_value: float
    """Seconds from the first to the last sample, for each value that the networks estimated."""
    around: float
    """Seconds for what comes each time besides: opening, hashing, loading, writing."""


class Speeds:
    """What is known of the speed of this machine; any thread may ask and tell.

    Parameters
    ----------
    file : Path, optional
        Where it is kept; None: nowhere, it lasts as long as this object. A file that cannot be read, or holds anything
        else, counts as empty; one that cannot be written is done without.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._runs: list[_Run] = []
        self.after_fork()
        begin_anew_after_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a child process, with what is known: a thread of its parent's may hold the lock."""
        self._lock = threading.Lock()

    def learn(self, spec: ModelSpec, result: SeparationResult, *, precision: Precision) -> None:
        """Remember how long a separation took, if it computed anything and was long enough to say something.

        Parameters
        ----------
        spec : ModelSpec
            Of the model that made it.
        result : SeparationResult
            One from the cache has no stage ``separate``.
        precision : {"float32", "bfloat16"}
            That was asked for, as in `estimate`; a processor that lacks it takes the other, and its time.
        """
        computing = result.timings.get("separate")
        if result.runtime is None or not computing or _segments(spec, result.duration) < _LEAST_SEGMENTS:
            return
        run = _Run(
            spec.name,
            result.runtime.device,
            precision,
            computing / _values(spec, result.duration),
            max(0.0, result.seconds - sum(result.timings.get(stage, 0.0) for stage in _NOT_AROUND)),
        )
        with self._lock:
            # Other kernels learn, too.
            self._runs = _without_oldest([*self._known(), run])
            self._write()

    def estimate(self, spec: ModelSpec, *, duration: float, device: str, precision: Precision) -> Estimate | None:
        """Say how long a song will take.

        Parameters
        ----------
        spec : ModelSpec
            Of the model.
        duration : float
            Of the song, in seconds.
        device : str
            As results name it: ``cpu``, ``cuda:0``.
        precision : {"float32", "bfloat16"}

        Returns
        -------
        Estimate or None
            None as long as nothing is known that it could be taken from.
        """
        with self._lock:
            known = [run for run in self._known() if (run.device, run.precision) == (device, precision)]
        own = [run for run in known if run.model == spec.name]
        # The networks of published models differ in their number only; those of others may be of any size.
        like = own or [run for run in known if run.model in CATALOG and spec.name in CATALOG]
        if not like:
            return None
        seconds = median(run.around for run in like) + _values(spec, duration) * median(run.per_value for run in like)
        return Estimate(seconds, "measured" if own else "scaled")

    def _known(self) -> list[_Run]:
        if self._file is None:
            return self._runs
        try:
            with self._file.open("rb") as file:
                return _parsed(file.read(_LARGEST_FILE))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            _LOG.info("What was known of this machine's speed cannot be read, and begins anew: %s", error)
            return []

    def _write(self) -> None:
        if self._file is None:
            return
        content = {"version": _VERSION, "runs": [asdict(run) for run in self._runs]}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary, file = create_temporary(self._file.parent)
            try:
                with file:
                    file.write(json.dumps(content).encode())
                move_into_place(temporary, self._file, replace=True)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            _LOG.info("The speed of this machine is not remembered: %s", error)


def speeds(config: SpleeterConfig) -> Speeds:
    """Return what is known under these settings: in the cache's folder, or where there is no cache, in this process."""
    return _speeds(config.cache_path / _FILE if config.cache_enabled else None)


@functools.cache
def _speeds(file: Path | None) -> Speeds:
    return Speeds(file)


class Company:
    """Whether a separation had the machine to itself, as far as this process knows."""

    _under_way: ClassVar[set[Company]] = set()

    def __init__(self) -> None:
        self.alone = True

    @classmethod
    def after_fork(cls) -> None:
        """Begin anew in a child process: those under way are its parent's, and would never end here."""
        cls._under_way.clear()

    @contextlib.contextmanager
    def present(self) -> Iterator[None]:
        """Be one of those under way until the block ends."""
        # First come, then look: of two that come at the same moment, both notice.
        self._under_way.add(self)
        for other in self._under_way - {self}:
            other.alone = self.alone = False
        try:
            yield
        finally:
            self._under_way.discard(self)


begin_anew_after_fork(Company)


def _segments(spec: ModelSpec, duration: float) -> int:
    return math.ceil(duration * spec.sample_rate / (spec.segment_frames * spec.hop_length))


def _values(spec: ModelSpec, duration: float) -> int:
    return max(1, _segments(spec, duration)) * spec.segment_frames * spec.n_bins * len(spec.instruments)


def _without_oldest(runs: list[_Run]) -> list[_Run]:
    """Keep the newest of each kind, in their order."""
    kept: list[_Run] = []
    for run in reversed(runs):
        kind = (run.model, run.device, run.precision)
        if sum((other.model, other.device, other.precision) == kind for other in kept) < _KEPT:
            kept.append(run)
    return kept[::-1]


def _parsed(content: bytes) -> list[_Run]:
    """Read what `Speeds` wrote; of all else, `ValueError`, `TypeError` or `KeyError` is raised."""
    written: Any = json.loads(content)
    if written["version"] != _VERSION:
        return []
    runs = [_Run(**run) for run in written["runs"]]
    for run in runs:
        names: tuple[Any, ...] = (run.model, run.device, run.precision)
        times: tuple[Any, ...] = (run.per_value, run.around)
        if not all(isinstance(name, str) for name in names) or not all(
            isinstance(seconds, float) and 0 <= seconds < math.inf for seconds in times
        ):
            raise ValueError("it holds what is no time, or no name")
    return runs

"""Batches: many songs through one engine, told as one job, each with an outcome of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from spleeter_nb.engine.ledger import Ledger
from spleeter_nb.engine.options import parse_options
from spleeter_nb.engine.progress import Reporter
from spleeter_nb.engine.sources import expand, label
from spleeter_nb.engine.targets import home_expanded
from spleeter_nb.exceptions import SpleeterError
from spleeter_nb.waiting import wait_awake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from spleeter_nb.engine.jobs import SeparationJob
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.events import Progress
    from spleeter_nb.values import AudioSource, ModelSpec

    Outcome: TypeAlias = SeparationResult | SpleeterError
    Submit: TypeAlias = Callable[[AudioSource, dict[str, Any], Ledger | None], SeparationJob]

_LOG = logging.getLogger("spleeter_nb")


@dataclass(frozen=True)
class Batch:
    """Songs that are separated with the same options."""

    items: list[AudioSource | SpleeterError]
    """The songs, and in the place of what cannot be one, its error."""
    options: dict[str, Any]
    ledger: Ledger | None
    progress: _BatchProgress

    @classmethod
    def prepared(
        cls,
        audio_files: AudioSource | Iterable[AudioSource],
        spec: ModelSpec,
        *,
        recursive: bool,
        options: dict[str, Any],
    ) -> Self:
        """Find the songs, and all that is wrong with the batch as a whole, before anything begins."""
        parsed = parse_options(options)
        parsed.check_instruments(spec.instruments)
        ledger = None if parsed.output_dir is None else Ledger(home_expanded(parsed.output_dir))
        items = expand(audio_files, recursive=recursive, leave_out=ledger.paths() if ledger else ())
        songs = [label(item) for item in items if not isinstance(item, SpleeterError)]
        if ledger:
            parsed.targets.check_distinct(songs)
        name = Path(songs[0]).name if len(items) == len(songs) == 1 else f"{len(items)} songs"
        reporter = Reporter(parsed.progress, name=name)
        return cls(items, {**options, "progress": False}, ledger, _BatchProgress(reporter, len(items)))

    async def run(self, submit: Submit, *, lanes: int) -> list[Outcome]:
        """Submit all songs, `lanes` of them at a time, and wait; cancelling this cancels what is under way."""
        places = iter(enumerate(self.items))
        outcomes: dict[int, Outcome] = {}
        jobs: list[SeparationJob] = []

        async def lane() -> None:
            for place, item in places:
                if isinstance(item, SpleeterError):
                    outcomes[place] = self._refused(item)
                else:
                    outcomes[place] = await self._outcome(item, submit, jobs)

        tasks = [asyncio.create_task(lane()) for _ in range(lanes)]
        try:
            await wait_awake(tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            for job in jobs:
                job.cancel()
            raise
        finally:
            self.progress.close()
        return [outcomes[place] for place in range(len(self.items))]

    async def _outcome(self, source: AudioSource, submit: Submit, jobs: list[SeparationJob]) -> Outcome:
        song, name = object(), label(source)
        try:
            job = submit(source, self.options, self.ledger)
            jobs.append(job)
            job.subscribe(lambda event: self.progress.advance(song, event))
            outcome: Outcome = await job.in_loop()
        except SpleeterError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop the other songs
            outcome = SpleeterError(f"{name!r} failed unexpectedly: {error!r}. Please report it.")
            outcome.__cause__ = error
        if isinstance(outcome, SpleeterError):
            outcome.context["song"] = name
            _free_locals(outcome)
            _LOG.info("%s: %s", name, outcome)
        self.progress.end(song, failed=isinstance(outcome, SpleeterError))
        return outcome

    def _refused(self, error: SpleeterError) -> Outcome:
        named = (error.context.get(key) for key in ("path", "folder", "pattern"))
        error.context["song"] = next((name for name in named if name), None)
        _LOG.info("%s", error)
        self.progress.end(object(), failed=True)
        return error


@dataclass
class _BatchProgress:
    """Adds up what the jobs tell, each in its thread; nobody waits for a listener that is slow."""

    reporter: Reporter
    total: int
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _telling: threading.Lock = field(default_factory=threading.Lock)
    _under_way: dict[object, float] = field(default_factory=dict)
    _ended: int = 0
    _failed: int = 0

    def advance(self, song: object, event: Progress) -> None:
        if self.total == 1:
            self.reporter.forward(event)
        elif event.stage == "separate" and event.fraction is not None:
            with self._counting:
                self._under_way[song] = event.fraction
            self._tell()

    def end(self, song: object, *, failed: bool) -> None:
        with self._counting:
            self._under_way.pop(song, None)
            self._ended += 1
            self._failed += failed
        self._tell()

    def close(self) -> None:
        if self.total > 1:
            with self._telling:
                self.reporter.tell("separate", *self._state())
                self.reporter.tell("done" if self._ended == self.total else "cancelled", self._state()[0])
        self.reporter.close()

    def _tell(self) -> None:
        if self.total > 1 and self._telling.acquire(blocking=False):
            try:
                self.reporter.tell("separate", *self._state())
            finally:
                self._telling.release()

    def _state(self) -> tuple[float, str]:
        with self._counting:
            fraction = (self._ended + sum(self._under_way.values())) / self.total
            failed = f", {self._failed} failed" if self._failed else ""
            return fraction, f"{self._ended} of {self.total} songs{failed}"


def _free_locals(error: BaseException | None) -> None:
    """Let go of what a traceback holds: some 40 MB of blocks and segments for each song that failed half-way."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__

"""Progress: from what the engine counts to events, a bar, or any callable."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from spleeter_nb.events import Progress
from spleeter_nb.exceptions import SeparationCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tqdm.auto import tqdm

    from spleeter_nb.events import ProgressCallback, Stage

_LOG = logging.getLogger("spleeter_nb")

# Events a second at most; the first and the last of a stage always come.
_PER_SECOND = 10

# A bar appears only where it is worth looking at.
_BAR_AFTER_SECONDS = 1.0


class Reporter:
    """Tells listeners how far a job is, and keeps the time of its stages.

    An error in a listener stops the telling to this one, with a warning, and not the job.

    Parameters
    ----------
    listener : bool or callable
        True draws a bar, False tells nobody.
    name : str
        What the bar is labelled with.
    clock : callable
        Seconds, for tests.
    """

    def __init__(
        self,
        listener: bool | ProgressCallback,  # noqa: FBT001 - the public option, as tqdm's users know it
        *,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._start = self._stage_start = clock()
        self._listeners: list[ProgressCallback] = []
        if listener:
            self._listeners.append(_Bar(name) if listener is True else listener)
        self._last_told, self._message = -1.0, ""
        self._stage: Stage = "prepare"
        self._timings: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the job began."""
        return self._clock() - self._start

    @property
    def timings(self) -> dict[str, float]:
        """Seconds in each stage that is over."""
        return {**self._timings}

    def subscribe(self, listener: ProgressCallback) -> None:
        """Tell one more listener."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: ProgressCallback) -> None:
        """Tell a listener nothing more; one that is not told anyway is no error."""
        with suppress(ValueError):
            self._listeners.remove(listener)

    def tell(self, stage: Stage, fraction: float | None = None, message: str = "") -> None:
        """Report where the job is.

        Parameters
        ----------
        stage : str
            One of :data:`spleeter_nb.events.Stage`.
        fraction : float, optional
            Of the stage, 0 to 1.
        message : str
            One line for a person.
        """
        now = self._clock()
        if stage != self._stage:
            self._timings[self._stage] = self._timings.get(self._stage, 0.0) + now - self._stage_start
            self._stage, self._stage_start = stage, now
        elif now - self._last_told < 1 / _PER_SECOND and message in ("", self._message) and fraction != 1:
            return
        self._last_told, self._message = now, message
        remaining = (now - self._stage_start) * (1 - fraction) / fraction if fraction else None
        self._send(Progress(stage, fraction, now - self._start, remaining, message))

    def begin(self) -> None:
        """Start the clock anew: the job's turn has come."""
        self._start = self._stage_start = self._clock()
        self._stage, self._timings = "prepare", {}
        self.tell("prepare", message="opening the source")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Begin, tell of an end by error or cancel, and close; the work itself tells that it is done."""
        self.begin()
        try:
            yield
        except SeparationCancelledError:
            self.tell("cancelled")
            raise
        except Exception as error:
            self.tell("failed", message=str(error))
            raise
        finally:
            self.close()

    def forward(self, event: Progress) -> None:
        """Pass on an event of another room."""
        self.tell(event.stage, event.fraction, event.message)

    def close(self) -> None:
        """Take the bar away, however the job ended, and let go of all who listened: a job is one of them."""
        for listener in self._listeners:
            if isinstance(listener, _Bar):
                listener.close()
        self._listeners.clear()

    def _send(self, event: Progress) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener is anybody's code, and the job is worth more
                _LOG.warning("The progress callback failed and is not called again; the job goes on.", exc_info=True)
                self.unsubscribe(listener)


class _Bar:
    """A tqdm bar in a cell or a terminal, for jobs that last."""

    def __init__(self, name: str) -> None:
        # A terminal obeys some signs, and others turn text round.
        self._name = name if name.isprintable() else repr(name)
        self._bar: tqdm[NoReturn] | None = None

    def __call__(self, event: Progress) -> None:
        if event.elapsed < _BAR_AFTER_SECONDS:
            return
        if self._bar is None:
            self._bar = self._open()
        left = "" if event.remaining is None else f", {event.remaining:.0f} s left"
        self._bar.set_postfix_str((event.message or event.stage) + left, refresh=False)
        self._bar.n = round(100 * (event.fraction or 0))
        self._bar.refresh()

    def _open(self) -> tqdm[NoReturn]:
        from tqdm.auto import tqdm  # noqa: PLC0415 - asks the kernel what it can draw

        layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        # What is no terminal, such as a log file, gets no bar.
        return tqdm(total=100, desc=self._name, disable=None, leave=False, bar_format=layout)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

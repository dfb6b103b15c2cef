"""The application: songs and a model are chosen, separated, and heard, without a line of code."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any, get_args

import ipywidgets
import traitlets

from spleeter_nb.audio import probe
from spleeter_nb.demo import demo_song
from spleeter_nb.engine.engine import SpleeterEngine
from spleeter_nb.exceptions import EngineClosedError, SpleeterError, ValidationError
from spleeter_nb.net.runtime import Precision
from spleeter_nb.widgets import wire
from spleeter_nb.widgets.bridge import Bridge, close_layout
from spleeter_nb.widgets.files import FilePicker
from spleeter_nb.widgets.job import JobView
from spleeter_nb.widgets.models import ModelPicker
from spleeter_nb.widgets.player import StemPlayer
from spleeter_nb.widgets.roots import Roots
from spleeter_nb.widgets.spectrogram import SpectrogramComparison

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.engine.jobs import SeparationJob
    from spleeter_nb.engine.result import SeparationResult

_LOG = logging.getLogger("spleeter_nb")

# Their views and stems are held until they are removed.
_MOST_SONGS = 1000


def app(*, roots: Iterable[str | os.PathLike[str]] | None = None, config: SpleeterConfig | None = None) -> Application:
    """Show an application that separates songs: at the end of a cell, or in a page that Voila serves.

    Parameters
    ----------
    roots : iterable of path, optional
        Folders that songs are chosen from, and that stems may be written to; None takes the working folder and the
        home folder.
    config : SpleeterConfig, optional
        By default what the environment and the configuration file say.

    Returns
    -------
    Application
        ``.results`` holds what was separated; ``.close()`` ends it.

    Raises
    ------
    ValidationError
        If a root is no folder, or a setting is wrong.

    Examples
    --------
    >>> application = app(roots=["."])
    >>> application.results
    []
    >>> application.close()
    """
    return Application(roots=roots, config=config)


class Application(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """What :func:`spleeter_nb.app` shows.

    Attributes
    ----------
    files : FilePicker
    models : ModelPicker
    desk : Desk
        Buttons and options.
    results : list of SeparationResult
        What was separated and not removed since, the newest last.
    """

    def __init__(
        self,
        *,
        roots: Iterable[str | os.PathLike[str]] | None = None,
        config: SpleeterConfig | None = None,
    ) -> None:
        self._engine = SpleeterEngine(config)
        self._lock = threading.RLock()
        self._cards: list[_Card] = []
        self._is_closed = False
        self.files = FilePicker(roots)
        self._roots = Roots(self.files.roots)
        self.models = ModelPicker(config=self._engine.config)
        self.desk = Desk(
            separate=lambda: self.separate(self.files.paths),
            demonstrate=lambda: self.separate([demo_song()]),
            cancel=self.cancel,
        )
        self._shown = ipywidgets.VBox()
        super().__init__([self.files, self.models, self.desk, self._shown])
        self.files.observe(self._songs_changed, "value")
        self.desk.observe(lambda change: self.models.set_trait("precision", change["new"]), "precision")

    @property
    def results(self) -> list[SeparationResult]:
        """What was separated and not removed since, the newest last."""
        return [card.result for card in reversed(self._cards) if card.result is not None]

    def separate(self, songs: Sequence[str | os.PathLike[str]]) -> None:
        """Begin to separate songs, each in a job of its own, shown above the others; what is wrong is shown, too."""
        try:
            self._begin(songs)
            self.desk.tell("")
        except SpleeterError as error:
            self.desk.tell(str(error))
        self._update()

    def cancel(self) -> None:
        """Stop all jobs."""
        for card in tuple(self._cards):
            card.view.cancel()

    def close(self) -> None:
        """Stop all jobs, and show nothing more; can be repeated."""
        if self.comm is None:  # closed, or never made
            return
        with self._lock:
            # Who comes after this makes no card any more.
            self._is_closed = True
            cards, self._cards = self._cards, []
        # Waiting for jobs to stop must hold up nobody.
        threading.Thread(target=lambda: asyncio.run(self._engine.close()), name="spleeter_nb-app").start()
        for widget in (*cards, self.files, self.models, self.desk, self._shown):
            widget.close()
        super().close()
        close_layout(self._shown)
        close_layout(self)

    def __repr__(self) -> str:
        return f"Application({len(self._cards)} songs)"

    def _begin(self, songs: Sequence[str | os.PathLike[str]]) -> None:
        options = self._options()
        with self._lock:
            if self._is_closed:
                raise EngineClosedError("The application was closed: make a new one, spleeter_nb.app().")
            if len(self._cards) + len(songs) > _MOST_SONGS:
                raise ValidationError(f"{_MOST_SONGS} songs are shown at most: remove some of those below.")
            for song in songs:
                job = self._engine.submit(song, self.models.value, **options)
                self._cards.insert(0, _Card(job, ended=self._ended, removed=self._remove))

    def _options(self) -> dict[str, Any]:
        """Return what a job is given; the folder came from a browser."""
        folder = self.desk.output_dir.strip()
        options = {"precision": self.desk.precision, "progress": False}
        return {**options, "output_dir": self._roots.resolve(folder)} if folder else options

    def _songs_changed(self, _change: object) -> None:
        self.desk.set_trait("songs", len(self.files.paths))
        # Disks may be slow.
        threading.Thread(target=self._measure_songs, name="spleeter_nb-app", daemon=True).start()

    def _measure_songs(self) -> None:
        """Estimate for all chosen songs together, unless others have been chosen meanwhile."""
        chosen, seconds = self.files.value, 0.0
        for path in chosen:
            if self._is_closed or chosen != self.files.value:
                return
            seconds += _duration(path)
        with self._lock:
            if chosen == self.files.value:
                self.models.duration = seconds or None

    def _ended(self, card: _Card) -> None:
        self._update()
        if card.problem:
            self.desk.tell(card.problem)
        # The model may be here now, and its speed known.
        if card.result is not None:
            self.models.refresh()

    def _remove(self, card: _Card) -> None:
        with self._lock:
            if card in self._cards:
                self._cards.remove(card)
        self._update()
        card.close()

    def _update(self) -> None:
        with self._lock:
            self._shown.children = self._cards
            self.desk.set_trait("running", sum(card.view.job is not None for card in self._cards))


class Desk(Bridge):
    """The buttons and options of the application.

    Parameters
    ----------
    separate, demonstrate, cancel : callable
        What the buttons do.
    """

    bundle = "desk"
    protocol = wire.DESK

    precision = traitlets.Enum(get_args(Precision), "float32").tag(sync=True)
    output_dir = traitlets.Unicode().tag(sync=True)
    # How many are chosen, and how many are under way.
    songs = traitlets.Int(read_only=True).tag(sync=True)
    running = traitlets.Int(read_only=True).tag(sync=True)
    error = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self, *, separate: Callable[[], None], demonstrate: Callable[[], None], cancel: Callable[[], None]
    ) -> None:
        self._separate, self._demonstrate, self._cancel = separate, demonstrate, cancel
        super().__init__()

    def tell(self, error: str) -> None:
        """Show what is wrong; ``""`` is nothing."""
        self.set_trait("error", error)

    def _on_separate_songs(self, _message: wire.SeparateSongs, _buffers: Sequence[memoryview]) -> None:
        self._separate()

    def _on_try_demo(self, _message: wire.TryDemo, _buffers: Sequence[memoryview]) -> None:
        self._demonstrate()

    def _on_cancel_all(self, _message: wire.CancelAll, _buffers: Sequence[memoryview]) -> None:
        self._cancel()


class _Card(ipywidgets.VBox):  # type: ignore[misc]  # as above
    """A job, and when it is done, its stems in tabs."""

    def __init__(self, job: SeparationJob, *, ended: Callable[[_Card], None], removed: Callable[[_Card], None]) -> None:
        self.view = JobView(job, on_remove=lambda: removed(self))
        self.result: SeparationResult | None = None
        self.problem = ""
        self._tabs: _Tabs | None = None
        self._tell = ended
        # It may be removed while its player is being made.
        self._lock = threading.Lock()
        self._is_closed = False
        super().__init__([self.view])
        job.when_ended(self._show)

    def close(self) -> None:
        """Stop the job, and show nothing more; can be repeated."""
        with self._lock:
            self._is_closed = True
            tabs, self._tabs, self.result = self._tabs, None, None
        self.view.cancel()
        self.view.close()
        if tabs is not None:
            tabs.close()
        super().close()
        close_layout(self)

    def _show(self, job: SeparationJob) -> None:
        try:
            if job.state == "done":
                self._play(job.result())
        except Exception as error:  # noqa: BLE001 - whatever it is, people are told, and the application goes on
            if not isinstance(error, SpleeterError | OSError):
                _LOG.exception("The player of %r cannot be made.", job)
            self.problem = f"The stems of {self.view.title} are ready, but cannot be played here: {error}"
        self._tell(self)

    def _play(self, result: SeparationResult) -> None:
        with self._lock:
            if self._is_closed:
                return
            self.result = result
        tabs = _Tabs(result, StemPlayer(result))
        with self._lock:
            if not self._is_closed:
                self._tabs = tabs
                self.children = [self.view, tabs]
                return
        tabs.close()


class _Tabs(ipywidgets.Tab):  # type: ignore[misc]  # as above
    """The stems of a song: to listen to, and to look at. What is looked at is made when its tab is first opened."""

    def __init__(self, result: SeparationResult, player: StemPlayer) -> None:
        self._result: SeparationResult | None = result
        self._player = player
        self._note = ipywidgets.Label("One moment …")
        self._pictures = ipywidgets.VBox([self._note])
        self._comparison: SpectrogramComparison | None = None
        # It may be closed while the spectrograms are being made.
        self._lock = threading.Lock()
        super().__init__([player, self._pictures], titles=("Listen", "Spectrograms"), selected_index=0)
        self.observe(self._opened, "selected_index")

    def close(self) -> None:
        """Show nothing more; can be repeated."""
        with self._lock:
            self._result = None
        for widget in filter(None, (self._comparison, self._player, self._note, self._pictures)):
            widget.close()
        super().close()
        # A player has ended its own.
        for widget in (self._note, self._pictures, self):
            close_layout(widget)

    def _opened(self, change: dict[str, Any]) -> None:
        if change["new"] == 1:
            self.unobserve(self._opened, "selected_index")
            threading.Thread(target=self._look, name="spleeter_nb-app", daemon=True).start()

    def _look(self) -> None:
        result = self._result
        if result is None:
            return
        try:
            made = SpectrogramComparison(result, player=self._player)
        except Exception as error:  # noqa: BLE001 - as of a player
            if not isinstance(error, SpleeterError | OSError):
                _LOG.exception("The spectrograms of %r cannot be made.", result)
            self._note.value = f"There are no spectrograms: {error}"
            return
        with self._lock:
            if self._result is not None:
                self._comparison = made
                self._pictures.children = [made]
                return
        made.close()


def _duration(path: str) -> float:
    """Return the seconds of a song; 0 for one that cannot be read, which its separation complains of."""
    try:
        return probe(path).duration or 0.0
    except SpleeterError as error:
        _LOG.info("No estimate for %s: %s", path, error)
        return 0.0

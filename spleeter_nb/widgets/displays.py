"""How results, stems and jobs show themselves in a notebook: a player or a view, and a table where there is none.

A display never raises, separates or plays. Its widget is made once for each result or job and each kind, and closed
when the cell that showed it runs again or is gone: a kernel does not hold what nobody sees any more.
"""

from __future__ import annotations

import logging
import threading
import weakref
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from spleeter_nb.engine.stem import Stem
from spleeter_nb.exceptions import SpleeterError
from spleeter_nb.widgets.static import clock, shown, table

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from spleeter_nb.engine.jobs import SeparationJob
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.widgets.bridge import Bridge
    from spleeter_nb.widgets.player import StemPlayer
    from spleeter_nb.widgets.spectrogram import SpectrogramComparison

    _Subject: TypeAlias = SeparationResult | Stem | SeparationJob
    _Given = TypeVar("_Given", SeparationResult, SeparationResult | Stem, SeparationJob)
    _Widget = TypeVar("_Widget", bound=Bridge)

_LOG = logging.getLogger("spleeter_nb")

_Bundle = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class _Cell:
    """The cell that runs now."""

    id: str | None
    """What the host calls it; None where it does not say."""
    run: str | None
    """This run of it."""
    deleted: frozenset[str] = frozenset()
    """Cells that are not there any more."""


@dataclass(frozen=True)
class Shown:
    """A widget that a display made."""

    subject: weakref.ref[_Subject]
    make: Callable[..., Bridge]
    """What made it: its kind."""
    widget: Bridge
    cell: _Cell


SHOWN: list[Shown] = []
"""Widgets that displays made, and that somebody may see."""

_LOCK = threading.RLock()


def bundle(subject: SeparationResult | Stem) -> _Bundle:
    """Return what a notebook shows of a result or a stem, in all forms that it may ask for."""
    try:
        made = _shared(subject, player)._repr_mimebundle_()
        data, metadata = made or ({}, {})
    except Exception as error:  # noqa: BLE001 - see below
        # Whatever it is, a result is shown: an error here would hide that there is one.
        if not isinstance(error, SpleeterError | OSError):
            _LOG.exception("The player of %r cannot be made.", subject)
        data, metadata = {"text/html": _html_without_player(subject, error)}, {}
    return {**data, "text/plain": repr(subject)}, metadata


def job_bundle(job: SeparationJob) -> _Bundle:
    """Return what a notebook shows of a job: a view that lets go of it when it has ended."""
    try:
        from spleeter_nb.widgets.job import JobView  # noqa: PLC0415 - a display works where the front end is missing

        made = _shared(job, JobView)._repr_mimebundle_()
        data, metadata = made or ({}, {})
    except Exception as error:  # noqa: BLE001 - as of a result
        _LOG.warning("%r cannot be shown: %s", job, error, exc_info=None if isinstance(error, SpleeterError) else error)
        data, metadata = {}, {}
    return {**data, "text/plain": repr(job)}, metadata


def player(subject: SeparationResult | Stem, **options: Any) -> StemPlayer:
    """Return a new player; its options are those of :class:`StemPlayer`."""
    from spleeter_nb.widgets.player import StemPlayer  # noqa: PLC0415 - a display works where the front end is missing

    return StemPlayer(_stems_of(subject), **options)


def spectrograms(result: SeparationResult, **options: Any) -> SpectrogramComparison:
    """Return new spectrograms, which play along with the player that the result shows; `options` are theirs."""
    from spleeter_nb.widgets.spectrogram import SpectrogramComparison  # noqa: PLC0415 - likewise

    if "player" not in options:
        options["player"] = _shared(result, player)
    return SpectrogramComparison(result, **options)


def show_spectrograms(result: SeparationResult) -> None:
    """Show the spectrograms of a result, or why there are none."""
    from IPython.display import display  # noqa: PLC0415 - takes its time

    try:
        display(_shared(result, spectrograms))  # type: ignore[no-untyped-call]  # it has no types
    except Exception as error:  # noqa: BLE001 - as of a result
        if not isinstance(error, SpleeterError | OSError):
            _LOG.exception("The spectrograms of %r cannot be made.", result)
        text = f"There are no spectrograms: {error}"
        display({"text/plain": text, "text/html": f"<p>{escape(shown(text))}</p>"}, raw=True)  # type: ignore[no-untyped-call]  # likewise


def save_html(subject: SeparationResult | Stem, path: str | os.PathLike[str], **options: Any) -> Path:
    """Write a page that plays a result or a stem by itself."""
    made = player(subject, **options)
    try:
        return made.save_html(path)
    finally:
        made.close()


def _stems_of(subject: SeparationResult | Stem) -> Mapping[str, Stem]:
    return {subject.name: subject} if isinstance(subject, Stem) else subject


def _shared(subject: _Given, make: Callable[[_Given], _Widget]) -> _Widget:
    """Return the one widget of a kind that a subject has, and close those that nobody sees any more."""
    cell = _running_cell()
    with _LOCK:
        _close_unseen(cell, kept=subject)
        for entry in SHOWN:
            if entry.subject() is subject and entry.make is make:
                return cast("_Widget", entry.widget)
        made = make(subject)
        SHOWN.append(Shown(weakref.ref(subject), make, made, cell))
        return made


def _close_unseen(cell: _Cell, *, kept: object) -> None:
    for entry in list(SHOWN):
        is_run_again = entry.cell.id is not None and entry.cell.id == cell.id and entry.cell.run != cell.run
        is_unseen = is_run_again or entry.cell.id in cell.deleted
        if entry.widget.comm is None or (is_unseen and entry.subject() is not kept):
            SHOWN.remove(entry)
            entry.widget.close()


def _running_cell() -> _Cell:
    """Return which cell runs, from what its host said when it asked for the run."""
    from IPython import get_ipython  # noqa: PLC0415 - takes its time, and there may be no notebook

    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    metadata, header = parent.get("metadata") or {}, parent.get("header") or {}
    deleted = metadata.get("deletedCells") or ()
    return _Cell(metadata.get("cellId"), header.get("msg_id"), frozenset(map(str, deleted)))


def _html_without_player(subject: SeparationResult | Stem, why: Exception) -> str:
    stems = _stems_of(subject)
    rows = []
    for name, stem in stems.items():
        place = stem.path.name if stem.path else ""
        cells = (name, clock(stem.duration), f"{stem.sample_rate} Hz", place)
        rows.append([escape(shown(cell)) for cell in cells])
    reason = escape(shown(f"There is no player: {why}"))
    return f"<div>{table(('Stem', 'Duration', 'Rate', 'File'), rows)}<p>{reason}</p></div>"

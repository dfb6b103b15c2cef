"""Songs are separated while the cell waits, and its event loop, if one runs, is left alone."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from spleeter_nb.engine.engine import SpleeterEngine
from spleeter_nb.engine.options import Options, parse_options
from spleeter_nb.engine.separation import separate_with
from spleeter_nb.engine.sources import expand
from spleeter_nb.engine.stem_mp4 import save_beside_stems
from spleeter_nb.engine.threads import run_interruptible
from spleeter_nb.exceptions import SpleeterError
from spleeter_nb.waiting import WAKE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.engine.sources import AudioSources
    from spleeter_nb.values import AudioSource


def separate_source(
    config: SpleeterConfig, source: AudioSources, model: str | os.PathLike[str], *, recursive: bool, **options: Any
) -> SeparationResult | list[SeparationResult | SpleeterError]:
    """Separate what one source stands for.

    Parameters
    ----------
    config : SpleeterConfig
    source : source, or list of sources
    model : str or PathLike
    recursive : bool
        Whether a folder stands for its sub-folders, too.
    **options
        As :func:`spleeter_nb.separate` takes them.

    Returns
    -------
    SeparationResult or list
        A song's result; a list of them for a folder, a pattern or a list, whatever it holds.

    Raises
    ------
    SpleeterError
        As :func:`spleeter_nb.separate`, and for a folder or pattern without songs.
    """
    if _is_one_song(source, recursive=recursive):
        return separate_with(config, cast("AudioSource", source), model, **options)
    return separate_all(config, source, model, recursive=recursive, **options)


def separate_all(
    config: SpleeterConfig, sources: AudioSources, model: str | os.PathLike[str], *, recursive: bool, **options: Any
) -> list[SeparationResult | SpleeterError]:
    """Do what :meth:`SpleeterEngine.batch_separate` does, and wait; an interrupt cancels it."""
    cancel = threading.Event()

    async def run() -> list[SeparationResult | SpleeterError]:
        async with SpleeterEngine(config) as engine:
            task = asyncio.create_task(engine.batch_separate(sources, model, recursive=recursive, **options))
            while not task.done():
                if cancel.is_set():
                    task.cancel()
                await asyncio.wait([task], timeout=WAKE_SECONDS)
            return task.result()

    # A loop of its own, in a thread of its own: that of the cell is running already.
    return run_interruptible(lambda: asyncio.run(run()), cancel=cancel)


def save_stem_files(results: Iterable[SeparationResult | SpleeterError], given: dict[str, Any]) -> list[SpleeterError]:
    """Write the stem file of each song that was separated with these options; return what went wrong."""
    options = parse_options({field.name: given[field.name] for field in fields(Options) if field.name in given})
    errors = []
    for result in results:
        if not isinstance(result, SpleeterError):
            try:
                save_beside_stems(result, options)
            except SpleeterError as error:
                error.context["song"] = result.origin
                errors.append(error)
    return errors


def flattened(sources: Iterable[AudioSources]) -> list[AudioSource]:
    """Put what lists hold into the place of the lists."""
    songs: list[Any] = []
    for source in sources:
        songs += source if isinstance(source, list | tuple) else [source]
    return songs


def _is_one_song(source: AudioSources, *, recursive: bool) -> bool:
    if isinstance(source, str | os.PathLike):
        return expand(source, recursive=recursive) == [source]
    return not isinstance(source, list | tuple)

"""A result as one stem file, written block by block."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio import STEM_PLACES, stem_encoding
from spleeter_nb.engine.ledger import Ledger
from spleeter_nb.engine.progress import Reporter
from spleeter_nb.engine.targets import STEM_FILE_ENDING, Targets, home_expanded, song_name, writers
from spleeter_nb.engine.threads import check_cancelled, run_interruptible
from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from spleeter_nb.audio import Bitrate
    from spleeter_nb.engine.options import Options
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.events import ProgressCallback
    from spleeter_nb.values import FloatArray

_CHANNELS = 2 * (1 + STEM_PLACES)


def write_stem_mp4(
    result: SeparationResult,
    path: str | os.PathLike[str],
    *,
    bitrate: Bitrate | None,
    progress: bool | ProgressCallback,
) -> Path:
    """Do what :meth:`SeparationResult.save_stem_mp4` does."""
    path = home_expanded(path)
    if path.suffix.lower() != ".mp4":
        raise ValidationError(
            f"{path.name!r} is no name of a stem file: programs know one by its ending. Call it "
            f"{path.stem + STEM_FILE_ENDING!r}.",
            path=str(path),
        )
    places = _places(tuple(result))
    encoding = stem_encoding(tuple(" + ".join(place) for place in places), bitrate)
    cancel, reporter = threading.Event(), Reporter(progress, name=path.name)

    def write() -> None:
        frames = next(iter(result.values())).frames
        with writers(
            [path],
            sample_rate=result.sample_rate,
            encoding=encoding,
            tags=result.tags,
            exist_ok=True,
            cancel=cancel,
            channels=_CHANNELS,
        ) as opened:
            for block in _side_by_side(result, places):
                check_cancelled(cancel)
                opened[path].write(block)
                reporter.tell("write", opened[path].frames / frames)
        reporter.tell("done", 1.0)

    with reporter.running():
        run_interruptible(write, cancel=cancel)
    return path


def save_beside_stems(result: SeparationResult, options: Options) -> Path:
    """Write the stem file of a song whose stems were written with `options`, and return where it lies.

    It lies as a stem would that is called like the song. One that is there is treated as `on_exist` says, and stays if
    all stems were there already, too. The ledger remembers it, so that no batch takes it for a song.
    """
    folder, name = home_expanded(options.output_dir or "."), song_name(Path(result.origin))
    targets = Targets(folder, options.filename_format, STEM_FILE_ENDING.removeprefix("."), options.on_exist)
    path = targets.paths(result.origin, [name])[name]
    if not path.name.endswith(STEM_FILE_ENDING):
        path = path.with_name(path.name + STEM_FILE_ENDING)
    ledger, key = Ledger(folder), f"stem file of {result.origin}"
    was_there = result.runtime is None and ledger.holds(key, [path])
    if not was_there and targets.missing({name: path}):
        write_stem_mp4(result, path, bitrate=None, progress=options.progress)
        ledger.record(key, [path], source=result.origin)
    return path


def _places(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Tell which stems go to each place: one or none, and to the last one all that are left."""
    last = STEM_PLACES - 1
    return [*(names[place : place + 1] for place in range(last)), names[last:]]


def _side_by_side(result: SeparationResult, places: Sequence[Sequence[str]]) -> Iterator[FloatArray]:
    """Yield float32 (samples, 10): the mixture, and what is in each place."""
    with ExitStack() as stack:
        stems = {name: _InStep(stack.enter_context(closing(stem.blocks()))) for name, stem in result.items()}
        for mixture in stack.enter_context(closing(result.mixture_blocks())):
            block = np.zeros((len(mixture), _CHANNELS), np.float32)
            block[:, :2] = mixture
            for number, place in enumerate(places, 1):
                for name in place:
                    block[:, 2 * number : 2 * number + 2] += stems[name].take(len(mixture))
            yield block


class _InStep:
    """Gives blocks of the lengths that are asked for."""

    def __init__(self, blocks: Iterator[FloatArray]) -> None:
        self._blocks = blocks
        self._rest = np.empty((0, 2), np.float32)

    def take(self, count: int) -> FloatArray:
        """Return the next `count` samples, float32 (count, 2)."""
        parts = [self._rest[:count]]
        self._rest = self._rest[count:]
        while (missing := count - sum(map(len, parts))) > 0:
            block = next(self._blocks)
            parts.append(block[:missing])
            self._rest = block[missing:]
        return np.concatenate(parts)

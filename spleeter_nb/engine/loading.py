"""Results that were saved as a stem file, read back."""

from __future__ import annotations

import dataclasses
import functools
import os
import time
from typing import TYPE_CHECKING

from spleeter_nb.audio import open_audio, read_stem_names, read_tags
from spleeter_nb.engine.result import SeparationResult
from spleeter_nb.engine.stores import written_stem
from spleeter_nb.engine.targets import home_expanded
from spleeter_nb.exceptions import UnsupportedFormatError

if TYPE_CHECKING:
    from spleeter_nb.engine.stem import Stem


def load_stem_mp4(path: str | os.PathLike[str]) -> SeparationResult:
    """Open a stem file, one of ours or of others, as if it had just been separated.

    Parameters
    ----------
    path : str or PathLike
        The file, ``.stem.mp4``. A leading ``~`` is the home folder. It has to stay: sound is read when it is asked for.

    Returns
    -------
    SeparationResult
        Its stems have the names that the file gives them; places that are called ``(empty)`` are left out. The mixture
        is the file's own: the sum of the stems differs from it by what AAC loses, and by any mastering.

    Raises
    ------
    UnsupportedFormatError
        If the file names no stems, or its streams differ in length or rate.
    AudioProcessingError
        If it cannot be read.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> result = snb.separate(snb.demo_song(), duration=2, progress=False)
    >>> loaded = snb.load_stem_mp4(result.save_stem_mp4("demo.stem.mp4"))  # doctest: +SKIP
    """
    started = time.monotonic()
    path = home_expanded(path)
    names = read_stem_names(path)
    load_tags = functools.cache(lambda: read_tags(path))
    with open_audio(path) as reader:
        info = reader.info
    mixture = written_stem("mixture", path)
    stems = {name: written_stem(name, path, stream=stream) for name, stream in names.items()}
    _check_in_step(path, mixture, *stems.values())
    return SeparationResult(
        {name: dataclasses.replace(stem, path=None, _load_tags=load_tags) for name, stem in stems.items()},
        model_name="stem.mp4",
        origin=os.fspath(path),
        source=info,
        runtime=None,
        cache_level=None,
        seconds=time.monotonic() - started,
        timings={},
        _load_mixture=lambda: mixture.samples,
        _read_mixture=mixture.blocks,
        _load_tags=load_tags,
    )


def _check_in_step(path: os.PathLike[str], mixture: Stem, *stems: Stem) -> None:
    for stem in stems:
        if (stem.frames, stem.sample_rate) != (mixture.frames, mixture.sample_rate):
            raise UnsupportedFormatError(
                f"In {os.fspath(path)!r} the stem {stem.name!r} has {stem.frames} samples per channel at "
                f"{stem.sample_rate} Hz, and the mixture has {mixture.frames} at {mixture.sample_rate} Hz.",
                path=os.fspath(path),
                stem=stem.name,
            )

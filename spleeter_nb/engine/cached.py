"""Stems and the cache: what tells one result from all others, and the way in and out."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from typing import TYPE_CHECKING, Any

from spleeter_nb.cache import code_version, make_key
from spleeter_nb.engine.preparing import Preparation
from spleeter_nb.engine.stem import Stem
from spleeter_nb.net.runtime import RuntimeInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spleeter_nb.audio import AudioReader
    from spleeter_nb.cache import Recorder, Value
    from spleeter_nb.engine.options import Options
    from spleeter_nb.engine.stores import Store
    from spleeter_nb.models import InstalledModel
    from spleeter_nb.net.devices import Choice
    from spleeter_nb.values import FloatArray, Preprocess

# Samples between two looks at whether the writing was cancelled.
_BLOCK_FRAMES = 1 << 16


def stems_key(  # noqa: PLR0913 - all that counts, each by its name
    reader: AudioReader,
    model: InstalledModel,
    choice: Choice,
    options: Options,
    *,
    preprocess: Preprocess,
    sample_rate: int,
) -> str:
    """Return the key of a separation's stems: all that decides which samples come out, and nothing else.

    Parameters
    ----------
    reader : AudioReader
        Of the source, hashed.
    model : InstalledModel
        Its `spec` is the one to run, any options applied.
    choice : Choice
        The device: runtimes agree within 1e-4, not to the last bit.
    options : Options
    preprocess : Preprocess
        What is done to the source: what the options say, or the settings.
    sample_rate : int
        Hz, of the stems.
    """
    spec = dataclasses.asdict(dataclasses.replace(model.spec, name=""))
    return make_key(
        "stems",
        code=code_version(),
        source=reader.content_digest(),
        weights=model.weights_digest,
        spec=spec,
        runtime={name: importlib.metadata.version(name) for name in ("keras", choice.runtime)},
        device=choice.device,
        precision=options.precision,
        offset=float(options.offset),
        duration=None if options.duration is None else float(options.duration),
        overlap=float(options.overlap),
        wiener=options.wiener,
        residual=options.residual,
        preprocess=dataclasses.asdict(preprocess),
        sample_rate=sample_rate,
        on_corrupt=options.on_corrupt,
        nonfinite=options.nonfinite,
    )


def files_key(stems: str, options: Options) -> str:
    """Return the key of the files that a separation writes; their paths are not part of it."""
    return make_key("files", stems=stems, **dataclasses.asdict(options.encoding))


def described(runtime: RuntimeInfo | None, notes: tuple[str, ...], preparation: Preparation | None) -> dict[str, Any]:
    """Return what the cache keeps beside the stems."""
    return {
        "runtime": dataclasses.asdict(runtime) if runtime else None,
        "notes": notes,
        "preparation": dataclasses.asdict(preparation) if preparation else None,
    }


def made_by(value: Value) -> RuntimeInfo | None:
    """Return where stems from the cache were made."""
    runtime = value.meta["runtime"]
    return RuntimeInfo(**runtime) if runtime else None


def noted(value: Value) -> tuple[str, ...]:
    """Return the notes on stems from the cache."""
    return tuple(value.meta["notes"])


def prepared_as(value: Value) -> Preparation | None:
    """Return what was done to the song before stems from the cache were made."""
    preparation = value.meta["preparation"]
    return Preparation.restored(preparation) if preparation else None


def cached_stems(value: Value, sample_rate: int) -> dict[str, Stem]:
    """Return stems that stay where they are, mapped."""

    def stem(name: str, samples: FloatArray) -> Stem:
        return Stem(name, sample_rate, len(samples), lambda: samples)

    return {name: stem(name, samples) for name, samples in value.arrays.items()}


def copied(value: Value, names: Sequence[str], store: Store) -> Iterator[float]:
    """Write stems from the cache to `store`, and tell after each block which fraction is done."""
    frames = len(value.arrays[names[0]])
    for start in range(0, frames, _BLOCK_FRAMES):
        for name in names:
            store.write(name, value.arrays[name][start : start + _BLOCK_FRAMES])
        yield min(1.0, (start + _BLOCK_FRAMES) / frames)


class Recording:
    """A store that lets the cache listen."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store, self._recorder = store, recorder

    def write(self, name: str, samples: FloatArray) -> None:
        """Append float32 (samples, 2) to a stem."""
        self._store.write(name, samples)
        self._recorder.write(name, samples)

    def stem(self, name: str, *, sample_rate: int, frames: int) -> Stem:
        """Return a finished stem."""
        return self._store.stem(name, sample_rate=sample_rate, frames=frames)

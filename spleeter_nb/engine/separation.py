"""Separate a song: from any source to stems, one segment at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spleeter_nb.audio import open_audio
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.dsp.segments import Segmentation
from spleeter_nb.engine.join import Joiner, stem_names
from spleeter_nb.engine.loaded import LoadedModels, model_manager
from spleeter_nb.engine.mixture import Mixture, read_mixture
from spleeter_nb.engine.options import Options, parse_options
from spleeter_nb.engine.progress import Reporter
from spleeter_nb.engine.result import SeparationResult
from spleeter_nb.engine.segmentwise import masked, wiener_filtered
from spleeter_nb.engine.stores import file_store, memory_store, written_stem
from spleeter_nb.engine.targets import Targets, home_expanded
from spleeter_nb.engine.threads import check_cancelled, run_interruptible
from spleeter_nb.net.load import preload

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from spleeter_nb.audio import AudioReader
    from spleeter_nb.dsp.segments import Segment
    from spleeter_nb.engine.result import Stem
    from spleeter_nb.engine.stores import Store
    from spleeter_nb.models import InstalledModel
    from spleeter_nb.net.runtime import Runtime
    from spleeter_nb.values import AudioSource, FloatArray, ModelSpec

_LOG = logging.getLogger("spleeter_nb")

LOADED_MODELS = LoadedModels()
"""The runtimes of this process."""


def separate(
    source: AudioSource, model_name: str | os.PathLike[str] = "spleeter:2stems", **options: Any
) -> SeparationResult:
    """Separate a song into its stems.

    Everything streams: a song of any length needs the memory of a few segments, and that of its stems unless they
    go to files. An interrupt is answered within half a second and leaves nothing behind.

    Parameters
    ----------
    source : str, PathLike, bytes, binary file or ndarray
        A file in any format that can be read, or samples ``(samples,)`` or ``(samples, channels)`` with their
        `sample_rate`. Mono is heard on both sides; more than two channels are mixed down.
    model_name : str or PathLike
        ``spleeter:2stems``, ``4stems`` or ``5stems``, with ``-16kHz`` for the wider band; or the path of a
        Spleeter configuration (``.json``). A model that is not there yet is fetched.
    **options
        The fields of :class:`spleeter_nb.engine.options.Options`, which describes each.

    Returns
    -------
    SeparationResult
        The stems by name, each as long as the source and at its rate, in stereo.

    Raises
    ------
    ValidationError
        If an option is unknown or has a value that is not allowed.
    AudioProcessingError
        If the source cannot be read.
    ModelError
        If the model cannot be had or is damaged.
    DeviceError
        If the device asked for cannot be used.
    StorageError
        If the stems cannot be written.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> result = snb.separate(snb.demo_song(), progress=False)
    >>> list(result)
    ['vocals', 'accompaniment']
    >>> result.vocals.samples.shape == result.mixture.shape
    True
    """
    return separate_with(SpleeterConfig(), source, model_name, **options)


# Help and completion show the options by name; they are written down once, in Options.
separate.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        *list(inspect.signature(separate).parameters.values())[:2],
        *(parameter for parameter in inspect.signature(Options).parameters.values()),
    ],
    return_annotation="SeparationResult",
)


def separate_with(
    config: SpleeterConfig, source: AudioSource, model_name: str | os.PathLike[str], **options: Any
) -> SeparationResult:
    """Do what :func:`separate` does, with settings that the caller has read."""
    parsed = parse_options(options)
    reporter = Reporter(parsed.progress, name=Path(_label(source)).name)
    job = _Job(source, model_name, parsed, config, reporter, threading.Event())
    try:
        return run_interruptible(job.run, cancel=job.cancel)
    finally:
        reporter.close()


@dataclass(frozen=True)
class _Job:
    """One separation, to be run once."""

    source: AudioSource
    model_name: str | os.PathLike[str]
    options: Options
    config: SpleeterConfig
    reporter: Reporter
    cancel: threading.Event

    def run(self) -> SeparationResult:
        with open_audio(self.source, sample_rate=self.options.sample_rate) as reader:
            manager = model_manager(self.config)
            # All that can be wrong is found before a model is fetched.
            spec = manager.spec(self.model_name)
            self.options.check_instruments(spec.instruments)
            names = stem_names(spec, self.options.residual)
            store = self._store(names, sample_rate=reader.info.sample_rate)
            if store is None:
                return self._result(reader, spec, self._written(names), runtime=None, loaded=0)
            preload()
            model = manager.ensure(self.model_name, progress=self.reporter.forward, cancel=self.cancel)
            return self._separate(reader, self._with_options(model), names, store)

    def _with_options(self, model: InstalledModel) -> InstalledModel:
        """Apply what the options change of the model."""
        extension = "zeros" if self.options.wiener else self.options.mask_extension or model.spec.mask_extension
        return dataclasses.replace(model, spec=dataclasses.replace(model.spec, mask_extension=extension))

    def _separate(
        self,
        reader: AudioReader,
        model: InstalledModel,
        names: tuple[str, ...],
        opening: AbstractContextManager[Store],
    ) -> SeparationResult:
        with opening as store:
            self.reporter.tell("load", message=f"loading {model.spec.name}")
            runtime = LOADED_MODELS.get(model, self.options, self.config, cancel=self.cancel)
            loaded = self.reporter.elapsed
            self.reporter.tell("separate", 0.0)
            frames = self._stream(reader, model.spec, runtime, store)
            self.reporter.tell("write", 1.0)
        stems = {name: store.stem(name, sample_rate=reader.info.sample_rate, frames=frames) for name in names}
        return self._result(reader, model.spec, stems, runtime=runtime, loaded=loaded)

    def _stream(self, reader: AudioReader, spec: ModelSpec, runtime: Runtime, store: Store) -> int:
        """Send the whole song through; return its length in samples."""
        options = self.options
        segmentation = Segmentation(
            spec.n_fft, spec.hop_length, spec.segment_frames, round(options.overlap * spec.segment_frames)
        )
        if reader.info.channels > spec.n_channels:
            _LOG.warning("%s has %d channels: they are mixed down to two.", reader.info.name, reader.info.channels)
        with contextlib.closing(Mixture(reader, options, kept=options.residual is not None)) as mixture:
            joiner = Joiner(
                spec,
                segmentation=segmentation,
                mixture=mixture,
                store=store,
                sample_rate=reader.info.sample_rate,
                residual=options.residual,
            )
            total = self._expected_frames(reader)
            segments = segmentation.cut(mixture.blocks(spec.sample_rate), spec.n_channels)

            def tell() -> None:
                # Both ends count: the Wiener filter reads the whole song before the first sample comes out.
                done = (mixture.frames + joiner.frames) / 2
                self.reporter.tell("separate", min(1.0, done / total) if total else None)

            with contextlib.closing(self._contributions(_telling(segments, tell), spec, runtime)) as contributions:
                for segment, contribution in contributions:
                    check_cancelled(self.cancel)
                    joiner.push(contribution, segment)
                    tell()
            return joiner.frames

    def _contributions(
        self, segments: Iterator[Segment], spec: ModelSpec, runtime: Runtime
    ) -> Generator[tuple[Segment, FloatArray]]:
        if self.options.wiener:
            return wiener_filtered(segments, runtime, spec=spec, cancel=self.cancel)
        return masked(segments, runtime, cancel=self.cancel)

    def _expected_frames(self, reader: AudioReader) -> int | None:
        """Return how many samples will be read, None where the container declares nothing."""
        rate, frames = reader.info.sample_rate, reader.info.frames
        limits = [frames - round(self.options.offset * rate)] if frames is not None else []
        if self.options.duration is not None:
            limits.append(round(self.options.duration * rate))
        return min(limits, default=None)

    def _store(self, names: tuple[str, ...], *, sample_rate: int) -> AbstractContextManager[Store] | None:
        """Say where the stems go; None when all files are there and may stay."""
        options = self.options
        if options.output_dir is None:
            return memory_store(names)
        targets, paths = self._targets(), self._paths(names)
        missing = targets.missing(paths)
        if not missing:
            return None
        return file_store(
            paths,
            missing,
            sample_rate=sample_rate,
            codec=options.codec,
            bit_depth=options.bit_depth,
            exist_ok=targets.may_replace,
            cancel=self.cancel,
        )

    def _targets(self) -> Targets:
        options = self.options
        folder = home_expanded(options.output_dir or ".")
        return Targets(folder, options.filename_format, options.codec, options.on_exist)

    def _paths(self, names: tuple[str, ...]) -> dict[str, Path]:
        return self._targets().paths(_label(self.source), names)

    def _written(self, names: tuple[str, ...]) -> dict[str, Stem]:
        return {name: written_stem(name, path) for name, path in self._paths(names).items()}

    def _result(
        self,
        reader: AudioReader,
        spec: ModelSpec,
        stems: dict[str, Stem],
        *,
        runtime: Runtime | None,
        loaded: float,
    ) -> SeparationResult:
        source, options, seconds = self.source, self.options, self.reporter.elapsed
        self.reporter.tell("done", 1.0)
        return SeparationResult(
            stems,
            spec.name,
            _label(source),
            reader.info,
            runtime.info if runtime else None,
            seconds,
            {"load": loaded, "separate": seconds - loaded},
            lambda: read_mixture(source, options),
        )


def _telling(segments: Iterator[Segment], tell: Callable[[], None]) -> Iterator[Segment]:
    """Pass segments on and tell each time how far the job is."""
    for segment in segments:
        tell()
        yield segment


def _label(source: AudioSource) -> str:
    """Return the path of a source, or what its stems are named after."""
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else "audio"

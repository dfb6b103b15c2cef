"""Separate a song: from any source to stems, one segment at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from spleeter_nb.audio import read_tags
from spleeter_nb.cache import digest_key
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine.cached import (
    Recording,
    cached_stems,
    copied,
    described,
    files_key,
    made_by,
    noted,
    prepared_as,
    stems_key,
)
from spleeter_nb.engine.estimate import Company, speeds
from spleeter_nb.engine.join import Joiner, stem_names
from spleeter_nb.engine.loaded import LoadedModels, cache_manager, choose_device, model_manager
from spleeter_nb.engine.mixture import Mixture, limits_of, open_song, read_mixture, stereo_blocks
from spleeter_nb.engine.options import Options, parse_options
from spleeter_nb.engine.preparing import Prepared, check_rate, default_preprocess, passes, prepare
from spleeter_nb.engine.progress import Reporter
from spleeter_nb.engine.result import SeparationResult, segmentation_of
from spleeter_nb.engine.segmentwise import masked, wiener_filtered
from spleeter_nb.engine.sources import label
from spleeter_nb.engine.stores import file_store, memory_store, written_stems
from spleeter_nb.engine.threads import check_cancelled, run_interruptible
from spleeter_nb.net.load import preload
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from spleeter_nb.audio import AudioReader
    from spleeter_nb.cache import CacheManager, Found, LevelName, Recorder
    from spleeter_nb.dsp.segments import Segment
    from spleeter_nb.engine.ledger import Ledger
    from spleeter_nb.engine.preparing import Preparation
    from spleeter_nb.engine.stem import Stem
    from spleeter_nb.engine.stores import Store
    from spleeter_nb.models import InstalledModel
    from spleeter_nb.net.devices import Choice
    from spleeter_nb.net.runtime import Runtime, RuntimeInfo
    from spleeter_nb.values import AudioSource, FloatArray, ModelSpec, Preprocess, Tags

_LOG = logging.getLogger("spleeter_nb")

_STEREO = 2

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


def release() -> None:
    """Give back the memory of the networks that are loaded, about 200 MB each; separations that run keep theirs.

    The next separation loads its own again, in about a second. Closing the last :class:`SpleeterEngine` does this, too.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> result = snb.separate(snb.demo_song(), progress=False)
    >>> snb.release()
    >>> result.vocals.duration
    16.8
    """
    LOADED_MODELS.clear()


def separate_with(
    config: SpleeterConfig, source: AudioSource, model_name: str | os.PathLike[str], **options: Any
) -> SeparationResult:
    """Do what :func:`separate` does, with settings that the caller has read."""
    return Separation.prepared(config, source, model_name, options).run_interruptibly()


@dataclass(frozen=True)
class Separation:
    """One separation, to be run once, in a thread that may block."""

    source: AudioSource
    model_name: str | os.PathLike[str]
    options: Options
    config: SpleeterConfig
    reporter: Reporter
    cancel: threading.Event
    ledger: Ledger | None = None
    company: Company = dataclasses.field(default_factory=Company)

    @classmethod
    def prepared(
        cls,
        config: SpleeterConfig,
        source: AudioSource,
        model_name: str | os.PathLike[str],
        options: dict[str, Any],
        *,
        ledger: Ledger | None = None,
    ) -> Self:
        """Check the options, and begin nothing yet."""
        parsed = parse_options(options)
        reporter = Reporter(parsed.progress, name=Path(label(source)).name)
        return cls(source, model_name, parsed, config, reporter, threading.Event(), ledger)

    @property
    def preprocess(self) -> Preprocess:
        """What is done to the source: as the call says, or else the settings."""
        return default_preprocess(self.config) if self.options.preprocess is None else self.options.preprocess

    @functools.cached_property
    def _load_tags(self) -> Callable[[], Tags]:
        """Read the tags of the source, once; results keep this, and nothing else of the separation."""
        source = self.source
        if isinstance(source, np.ndarray):  # a stem would keep it in memory
            return lambda: NO_TAGS
        return functools.cache(lambda: read_tags(source))

    @property
    def uses_cache(self) -> bool:
        """Whether the cache is looked into."""
        return self.options.cache and self.config.cache_enabled

    def run_interruptibly(self) -> SeparationResult:
        """Run in a thread, and wait so that an interrupt is answered."""
        return run_interruptible(self.run, cancel=self.cancel)

    def run(self) -> SeparationResult:
        """Separate, here and now; the listeners hear how it ends."""
        with self.reporter.running():
            check_cancelled(self.cancel)
            with self.company.present():
                return self._run()

    def _run(self) -> SeparationResult:
        with open_song(self.source, self.options, limits_of(self.config)) as reader:
            manager = model_manager(self.config)
            # All that can be wrong is found before a model is fetched.
            spec = manager.spec(self.model_name)
            self.options.check_instruments(spec.instruments)
            names = stem_names(spec, self.options.residual)
            choice = choose_device(self.options, self.config)
            check_rate(self.preprocess, self._rate(reader))
            opening = self._store(names, sample_rate=self._rate(reader))
            if opening is None:
                return self._result(reader, spec, _Made(written_stems(self._paths(names))))
            cache = cache_manager(self.config) if self.options.cache else None
            if cache is None:
                preload()
            has_key = cache is not None or self.ledger is not None
            with self._hashing(reader) if has_key else contextlib.nullcontext():
                model = manager.ensure(self.model_name, progress=self.reporter.forward, cancel=self.cancel)
            model = dataclasses.replace(model, spec=self._with_options(model.spec))
            work = _Work(reader, model, names, choice, opening)
            if has_key:
                self.reporter.tell("cache")
                made = self._only_missing(work, self._key(work), cache)
            else:
                made = self._separate(work)
            return self._result(reader, spec, made)

    def _key(self, work: _Work) -> str:
        return stems_key(
            work.reader,
            work.model,
            work.choice,
            self.options,
            preprocess=self.preprocess,
            sample_rate=self._rate(work.reader),
        )

    def _rate(self, reader: AudioReader) -> int:
        """Return the rate of the stems; a source of another one is brought to it first."""
        return self.config.default_sample_rate or reader.info.sample_rate

    @contextlib.contextmanager
    def _hashing(self, reader: AudioReader) -> Iterator[None]:
        """Hash the source beside what is done inside, which hashes the model."""
        with ThreadPoolExecutor(1, thread_name_prefix="spleeter_nb-hash") as thread:
            hashing = thread.submit(reader.content_digest, lambda: check_cancelled(self.cancel))
            yield
            hashing.result()

    def _only_missing(self, work: _Work, key: str, cache: CacheManager | None) -> _Made:
        """Leave the files of an earlier batch as they are, or make them and note it."""
        if self.ledger is None:
            return self._cached(work, key, cache)
        files = digest_key(files_key(key, self.options))
        paths = self._paths(work.names)
        if self.ledger.holds(files, paths.values()):
            return _Made(written_stems(paths))
        # What is skipped was made by another job, if not by hand.
        written = self.options.targets.missing(paths)
        made = self._cached(work, key, cache)
        self.ledger.record(files, [paths[name] for name in written], source=label(self.source))
        return made

    def _cached(self, work: _Work, key: str, cache: CacheManager | None) -> _Made:
        """Take the stems from the cache, or let one job of all kernels make them while the others wait."""
        if cache is None:
            return self._separate(work)
        found = cache.lookup(key)
        if found is None:
            with cache.claim(key, cancel=self.cancel, on_wait=self._tell_waiting):
                found = cache.lookup(key, again=True)
                if found is None:
                    with cache.recorder(work.names) as recorder:
                        made = self._separate(work, recorder)
                        recorder.commit(key, described(made.runtime, made.notes, made.preparation))
                    return made
        _LOG.info("%s: the stems are in the cache (%s).", work.reader.info.name, found.level)
        return self._restored(work, found)

    def _tell_waiting(self) -> None:
        self.reporter.tell("wait", message="another job separates the same song: waiting for its stems")

    def _restored(self, work: _Work, found: Found) -> _Made:
        """Take what was in the cache, or write it to files."""
        sample_rate = self._rate(work.reader)
        if self.options.output_dir is None:
            stems = cached_stems(found.value, sample_rate)
        else:
            with work.opening as store:
                for fraction in copied(found.value, work.names, store):
                    check_cancelled(self.cancel)
                    self.reporter.tell("write", fraction)
            frames = len(found.value.arrays[work.names[0]])
            stems = {name: store.stem(name, sample_rate=sample_rate, frames=frames) for name in work.names}
        return _Made(stems, made_by(found.value), found.level, noted(found.value), prepared_as(found.value))

    def _with_options(self, spec: ModelSpec) -> ModelSpec:
        """Apply what the options change of the model."""
        extension = "zeros" if self.options.wiener else self.options.mask_extension or spec.mask_extension
        return dataclasses.replace(spec, mask_extension=extension)

    def _separate(self, work: _Work, recorder: Recorder | None = None) -> _Made:
        """Compute the stems; the cache listens where there is a recorder."""
        reader, spec = work.reader, work.model.spec
        preload()
        with work.opening as store:
            prepared = self._prepare(reader)
            self.reporter.tell("load", message=f"loading {spec.name}")
            runtime = LOADED_MODELS.get(
                work.model, work.choice, precision=self.options.precision, config=self.config, cancel=self.cancel
            )
            _LOG.info("%s: separating in %s on %s.", reader.info.name, runtime.info.runtime, runtime.info.device)
            self.reporter.tell("separate", 0.0)
            heard = Recording(store, recorder) if recorder else store
            frames = self._stream(reader, spec, runtime, prepared=prepared, store=heard)
            reader.check_unchanged(lambda: check_cancelled(self.cancel))
            self.reporter.tell("write", 1.0)
        stems = {name: store.stem(name, sample_rate=self._rate(reader), frames=frames) for name in work.names}
        return _Made(stems, runtime.info, notes=_notes(reader), preparation=prepared.record)

    def _prepare(self, reader: AudioReader) -> Prepared:
        """Measure the source, in passes of its own."""
        total = passes(self.preprocess) * (self._expected_frames(reader) or 0)
        done = 0

        def read() -> Iterator[FloatArray]:
            nonlocal done
            blocks = stereo_blocks(self.source, self.options, self._rate(reader), limits_of(self.config))
            with contextlib.closing(blocks):
                for block in blocks:
                    check_cancelled(self.cancel)
                    done += len(block)
                    fraction = min(1.0, done / total) if total else None
                    self.reporter.tell("prepare", fraction, message="measuring the song")
                    yield block

        with reader.position_kept():
            return prepare(self.preprocess, self._rate(reader), read)

    def _stream(
        self, reader: AudioReader, spec: ModelSpec, runtime: Runtime, *, prepared: Prepared, store: Store
    ) -> int:
        """Send the whole song through; return its length in samples."""
        options = self.options
        segmentation = segmentation_of(spec, options.overlap)
        rate, kept = self._rate(reader), options.residual is not None
        with contextlib.closing(Mixture(reader, options, rate, kept=kept)) as mixture:
            joiner = Joiner(
                spec,
                segmentation=segmentation,
                mixture=mixture,
                store=store,
                prepared=prepared,
                residual=options.residual,
            )
            total = self._expected_frames(reader)
            segments = segmentation.cut(mixture.blocks(prepared, spec.sample_rate), spec.n_channels)

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
        return masked(segments, runtime, mask_extension=spec.mask_extension, cancel=self.cancel)

    def _expected_frames(self, reader: AudioReader) -> int | None:
        """Return how many samples will be read, None where the container declares nothing."""
        rate, frames = reader.info.sample_rate, reader.info.frames
        limits = [frames - round(self.options.offset * rate)] if frames is not None else []
        if self.options.duration is not None:
            limits.append(round(self.options.duration * rate))
        return round(min(limits) * self._rate(reader) / rate) if limits else None

    def _store(self, names: tuple[str, ...], *, sample_rate: int) -> AbstractContextManager[Store] | None:
        """Say where the stems go; None when all files are there and may stay."""
        options = self.options
        if options.output_dir is None:
            return memory_store(names)
        targets, paths = options.targets, self._paths(names)
        missing = targets.missing(paths)
        if not missing:
            return None
        return file_store(
            paths,
            missing,
            sample_rate=sample_rate,
            encoding=options.encoding,
            tags=self._load_tags(),
            exist_ok=targets.may_replace,
            cancel=self.cancel,
        )

    def _paths(self, names: tuple[str, ...]) -> dict[str, Path]:
        return self.options.targets.paths(label(self.source), names)

    def _result(self, reader: AudioReader, spec: ModelSpec, made: _Made) -> SeparationResult:
        source, options, sample_rate = self.source, self.options, self._rate(reader)
        for note in made.notes:
            _LOG.warning("%r: %s.", reader.info.name, note)
        self.reporter.tell("done", 1.0)
        stems = {name: dataclasses.replace(stem, _load_tags=self._load_tags) for name, stem in made.stems.items()}
        result = SeparationResult(
            stems,
            spec.name,
            label(source),
            reader.info,
            made.runtime,
            made.cache_level,
            self.reporter.elapsed,
            self.reporter.timings,
            lambda: read_mixture(source, options, sample_rate),
            self._with_options(spec),
            options.overlap,
            made.notes,
            made.preparation,
            lambda: stereo_blocks(source, options, sample_rate),
            self._load_tags,
        )
        if self.company.alone and not options.wiener and not options.overlap and made.preparation is None:
            speeds(self.config).learn(spec, result, precision=options.precision)
        return result


@dataclass(frozen=True)
class _Work:
    """What a separation has found out before it begins to compute."""

    reader: AudioReader
    model: InstalledModel
    names: tuple[str, ...]
    choice: Choice
    opening: AbstractContextManager[Store]


@dataclass(frozen=True)
class _Made:
    """The stems, and how they came about."""

    stems: dict[str, Stem]
    runtime: RuntimeInfo | None = None
    cache_level: LevelName | None = None
    notes: tuple[str, ...] = ()
    preparation: Preparation | None = None


def _notes(reader: AudioReader) -> tuple[str, ...]:
    """Tell what a source was not taken as it is, once it was read."""
    channels = reader.info.channels
    mixed = (f"{channels} channels were mixed down to two",) if channels > _STEREO else ()
    return (*mixed, *reader.notes)


def _telling(segments: Iterator[Segment], tell: Callable[[], None]) -> Iterator[Segment]:
    """Pass segments on and tell each time how far the job is."""
    for segment in segments:
        tell()
        yield segment

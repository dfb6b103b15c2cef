"""What a separation gives: stems, as values."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.audio import choose_encoding
from spleeter_nb.dsp.scores import null_db
from spleeter_nb.dsp.segments import Segmentation
from spleeter_nb.engine.scoring import score_stems
from spleeter_nb.engine.stem import Stem, displays, in_blocks
from spleeter_nb.engine.stem_mp4 import write_stem_mp4
from spleeter_nb.engine.targets import Targets, home_expanded, write_together
from spleeter_nb.exceptions import AudioChangedError, UnknownOptionError, ValidationError, nearest
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from spleeter_nb.audio import BitDepth, Bitrate
    from spleeter_nb.cache import LevelName
    from spleeter_nb.engine.preparing import Preparation
    from spleeter_nb.engine.targets import OnExist
    from spleeter_nb.events import ProgressCallback
    from spleeter_nb.net.runtime import RuntimeInfo
    from spleeter_nb.values import AudioInfo, FloatArray, ModelSpec, Tags
    from spleeter_nb.widgets.player import StemPlayer
    from spleeter_nb.widgets.spectrogram import SpectrogramComparison

# dB: a million times as loud; float32 holds far more, and nobody wants it.
_MAX_GAIN_DB = 120

# dB: nothing is left of such a stem, and a power of ten can still be taken.
_SILENCE_DB = -1000


@dataclass(frozen=True, eq=False, repr=False)
class SeparationResult(Mapping[str, Stem]):
    """The stems of a song by name, in the model's order, and how they were made.

    ``result["vocals"]`` and ``result.vocals`` are the same stem. A stem that is called like one of the methods, as the
    stem ``residual`` is, is had by ``result["residual"]`` only.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> song = snb.demo_song()
    >>> result = snb.separate(song, progress=False)
    >>> [name for name, stem in result.items() if stem.duration == result.duration]
    ['vocals', 'accompaniment']
    >>> karaoke = result.mix(vocals=float("-inf"))
    >>> scores = result.score({"vocals": song.references["vocals"]})
    >>> scores["vocals"]["SDR"] > 13
    True
    """

    stems: Mapping[str, Stem]
    model_name: str
    origin: str
    """The path of the source, or ``audio`` where it has none."""
    source: AudioInfo
    """What the source said of itself."""
    runtime: RuntimeInfo | None
    """Where the networks ran; None when all files were there already and nothing was computed."""
    cache_level: LevelName | None
    """Where the stems came from: ``memory``, ``disk`` or ``redis``; None when they were not taken from the cache."""
    seconds: float
    """How long it took, from opening the source to the last file."""
    timings: Mapping[str, float]
    """Seconds by stage, those that there were, as :data:`spleeter_nb.events.Stage` names them: ``separate`` is the
    time from the first to the last sample."""
    _load_mixture: Callable[[], FloatArray] = field(repr=False)
    spec: ModelSpec | None = None
    """The model, with the mask extension that was used; None where it is not known."""
    overlap: float = 0.0
    """Of neighbouring segments, as a share of one."""
    notes: tuple[str, ...] = ()
    """In which ways the source was not taken as it is: mixed down, damaged values replaced, a damaged rest left out;
    a warning was logged of each. None are known where all files were there already."""
    preparation: Preparation | None = None
    """What was measured of the song and done to it before it was separated; None where nothing was, and where all
    files were there already."""
    _read_mixture: Callable[[], Generator[FloatArray]] | None = None
    _load_tags: Callable[[], Tags] | None = None

    def __getitem__(self, name: str) -> Stem:
        try:
            return self.stems[name]
        except KeyError:
            hint = nearest(str(name), self.stems)
            raise KeyError(f"{name!r}: the stems are {', '.join(self.stems)}.{hint}") from None

    def __getattr__(self, name: str) -> Stem:
        # Dataclass fields are found before this is asked; `stems` itself is missing only while copy.copy() makes one.
        stems = self.__dict__.get("stems", {})
        if name not in stems:
            raise AttributeError(
                f"A separation has no {name!r}; its stems are {', '.join(stems)}.{nearest(name, stems)}"
            )
        stem: Stem = stems[name]
        return stem

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.stems]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stems)

    def __len__(self) -> int:
        return len(self.stems)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.stems)

    def __repr__(self) -> str:
        names = ", ".join(self.stems)
        return f"SeparationResult({self.source.name!r}: {names}; {self.duration:.2f} s, {self.sample_rate} Hz)"

    @property
    def sample_rate(self) -> int:
        """Hz, of stems and mixture: the source's own, unless the setting `default_sample_rate` says otherwise."""
        return next(iter(self.stems.values())).sample_rate

    @property
    def _frames(self) -> int:
        return next(iter(self.stems.values())).frames

    @property
    def duration(self) -> float:
        """Seconds of sound."""
        return next(iter(self.stems.values())).duration

    @property
    def x_realtime(self) -> float:
        """Seconds of sound made in one second of separating, or where nothing was computed, of all that was done."""
        return self.duration / max(self.timings.get("separate", self.seconds), 1e-9)

    @property
    def how(self) -> str:
        """How the stems came about, and what is noted of the source, in one line for people."""
        return "; ".join([self._how, *self.notes])

    @property
    def _how(self) -> str:
        if self.runtime is None:
            return "all stems were there already"
        if self.cache_level:
            return f"from the cache ({self.cache_level}), in {self.seconds:.2f} s"
        made = f"{self.duration:.1f} s of sound in {self.timings['separate']:.2f} s, {self.x_realtime:.0f} x real time"
        return f"{self.runtime.runtime} on {self.runtime.device}, {self.runtime.precision}: {made}"

    @property
    def band_limit(self) -> float | None:
        """Hz from which on the network decides nothing and stems are silent; None where there is no such limit."""
        spec = self.spec
        if spec is None or spec.mask_extension != "zeros":
            return None
        return spec.n_bins * spec.sample_rate / spec.n_fft

    def segment_borders(self) -> tuple[float, ...]:
        """Return where one of the segments that the network saw gives way to the next.

        Returns
        -------
        tuple of float
            Seconds from the first sample of the stems, ascending; none where the model is not known.
        """
        if self.spec is None:
            return ()
        # Segments begin where sound begins, if silence was left out.
        start, stop = (self.preparation and self.preparation.heard) or (0.0, self.duration)
        samples = round((stop - start) * self.spec.sample_rate)
        borders = segmentation_of(self.spec, self.overlap).borders(samples)
        return tuple(start + border / self.spec.sample_rate for border in borders)

    @functools.cached_property
    def mixture(self) -> FloatArray:
        """What was separated, float32 (frames, 2), read again when first asked for; more channels are mixed down.

        Raises
        ------
        AudioChangedError
            If the source has another length than the stems.
        AudioProcessingError
            If the source cannot be read any more.
        """
        mixture = self._load_mixture()
        self._check_frames(len(mixture))
        return mixture

    def mixture_blocks(self) -> Generator[FloatArray]:
        """Yield :attr:`mixture` in blocks of some length, float32 (…, 2), without keeping it; raises what that does."""
        if self._read_mixture is None or "mixture" in self.__dict__:
            yield from in_blocks(self.mixture)
            return
        frames = 0
        for block in self._read_mixture():
            frames += len(block)
            if frames > self._frames:
                break
            yield block
        self._check_frames(frames)

    def _check_frames(self, frames: int) -> None:
        if frames != self._frames:
            raise AudioChangedError(
                f"{self.source.name!r} has {frames} samples per channel now, and its stems have {self._frames}: "
                f"it was changed since. Separate it again.",
                source=self.source.name,
                expected=self._frames,
                got=frames,
            )

    @property
    def tags(self) -> Tags:
        """Title, artist, cover … of the source, read when first asked for; empty for arrays.

        All files that are written of a song have them, as far as their codec has room.
        """
        return self._load_tags() if self._load_tags else NO_TAGS

    def mix(self, **gains_db: float) -> FloatArray:
        """Mix the stems.

        Parameters
        ----------
        **gains_db : float
            dB for each stem by its name, 120 at most: 0 leaves it as it is, ``-inf`` mutes it. Stems not named
            stay at 0.

        Returns
        -------
        float32 (frames, 2)

        Raises
        ------
        UnknownOptionError
            If there is no stem of that name.
        ValidationError
            If a gain is no number of dB.
        """
        for name, gain_db in gains_db.items():
            if name not in self.stems:
                raise UnknownOptionError(
                    f"There is no stem {name!r}.{nearest(name, self.stems)} Stems are {', '.join(self.stems)}.",
                    option=name,
                )
            if not isinstance(gain_db, numbers.Real) or not gain_db <= _MAX_GAIN_DB:
                raise ValidationError(
                    f"{name} is {gain_db!r}; allowed: dB, at most {_MAX_GAIN_DB}, -inf to mute.",
                    option=name,
                    value=gain_db,
                )
        mixed = np.zeros((self._frames, 2), np.float32)
        for name, stem in self.stems.items():
            gain = np.float32(10 ** (max(gains_db.get(name, 0.0), _SILENCE_DB) / 20))
            if gain:
                mixed += gain * stem.samples
        return mixed

    def residual(self) -> FloatArray:
        """Return what no stem took: the mixture minus the sum of the stems, float32 (frames, 2)."""
        return self.mixture - self.mix()

    @functools.cached_property
    def null_db(self) -> float:
        """The null test: the RMS of :meth:`residual` in dBFS, over all samples and channels; -inf for exact zero.

        Stems that were written are read back, so that this tells what the files are worth: rounded to 16 bits, each
        adds noise of -101 dB, and what was cut off at full scale is missing. The mixture is read again, as
        :attr:`mixture` says, and raises what that does.
        """
        return null_db(self.mixture, [stem.samples for stem in self.stems.values()])

    def save(  # noqa: PLR0913 - how to write, and where
        self,
        output_dir: str | os.PathLike[str],
        *,
        codec: str = "wav",
        bit_depth: BitDepth | None = None,
        bitrate: Bitrate | None = None,
        filename_format: str = "{filename}/{instrument}.{codec}",
        on_exist: OnExist = "overwrite",
    ) -> dict[str, Path]:
        """Write all stems, with the tags of the song; they appear together, or none does.

        Parameters
        ----------
        output_dir : str or PathLike
            Made where it is missing. A leading ``~`` is the home folder.
        codec : {"wav", "flac", "mp3", "ogg", "m4a", "wma"}
        bit_depth : 16, 24, 32 or "float", optional
            Of ``wav`` and ``flac``; 16 by default.
        bitrate : int or str, optional
            Of the others: bits a second, or as in ``"128k"``.
        filename_format : str
            Path below `output_dir`, with ``{filename}``, ``{foldername}``, ``{instrument}``, ``{codec}``.
        on_exist : {"overwrite", "skip", "error"}
            What happens to files that are there. Only ``overwrite`` replaces one that appears while this writes.

        Returns
        -------
        dict of str to Path
            The files by stem.
        """
        encoding = choose_encoding(codec, bit_depth=bit_depth, bitrate=bitrate)
        targets = Targets(home_expanded(output_dir), filename_format, codec, on_exist)
        paths = targets.paths(self.origin, tuple(self.stems))
        samples = {paths[name]: self.stems[name].samples for name in targets.missing(paths)}
        write_together(
            samples,
            sample_rate=self.sample_rate,
            encoding=encoding,
            tags=self.tags,
            exist_ok=targets.may_replace,
        )
        return paths

    def save_stem_mp4(
        self,
        path: str | os.PathLike[str],
        *,
        bitrate: Bitrate | None = "256k",
        progress: bool | ProgressCallback = True,
    ) -> Path:
        """Write the mixture and the stems to one file, as programs for DJs play them; any other plays the mixture.

        The format has four stems. With fewer, places stay silent and are called ``(empty)``; with more, the last place
        has the sum of what is left, and all its names. :func:`spleeter_nb.load_stem_mp4` reads it back.

        Parameters
        ----------
        path : str or PathLike
            It ends in ``.mp4``, by convention in ``.stem.mp4``. Written atomically, block by block; what was there is
            replaced. A leading ``~`` is the home folder.
        bitrate : int, str or None
            Of the mixture and of each stem, which are AAC: bits a second, or as in ``"256k"``.
        progress : bool or callable
            A progress bar, none, or a callable that gets :class:`spleeter_nb.events.Progress` values.

        Returns
        -------
        Path
            Where it lies now.

        Raises
        ------
        ValidationError
            If the name has another ending, if AAC has no such bit rate, or not the stems' sample rate: 7.35 to 96 kHz.
        AudioProcessingError
            If the mixture cannot be read again, or is another one now.
        StorageError
            If it cannot be written.
        """
        return write_stem_mp4(self, path, bitrate=bitrate, progress=progress)

    def player(self, **options: Any) -> StemPlayer:
        """Return a player of all stems in step, which a notebook shows.

        Parameters
        ----------
        **options
            Those of :class:`spleeter_nb.StemPlayer`, as ``title``, ``static`` and the settings of its mixer.
        """
        made: StemPlayer = displays().player(self, **options)
        return made

    def spectrograms(self, **options: Any) -> SpectrogramComparison:
        """Return spectrograms of mixture, stems and residual, which a notebook shows.

        Parameters
        ----------
        **options
            Those of :class:`spleeter_nb.SpectrogramComparison`, as ``panes``, ``other``, ``region``. What is looked at
            plays along with the player that this result shows; ``player=None`` is none.
        """
        made: SpectrogramComparison = displays().spectrograms(self, **options)
        return made

    def save_html(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write one page with a player and all sound, which needs no kernel and no network.

        Parameters
        ----------
        path : str or PathLike
            Written atomically; what was there is replaced. A leading ``~`` is the home folder.
        **options
            As for :meth:`player`.

        Returns
        -------
        Path
            Where it lies now.
        """
        written: Path = displays().save_html(self, path, **options)
        return written

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        shown: tuple[dict[str, Any], dict[str, Any]] = displays().bundle(self)
        return shown

    def score(self, references: Mapping[str, Any], *, bsseval: bool = False) -> dict[str, dict[str, float]]:
        """Compare the stems with the true ones.

        Parameters
        ----------
        references : mapping of str to array_like
            True stems ``(frames, 2)`` by name; of stems that this separation has, all or some.
        bsseval : bool
            Whether to add BSSEval v4 by museval (extra ``eval``): slow, and the usual figure of papers on MUSDB18.

        Returns
        -------
        dict of str to dict of str to float
            For each stem, in dB: ``SDR``, ``SI-SDR``, and ``SDRi``, by how much the SDR is above that of the
            unprocessed mixture; with `bsseval` also ``BSSEval SDR``, ``… ISR``, ``… SIR``, ``… SAR``.

        Raises
        ------
        ValidationError
            If a reference has no stem, is no array of numbers, or has another shape.
        """
        return score_stems(self, references, bsseval=bsseval)


def segmentation_of(spec: ModelSpec, overlap: float) -> Segmentation:
    """Return how a song is cut for a model, with segments that share a part of each, 0 to 0.5."""
    return Segmentation(spec.n_fft, spec.hop_length, spec.segment_frames, round(overlap * spec.segment_frames))

"""Describe a song without separating it: what its file says, how loud it is, where it is silent, what music it is."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from html import escape
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from spleeter_nb.audio import open_audio
from spleeter_nb.audio.tags import read_tags
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.dsp.loudness import LoudnessMeter
from spleeter_nb.dsp.music import MusicFeatures, MusicMeter
from spleeter_nb.dsp.silence import SilenceMeter
from spleeter_nb.engine.mixture import limits_of
from spleeter_nb.engine.progress import Reporter
from spleeter_nb.engine.sources import label
from spleeter_nb.engine.threads import check_cancelled, run_interruptible
from spleeter_nb.exceptions import ValidationError, is_one_of
from spleeter_nb.values import OnCorrupt

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.audio import AudioReader
    from spleeter_nb.events import ProgressCallback
    from spleeter_nb.values import AudioInfo, AudioSource, Tags

_LOG = logging.getLogger("spleeter_nb")

SHORTEST_SILENCE = 0.5
"""Seconds; shorter pauses are part of the music."""

_BLOCK_FRAMES = 1 << 16
_LOWEST_THRESHOLD = -120  # dBFS


@dataclass(frozen=True, slots=True, repr=False)
class Description:
    """What there is to know of a song, as :func:`describe` found it.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> song = snb.describe(snb.demo_song(), progress=False)
    >>> song
    Description('mixture.flac': 16.80 s, 44100 Hz, 2 channels; -17.8 LUFS, -0.9 dBTP)
    >>> song.info.codec, song.silences
    ('pcm_16', ())
    """

    info: AudioInfo
    """What the container says of its sound."""
    tags: Tags
    """Title, artist and all else that the file says in words, and its cover."""
    frames: int
    """Samples per channel that there really are."""
    loudness: float
    """Integrated loudness of the whole, in LUFS (ITU-R BS.1770-4, EBU R 128); minus infinity for silence."""
    momentary_max: float
    """The loudest 400 ms, in LUFS."""
    short_term_max: float
    """The loudest 3 s, in LUFS; minus infinity for what is shorter."""
    loudness_range: float
    """How far quiet and loud passages lie apart, in LU (EBU Tech 3342)."""
    true_peak: float
    """The largest magnitude of any channel, between samples too, in dBTP; minus infinity for silence."""
    silences: tuple[tuple[float, float], ...]
    """Start and end of each silence, in seconds, ascending."""
    silence_ratio: float
    """The silences' share of the song, 0 to 1."""
    features: MusicFeatures | None
    """Tempo, key and spectrum; None where they were not asked for."""
    notes: tuple[str, ...]
    """In which ways the sound was not taken as it is: a part that is damaged, values that are no numbers."""

    @property
    def duration(self) -> float:
        """Seconds that there really are."""
        return self.frames / self.info.sample_rate

    def rows(self) -> list[tuple[str, str]]:
        """Return what is known as a table: a row for each fact, its name and its value as text."""
        info = self.info
        depth = f", {info.bit_depth} bit" if info.bit_depth else ""
        rows = [
            ("File", info.name),
            ("Format", f"{info.format} ({info.codec}), {info.sample_rate} Hz, {_channels(info)}{depth}"),
            ("Duration", f"{self.duration:.2f} s"),
            *((name.replace("_", " ").capitalize(), text) for name, text in self.tags.fields.items()),
            *([("Cover", f"{self.tags.cover_type}, {len(self.tags.cover):,} bytes")] if self.tags.cover else []),
            ("Loudness", f"{self.loudness:.1f} LUFS, range {self.loudness_range:.1f} LU"),
            ("Loudest 400 ms", f"{self.momentary_max:.1f} LUFS"),
            ("Loudest 3 s", f"{self.short_term_max:.1f} LUFS"),
            ("True peak", f"{self.true_peak:.1f} dBTP"),
            ("Silence", f"{self.silence_ratio:.1%} of the time" if self.silences else "none"),
        ]
        rows += _feature_rows(self.features) if self.features else []
        rows += [("Note", note) for note in self.notes]
        # Names and tags are strangers' text: nothing of it may change the line, or the direction of the rest.
        return [(name, "".join(letter if letter.isprintable() else " " for letter in text)) for name, text in rows]

    def __repr__(self) -> str:
        info = self.info
        return (
            f"Description({info.name!r}: {self.duration:.2f} s, {info.sample_rate} Hz, {_channels(info)}; "
            f"{self.loudness:.1f} LUFS, {self.true_peak:.1f} dBTP)"
        )

    def _repr_html_(self) -> str:
        # JupyterLab puts the text of tables to the right, which suits columns of numbers only.
        left = 'style="text-align: left"'
        rows = (
            f'<tr><th scope="row" {left}>{escape(name)}</th><td {left}>{escape(text)}</td></tr>'
            for name, text in self.rows()
        )
        return f"<table>{''.join(rows)}</table>"


def describe(  # noqa: PLR0913 - each by its name
    source: AudioSource,
    *,
    sample_rate: int | None = None,
    features: bool = False,
    silence_threshold: float = -60.0,
    on_corrupt: OnCorrupt = "error",
    progress: bool | ProgressCallback = True,
    cancel: threading.Event | None = None,
) -> Description:
    """Measure a song, in one pass and in memory that does not depend on its length.

    Parameters
    ----------
    source : str, PathLike, bytes, binary file or ndarray
        As for :func:`separate`; all channels count, with the weights of BS.1770 in surround sound.
    sample_rate : int, optional
        Hz, for arrays only.
    features : bool
        Whether to estimate tempo, key and spectral features, too, by librosa (extra ``features``).
    silence_threshold : float
        dBFS, -120 to 0. Silence is where no sample of any channel reaches it for half a second or longer.
    on_corrupt : {"error", "salvage"}
        Whether a file that is cut off or damaged is an error, or the part before the damage is described.
    progress : bool or callable
        A progress bar, none, or a callable that gets :class:`spleeter_nb.events.Progress` values.
    cancel : threading.Event, optional
        Set by another thread, it ends the work. An interrupt is answered without it, and sets it.

    Returns
    -------
    Description

    Raises
    ------
    ValidationError
        If an argument is not allowed.
    AudioProcessingError
        If the source cannot be read to its end, or is beyond what the settings allow.
    MissingDependencyError
        If `features` are wanted and librosa is not installed.
    SeparationCancelledError
        If `cancel` was set.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> song = snb.describe(snb.demo_song(), features=True, progress=False)
    >>> round(song.features.tempo), song.features.key
    (100, 'Bb major')
    """
    _check(features=features, silence_threshold=silence_threshold, on_corrupt=on_corrupt, progress=progress)
    limits = limits_of(SpleeterConfig())
    reporter, stop = Reporter(progress, name=Path(label(source)).name), cancel or threading.Event()

    def work() -> Description:
        with reporter.running():
            with open_audio(source, sample_rate=sample_rate, on_corrupt=on_corrupt, limits=limits) as reader:
                tags = read_tags(source)
                found = _measured(reader, tags, features=features, silence_threshold=silence_threshold, tell=tell)
            for note in found.notes:
                _LOG.warning("%r: %s.", found.info.name, note)
            reporter.tell("done", 1.0)
            return found

    def tell(fraction: float | None) -> None:
        check_cancelled(stop)
        reporter.tell("describe", fraction)

    return run_interruptible(work, cancel=stop)


def _check(*, features: object, silence_threshold: Any, on_corrupt: object, progress: object) -> None:
    is_number = isinstance(silence_threshold, Real) and not isinstance(silence_threshold, bool)
    is_level = is_number and _LOWEST_THRESHOLD <= silence_threshold <= 0
    for name, value, is_good, allowed in (
        ("features", features, isinstance(features, bool), "True or False"),
        ("silence_threshold", silence_threshold, is_level, f"dBFS, {_LOWEST_THRESHOLD} to 0"),
        ("on_corrupt", on_corrupt, is_one_of(on_corrupt, get_args(OnCorrupt)), "'error' or 'salvage'"),
        ("progress", progress, isinstance(progress, bool) or callable(progress), "True, False or a callable"),
    ):
        if not is_good:
            raise ValidationError(f"{name} is {value!r}; allowed: {allowed}.", option=name, value=value)


def _measured(
    reader: AudioReader, tags: Tags, *, features: bool, silence_threshold: float, tell: Callable[[float | None], None]
) -> Description:
    info, frames = reader.info, 0
    loudness = LoudnessMeter(info.sample_rate, info.channels)
    silence = SilenceMeter(silence_threshold, round(SHORTEST_SILENCE * info.sample_rate))
    music = MusicMeter(info.sample_rate) if features else None
    for block in reader.blocks(_BLOCK_FRAMES):
        tell(min(1.0, frames / info.frames) if info.frames else None)
        loudness.push(block)
        silence.push(block)
        if music:
            music.push(block)
        frames += len(block)
    return Description(
        info=info,
        tags=tags,
        frames=frames,
        loudness=loudness.integrated,
        momentary_max=loudness.momentary_max,
        short_term_max=loudness.short_term_max,
        loudness_range=loudness.loudness_range,
        true_peak=loudness.true_peak,
        silences=tuple((start / info.sample_rate, stop / info.sample_rate) for start, stop in silence.silences),
        silence_ratio=silence.ratio,
        features=music.features() if music else None,
        notes=reader.notes,
    )


def _channels(info: AudioInfo) -> str:
    return "1 channel" if info.channels == 1 else f"{info.channels} channels"


def _feature_rows(features: MusicFeatures) -> list[tuple[str, str]]:
    return [
        ("Tempo", "none" if features.tempo is None else f"{features.tempo:.1f} beats a minute"),
        ("Key", "none" if features.key is None else f"{features.key} (strength {features.key_strength:.2f})"),
        *(
            (name.capitalize(), f"{value:.0f} Hz")
            for name in ("centroid", "bandwidth", "rolloff")
            if (value := getattr(features, name)) is not None
        ),
        *([("Flatness", f"{features.flatness:.3f}")] if features.flatness is not None else []),
    ]

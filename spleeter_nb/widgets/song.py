"""What a player plays: signals of one length, and what is told of them before any sound is sent."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.audio import open_audio
from spleeter_nb.audio.encode import flac_bytes
from spleeter_nb.dsp.downmix import to_stereo
from spleeter_nb.dsp.peaks import largest, peaks, quantised, share_peaks
from spleeter_nb.engine.result import SeparationResult
from spleeter_nb.engine.stem import Stem
from spleeter_nb.exceptions import SpleeterError, ValidationError
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spleeter_nb.values import FloatArray, Tags

_LOG = logging.getLogger("spleeter_nb")

SAMPLES_PER_BIN = 256
"""Of the finest peaks."""

_CHUNK_SECONDS = 5

# Of all signals together, beside what else is synced.
_OVERVIEW_BYTES = 64_000
# A screen has hardly more columns.
_OVERVIEW_BINS = 2000

_MAX_STEMS = 32
_MAX_NAME = 200
# Hz; what browsers open an audio context for.
_SAMPLE_RATES = (3_000, 384_000)
# FLAC says higher ones in tens.
_HIGHEST_ODD_RATE = 65_535
_STEREO = 2
# What is louder is no sound.
_LOUDEST = 1e10

# Samples per channel that are converted at once.
_READ_FRAMES = 1 << 16


@dataclass(frozen=True, eq=False)
class Signal:
    """One stem, or the mixture."""

    name: str
    samples: FloatArray
    """float32 (frames, 2), C-contiguous; not copied where it was that already."""
    path: Path | None = None
    """The file that it was written to."""

    @functools.cached_property
    def peaks(self) -> FloatArray:
        """float32 (bins, 2): extremes of `SAMPLES_PER_BIN` samples each."""
        return peaks(self.samples, SAMPLES_PER_BIN)

    @functools.cached_property
    def power(self) -> float:
        """The mean square, over both channels."""
        flat = self.samples.reshape(-1)
        return float(np.dot(flat, flat)) / len(flat)

    @functools.cached_property
    def peak(self) -> float:
        """The largest magnitude; NaN where a sample is."""
        return largest(self.samples)


@dataclass(frozen=True, eq=False)
class Song:
    """Stems, and the mixture where there is one."""

    title: str
    sample_rate: int
    """Hz."""
    stems: tuple[Signal, ...]
    mixture: Signal | None
    about: str = ""
    """How the stems were made, where that is known."""
    remark: str = ""
    """Why there is no mixture, where there should be one."""
    tagged: Stem | None = None
    """One of the stems, which knows the tags of its song."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """All signals by their numbers: stems from 0 in their order, then the mixture."""
        return self.stems if self.mixture is None else (*self.stems, self.mixture)

    @property
    def tags(self) -> Tags:
        """What its song says of itself, read when asked for; empty where that is not known."""
        return self.tagged.tags if self.tagged else NO_TAGS

    @property
    def frames(self) -> int:
        """Samples per channel of each signal."""
        return len(self.stems[0].samples)

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_rate

    @property
    def chunk_frames(self) -> int:
        """Samples per channel of each chunk but the last, which is shorter."""
        return _CHUNK_SECONDS * self.sample_rate

    @property
    def chunks(self) -> int:
        """How many chunks each signal has."""
        return -(-self.frames // self.chunk_frames)

    @functools.cached_property
    def full_scale(self) -> float:
        """The sample value that ±1.0 of the chunks, and ±127 of the peaks, stands for; one for all signals."""
        return max(1.0, *(signal.peak for signal in self.signals))

    @functools.cached_property
    def overview(self) -> bytes:
        """Coarse peaks, int8 of shape (signals, bins, 2); the bins share the song evenly."""
        bins = min(_OVERVIEW_BINS, _OVERVIEW_BYTES // (2 * len(self.signals)), len(self.signals[0].peaks))
        coarse = (
            share_peaks(signal.peaks, bins, frames=self.frames, samples_per_bin=SAMPLES_PER_BIN)
            for signal in self.signals
        )
        return b"".join(quantised(extremes, self.full_scale).tobytes() for extremes in coarse)

    def encoded(self, signal: int, chunk: int) -> bytes:
        """Return one chunk of one signal as a FLAC file, with the first sample of the next chunk where there is one.

        At another speed a browser interpolates between samples; without its neighbour the last one would be wrong.
        """
        start = chunk * self.chunk_frames
        samples = self.signals[signal].samples[start : start + self.chunk_frames + 1]
        if self.full_scale > 1:
            samples = samples / np.float32(self.full_scale)
        return flac_bytes(samples, self.sample_rate)


def song_of(stems: Any, *, sample_rate: Any = None, mixture: Any = None, title: str | None = None) -> Song:
    """Check what is to be played, and bring it into one form.

    Parameters
    ----------
    stems : SeparationResult, or mapping of str to Stem or array_like
        Arrays are (samples,) or (samples, channels) of one or two channels: floats with full scale 1.0, or integers.
    sample_rate : int, optional
        Hz; of arrays it must be told.
    mixture : Stem or array_like, optional
        Of a result, its own is taken.
    title : str, optional
        Of a result, the name of its source.

    Raises
    ------
    ValidationError
        If a name, an array, the rate or a length is not as wanted.
    AudioProcessingError
        If a stem's file cannot be read any more.
    """
    if not isinstance(stems, Mapping) or not 1 <= len(stems) <= _MAX_STEMS:
        got = f"{len(stems)} of them" if isinstance(stems, Mapping) else f"a {type(stems).__name__}"
        raise ValidationError(
            f"Stems are a SeparationResult, or arrays by name, as in {{'vocals': samples}}: 1 to {_MAX_STEMS}, "
            f"not {got}.",
            type=type(stems).__name__,
        )
    sample_rate = _rate(stems, sample_rate)
    remark = ""
    if isinstance(stems, SeparationResult):
        title = stems.source.name if title is None else title
        if mixture is None:
            mixture, remark = _mixture_of(stems)
    signals = tuple(signal_of(name_of(name), given, sample_rate) for name, given in stems.items())
    original = None if mixture is None else signal_of("mixture", mixture, sample_rate)
    tagged = next((given for given in stems.values() if isinstance(given, Stem)), None)
    song = Song(sendable(title or ""), sample_rate, signals, original, about_of(stems), remark, tagged)
    check_alike(song.signals)
    return song


def about_of(stems: object) -> str:
    """Return how stems were made, ``""`` where that is not known."""
    return sendable(f"{stems.model_name}, {stems.how}") if isinstance(stems, SeparationResult) else ""


def _mixture_of(result: SeparationResult) -> tuple[FloatArray | None, str]:
    """Return a result's mixture, or why it cannot be had: stems play without it."""
    try:
        return result.mixture, ""
    except (SpleeterError, OSError) as error:
        remark = f"There is no original beside the stems: {error}"
        _LOG.warning("%s", remark)
        return None, remark


def _rate(stems: Mapping[str, Any], sample_rate: object) -> int:
    rates: list[Any] = [given.sample_rate for given in stems.values() if isinstance(given, Stem)]
    if sample_rate is not None:
        rates.append(sample_rate)
    if not rates:
        raise ValidationError("Arrays do not tell their rate: give sample_rate, in Hz.", sample_rate=None)
    lowest, highest = _SAMPLE_RATES
    for rate in rates:
        is_whole = isinstance(rate, int | np.integer) and not isinstance(rate, bool)
        is_playable = is_whole and lowest <= rate <= highest and (rate <= _HIGHEST_ODD_RATE or rate % 10 == 0)
        if not is_playable or rate != rates[0]:
            raise ValidationError(
                f"sample_rate is {str(rate)[:40]}; allowed: one whole number of Hz for all stems, {lowest} to "
                f"{highest}, above {_HIGHEST_ODD_RATE} in tens. Resample first.",
                sample_rate=rate,
            )
    return int(rates[0])


def name_of(name: object) -> str:
    """Return the name of a stem, or of what else may be called by people."""
    if not isinstance(name, str) or not name or name != sendable(name):
        raise ValidationError(
            f"A stem is called {str(name)[:_MAX_NAME]!r}; allowed: text of 1 to {_MAX_NAME} characters.", stem=name
        )
    return name


def sendable(text: str) -> str:
    """Return text that can be sent: names of files may hold bytes that are none."""
    return str(text)[:_MAX_NAME].encode("utf-8", "replace").decode("utf-8")


def signal_of(name: str, given: Any, sample_rate: int) -> Signal:
    """Return a Stem or an array as a signal.

    Raises
    ------
    ValidationError
        If it is no array of numbers with one or two channels.
    AudioProcessingError
        If a stem's file cannot be read any more.
    """
    path = given.path if isinstance(given, Stem) else None
    try:
        array = given.samples if isinstance(given, Stem) else np.asarray(given)
    except (TypeError, ValueError) as error:
        raise ValidationError(f"{name!r} is no array of numbers: {error}", stem=name) from error
    return Signal(name, _stereo(name, array, sample_rate), path)


def _stereo(name: str, array: Any, sample_rate: int) -> FloatArray:
    """Return samples as float32 (frames, 2), without a copy where they are that."""
    if array.ndim == _STEREO and array.shape[1] > _STEREO < array.shape[0]:
        raise ValidationError(
            f"{name!r} has {array.shape[1]} channels; a player has one or two.", stem=name, shape=array.shape
        )
    is_ready = array.dtype == np.float32 and array.ndim == _STEREO and array.shape[1] == _STEREO
    if is_ready and len(array) > _STEREO and array.flags.c_contiguous:
        stereo: FloatArray = array
        return stereo
    try:
        with open_audio(array, sample_rate=sample_rate) as reader:
            return to_stereo(np.concatenate(list(reader.blocks(_READ_FRAMES))))
    except SpleeterError as error:
        raise ValidationError(f"{name!r}: {error}", stem=name, **error.context) from error


def check_alike(signals: Sequence[Signal]) -> None:
    """Refuse signals that are not as long as the first one, or hold what is no sound."""
    first = signals[0]
    for signal in signals:
        if len(signal.samples) != len(first.samples):
            raise ValidationError(
                f"{first.name!r} has {len(first.samples)} samples and {signal.name!r} has {len(signal.samples)}: "
                f"what plays in step is of one length.",
                stem=signal.name,
                expected=len(first.samples),
                got=len(signal.samples),
            )
        if not signal.peak <= _LOUDEST:
            raise ValidationError(
                f"{signal.name!r} has samples that are NaN, infinite or absurdly large; numpy.nan_to_num() helps.",
                stem=signal.name,
            )

"""What is done to a song before it is separated: measured in passes over it first, then done as it streams by.

In this order: the mean is subtracted, steady noise turned down, the rest filtered, silence at both ends left out, and
all of it brought to a loudness. Mean and noise are measured of the song as it is; loudness and silence of what the
first three steps leave of it, since that is what the networks hear.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import numpy as np

from spleeter_nb.dsp.denoise import NoiseMeter, reduce_noise
from spleeter_nb.dsp.filters import MeanMeter, check_high_pass, convolve, filter_taps
from spleeter_nb.dsp.loudness import LoudnessMeter, loudness_gain
from spleeter_nb.dsp.silence import SilenceMeter
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.values import Preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.values import FloatArray

    Step: TypeAlias = Callable[[Iterable[FloatArray]], Iterable[FloatArray]]

# What the settings stand for: nobody hears what is below 20 Hz, and EBU R 128 wants -23 LUFS and -1 dBTP.
_ENABLED = Preprocess(remove_dc=True, high_pass=20)
_LOUDNESS, _TRUE_PEAK = -23.0, -1.0

# Hz; with fewer samples in a second, there is nothing to measure loudness and noise by.
_LOWEST_RATE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What was measured of a song, and done to it, before it was separated.

    The stems are as loud and as long as the song itself: the gain was taken back, and where silence was left out, they
    are silent.
    """

    preprocess: Preprocess
    """What was asked for, by the call or by the settings."""
    dc_offset: tuple[float, float] | None = None
    """The mean of left and right, full scale 1.0, that was subtracted; None: none was."""
    loudness: float | None = None
    """Integrated loudness without `gain_db`, in LUFS; None: none was asked for, or nothing is above -70 LUFS."""
    true_peak: float | None = None
    """The highest true peak without `gain_db`, in dBTP; None as for `loudness`."""
    gain_db: float = 0.0
    """By how much louder than the song is the networks heard it."""
    heard: tuple[float, float] | None = None
    """From where to where they heard it, in seconds; None: all of it."""

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> Self:
        """Make it of its fields, as :func:`dataclasses.asdict` and JSON leave them."""
        values: dict[str, Any]
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
        values["preprocess"] = Preprocess(**fields["preprocess"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A song that was measured, ready to be prepared block by block; by default nothing is done to it."""

    steps: tuple[Step, ...] = ()
    """What is done to a whole stream of float32 (samples, 2), one after the other; each keeps its length."""
    gain: float = 1.0
    """What all is multiplied by after that."""
    start: int = 0
    """The first sample that is heard."""
    stop: int = sys.maxsize
    """The one behind the last."""
    record: Preparation | None = None
    """None where nothing was asked for."""

    def filtered(self, blocks: Iterable[FloatArray]) -> Iterable[FloatArray]:
        """Take the steps: float32 (samples, 2), as many samples as come."""
        for step in self.steps:
            blocks = step(blocks)
        return blocks

    def apply(self, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Yield what the networks hear, float32 (samples, 2), of a whole song; it is read to its end."""
        position = 0
        for block in self.filtered(blocks):
            heard = block[max(0, self.start - position) : max(0, self.stop - position)]
            position += len(block)
            yield heard * np.float32(self.gain)


class _Meter(Protocol):
    def push(self, samples: FloatArray) -> None: ...


def default_preprocess(config: SpleeterConfig) -> Preprocess:
    """Return what is done to songs where the call says nothing."""
    preprocess = _ENABLED if config.enable_preprocessing else Preprocess()
    return replace(preprocess, loudness=_LOUDNESS, true_peak=_TRUE_PEAK) if config.normalize_loudness else preprocess


def check_rate(preprocess: Preprocess, sample_rate: int) -> None:
    """Refuse what cannot be done at a rate, before anything is read.

    Raises
    ------
    ValidationError
        If a high-pass would leave nothing, or there are too few samples in a second to measure anything.
    """
    if preprocess.high_pass is not None:
        check_high_pass(sample_rate, preprocess.high_pass)
    if sample_rate < _LOWEST_RATE and (preprocess.noise_reduction or preprocess.loudness is not None):
        raise ValidationError(
            f"This song has a rate of {sample_rate} Hz; loudness and noise_reduction need {_LOWEST_RATE} Hz or more: "
            f"leave them out.",
            sample_rate=sample_rate,
        )


def passes(preprocess: Preprocess) -> int:
    """Return how often a song is read to measure it, before it is read to be separated."""
    of_song = preprocess.remove_dc or preprocess.noise_reduction > 0
    of_rest = preprocess.loudness is not None or preprocess.trim_silence is not None
    return of_song + of_rest


def prepare(preprocess: Preprocess, sample_rate: int, read: Callable[[], Iterator[FloatArray]]) -> Prepared:
    """Measure a song.

    Parameters
    ----------
    preprocess : Preprocess
    sample_rate : int
        Hz.
    read : callable
        Yields the song from its start, float32 (samples, 2), in each of the :func:`passes`.

    Returns
    -------
    Prepared
    """
    if preprocess == Preprocess():
        return Prepared()
    mean = MeanMeter(2) if preprocess.remove_dc else None
    noise = NoiseMeter(sample_rate, 2) if preprocess.noise_reduction else None
    _measure(read, mean, noise)
    filtered = Prepared(steps=tuple(_steps(preprocess, sample_rate, mean, noise)))
    loudness = LoudnessMeter(sample_rate, 2) if preprocess.loudness is not None else None
    # Only the ends count: of the silences between, no more than those of a second are remembered.
    silence = SilenceMeter(preprocess.trim_silence, sample_rate) if preprocess.trim_silence is not None else None
    _measure(lambda: filtered.filtered(read()), loudness, silence)

    start, stop = (0, sys.maxsize) if silence is None else silence.sound
    record = Preparation(
        preprocess=preprocess,
        dc_offset=None if mean is None else (float(mean.mean[0]), float(mean.mean[1])),
        heard=None if silence is None else (start / sample_rate, stop / sample_rate),
        **_levels(preprocess, loudness),
    )
    return replace(filtered, gain=10 ** (record.gain_db / 20), start=start, stop=stop, record=record)


def _measure(read: Callable[[], Iterable[FloatArray]], *meters: _Meter | None) -> None:
    wanted = [meter for meter in meters if meter is not None]
    for block in read() if wanted else ():
        for meter in wanted:
            meter.push(block)


def _steps(
    preprocess: Preprocess, sample_rate: int, mean: MeanMeter | None, noise: NoiseMeter | None
) -> Iterator[Step]:
    if mean is not None:
        offset = mean.mean
        yield lambda blocks: (block - offset for block in blocks)
    if noise is not None:
        yield partial(reduce_noise, profile=noise.profile, amount=preprocess.noise_reduction)
    if preprocess.high_pass is not None or preprocess.low_pass is not None:
        taps = filter_taps(sample_rate, high_pass=preprocess.high_pass, low_pass=preprocess.low_pass)
        yield partial(convolve, taps=taps, channels=2)


def _levels(preprocess: Preprocess, meter: LoudnessMeter | None) -> dict[str, float]:
    """Return what a record says of loudness; nothing where there is none."""
    if meter is None or preprocess.loudness is None or math.isinf(meter.integrated):
        return {}
    loudness, true_peak = meter.integrated, meter.true_peak
    gain_db = loudness_gain(loudness, true_peak, target=preprocess.loudness, ceiling=preprocess.true_peak)
    return {"loudness": loudness, "true_peak": true_peak, "gain_db": gain_db}

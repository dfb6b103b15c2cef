"""A song at a glance: one line that says what it is, and its first seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio import open_audio, probe
from spleeter_nb.audio.encode import flac_bytes
from spleeter_nb.dsp.downmix import to_stereo
from spleeter_nb.dsp.resample import resample

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.values import AudioInfo

# At this rate and length, a preview that does not compress at all is still smaller than wire.MESSAGE_BYTES.
_PREVIEW_SECONDS = 5.0
_PREVIEW_RATE = 48_000

_CHANNELS = {1: "mono", 2: "stereo"}


def describe(path: Path) -> str:
    """Say what a song is, as in ``wav, 16 bit · 44.1 kHz · stereo · 3:25 · 36.2 MB``.

    Raises
    ------
    SpleeterError
        If it is no sound that can be read.
    """
    info = probe(path)
    coding = info.codec if info.bit_depth is None else f"{info.bit_depth} bit"
    kind = info.format if info.format == coding else f"{info.format}, {coding}"
    channels = _CHANNELS.get(info.channels, f"{info.channels} channels")
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    return " · ".join((kind, f"{info.sample_rate / 1000:g} kHz", channels, _length(info), size))


def preview(path: Path) -> bytes:
    """Return the first seconds of a song as a stereo FLAC file of 16 bit.

    Raises
    ------
    SpleeterError
        If it is no sound that can be read.
    """
    with open_audio(path) as reader:
        rate = reader.info.sample_rate
        stereo = (to_stereo(block) for block in reader.blocks(rate, duration=_PREVIEW_SECONDS))
        lower = min(rate, _PREVIEW_RATE)
        samples = np.concatenate(list(resample(stereo, rate, lower, channels=2)))
    return flac_bytes(samples, lower)


def _length(info: AudioInfo) -> str:
    if info.duration is None:
        return "of unknown length"
    minutes, seconds = divmod(round(info.duration), 60)
    return f"{minutes}:{seconds:02}"

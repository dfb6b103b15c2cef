"""Noise in every format that is read: noise has one alignment only, a sine has many."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from tests.audio.signals import encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

RATE = 48_000
"""Opus knows no other."""

FRAMES = 40_000

PYAV = {
    # file: codec, container, and options of the container
    "xing.mp3": ("libmp3lame", "mp3", {}),
    "untagged.mp3": ("libmp3lame", "mp3", {"write_xing": "0"}),
    "aac.m4a": ("aac", "mp4", {}),
    "alac.m4a": ("alac", "mp4", {}),
    "faststart.mp4": ("aac", "mp4", {"movflags": "faststart"}),
    "raw.aac": ("aac", "adts", {}),
    "song.wma": ("wmav2", "asf", {}),
    "song.mka": ("aac", "matroska", {}),
    "song.webm": ("libopus", "webm", {}),
    "song.opus": ("libopus", "ogg", {}),
    "song.avi": ("libmp3lame", "avi", {}),
    "song.flv": ("aac", "flv", {}),
    "song.ts": ("aac", "mpegts", {}),
}
SOUNDFILE = {
    # file: format, subtype
    "song.wav": ("WAV", "PCM_16"),
    "wide.wav": ("WAVEX", "PCM_24"),
    "float.wav": ("WAV", "FLOAT"),
    "double.wav": ("WAV", "DOUBLE"),
    "bytes.wav": ("WAV", "PCM_U8"),
    "adpcm.wav": ("WAV", "MS_ADPCM"),
    "long.wav": ("RF64", "PCM_16"),
    "big.wav": ("WAV", "PCM_16"),
    "song.flac": ("FLAC", "PCM_24"),
    "song.aiff": ("AIFF", "PCM_16"),
    "song.ogg": ("OGG", "VORBIS"),
    "sndfile.opus": ("OGG", "OPUS"),
    "sndfile.mp3": ("MP3", "MPEG_LAYER_III"),
}


@pytest.fixture(scope="session")
def noise() -> npt.NDArray[np.float32]:
    """Two channels of soft noise below 6 kHz, which lossy codecs keep, with a quiet start."""
    white = np.random.default_rng(7).standard_normal((FRAMES, 2)).astype(np.float32)
    smooth = np.stack([np.convolve(channel, np.hanning(16) / 8, "same") for channel in white.T], axis=1)
    return np.ascontiguousarray(0.2 * smooth, dtype=np.float32)


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory, noise: npt.NDArray[np.float32]) -> Path:
    """The folder with the noise in every format."""
    folder = tmp_path_factory.mktemp("songs")
    for name, (codec, container, options) in PYAV.items():
        encode(folder / name, noise, codec=codec, container=container, sample_rate=RATE, **options)
    for name, (format_, subtype) in SOUNDFILE.items():
        endian = "BIG" if name == "big.wav" else None
        soundfile.write(folder / name, noise, RATE, format=format_, subtype=subtype, endian=endian)
    return folder


@pytest.fixture(scope="session")
def encoder() -> Callable[..., None]:
    return partial(encode, sample_rate=RATE)

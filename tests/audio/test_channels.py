"""Channels leave the room in the order of WAV files, whatever the order of the format: one tone for each tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from spleeter_nb.audio import probe, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATE = 48_000
SPACING = 30
"""Hz from one channel's tone to the next; the LFE carries no more than the lowest 120 Hz or so."""

# Where left, right, centre, LFE, back and side, as far as they are there, stand in the order of Vorbis.
VORBIS = {
    3: ["left", "centre", "right"],
    4: ["left", "right", "back left", "back right"],
    5: ["left", "centre", "right", "back left", "back right"],
    6: ["left", "centre", "right", "back left", "back right", "lfe"],
    7: ["left", "centre", "right", "side left", "side right", "back", "lfe"],
    8: ["left", "centre", "right", "side left", "side right", "back left", "back right", "lfe"],
}
WAV = ["left", "right", "centre", "lfe", "back left", "back right", "back", "side left", "side right"]


def tones(channels: list[str]) -> npt.NDArray[np.float32]:
    """One second with the tone that belongs to each name."""
    seconds = np.arange(RATE) / RATE
    pitches = {name: SPACING * (k + 1) for k, name in enumerate(sorted(WAV, key=lambda name: name != "lfe"))}
    waves = [0.2 * np.sin(2 * np.pi * pitches[name] * seconds) for name in channels]
    return np.stack(waves, axis=1).astype(np.float32)


def names(samples: npt.NDArray[np.float32]) -> list[str]:
    """Tell each channel by its tone."""
    middle = samples[RATE // 4 : RATE * 3 // 4]
    assert middle.flags.c_contiguous
    pitches = np.abs(np.fft.rfft(middle, axis=0)).argmax(axis=0) * 2
    known = sorted(WAV, key=lambda name: name != "lfe")
    return [known[round(pitch / SPACING) - 1] for pitch in pitches.tolist()]


def read(path: Path) -> npt.NDArray[np.float32]:
    return np.concatenate(list(read_blocks(path, RATE)))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("channels", VORBIS)
def test_ogg(tmp_path: Path, subtype: str, channels: int) -> None:
    path, samples = tmp_path / "song.ogg", tones(VORBIS[channels])
    with soundfile.SoundFile(path, "w", RATE, channels, format="OGG", subtype=subtype) as file:
        for start in range(0, RATE, 1_000):  # libvorbis crashes over long blocks
            file.write(samples[start : start + 1_000])
    assert probe(path).codec == subtype.lower()
    assert names(read(path)) == sorted(VORBIS[channels], key=WAV.index)


@pytest.mark.parametrize(
    ("name", "codec", "container", "layout"),
    [
        ("song.flac", "flac", "flac", "5.1"),
        ("song.wav", "pcm_s16le", "wav", "5.1"),
        ("aac.m4a", "aac", "mp4", "5.1"),
        ("alac.m4a", "alac", "mp4", "5.1"),
        ("song.mka", "libopus", "matroska", "5.1"),
        ("song.webm", "libopus", "webm", "7.1"),
        ("wide.m4a", "aac", "mp4", "7.1"),
    ],
)
def test_other_formats(  # noqa: PLR0913, PLR0917 - a fixture, a folder, and a row of the table
    encoder: Callable[..., None], tmp_path: Path, name: str, codec: str, container: str, layout: str
) -> None:
    channels = [channel for channel in WAV if channel != "back" and (layout == "7.1" or "side" not in channel)]
    encoder(tmp_path / name, tones(channels), codec=codec, container=container, layout=layout)
    assert probe(tmp_path / name).channels == len(channels)
    assert names(read(tmp_path / name)) == channels

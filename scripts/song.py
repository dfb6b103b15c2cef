"""The song that parity and benchmarks use: 180 seconds of real music, or a file of your own.

Run it to write the song as a 16-bit WAV file::

    python scripts/song.py song.wav [--song FILE] [--seconds 180]

The default is "Falcon 69" by The Easton Ellises, six seconds with their stems that come with the `stempeg`
package (CC BY-NC-SA: the sound is not part of this repository). The loop is played again and again, each time
from another place, with other gains for its stems and now and then with the channels exchanged, so that no
two segments of the song are equal.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import soundfile

if TYPE_CHECKING:
    import numpy.typing as npt

SAMPLE_RATE = 44_100
SECONDS = 180.0
FADE = 441
"""Samples over which one repetition gives way to the next: 10 ms."""


def decode(path: Path, *, stream: int = 0) -> npt.NDArray[np.float32]:
    """Decode one audio stream of a file to float32 ``(samples, 2)`` at 44.1 kHz."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
    with av.open(str(path)) as container:
        frames = container.decode(audio=stream)
        blocks = [part.to_ndarray() for frame in frames for part in resampler.resample(frame)]
    blocks += [part.to_ndarray() for part in resampler.resample(None)]
    return np.ascontiguousarray(np.concatenate(blocks, axis=1).T)


def loop_stems() -> npt.NDArray[np.float32]:
    """Return drums, bass, other and vocals of the loop: float32 ``(4, samples, 2)``."""
    package = importlib.util.find_spec("stempeg")
    if package is None or package.origin is None:
        raise SystemExit("stempeg is not installed: install the test group, or give a song with --song")
    path = next(Path(package.origin).parent.joinpath("data").glob("*.stem.mp4"))
    stems = [decode(path, stream=i) for i in range(1, 5)]
    length = min(map(len, stems))
    return np.stack([stem[:length] for stem in stems])


def repeat(stems: npt.NDArray[np.float32], samples: int) -> npt.NDArray[np.float32]:
    """Play the loop until `samples` are full, each time a little differently."""
    rng = np.random.default_rng(69)
    length = stems.shape[1] - FADE
    fade = np.linspace(0, 1, FADE, dtype=np.float32)[:, None]
    song = np.zeros((samples + stems.shape[1], 2), np.float32)
    for start in range(0, samples, length):
        gains = 10 ** (rng.uniform(-9, 0, len(stems)) / 20)
        take = np.tensordot(gains.astype(np.float32), np.roll(stems, rng.integers(length), axis=1), axes=1)
        take[:FADE] *= fade
        take[-FADE:] *= fade[::-1]
        song[start : start + len(take)] += take[:, :: rng.choice([-1, 1])]
    return song[:samples]


def make_song(path: Path | None = None, *, seconds: float = SECONDS) -> npt.NDArray[np.float32]:
    """Return the song: float32 ``(samples, 2)`` at 44.1 kHz, from -1 to 1.

    A file is used as it is, up to `seconds`; the loop is played for exactly `seconds`.
    """
    samples = round(seconds * SAMPLE_RATE)
    song = repeat(loop_stems(), samples) if path is None else decode(path)[:samples]
    return np.clip(song, -1, 1)


def write_song(target: Path, path: Path | None = None, *, seconds: float = SECONDS) -> None:
    """Write the song as a 16-bit WAV file."""
    soundfile.write(target, make_song(path, seconds=seconds), SAMPLE_RATE, subtype="PCM_16")


def main() -> None:
    """Read the command line and write the song."""
    parser = argparse.ArgumentParser(description="Write the song of parity and benchmarks.")
    parser.add_argument("target", type=Path, help="the WAV file to write")
    parser.add_argument("--song", type=Path, help="a song of your own")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    write_song(options.target, options.song, seconds=options.seconds)


if __name__ == "__main__":
    main()

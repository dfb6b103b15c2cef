"""Make the demonstration song and its true stems: 7 bars in B flat major, 100 beats a minute, CC0.

Drums, bass and chords are synthesised here; Debian's `espeak-ng` says the words, which are tuned and placed::

    apt-get install espeak-ng
    python scripts/make_demo_song.py

The files go to `spleeter_nb/data/demo_song`. The mixture is the exact sum of the stems, and hardly anything
lies above 11 kHz, where Spleeter's networks do not look. The committed files were made with espeak-ng 1.51;
another version may sing a little differently. Needs NumPy, soxr and soundfile.
"""

from __future__ import annotations

import argparse
import bisect
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

if TYPE_CHECKING:
    from collections.abc import Iterator

Samples: TypeAlias = npt.NDArray[np.float64]

FOLDER = Path(__file__).resolve().parent.parent / "spleeter_nb" / "data" / "demo_song"

RATE = 44_100
"""Hz."""
EIGHTH = 13_230
"""Samples of an eighth note: 100 beats a minute."""
BARS = 7
KEY = -2
"""Semitones: the score below is written in C major and sounds in B flat."""
SEED = 2019

Chord: TypeAlias = "tuple[int, tuple[int, ...]]"
CHORDS: tuple[Chord, ...] = (
    (36, (48, 52, 55)),  # C, the introduction
    (31, (47, 50, 55)),  # G
    (33, (48, 52, 57)),  # A minor, the verse
    (29, (48, 53, 57)),  # F
    (36, (48, 52, 55)),  # C
    (31, (47, 50, 55)),  # G
    (36, (48, 52, 55, 60)),  # C, the end
)
"""One a bar: the bass note and the chord, as MIDI numbers."""

VERSE_BAR = 2
VERSE = (
    "hear:60 the:60 drums:64 they:62 keep:60 the:59 time:57:2",
    "feel:57 the:57 bass:60 it:60 walks:62 the:60 line:57:2",
    "soft:64 and:64 warm:64 the:62 chords:60 roll:62 by:64:2",
    "now:62 my:62 voice:62 is:64 free:62:2 to:59:2 fly:60:5",
)
"""One line a bar: word, MIDI number, and length in eighths where it is not one."""

VOICE = "en-us+f3"
VOICE_RATE = 22_050
"""Hz, what `espeak-ng` writes."""
VIBRATO = 0.012
"""Depth, as a fraction of the pitch."""

LEVELS = {"vocals": -4.5, "drums": -5.0, "bass": -5.5, "other": -8.0}
"""dB against each other."""
PEAK = 0.9
"""Of full scale, of the mixture."""

LIMITS = {"seconds": (12, 20), "peak": (0.5, 0.95), "bytes": (0, 3_000_000)}
"""What the finished song keeps to: length, peak of full scale, size of all files together."""


def pitch_hz(midi: float) -> float:
    """Frequency of a MIDI number in this song's key."""
    return float(440.0 * 2.0 ** ((midi + KEY - 69) / 12))


def seconds(length: float) -> Samples:
    """Points in time of a sound of `length` seconds."""
    return np.arange(round(length * RATE)) / RATE


def shaped(sound: Samples, attack: float, release: float) -> Samples:
    """Fade a sound in and out, in seconds, so that it starts and ends without a click."""
    time = np.arange(len(sound)) / RATE
    return sound * np.clip(time / attack, 0, 1) * np.clip((time[-1] - time) / release, 0, 1)


def rms(sound: Samples) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(sound**2)))


def noise(rng: np.random.Generator, n_samples: int, low: float, high: float) -> Samples:
    """Noise between two frequencies in Hz, of unit power."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    frequency = np.maximum(np.fft.rfftfreq(n_samples, 1 / RATE), 1)
    sound = np.fft.irfft(spectrum / (1 + (low / frequency) ** 8) / (1 + (frequency / high) ** 24), n_samples)
    return sound / rms(sound)


def kick() -> Samples:
    """Strike a bass drum: a sine that falls from 135 to 45 Hz."""
    time = seconds(0.35)
    fall = 90 * 0.03 * (1 - np.exp(-time / 0.03))
    return shaped(np.sin(2 * np.pi * (45 * time + fall)) * np.exp(-time / 0.11), 0.001, 0.02)


def snare(rng: np.random.Generator) -> Samples:
    """Strike a snare drum: a short tone and a burst of noise."""
    time = seconds(0.25)
    tone = np.sin(2 * np.pi * 185 * time) * np.exp(-time / 0.05)
    rattle = noise(rng, len(time), 1200, 9000) * np.exp(-time / 0.06)
    return shaped((tone + rattle) / 2, 0.0005, 0.02)


def cymbal(rng: np.random.Generator, length: float) -> Samples:
    """Strike a hi-hat; the longer it rings, the more it is a crash."""
    time = seconds(length)
    return shaped(noise(rng, len(time), 6500, 9800) * np.exp(-4 * time / length), 0.0005, 0.01)


def string(midi: float, length: float, *, partials: int, tilt: float, decay: float) -> Samples:
    """Sound a plucked string: partials that are the weaker and the shorter the higher they are."""
    time = seconds(length + 0.08)
    order = np.arange(1, partials + 1)[:, None]
    waves = np.sin(order * (2 * np.pi * pitch_hz(midi) * time + 1)) * np.exp(-time * decay * order**0.7)
    return shaped((waves * order**-tilt).sum(axis=0), 0.004, 0.08)


def place(track: Samples, sound: Samples, at: int, *, gain: float = 1.0, pan: float = 0.0) -> None:
    """Add a mono sound to a track from sample `at` on; `pan` goes from -1, left, to 1, right."""
    angle = (pan + 1) * np.pi / 4
    part = sound[: len(track) - at, None]
    track[at : at + len(part)] += gain * part * np.sqrt(2) * [np.cos(angle), np.sin(angle)]


def bars() -> Iterator[tuple[int, Chord, bool]]:
    """Go through the song: first sample, chord, and whether it is the last bar."""
    for bar, chord in enumerate(CHORDS):
        yield bar * 8 * EIGHTH, chord, bar == BARS - 1


def play_drums(track: Samples, rng: np.random.Generator) -> None:
    """Play a backbeat with eighths on the hi-hat; the last bar is one stroke."""
    for start, _, last in bars():
        if last:
            place(track, kick(), start, gain=0.9)
            place(track, cymbal(rng, 0.6), start, gain=0.12, pan=0.3)
            continue
        for eighth in (0, 4) if start == 0 else (0, 4, 5):
            place(track, kick(), start + eighth * EIGHTH, gain=0.9)
        for eighth in (2, 6):
            place(track, snare(rng), start + eighth * EIGHTH, gain=0.45)
        for eighth in range(8):
            length = 0.2 if eighth == 7 else 0.08  # noqa: PLR2004 - the last eighth opens the hi-hat
            place(track, cymbal(rng, length), start + eighth * EIGHTH, gain=0.10 - eighth % 2 * 0.04, pan=0.3)


def play_bass(track: Samples) -> None:
    """Walk from the root over the fifth to the octave; the last bar holds the root."""
    for start, (root, _), last in bars():
        steps = [(0, 0, 7)] if last else [(0, 0, 3), (3, 0, 1), (4, 7, 2), (6, 12, 1), (7, 7, 1)]
        for eighth, interval, length in steps:
            sound = string(root + interval, 0.9 * length * EIGHTH / RATE, partials=8, tilt=1.2, decay=2)
            place(track, sound, start + eighth * EIGHTH)


def play_chords(track: Samples) -> None:
    """Hold each chord and break it two octaves higher, left and right in turn."""
    for start, (_, chord), last in bars():
        for midi, pan in zip(chord, (-0.5, 0.0, 0.5, 0.2), strict=False):
            place(track, string(midi, 2.1, partials=8, tilt=1.9, decay=1.2), start, gain=0.16, pan=pan)
        for eighth, tone in enumerate(() if last else (0, 1, 2, 1, 0, 1, 2, 1)):
            sound = string(chord[tone] + 24, 1.2 * EIGHTH / RATE, partials=6, tilt=1.6, decay=5)
            place(track, sound, start + eighth * EIGHTH, gain=0.10, pan=0.6 if eighth % 2 else -0.6)


def speak(word: str, speed: int, pitch: int) -> Samples:
    """Say a word on one pitch, without the silence around it."""
    said = subprocess.run(
        ["espeak-ng", "-m", "-v", VOICE, "-s", str(speed), "-p", str(pitch), "--stdout"],  # noqa: S607 - on PATH
        input=f'<prosody range="0">{word}</prosody>'.encode(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    header = 44
    sound = np.frombuffer(said, "<i2", offset=header) / 32768
    loud = np.flatnonzero(np.abs(sound) > 0.01)  # noqa: PLR2004 - -40 dB
    return sound[loud[0] : loud[-1] + 1]


def fundamental(sound: Samples) -> float:
    """Pitch in Hz of a word said on one pitch: the highest peak of the autocorrelation, 120 to 450 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, 1024)[::256] * np.hanning(1024)
    autocorrelation = np.fft.irfft((np.abs(np.fft.rfft(frames, 4096)) ** 2).sum(axis=0))
    shortest, longest = VOICE_RATE // 450, VOICE_RATE // 120
    lag = shortest + int(autocorrelation[shortest:longest].argmax())
    before, here, after = autocorrelation[lag - 1 : lag + 2]
    return float(VOICE_RATE / (lag + (before - after) / (2 * (before - 2 * here + after))))


def sing(word: str, midi: float, length: float) -> Samples:
    """Sing a word: `espeak-ng` comes near in length and pitch, a varying speed of playing does the rest."""
    wanted = pitch_hz(midi)
    speeds, pitches = range(80, 449), range(99)
    speed = 80 + bisect.bisect_left(speeds, -length, key=lambda s: -len(speak(word, s, 50)) / VOICE_RATE)
    pitch = bisect.bisect_left(pitches, wanted, key=lambda p: fundamental(speak(word, speed, p)))
    said = speak(word, speed, pitch)
    tuning = wanted / fundamental(said)
    fine = soxr.resample(said, VOICE_RATE, 2 * RATE, "VHQ")
    time = np.arange(int(len(fine) / 2 / tuning)) / RATE
    vibrato = 1 + VIBRATO * np.clip((time - 0.05) / 0.1, 0, 1) * np.sin(2 * np.pi * 5.2 * time)
    sung = np.interp(np.cumsum(2 * tuning * vibrato), np.arange(len(fine)), fine, right=0)
    return sung / rms(sung)


def vowel(sound: Samples) -> int:
    """Sample at which a word is first half as loud as it gets: what a listener takes for its beat."""
    loudness = np.convolve(np.abs(sound), np.ones(400) / 400, "same")
    return int(np.argmax(loudness > loudness.max() / 2))


def play_voice(track: Samples) -> None:
    """Sing the verse, each vowel on its beat."""
    for bar, line in enumerate(VERSE, start=VERSE_BAR):
        eighth = 8 * bar
        for word, midi, length in notes(line):
            sound = sing(word, midi, min(length * EIGHTH / RATE, 1.2))
            place(track, sound, eighth * EIGHTH - vowel(sound))
            eighth += length


def notes(line: str) -> Iterator[tuple[str, int, int]]:
    """Read a line of the verse: word, MIDI number, length in eighths."""
    for note in line.split():
        word, midi, *length = note.split(":")
        yield word, int(midi), int(length[0]) if length else 1


def perform() -> dict[str, Samples]:
    """Play all parts, each of unit power."""
    rng = np.random.default_rng(SEED)
    stems = {name: np.zeros((BARS * 8 * EIGHTH, 2)) for name in LEVELS}
    play_voice(stems["vocals"])
    play_drums(stems["drums"], rng)
    play_bass(stems["bass"])
    play_chords(stems["other"])
    return {name: stem / rms(stem) for name, stem in stems.items()}


def mix(stems: dict[str, Samples]) -> dict[str, npt.NDArray[np.int16]]:
    """Balance the stems and round them to 16 bits; the mixture is the sum of what was rounded."""
    balanced = {name: stem * 10 ** (LEVELS[name] / 20) for name, stem in stems.items()}
    gain = PEAK * 32767 / np.abs(sum(balanced.values())).max()
    rounded = {name: np.rint(gain * stem).astype(np.int16) for name, stem in balanced.items()}
    mixture = np.sum(list(rounded.values()), axis=0, dtype=np.int64)
    check("peak", np.abs(mixture).max() / 32768)
    return {"mixture": mixture.astype(np.int16), **rounded}


def check(what: str, value: float) -> None:
    """Stop where the song is outside its limits."""
    low, high = LIMITS[what]
    if not low <= value <= high:
        message = f"{what} is {value:g}; it has to be {low} to {high}"
        raise SystemExit(message)


def write(song: dict[str, npt.NDArray[np.int16]], folder: Path) -> Iterator[tuple[str, float, int]]:
    """Write the files; give name, level in dB of full scale and bytes of each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sound in song.items():
        path = folder / f"{name}.flac"
        soundfile.write(path, sound, RATE, subtype="PCM_16", compression_level=1.0)
        yield name, 20 * np.log10(rms(sound / 32768)), path.stat().st_size


def main() -> None:
    """Make the song and print its table."""
    parser = argparse.ArgumentParser(description="Make the demonstration song and its true stems.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the FLAC files go")
    folder = parser.parse_args().folder
    song = mix(perform())
    length = len(song["mixture"]) / RATE
    check("seconds", length)
    total = 0
    for name, level, size in write(song, folder):
        print(f"{name:8} {level:6.1f} dB {size:10,d} bytes")
        total += size
    check("bytes", total)
    print(f"{length:.1f} s, {total:,d} bytes")


if __name__ == "__main__":
    main()

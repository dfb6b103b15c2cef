"""Noise through every format, and one table of it: ``python -m tests.audio.formats``, or ``make formats``.

Written are all codecs, by us, and read by us. Read are all formats, written by libsndfile and FFmpeg. What came back
has to be in step and exactly as long; what loses nothing has to be the samples, and what loses something at least as
good, less 1 dB, as what the plain encoder and decoder make of it with the same settings. Ends with 1 where that is
missed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import soundfile

from spleeter_nb.audio import CODECS, write
from spleeter_nb.audio.sndfile import _vorbis_level
from tests.audio.signals import Samples, decode, encode, lag, noise, read, snr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

FRAMES = 20_011
RATES = (8_000, 22_050, 44_100, 48_000, 96_000, 192_000)
CHANNELS = (1, 2, 6, 8)
QUICK_RATE, QUICK_CHANNELS = 48_000, (2, 6)

LFE = 3
"""Of six and eight channels: lossy codecs keep only its lowest tones."""

VORBIS_ORDER = {6: (0, 2, 1, 4, 5, 3), 8: (0, 2, 1, 6, 7, 4, 5, 3)}
"""Where the channels of a WAV file lie in Vorbis (Vorbis I, 4.3.9)."""

LOSS = 1.0
"""dB that a file may be worse than the plain encoder's."""

EDGE = 4_096
"""Samples at either end that plain decoders lose."""

MOST_PADDING = 2_048
"""Samples in front and at the end together, where a container does not tell of them."""

ALMOST = 200.0
"""dB of what differs from the samples, if only at its ends."""

HEAD = ("", "format", "setting", "rate", "channels", "lag", "extra", "SNR", "plain", "")
WIDTHS = (7, 18, 14, 6, 8, 5, 5, 6, 6, 6)
SUMMARY_HEAD = ("", "format", "setting", "rates, kHz", "channels", "lag", "length", "SNR", "beside the plain encoder")
START, END = "<!-- formats: start -->\n", "<!-- formats: end -->\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of the matrix."""

    direction: Literal["written", "read"]
    format: str
    setting: str
    sample_rate: int
    channels: int
    make: Callable[[Path, Samples], None]
    bits: int | None = None
    """Of lossless formats: they have to give the samples back."""
    plainly: Callable[[Path, Samples], Samples] | None = None
    """What plain libraries make of lossy ones: of the file, or of the samples."""
    tells_length: bool = True
    """Whether the container says to the sample where the sound ends; else its last block does."""

    @property
    def row(self) -> tuple[str, str, str]:
        """What the cases of one line of the short table have in common."""
        return self.direction, self.format, self.setting


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back."""

    case: Case
    lag: int
    extra: int
    """Samples more than were written."""
    quality: float
    """dB; infinite where nothing is lost."""
    reference: float | None
    """dB, of the plain encoder and decoder; None for lossless formats."""

    @property
    def met(self) -> bool:
        most = 0 if self.case.tells_length else MOST_PADDING
        if self.lag != 0 or not 0 <= self.extra <= most:
            return False
        return math.isinf(self.quality) if self.reference is None else self.quality > self.reference - LOSS


def written() -> Iterator[Case]:
    """What we write ourselves: all codecs of the table with all that they have."""
    for name, codec in CODECS.items():
        for rate, channels in itertools.product(RATES, CHANNELS):
            if rate not in codec.sample_rates or channels > codec.max_channels:
                continue
            for depth in codec.bit_depths:
                make = partial(by_us, sample_rate=rate, codec=name, bit_depth=depth)
                bits, setting = (32, "float") if depth == "float" else (depth, f"{depth} bit")
                yield Case("written", name, setting, rate, channels, make, bits=bits)
            if codec.bitrates:
                bitrate = min(codec.bitrate_per_channel * channels, codec.bitrates[1])
                plainly = partial(PLAIN_ENCODERS[name], sample_rate=rate, bitrate=bitrate)
                setting = f"{codec.bitrate_per_channel // 1000}k a channel"
                make = partial(by_us, sample_rate=rate, codec=name)
                yield Case("written", name, setting, rate, channels, make, plainly=plainly)


def by_us(path: Path, samples: Samples, **options: object) -> None:
    write(path, samples, **options)


def plain_pyav(_: Path, samples: Samples, *, codec: str, container: str, sample_rate: int, bitrate: int) -> Samples:
    with tempfile.TemporaryFile() as file:
        encode(file, samples, codec=codec, container=container, sample_rate=sample_rate, bitrate=bitrate)
        file.seek(0)
        return decode(file)


def plain_vorbis(path: Path, samples: Samples, *, sample_rate: int, bitrate: int) -> Samples:
    """Take libvorbis, the format's reference encoder, with the quality that has this nominal bit rate."""
    plain, channels = path.with_name("plain"), samples.shape[1]
    order = VORBIS_ORDER.get(channels, range(channels))
    level = _vorbis_level(bitrate, min(sample_rate, 48_000), channels)
    with soundfile.SoundFile(
        plain, "w", sample_rate, channels, format="OGG", subtype="VORBIS", compression_level=level
    ) as file:
        for start in range(0, len(samples), 1_000):  # it crashes over long blocks
            file.write(samples[start : start + 1_000, order])
    return soundfile.read(plain, dtype="float32", always_2d=True)[0][:, np.argsort(order)]


PLAIN_ENCODERS: dict[str, Callable[..., Samples]] = {
    "mp3": partial(plain_pyav, codec="libmp3lame", container="mp3"),
    "ogg": plain_vorbis,
    "m4a": partial(plain_pyav, codec="aac", container="mp4"),
    "wma": partial(plain_pyav, codec="wmav2", container="asf"),
}


@dataclass(frozen=True, slots=True)
class Foreign:
    """A format as others write it."""

    format: str
    setting: str
    make: Callable[..., None]
    rates: Sequence[int] = RATES
    channels: Sequence[int] = CHANNELS
    bits: int | None = None
    tells_length: bool = True


def by_soundfile(path: Path, samples: Samples, *, sample_rate: int, form: str, subtype: str) -> None:
    order = VORBIS_ORDER.get(samples.shape[1]) if subtype == "VORBIS" else None
    channels = samples[:, order] if order else samples
    with soundfile.SoundFile(path, "w", sample_rate, samples.shape[1], format=form, subtype=subtype) as file:
        for start in range(0, len(samples), 1_000):
            file.write(channels[start : start + 1_000])


def sndfile(form: str, subtype: str) -> Callable[..., None]:
    return partial(by_soundfile, form=form, subtype=subtype)


def ffmpeg(codec: str, container: str, **options: str) -> Callable[..., None]:
    return partial(encode, codec=codec, container=container, **options)


LAME_RATES, AAC_RATES = (8_000, 22_050, 44_100, 48_000), (8_000, 22_050, 44_100, 48_000, 96_000)
FOREIGN = (
    Foreign("WAV", "16 bit", sndfile("WAV", "PCM_16"), bits=16),
    Foreign("WAV", "24 bit", sndfile("WAV", "PCM_24"), bits=24),
    Foreign("WAV", "32 bit", sndfile("WAV", "PCM_32"), bits=32),
    Foreign("WAV", "float", sndfile("WAV", "FLOAT"), bits=32),
    Foreign("WAV", "double", sndfile("WAV", "DOUBLE"), bits=32),
    Foreign("RF64", "24 bit", sndfile("RF64", "PCM_24"), bits=24),
    Foreign("AIFF", "16 bit", sndfile("AIFF", "PCM_16"), bits=16),
    Foreign("AIFF", "24 bit", sndfile("AIFF", "PCM_24"), bits=24),
    Foreign("FLAC", "16 bit", sndfile("FLAC", "PCM_16"), bits=16),
    Foreign("FLAC", "24 bit", sndfile("FLAC", "PCM_24"), bits=24),
    Foreign("M4A", "ALAC", ffmpeg("alac", "ipod"), channels=(1, 2, 6), bits=16),
    Foreign("MOV", "24 bit", ffmpeg("pcm_s24le", "mov"), bits=24),
    Foreign("MKV", "FLAC", ffmpeg("flac", "matroska"), bits=16),
    Foreign("MP3", "LAME", ffmpeg("libmp3lame", "mp3"), LAME_RATES, (1, 2)),
    Foreign("OGG", "Vorbis", sndfile("OGG", "VORBIS")),
    Foreign("OGG", "Opus", ffmpeg("libopus", "ogg"), (48_000,)),
    Foreign("M4A", "AAC", ffmpeg("aac", "ipod"), AAC_RATES),
    Foreign("WMA", "WMA 2", ffmpeg("wmav2", "asf"), LAME_RATES, (1, 2), tells_length=False),
    Foreign("MP4 with pictures", "AAC", ffmpeg("aac", "mp4", pictures="mpeg4"), AAC_RATES),
    Foreign("MKV with pictures", "FLAC", ffmpeg("flac", "matroska", pictures="mpeg4"), bits=16),
    Foreign("MKV", "AAC", ffmpeg("aac", "matroska"), AAC_RATES, tells_length=False),
    Foreign("MKV", "AC-3", ffmpeg("ac3", "matroska"), (48_000,), (1, 2, 6), tells_length=False),
    Foreign("MKV", "Opus", ffmpeg("libopus", "matroska"), (48_000,)),
    Foreign("WebM with pictures", "Opus", ffmpeg("libopus", "webm", pictures="libvpx"), (48_000,)),
    Foreign(
        "MP3",
        "no Xing frame",
        ffmpeg("libmp3lame", "mp3", write_xing="0"),
        LAME_RATES,
        (1, 2),
        tells_length=False,
    ),
    Foreign("AAC", "no container", ffmpeg("aac", "adts"), AAC_RATES, tells_length=False),
    Foreign("AVI", "MP3", ffmpeg("libmp3lame", "avi"), LAME_RATES, (1, 2), tells_length=False),
    Foreign("FLV", "AAC", ffmpeg("aac", "flv"), AAC_RATES, (1, 2), tells_length=False),
    Foreign("MPEG", "MP2", ffmpeg("mp2", "mpeg"), (44_100, 48_000), (1, 2), tells_length=False),
    Foreign("MPEG-TS", "AAC", ffmpeg("aac", "mpegts"), AAC_RATES, tells_length=False),
)


def read_from_others() -> Iterator[Case]:
    """What we read: all formats, as the libraries write them that everybody uses."""
    for foreign in FOREIGN:
        for rate, channels in itertools.product(foreign.rates, foreign.channels):
            yield Case(
                "read",
                foreign.format,
                foreign.setting,
                rate,
                channels,
                partial(foreign.make, sample_rate=rate),
                bits=foreign.bits,
                plainly=None if foreign.bits else lambda path, _: decode(path),
                tells_length=foreign.tells_length,
            )


def cases() -> list[Case]:
    return [*written(), *read_from_others()]


def quick() -> list[Case]:
    """A few of each row: stereo and 5.1, at 48 kHz."""
    return [case for case in cases() if case.sample_rate == QUICK_RATE and case.channels in QUICK_CHANNELS]


def measure(case: Case, folder: Path) -> Outcome:
    samples, path = noise(FRAMES, case.channels), folder / "song"
    if case.bits:
        # Values that so many bits can have.
        steps = 2 ** (case.bits - 1)
        samples = (np.rint(samples * steps) / steps).astype(np.float32)
    case.make(path, samples)
    found = read(path)
    late = lag(found, samples)
    plain = case.plainly(path, samples) if case.plainly else None
    return Outcome(
        case,
        late,
        len(found) - len(samples),
        quality(found, samples, late),
        None if plain is None else quality(plain, samples, lag(plain, samples)),
    )


def quality(found: Samples, samples: Samples, late: int) -> float:
    """Return dB, of the channels that a lossy codec keeps and without the ends, where a part of it may be missing."""
    if np.array_equal(found, samples):
        return math.inf
    heard = [channel for channel in range(samples.shape[1]) if samples.shape[1] <= LFE + 1 or channel != LFE]
    stop = len(samples) - EDGE
    return min(snr(found[EDGE + late : stop + late, heard], samples[EDGE:stop, heard]), ALMOST)


def line_of(outcome: Outcome) -> tuple[str, ...]:
    """Make a line of the whole table."""
    case = outcome.case
    plain = "" if outcome.reference is None else f"{outcome.reference:.1f}"
    quality = "exact" if math.isinf(outcome.quality) else f"{outcome.quality:.1f}"
    verdict = "met" if outcome.met else "MISSED"
    return *case.row, *map(str, (case.sample_rate, case.channels, outcome.lag, outcome.extra)), quality, plain, verdict


def summary(outcomes: Iterable[Outcome]) -> list[tuple[str, ...]]:
    """Make the short table: a line for each format and setting, with all its rates and channels."""
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.case.row, []).append(outcome)
    lines = [(*tried([outcome.case for outcome in found]), *came_back(found)) for found in groups.values()]
    return [SUMMARY_HEAD, *lines]


def tried(of_row: Sequence[Case]) -> tuple[str, ...]:
    """Make the cells of what was tried."""
    rates, channels = {case.sample_rate / 1000 for case in of_row}, {case.channels for case in of_row}
    return *of_row[0].row, listed(rates), listed(channels)


def listed(numbers: Iterable[float]) -> str:
    return ", ".join(f"{number:g}" for number in sorted(numbers))


def came_back(found: Sequence[Outcome]) -> tuple[str, ...]:
    """Make the cells of what came of it."""
    lags = listed({outcome.lag for outcome in found})
    extras = listed({outcome.extra for outcome in found}) if found[0].case.tells_length else "not told"
    plain = [outcome.quality - outcome.reference for outcome in found if outcome.reference is not None]
    best, worst = (find(outcome.quality for outcome in found) for find in (max, min))
    quality = "exact" if math.isinf(worst) else f"{worst:.1f} to {best:.1f} dB"
    # Minus zero is zero.
    return lags, extras, quality, f"{round(min(plain), 1) + 0:.1f} dB" if plain else ""


def markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = lines
    return "".join(f"| {' | '.join(line)} |\n" for line in [head, ["---"] * len(head), *rest])


def store(page: Path, lines: Sequence[Sequence[str]]) -> None:
    """Put the short table between the marks of a page."""
    before, rest = page.read_text("utf-8").split(START)
    page.write_text(f"{before}{START}{markdown(lines)}{END}{rest.split(END)[1]}", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.audio.formats", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the short table there, if nothing is missed")
    asked = parser.parse_args()
    print_line(HEAD)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="spleeter_nb-formats-") as folder:
        for case in cases():
            outcomes.append(measure(case, Path(folder)))
            print_line(line_of(outcomes[-1]))
    missed = sum(not outcome.met for outcome in outcomes)
    sys.stdout.write(f"\n{markdown(summary(outcomes))}\n{len(outcomes)} cases, {missed} missed\n")
    if asked.write and not missed:
        store(asked.write, summary(outcomes))
    return int(missed > 0)


def print_line(cells: Sequence[str]) -> None:
    line = "  ".join(f"{cell:{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    sys.stdout.write(f"{line.rstrip()}\n")


if __name__ == "__main__":
    sys.exit(main())

"""What can be written: one table of codecs, and the checks that read it.

Lossless codecs have bit depths, lossy ones bit rates. MP3, M4A and WMA are written by FFmpeg's encoders, Vorbis by
libsndfile, which has the reference encoder (FFmpeg's own calls itself experimental).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias, get_args

from spleeter_nb.audio.ffmpeg_encoder import FFmpegEncoder
from spleeter_nb.audio.pcm import BitDepth
from spleeter_nb.audio.sndfile import FlacEncoder, VorbisEncoder
from spleeter_nb.audio.wav import WavEncoder
from spleeter_nb.exceptions import UnsupportedFormatError, ValidationError, is_one_of, nearest
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from spleeter_nb.values import FloatArray, Tags

Bitrate: TypeAlias = int | str
"""Bits a second of all channels, or what Spleeter writes for them: ``"128k"``."""

_BITRATE = re.compile(r"(\d{1,9})([kKmM]?)", re.ASCII)
_FACTORS = {"": 1, "k": 1000, "m": 1_000_000}


class Encoder(Protocol):
    """Samples become bytes; an `OSError` of the file passes through."""

    def write(self, block: FloatArray) -> None:
        """Append float32 samples of shape ``(samples, channels)``."""

    def finish(self) -> None:
        """Complete the file; nothing can be appended after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """What can be asked of a codec."""

    make: Callable[..., Encoder]
    """Begins an open file, which stays open; takes `sample_rate`, `channels`, `tags`, and `bit_depth` or `bitrate`."""
    bit_depths: tuple[BitDepth, ...] = ()
    """Of lossless codecs; the first is the default."""
    bitrates: tuple[int, int] | None = None
    """Of lossy codecs, the lowest and the highest that can be asked for; the encoder takes the nearest it has."""
    bitrate_per_channel: int = 0
    """The default of lossy codecs."""
    sample_rates: Collection[int]
    """Hz."""
    max_channels: int
    can_be_empty: bool = False
    """Whether a file of it can say that it holds no samples."""

    @property
    def is_lossless(self) -> bool:
        """Whether it has a bit depth, and no bit rate."""
        return self.bitrates is None


CODECS: dict[str, Codec] = {
    "wav": Codec(
        make=WavEncoder,
        bit_depths=get_args(BitDepth),
        sample_rates=range(1, 768_001),
        max_channels=65_535,
        can_be_empty=True,
    ),
    "flac": Codec(make=FlacEncoder, bit_depths=(16, 24), sample_rates=range(1, 655_351), max_channels=8),
    "mp3": Codec(
        make=partial(FFmpegEncoder, "mp3"),
        bitrates=(8_000, 320_000),
        bitrate_per_channel=128_000,
        sample_rates=(8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        max_channels=2,
    ),
    "ogg": Codec(
        make=VorbisEncoder,
        bitrates=(8_000, 2_000_000),
        bitrate_per_channel=96_000,
        sample_rates=range(4_000, 200_001),
        max_channels=8,
    ),
    "m4a": Codec(
        make=partial(FFmpegEncoder, "m4a"),
        bitrates=(8_000, 2_000_000),
        bitrate_per_channel=128_000,
        sample_rates=(
            *(7_350, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000),
            *(44_100, 48_000, 64_000, 88_200, 96_000),
        ),
        max_channels=8,
    ),
    "wma": Codec(
        make=partial(FFmpegEncoder, "wma"),
        bitrates=(24_000, 320_000),
        bitrate_per_channel=96_000,
        sample_rates=range(8_000, 48_001),
        max_channels=2,
    ),
}  # fmt: skip
"""By the name that users give, which is the extension of the file too."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to write: a codec, and what it was asked for; made by `choose_encoding`, which checks it."""

    codec: str
    bit_depth: BitDepth | None
    """None for lossy codecs."""
    bitrate: int | None
    """Bits a second; None for lossless codecs, and for the default."""

    def begin(self, file: IO[bytes], *, sample_rate: int, channels: int, tags: Tags = NO_TAGS) -> Encoder:
        """Begin a file, whose shape was checked; it stays open when the encoder is finished."""
        codec = CODECS[self.codec]
        make = partial(codec.make, file, sample_rate=sample_rate, channels=channels, tags=tags)
        if codec.bitrates is None:
            return make(bit_depth=self.bit_depth)
        return make(bitrate=self.bitrate or min(codec.bitrate_per_channel * channels, codec.bitrates[1]))

    def check(self, *, sample_rate: int, channels: int) -> None:
        """Raise `ValidationError` when the codec has no such rate, or not so many channels."""
        codec = CODECS[self.codec]
        if not 1 <= channels <= codec.max_channels:
            raise ValidationError(
                f"{self.codec} has channels from 1 to {codec.max_channels}, not {channels}.",
                channels=channels,
                codec=self.codec,
            )
        if int(sample_rate) not in codec.sample_rates:
            others = [name for name, other in CODECS.items() if int(sample_rate) in other.sample_rates]
            advice = f" A file of {sample_rate} Hz can be: {', '.join(others)}." if others else ""
            raise ValidationError(
                f"{self.codec} has no sample_rate of {sample_rate} Hz; it has {_listed(codec.sample_rates)}.{advice}",
                sample_rate=sample_rate,
                codec=self.codec,
                allowed=codec.sample_rates,
                codecs=tuple(others),
            )


def choose_encoding(codec: str, *, bit_depth: BitDepth | None = None, bitrate: Bitrate | None = None) -> Encoding:
    """Check what was asked for, and fill in the default.

    Parameters
    ----------
    codec : str
        One of `CODECS`.
    bit_depth : {16, 24, 32, "float"}, optional
        Of lossless codecs only; None takes 16.
    bitrate : int or str, optional
        Of lossy codecs only: bits a second, or ``"128k"``; None takes the codec's default.

    Raises
    ------
    UnsupportedFormatError
        When there is no such codec.
    ValidationError
        When the codec has no such bit depth or bit rate.
    """
    if not is_one_of(codec, CODECS):
        raise UnsupportedFormatError(
            f"There is no codec {codec!r} to write; there are {', '.join(CODECS)}.{nearest(str(codec), CODECS)}",
            codec=codec,
            allowed=tuple(CODECS),
        )
    about = CODECS[codec]
    if about.bitrates is None:
        _refuse("bitrate", bitrate, codec, instead="bit_depth")
        return Encoding(codec, _checked_depth(codec, about, bit_depth), None)
    _refuse("bit_depth", bit_depth, codec, instead="bitrate")
    return Encoding(codec, None, None if bitrate is None else _checked_bitrate(codec, about.bitrates, bitrate))


def fitting_bitrate(codec: str, bitrate: Bitrate | None) -> Bitrate | None:
    """Leave a bit rate out where the codec has none to choose, for those who give one always, as Spleeter does."""
    return None if codec in CODECS and CODECS[codec].is_lossless else bitrate or None


def _refuse(option: str, value: object, codec: str, *, instead: str) -> None:
    if value is not None:
        fitting = ", ".join(name for name, about in CODECS.items() if about.is_lossless == (option == "bit_depth"))
        raise ValidationError(
            f"{option} is {value!r}, and {codec} has none: leave it out, give {instead}, or take one of {fitting}.",
            option=option,
            value=value,
            codec=codec,
        )


def _checked_depth(name: str, codec: Codec, bit_depth: BitDepth | None) -> BitDepth:
    if bit_depth is None:
        return codec.bit_depths[0]
    if not is_one_of(bit_depth, codec.bit_depths):
        allowed = ", ".join(repr(depth) for depth in codec.bit_depths)
        raise ValidationError(
            f"bit_depth is {bit_depth!r}; allowed with {name}: {allowed}.",
            option="bit_depth",
            value=bit_depth,
            allowed=codec.bit_depths,
        )
    return bit_depth


def _checked_bitrate(name: str, limits: tuple[int, int], bitrate: Bitrate) -> int:
    bits = _bits_a_second(bitrate)
    lowest, highest = limits
    if bits is None or not lowest <= bits <= highest:
        raise ValidationError(
            f"bitrate is {bitrate!r}; allowed with {name}: {lowest} to {highest} bits a second, or as in "
            f"'{lowest // 1000}k' and '{highest // 1000}k'.",
            option="bitrate",
            value=bitrate,
            allowed=limits,
        )
    return bits


def _bits_a_second(bitrate: object) -> int | None:
    """Read a bit rate; None for what is none."""
    if isinstance(bitrate, str):
        match = _BITRATE.fullmatch(bitrate.strip())
        return int(match[1]) * _FACTORS[match[2].lower()] if match else None
    return bitrate if isinstance(bitrate, int) and not isinstance(bitrate, bool) else None


def _listed(sample_rates: Collection[int]) -> str:
    if isinstance(sample_rates, range):
        return f"{sample_rates[0]} to {sample_rates[-1]}"
    return ", ".join(map(str, sample_rates))

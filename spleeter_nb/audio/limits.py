"""How much is read, and in which formats: what no decoder could bear, and what the settings allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spleeter_nb.audio.sniff import ENDINGS
from spleeter_nb.exceptions import AudioLimitError, UnsupportedFormatError, ValidationError, nearest

if TYPE_CHECKING:
    from spleeter_nb.audio.source import Source
    from spleeter_nb.values import AudioInfo

MAX_CHANNELS = 64
MAX_SAMPLE_RATE = 768_000

_MB = 2**20
_NAMES = frozenset(ENDINGS).union(*ENDINGS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the settings of the same names allow; None: anything.

    They hold for what is there and for what comes out of a decoder, whatever a file declares.

    Raises
    ------
    ValidationError
        If there is no format of a name.
    """

    max_file_mb: int | None = None
    """The largest file, of 2**20 bytes each."""
    max_duration_s: float | None = None
    """Where reading ends at the latest, in seconds from the beginning of the source."""
    supported_formats: tuple[str, ...] | None = None
    """Formats by their names or by what names of their files end in; arrays are in none."""

    def __post_init__(self) -> None:
        for name in self.supported_formats or ():
            if name not in _NAMES:
                raise ValidationError(
                    f"supported_formats has {name!r}, which is no format.{nearest(name, _NAMES)} Formats are "
                    f"{', '.join(sorted(_NAMES))}.",
                    setting="supported_formats",
                    value=name,
                )

    def check_size(self, source: Source) -> None:
        """Raise `AudioLimitError` if a file is too large."""
        if self.max_file_mb is not None and source.size > self.max_file_mb * _MB:
            raise AudioLimitError(
                f"{source.name!r} has {source.size / _MB:.1f} MB; the setting max_file_mb allows {self.max_file_mb}.",
                source=source.name,
                size=source.size,
                max_file_mb=self.max_file_mb,
            )

    def check_format(self, name: str, format_: str) -> None:
        """Raise `UnsupportedFormatError` if a format, as `sniff` calls it, is not among those wanted."""
        wanted = self.supported_formats
        if wanted is not None and not {format_, *ENDINGS[format_]} & set(wanted):
            raise UnsupportedFormatError(
                f"{name!r} is in the format {format_}; the setting supported_formats allows {', '.join(wanted)}.",
                source=name,
                format=format_,
                supported_formats=wanted,
            )

    def check_length(self, info: AudioInfo, frames: float) -> None:
        """Raise `AudioLimitError` if a source is to be read, or was, beyond what is allowed.

        Parameters
        ----------
        info : AudioInfo
        frames : int or infinity
            Samples per channel, from the beginning of the source.
        """
        if self.max_duration_s is not None and frames > self.max_duration_s * info.sample_rate:
            raise AudioLimitError(
                f"{info.name!r} goes on after {self.max_duration_s:g} s, and the setting max_duration_s allows no "
                "more. Separate a part of it with duration, or raise the setting.",
                source=info.name,
                max_duration_s=self.max_duration_s,
            )


NO_LIMITS = Limits()


def beyond_all(info: AudioInfo) -> AudioLimitError | None:
    """Return what to raise, before any sample is decoded, for channels or a rate that nothing here is made for."""
    if not 1 <= info.channels <= MAX_CHANNELS:
        problem = f"{info.channels} channels; 1 to {MAX_CHANNELS} are read"
    elif not 1 <= info.sample_rate <= MAX_SAMPLE_RATE:
        problem = f"a rate of {info.sample_rate} Hz; 1 to {MAX_SAMPLE_RATE} Hz are read"
    else:
        return None
    return AudioLimitError(
        f"{info.name!r} has {problem}.",
        source=info.name,
        channels=info.channels,
        sample_rate=info.sample_rate,
    )

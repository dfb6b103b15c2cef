"""The few verbs that every decoder has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from spleeter_nb.audio.damage import ADVICE
from spleeter_nb.exceptions import TruncatedAudioError

if TYPE_CHECKING:
    from spleeter_nb.values import AudioInfo, FloatArray

_DISCARD_FRAMES = 1 << 16


class Decoder(Protocol):
    """Samples of one source, from the first to the last."""

    info: AudioInfo
    tolerance: float
    """Part of the declared length that may be missing in the end without being a fault."""
    errors: tuple[type[Exception], ...]
    """What `skip` and `read` raise when the bytes make no sense."""

    def skip(self, frames: int) -> int:
        """Leave out `frames` samples per channel; the result is less only at the end."""

    def read(self, frames: int) -> FloatArray:
        """Give a new array of shape ``(frames, channels)``, in WAV's order of channels; shorter only at the end."""

    def close(self) -> None:
        """Free the decoder; the source stays open."""


def discard(decoder: Decoder, frames: int) -> int:
    """Skip by reading, for formats in which seeking is not exact.

    libsndfile's seeking in Vorbis, for one, lands up to a block beside the sample asked for.

    Parameters
    ----------
    decoder : Decoder
        Read from.
    frames : int
        Samples per channel.

    Returns
    -------
    int
        Samples per channel skipped, fewer than `frames` only at the end.
    """
    skipped = 0
    while skipped < frames:
        got = len(decoder.read(min(_DISCARD_FRAMES, frames - skipped)))
        if not got:
            break
        skipped += got
    return skipped


def missing_part(name: str, *, expected: int | None, got: int, tolerance: float = 0.0) -> TruncatedAudioError | None:
    """Compare what a container declares with what it gives.

    Parameters
    ----------
    name : str
        For the message.
    expected, got : int
        Samples per channel; `expected` is None where nothing is declared.
    tolerance : float
        Part of `expected` that may be missing.

    Returns
    -------
    TruncatedAudioError or None
        What to raise where more is missing.
    """
    if expected is None or got >= expected * (1 - tolerance):
        return None
    return TruncatedAudioError(
        f"{name!r} is cut off: it declares {expected} samples per channel and holds {got}. {ADVICE}",
        source=name,
        expected=expected,
        got=got,
    )

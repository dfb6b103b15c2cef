"""Reading: whatever was opened becomes blocks of float32, or one of our errors."""

from __future__ import annotations

import contextlib
import hashlib
import math
from typing import TYPE_CHECKING, Self

import numpy as np

from spleeter_nb.audio.damage import ADVICE
from spleeter_nb.audio.decoder import missing_part
from spleeter_nb.audio.pcm import silence_damage
from spleeter_nb.audio.source import Source
from spleeter_nb.exceptions import (
    AudioChangedError,
    CorruptAudioError,
    EmptyAudioError,
    TruncatedAudioError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from spleeter_nb.audio.arrays import ArrayDecoder
    from spleeter_nb.audio.damage import Damage
    from spleeter_nb.audio.decoder import Decoder
    from spleeter_nb.audio.limits import Limits
    from spleeter_nb.values import AudioInfo, FloatArray, NonFinite

_PIECE = 1 << 10
"""Samples per channel that are lost with the first damage, at most."""


class AudioReader:
    """Samples of one source, block by block; made by `open_audio`, closed by ``with`` or `close`.

    Attributes
    ----------
    info : AudioInfo
        What the source says of itself.
    replaced : int
        Values so far that were NaN, infinite or beyond any sound, and became 0.
    """

    def __init__(
        self,
        decoder: Decoder,
        origin: Source | ArrayDecoder,
        *,
        damage: Damage,
        nonfinite: NonFinite,
        limits: Limits,
    ) -> None:
        self.info: AudioInfo = decoder.info
        self.replaced = 0
        self._salvaged: int | None = None
        self._is_broken = False
        self._damage, self._nonfinite, self._limits = damage, nonfinite, limits
        self._decoder = decoder
        self._origin = origin
        self._source = origin if isinstance(origin, Source) else None
        self._is_used = False
        self._digest: str | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the sound, in words; complete when all blocks were read."""
        notes = []
        if self._salvaged is not None:
            notes.append(f"damaged: only the first {self._salvaged / self.info.sample_rate:.2f} s can be read")
        if self.replaced:
            notes.append(f"{self.replaced} values were not finite or beyond any sound, and became 0")
        return tuple(notes)

    def content_digest(self, check: Callable[[], None] = lambda: None) -> str:
        """Hash the source: its bytes, or an array's values, type, shape and rate; names and dates do not count.

        Parameters
        ----------
        check : callable
            Called between blocks; what it raises ends the hashing.

        Returns
        -------
        str
            BLAKE2b of 256 bits, in hexadecimal.
        """
        if self._digest is None:
            self._digest = self._hashed(check)
        return self._digest

    def check_unchanged(self, check: Callable[[], None] = lambda: None) -> None:
        """Raise `AudioChangedError` when the source is not what it was when it was opened, or hashed.

        A file's identity tells that. What has none, an array or a stranger's file object, is hashed again if it was
        hashed before; `check` as in `content_digest`.
        """
        if self._source is not None:
            self._source.check_unchanged()
        is_watched = self._source is not None and self._source.is_watched
        if self._digest is not None and not is_watched and self._hashed(check) != self._digest:
            raise AudioChangedError(
                f"{self.info.name!r} was changed while it was separated. Leave it as it is until the separation has "
                "ended, or give a copy.",
                source=self.info.name,
            )

    def position_kept(self) -> AbstractContextManager[None]:
        """Let the source be opened and read anew inside, and go on afterwards where this reader stood."""
        return contextlib.nullcontext() if self._source is None else self._source.position_kept()

    def blocks(self, frames: int, *, offset: float = 0.0, duration: float | None = None) -> Iterator[FloatArray]:
        """Decode, once for each reader.

        Parameters
        ----------
        frames : int
            Samples per channel in a block.
        offset : float
            Seconds to leave out at the start.
        duration : float, optional
            Seconds to read; None reads to the end, and so does more than there is.

        Returns
        -------
        iterator of ndarray of float32, shape (frames, channels)
            New arrays, C-contiguous, full scale 1.0, finite; only the last one may be shorter. Channels come in the
            order of WAV files (left, right, centre, LFE, back, side), whatever the order of the format.

        Raises
        ------
        ValidationError
            When an argument makes no sense, or `offset` lies beyond the end.
        AudioLimitError
            When it is longer than the limits allow; where its container does not say so, while iterating.
        EmptyAudioError, CorruptAudioError, TruncatedAudioError, AudioChangedError
            While iterating, when the source does not keep what it promises.
        """
        if self._is_used:
            raise ValidationError("A reader gives its blocks once. Open the source again.")
        if frames < 1:
            raise ValidationError(f"A block has at least 1 sample, not {frames}.", frames=frames)
        start = self._to_frames(_seconds("offset", offset))
        count = None if duration is None else self._to_frames(_seconds("duration", duration))
        if self.info.frames is not None:
            self._check_offset(start, self.info.frames)
        if count == 0:
            raise ValidationError(f"duration={duration} s is less than one sample.", duration=duration)
        end = math.inf if count is None else start + count
        # Where damage is borne, what is declared is no reason to refuse.
        declared = None if self._damage.is_borne else self.info.frames
        self._limits.check_length(self.info, start if declared is None else min(declared, end))
        self._is_used = True
        return self._blocks(frames, start, end)

    def _hashed(self, check: Callable[[], None]) -> str:
        digest = hashlib.blake2b(digest_size=32)
        for block in self._origin.contents():
            check()
            digest.update(block)
        return digest.hexdigest()

    def close(self) -> None:
        """Free everything that was opened; a file object of the caller stays open. Can be repeated."""
        self._decoder.close()
        if self._source is not None:
            self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _blocks(self, frames: int, start: int, end: float) -> Iterator[FloatArray]:
        position = self._skip(start)
        while position < end:
            block = self._read(int(min(frames, end - position)), position)
            if not len(block):
                self._check_end(position)
                break
            self._limits.check_length(self.info, position + len(block))
            self._check_finite(block, position)
            position += len(block)
            yield block
        if self._source is not None:
            self._source.check_unchanged()

    def _skip(self, start: int) -> int:
        try:
            skipped = self._decoder.skip(start)
        except self._decoder.errors as error:
            broken = self._broken(error, 0)
            broken.__cause__ = error
            self._damage.meet(broken)
            raise self._damage.nothing_left() or broken from error
        if skipped < start:
            self._check_end(skipped)
            self._check_offset(start, skipped)
        return skipped

    def _read(self, frames: int, position: int) -> FloatArray:
        """Decode a block; where damage is borne in pieces, so that what lies before it in the block is not lost."""
        if not self._damage.is_borne:
            return self._decode(frames, position)
        block = np.empty((frames, self.info.channels), np.float32)
        filled = 0
        while filled < frames:
            piece = self._decode(min(_PIECE, frames - filled), position + filled)
            if not len(piece):
                break
            block[filled : filled + len(piece)] = piece
            filled += len(piece)
        return block[:filled]

    def _decode(self, frames: int, position: int) -> FloatArray:
        if not self._is_broken:
            try:
                return self._decoder.read(frames)
            except self._decoder.errors as error:
                broken = self._broken(error, position)
                broken.__cause__ = error
                self._damage.meet(broken)
                self._is_broken = True
        return np.empty((0, self.info.channels), np.float32)

    def _broken(self, error: Exception, position: int) -> CorruptAudioError:
        """Find out why a decoder failed: a stranger's file object, a change, a cut, or plain damage."""
        name = self.info.name
        cut = False
        if self._source is not None:
            self._source.check_readable()
            self._source.check_unchanged()
            cut = self._source.is_exhausted
        if cut:
            return TruncatedAudioError(
                f"{name!r} ends in the middle of its sound, after {position} samples per channel ({error}). {ADVICE}",
                source=name,
                expected=self.info.frames,
                got=position,
            )
        seconds = position / self.info.sample_rate
        return CorruptAudioError(
            f"{name!r} is damaged soon after {seconds:.2f} s ({error}). {ADVICE}",
            source=name,
            position=position,
        )

    def _check_end(self, got: int) -> None:
        """Ask, where the decoder has nothing more to give, whether that is the end."""
        if self._source is not None:
            self._source.check_readable()
            self._source.check_unchanged()
        self._damage.meet(
            missing_part(self.info.name, expected=self.info.frames, got=got, tolerance=self._decoder.tolerance)
        )
        if not got:
            raise self._damage.nothing_left() or no_samples(self.info.name)
        if self._damage.first is not None:
            self._salvaged = got

    def _check_finite(self, block: FloatArray, position: int) -> None:
        """Make silence of what is no number, or no sound."""
        replaced = silence_damage(block)
        self.replaced += replaced
        if replaced and self._nonfinite == "error":
            seconds = position / self.info.sample_rate
            raise CorruptAudioError(
                f"{self.info.name!r} has values that are not finite or beyond any sound, {replaced} of them soon after "
                f"{seconds:.2f} s. With nonfinite='zero' they become 0.",
                source=self.info.name,
                position=position,
                count=replaced,
            )

    def _to_frames(self, seconds: float) -> int:
        return round(seconds * self.info.sample_rate)

    def _check_offset(self, start: int, frames: int) -> None:
        if start and start >= frames:
            rate = self.info.sample_rate
            raise ValidationError(
                f"offset={start / rate:g} s lies beyond the end: {self.info.name!r} lasts {frames / rate:g} s.",
                offset=start / rate,
                duration=frames / rate,
            )


def _seconds(name: str, value: float) -> float:
    """Check a time: a number, not negative, not NaN."""
    try:
        seconds = float(value)
    except (TypeError, ValueError) as error:
        raise ValidationError(f"{name} is a number of seconds, not {value!r}.", **{name: value}) from error
    if not 0 <= seconds < math.inf:
        raise ValidationError(f"{name} is a number of seconds from 0 on, not {value!r}.", **{name: value})
    return seconds


def no_samples(name: str) -> EmptyAudioError:
    """Return what to raise for sound without samples."""
    return EmptyAudioError(f"{name!r} is a sound file without a single sample.", source=name)

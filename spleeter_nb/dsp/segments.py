"""Cut a stream of samples into segments of whole frames, and join their stems again.

Segments are what the networks see at once: ``segment_frames`` frames. Spleeter puts one frame of zeros in front of
the song and lets segments touch: frame 0 of a segment follows the last frame of the one before. With an
`overlap` neighbours share frames, and what each says of the shared ones is cross-faded: the outer quarter on
either side, where a network has seen next to no context, is dropped, and the half between fades linearly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spleeter_nb.values import FloatArray


class Segment(NamedTuple):
    """One segment of a song."""

    samples: FloatArray
    """float32 (channels, span): the samples that its frames span, zeros behind the song's end."""
    weights: FloatArray
    """float32 (frames,): how much each frame counts, 0 to 1; over all segments the weights add up to 1."""
    end: int
    """How many samples of the song (at the model's rate) have been read when this segment was cut."""
    last: bool


@dataclass(frozen=True)
class Segmentation:
    """How a song is cut."""

    n_fft: int
    hop_length: int
    frames: int
    """Frames of one segment."""
    overlap: int = 0
    """Frames that neighbouring segments share, at most half of `frames`."""

    @property
    def span(self) -> int:
        """Samples that the frames of one segment span."""
        return (self.frames - 1) * self.hop_length + self.n_fft

    @property
    def advance(self) -> int:
        """Samples between the starts of two segments."""
        return (self.frames - self.overlap) * self.hop_length

    def count(self, samples: int) -> int:
        """Return how many segments a song of so many samples is cut into."""
        beyond = samples + self.n_fft - self.frames * self.hop_length
        return 1 + max(0, -(-beyond // self.advance))

    def borders(self, samples: int) -> tuple[int, ...]:
        """Return where one segment gives way to the next.

        Frame f of the stream is centred at sample ``f * hop_length - n_fft / 2`` of the song, for one frame of zeros
        stands in front of it. A border lies midway between the frames that two segments share, where both count by
        half; without an overlap, between the last frame of one and the first of the other.

        Parameters
        ----------
        samples : int
            The song's, at the model's rate.

        Returns
        -------
        tuple of int
            Samples of the song, ascending; only those inside it.
        """
        middle = (self.overlap - 1) * self.hop_length - self.n_fft
        borders = ((2 * k * self.advance + middle) // 2 for k in range(1, self.count(samples)))
        return tuple(border for border in borders if 0 < border < samples)

    def cut(self, blocks: Iterable[FloatArray], channels: int) -> Iterator[Segment]:
        """Cut a stream.

        Parameters
        ----------
        blocks : iterable of float32 (samples, channels)
            The song in blocks of any length.
        channels : int
            Columns of the blocks.

        Yields
        ------
        Segment
            At least one, also for a song without samples; the arrays are the caller's to keep.
        """
        buffer = np.zeros((channels, self.span), np.float32)
        filled, total, first = self.n_fft, 0, True
        for block in blocks:
            start = 0
            while start < len(block):
                taken = min(len(block) - start, self.span - filled)
                buffer[:, filled : filled + taken] = block[start : start + taken].T
                start, filled, total = start + taken, filled + taken, total + taken
                if filled == self.span:
                    yield Segment(buffer.copy(), self._weights(first=first, last=False), total, last=False)
                    filled, first = self._shift(buffer), False
        while True:
            buffer[:, filled:] = 0
            last = filled <= self.frames * self.hop_length
            yield Segment(buffer.copy(), self._weights(first=first, last=last), total, last=last)
            if last:
                return
            self._shift(buffer)
            filled, first = filled - self.advance, False

    def _shift(self, buffer: FloatArray) -> int:
        kept = self.span - self.advance
        buffer[:, :kept] = buffer[:, self.advance :].copy()
        return kept

    def _weights(self, *, first: bool, last: bool) -> FloatArray:
        weights = np.ones(self.frames, np.float32)
        if self.overlap:
            dropped = self.overlap // 4
            inner = self.overlap - 2 * dropped
            ramp = np.clip((np.arange(self.overlap) - dropped + 0.5) / inner, 0, 1).astype(np.float32)
            if not first:
                weights[: self.overlap] = ramp
            if not last:
                weights[-self.overlap :] = 1 - ramp
        return weights


class OverlapAdd:
    """Join the contributions of consecutive segments into a stream as long as the song.

    Parameters
    ----------
    segmentation : Segmentation
        How the song was cut.
    """

    def __init__(self, segmentation: Segmentation) -> None:
        self._advance = segmentation.advance
        self._tail: FloatArray | None = None
        # The frame of zeros in front of the song is not part of it.
        self._position = -segmentation.n_fft

    def push(self, contribution: FloatArray, segment: Segment) -> FloatArray:
        """Add one segment's contribution.

        Parameters
        ----------
        contribution : float32 (..., span)
            From :meth:`spleeter_nb.dsp.stft.Stft.inverse`; overwritten.
        segment : Segment
            The segment it belongs to.

        Returns
        -------
        float32 (..., samples)
            The next samples, which no later segment changes; with the last segment all that are left.
        """
        if self._tail is not None:
            contribution[..., : self._tail.shape[-1]] += self._tail
        stop = contribution.shape[-1] if segment.last else self._advance
        self._tail = contribution[..., stop:].copy()
        begin = max(0, -self._position)
        end = min(stop, segment.end - self._position)
        self._position += stop
        return contribution[..., begin : max(begin, end)]

"""Sending a song to the browser: asked once, everything comes, in order of need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spleeter_nb.dsp.peaks import merge_peaks, quantised
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets.sending import Sender
from spleeter_nb.widgets.song import SAMPLES_PER_BIN
from spleeter_nb.widgets.wire import MESSAGE_BYTES, Chunk, Peaks, SentAll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spleeter_nb.widgets.sending import Sent
    from spleeter_nb.widgets.song import Song
    from spleeter_nb.widgets.wire import Hello


class Streamer(Sender):
    """Sends what the last ``hello`` asked for.

    Parameters
    ----------
    post : bound method
        Of a message and its buffers; its object is not kept alive.
    """

    def __init__(self, post: Callable[..., None]) -> None:
        super().__init__(post, "sound")

    def start(self, song: Song, hello: Hello) -> None:
        """Begin to send, in place of what is being sent."""
        self.send(in_order_of_need(song, hello))


def check_hello(song: Song, hello: Hello) -> None:
    """Refuse what asks for something that there is not.

    Raises
    ------
    ValidationError
        If a sample or a chunk does not exist, or ranges are not in their order.
    """
    if not 0 <= hello.frame <= song.frames:
        raise ValidationError(f"hello.frame is {str(hello.frame)[:40]}; allowed: 0 to {song.frames}.")
    edges = [0, *(edge for held in hello.held for edge in held), song.chunks]
    if edges != sorted(edges):
        raise ValidationError(f"hello.held are no ascending ranges of chunks, of which there are {song.chunks}.")


def in_order_of_need(song: Song, hello: Hello) -> Iterator[Sent]:
    """Yield each message with its buffer: peaks, then the chunks from where it plays to the end, then those before."""
    if not hello.has_peaks:
        yield from _peaks(song)
    held = {chunk for first, stop in hello.held for chunk in range(first, stop)}
    begin = hello.frame // song.chunk_frames
    for chunk in (*range(begin, song.chunks), *range(min(begin, song.chunks))):
        if chunk not in held:
            for signal in range(len(song.signals)):
                yield from _parts(signal, chunk, song.encoded(signal, chunk))
    yield SentAll(), None


def _peaks(song: Song) -> Iterator[Sent]:
    # Peaks come in one message: of a song of more than three quarters of an hour, coarser ones.
    factor = 1
    while len(song.signals[0].peaks) * 2 > factor * MESSAGE_BYTES:
        factor *= 2
    for k, signal in enumerate(song.signals):
        extremes = quantised(merge_peaks(signal.peaks, factor), song.full_scale)
        message = Peaks(signal=k, samples_per_bin=factor * SAMPLES_PER_BIN, full_scale=song.full_scale)
        yield message, extremes.tobytes()


def _parts(signal: int, chunk: int, encoded: bytes) -> Iterator[Sent]:
    view, parts = memoryview(encoded), -(-len(encoded) // MESSAGE_BYTES)
    for part in range(parts):
        message = Chunk(signal=signal, chunk=chunk, part=part, parts=parts)
        yield message, view[part * MESSAGE_BYTES : (part + 1) * MESSAGE_BYTES]

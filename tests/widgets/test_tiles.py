"""What is wanted is sent, quickly first and then exactly, and what is not wanted any more is not."""

from __future__ import annotations

import itertools
import logging
import threading
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb.dsp.spectrogram import Spectrogram, max_pooled, quantised
from spleeter_nb.exceptions import AudioChangedError, ValidationError
from spleeter_nb.widgets.pyramid import Pyramid
from spleeter_nb.widgets.tiles import TileServer, check_wants, in_order
from spleeter_nb.widgets.wire import MESSAGE_BYTES, Failure, Tile, WantTiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.dsp.spectrogram import Read
    from spleeter_nb.values import FloatArray

pytestmark = pytest.mark.usefixtures("no_threads")

SLOW, QUICK = 4, 0


def read_of(samples: FloatArray) -> Read:
    return lambda first, stop: samples[first:stop]


@pytest.fixture
def pyramid(real_stems: dict[str, np.ndarray]) -> Pyramid:
    """Of four signals, in 2895 columns: all of them are one tile at level 4."""
    samples = len(real_stems["vocals"])
    spectrogram = Spectrogram(hop_length=256)
    return Pyramid([read_of(stem) for stem in real_stems.values()], spectrogram, samples=samples, full_db=3.0)


def wants(*names: tuple[int, int, int]) -> WantTiles:
    return WantTiles(tiles=names)


class Post:
    """What is posted, up to which one may wait."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.buffers: list[bytes] = []
        self.posted_one: Callable[[], object] = lambda: None

    def post(self, message: Any, buffers: tuple[bytes, ...] = ()) -> None:
        self.posted.append(message)
        self.buffers.extend(buffers)
        self.posted_one()

    @property
    def tiles(self) -> list[tuple[int, int, int, bool]]:
        return [(tile.signal, tile.level, tile.index, tile.exact) for tile in self.posted if isinstance(tile, Tile)]


def test_sampled_tiles_of_what_takes_long_come_first(pyramid: Pyramid, eventually: Callable[..., bool]) -> None:
    post = Post()
    server = TileServer(post.post)
    server.start(pyramid, wants((1, SLOW, 0), (0, QUICK, 3), (2, SLOW, 0), (1, SLOW, 0)))
    assert eventually(lambda: len(post.posted) == 5)
    assert post.tiles == [
        (1, SLOW, 0, False),
        (2, SLOW, 0, False),
        (1, SLOW, 0, True),
        (0, QUICK, 3, True),
        (2, SLOW, 0, True),
    ]
    server.start(pyramid, wants((2, SLOW, 0)))
    assert eventually(lambda: len(post.posted) == 6)
    assert post.tiles[5] == (2, SLOW, 0, True)
    server.stop()


def test_a_tile_is_its_bytes_deflated(pyramid: Pyramid, real_stems: dict[str, np.ndarray]) -> None:
    drums = real_stems["drums"]
    power = Spectrogram(hop_length=256).power(read_of(drums), 0, pyramid.columns(0), samples=len(drums))
    whole = quantised(power, 3.0).astype(int)
    assert whole.any()
    for level, index, columns in [(0, 0, 256), (0, 11, 79), (1, 1, 256), (4, 0, 181)]:
        *_, (_, buffer) = filter(None, in_order(pyramid, wants((1, level, index))))
        assert len(buffer) <= MESSAGE_BYTES
        sent = np.frombuffer(zlib.decompress(buffer), np.uint8).reshape(columns, 2049)
        expected = max_pooled(whole, 1 << level)[256 * index : 256 * (index + 1)]
        assert np.abs(sent - expected).max() <= 1


def test_nothing_wanted_is_nothing_sent(pyramid: Pyramid) -> None:
    assert list(in_order(pyramid, wants())) == []


def test_new_wants_take_the_place_of_the_old_ones(pyramid: Pyramid, eventually: Callable[..., bool]) -> None:
    post, may_go_on = Post(), threading.Event()
    post.posted_one = lambda: may_go_on.wait(5)
    server = TileServer(post.post)
    server.start(pyramid, wants(*((k, QUICK, index) for k in range(4) for index in range(10))))
    assert eventually(lambda: post.posted)
    for index in (5, 6, 7):
        server.start(pyramid, wants((0, QUICK, index)))
    may_go_on.set()
    assert eventually(lambda: len(post.posted) == 2)
    assert post.tiles == [(0, QUICK, 0, True), (0, QUICK, 7, True)]
    server.stop()


@pytest.mark.parametrize("end", ["stop", "start"])
def test_a_tile_is_left_within_a_step(real_stems: dict[str, np.ndarray], end: str, eventually: Any) -> None:
    vocals, post, reads = real_stems["vocals"], Post(), itertools.count()
    may_go_on, count = threading.Event(), 0

    def read(first: int, stop: int) -> FloatArray:
        nonlocal count
        # Of the exact tile: sampled frames come one by one.
        if stop - first > 4096 and (count := next(reads)) == 2:
            may_go_on.wait(5)
        return vocals[first:stop]

    pyramid = Pyramid([read], Spectrogram(hop_length=256), samples=len(vocals), full_db=3.0)
    server = TileServer(post.post)
    server.start(pyramid, wants((0, SLOW, 0)))
    assert eventually(lambda: count == 2)
    if end == "start":
        server.start(pyramid, wants())
    else:
        server.stop()
    may_go_on.set()
    assert eventually(lambda: all(thread.name != "spleeter_nb-stream" for thread in threading.enumerate()))
    assert post.tiles == [(0, SLOW, 0, False)]
    assert count == 2
    server.stop()


def test_samples_that_cannot_be_read_are_told_to_the_user(
    real_stems: dict[str, np.ndarray], eventually: Callable[..., bool], caplog: pytest.LogCaptureFixture
) -> None:
    def changed(*_: int) -> FloatArray:
        raise AudioChangedError("vocals.wav is not what it was.")

    vocals, post = real_stems["vocals"], Post()
    pyramid = Pyramid([read_of(vocals), changed], Spectrogram(), samples=len(vocals), full_db=3.0)
    server = TileServer(post.post)
    with caplog.at_level(logging.ERROR, "spleeter_nb"):
        server.start(pyramid, wants((0, 0, 0), (1, 0, 0), (0, 0, 1)))
        assert eventually(lambda: len(post.posted) == 2)
    assert post.tiles == [(0, 0, 0, True)]
    assert post.posted[1] == Failure(
        id=None, message="The spectrogram cannot be sent: vocals.wav is not what it was.", error="AudioChangedError"
    )
    assert "cannot be read" in caplog.text
    server.start(pyramid, wants((0, 0, 1)))
    assert eventually(lambda: post.tiles == [(0, 0, 0, True), (0, 0, 1, True)])
    server.stop()


def test_what_there_is_may_be_wanted(pyramid: Pyramid) -> None:
    everything = [(k, level, index) for k in range(4) for level in range(5) for index in range(pyramid.tiles(level))]
    check_wants(pyramid, wants())
    check_wants(pyramid, wants(*everything, *everything))
    check_wants(pyramid, wants(*[(0, 0, 0)] * 4000))


@pytest.mark.parametrize(
    "name",
    [(-1, 0, 0), (4, 0, 0), (0, -1, 0), (0, 5, 0), (0, 0, -1), (0, 0, 12), (0, 4, 1), (0, 10**30, 0), (0, 0, 10**30)],
)
def test_what_there_is_not_is_refused(pyramid: Pyramid, name: tuple[int, int, int]) -> None:
    with pytest.raises(ValidationError, match="signals below 4, levels below 5, and tiles within the song"):
        check_wants(pyramid, wants((0, 0, 0), name))


def test_more_than_any_screen_shows_is_refused(pyramid: Pyramid) -> None:
    with pytest.raises(ValidationError, match="are 4001; allowed: up to 4000"):
        check_wants(pyramid, wants(*[(0, 0, 0)] * 4001))

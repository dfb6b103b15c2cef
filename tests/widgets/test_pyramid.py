"""Tiles of all scales against the whole spectrogram, in whatever order they are asked for."""

from __future__ import annotations

import threading
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spleeter_nb.dsp.spectrogram import Spectrogram, decibels, max_pooled, quantised
from spleeter_nb.exceptions import AudioProcessingError
from spleeter_nb.widgets import pyramid as module
from spleeter_nb.widgets.pyramid import Pyramid

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt

    from spleeter_nb.dsp.spectrogram import Read
    from spleeter_nb.values import FloatArray

    Name = tuple[int, int, int]

SAMPLES, FULL_DB = 33_333, 6.0
SMALL = Spectrogram(n_fft=64, hop_length=16)
SONG = [np.random.default_rng(seed).normal(0, 0.1, (SAMPLES, 2)).astype(np.float32) for seed in range(3)]
WHOLE = [
    quantised(SMALL.power(lambda first, stop, song=song: song[first:stop], 0, 2084, samples=SAMPLES), FULL_DB)
    for song in SONG
]


class Reads:
    """Counts the samples that were read of a song."""

    def __init__(self, song: FloatArray) -> None:
        self.song, self.samples = song, 0

    def __call__(self, first: int, stop: int) -> FloatArray:
        self.samples += stop - first
        return self.song[first:stop]


def pyramid(reads: list[Read] | None = None, base_bytes: int = 3 * 261 * 33, step_samples: int = 16 * 16) -> Pyramid:
    """With limits as tight for this song as the real ones are for one of ten minutes."""
    with pytest.MonkeyPatch.context() as patch:
        # Level 3 is the base, in units of two columns; four finer tiles are remembered.
        patch.setattr(module, "_BASE_BYTES", base_bytes)
        patch.setattr(module, "_STEP_SAMPLES", step_samples)
        patch.setattr(module, "_RECENT_BYTES", 4 * 64 * 33)
        patch.setattr(module, "_TILE_BYTES", 64 * 33)
        return Pyramid(reads or [Reads(song) for song in SONG], SMALL, samples=SAMPLES, full_db=FULL_DB)


def finished(steps: Generator[None, None, npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def expected(name: Name) -> npt.NDArray[np.uint8]:
    signal, level, index = name
    return max_pooled(WHOLE[signal], 1 << level)[index * 64 : (index + 1) * 64]


def assert_right(tiles: Pyramid, name: Name) -> None:
    found, true = finished(tiles.exact(*name)).astype(int), expected(name).astype(int)
    assert found.shape == true.shape
    # The same frame in another block may round to the neighbouring half of a decibel.
    assert np.abs(found - true).max() <= 1
    assert (found != true).mean() < 0.001


TILES = (33, 17, 9, 5, 3, 2, 1)
NAMES = [(k, level, index) for k in range(3) for level, count in enumerate(TILES) for index in range(count)]


def test_the_geometry() -> None:
    tiles = pyramid()
    assert (tiles.signals, tiles.bins, tiles.tile_columns, tiles.levels) == (3, 33, 64, 7)
    assert [tiles.columns(level) for level in range(7)] == [2084, 1042, 521, 261, 131, 66, 33]
    assert tuple(tiles.tiles(level) for level in range(7)) == TILES


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(NAMES), max_size=40))
def test_tiles_are_right_in_any_order(names: list[Name]) -> None:
    tiles = pyramid()
    for name in names:
        assert_right(tiles, name)


@pytest.mark.parametrize("order", [1, -1])
def test_all_tiles_are_right(order: int) -> None:
    tiles = pyramid()
    for name in sorted(NAMES, key=lambda name: name[1])[::order]:
        assert_right(tiles, name)


def test_many_threads_ask_at_once() -> None:
    tiles, wrong = pyramid(), []

    def ask(seed: int) -> None:
        for k in np.random.default_rng(seed).permutation(len(NAMES))[:60]:
            try:
                assert_right(tiles, NAMES[k])
            except AssertionError as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_coarse_levels_are_computed_once() -> None:
    reads = [Reads(song) for song in SONG]
    tiles = pyramid(reads)
    finished(tiles.exact(1, 6, 0))
    assert SAMPLES <= reads[1].samples < 1.3 * SAMPLES
    assert (reads[0].samples, reads[2].samples) == (0, 0)
    before = reads[1].samples
    for level in (3, 4, 5, 6):
        for index in range(tiles.tiles(level)):
            finished(tiles.exact(1, level, index))
    assert reads[1].samples == before


def test_what_is_forgotten_is_computed_again() -> None:
    reads = Reads(SONG[0])
    tiles = pyramid([reads, *SONG[1:]])
    for name in ((0, 6, 0), (0, 0, 3)):
        assert_right(tiles, name)
    before = reads.samples
    tiles.forget()
    for name in ((0, 6, 0), (0, 0, 3)):
        assert_right(tiles, name)
    assert reads.samples == 2 * before


def test_fine_tiles_are_remembered_and_pooled() -> None:
    reads = Reads(SONG[0])
    tiles = pyramid([reads, *SONG[1:]])
    for index in (6, 7):
        finished(tiles.exact(0, 0, index))
    before = reads.samples
    assert_right(tiles, (0, 0, 6))
    assert_right(tiles, (0, 1, 3))
    assert reads.samples == before
    # The last tile of a level may have one half only.
    finished(tiles.exact(0, 0, 32))
    before = reads.samples
    assert_right(tiles, (0, 1, 16))
    assert reads.samples == before
    for index in range(5):
        finished(tiles.exact(0, 0, index))
    before = reads.samples
    assert_right(tiles, (0, 0, 6))
    assert reads.samples > before


def test_a_tile_can_be_left_and_what_was_computed_stays() -> None:
    reads = Reads(SONG[0])
    tiles = pyramid([reads, *SONG[1:]])
    steps = tiles.exact(0, 6, 0)
    for _ in range(100):
        next(steps)
    steps.close()
    finished(tiles.exact(0, 6, 0))
    # A step that was left is taken again.
    assert reads.samples < 1.3 * SAMPLES
    assert_right(tiles, (0, 6, 0))


def test_steps_are_short() -> None:
    reads = Reads(SONG[0])
    steps, before = pyramid([reads, *SONG[1:]]).exact(0, 2, 1), 0
    for _ in steps:
        assert reads.samples - before <= 16 * 16 + 64
        before = reads.samples


def test_sampled_tiles_are_of_some_frames() -> None:
    reads = Reads(SONG[2])
    tiles = pyramid([*SONG[:2], reads])
    for level, index in [(0, 3), (2, 8), (4, 0), (5, 1), (6, 0)]:
        exact, sampled = expected((2, level, index)).astype(int), tiles.sampled(2, level, index).astype(int)
        assert sampled.shape == exact.shape
        assert (sampled <= exact + 1).all()
        # Frames of white noise are alike: the maximum of 4 is some decibels below that of 64.
        assert np.abs(sampled - exact).mean() < (0.01 if level <= 2 else 20)
    before = reads.samples
    tiles.sampled(2, 6, 0)
    assert reads.samples == before


def test_sampled_frames_are_spread_evenly() -> None:
    clicks = np.zeros((SAMPLES, 2), np.float32)
    # Of 32 frames these are looked at: 4, 12, 20, 28.
    for frame in (4, 32 + 12, 64 + 20, 96 + 28, 128 + 8, 160 + 16):
        clicks[frame * 16] = 1
    tiles = Pyramid([lambda first, stop: clicks[first:stop]], SMALL, samples=SAMPLES, full_db=FULL_DB)
    assert tiles.sampled(0, 5, 0)[:7].any(axis=1).tolist() == [True] * 4 + [False] * 3


def test_slow_is_what_must_be_computed_of_many_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLOW_SAMPLES", 600 * 64)
    tiles = pyramid()
    assert [tiles.is_slow(0, level, 0) for level in range(7)] == [False] * 4 + [True] * 3
    assert not tiles.is_slow(0, 5, 1)
    finished(tiles.exact(0, 5, 0))
    assert not any(tiles.is_slow(0, level, 0) for level in range(7))
    assert tiles.is_slow(1, 5, 0)


def test_fine_tiles_are_slow_until_they_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLOW_SAMPLES", 63 * 64)
    tiles = pyramid()
    assert all(tiles.is_slow(0, level, 0) for level in (0, 1))
    finished(tiles.exact(0, 0, 0))
    assert [tiles.is_slow(0, level, 0) for level in (0, 1)] == [False, True]
    finished(tiles.exact(0, 0, 1))
    assert not tiles.is_slow(0, 1, 0)


def test_a_base_coarser_than_a_step() -> None:
    tiles = pyramid(base_bytes=3 * 33 * 33, step_samples=0)
    for name in [(0, 6, 0), (1, 5, 1), (2, 0, 30)]:
        assert_right(tiles, name)


def test_the_overview_of_a_short_song_is_exact() -> None:
    overview = pyramid().overview(3 * 33 * 40)
    assert (overview.level, overview.pool) == (6, 0)
    picture = np.frombuffer(overview.data, np.uint8).reshape(3, 33, 33).astype(int)
    assert np.abs(picture - [max_pooled(whole, 64) for whole in WHOLE]).max() <= 1
    assert overview.peak_db == decibels(picture.max().astype(np.uint8), FULL_DB)


def test_the_overview_pools_bins_to_few_rows() -> None:
    song = SONG[0]
    tiles = Pyramid([lambda first, stop: song[first:stop]], Spectrogram(), samples=SAMPLES, full_db=FULL_DB)
    overview = tiles.overview(80_000)
    assert (overview.level, overview.pool, len(overview.data)) == (0, 5, 33 * 65)
    picture = np.frombuffer(overview.data, np.uint8).reshape(33, 65)
    exact = max_pooled(finished(tiles.exact(0, 0, 0)).T, 32).T
    assert np.abs(picture.astype(int) - exact).max() <= 1


@pytest.mark.parametrize(("amplitude", "peak_db"), [(0, -100), (1e-6, -100), (0.5, -6.02), (1.9, 5.58)])
def test_the_peak(amplitude: float, peak_db: float) -> None:
    tone = amplitude * np.sin(np.arange(SAMPLES) * np.pi / 4).astype(np.float32)[:, None].repeat(2, axis=1)
    tiles = Pyramid([lambda first, stop: tone[first:stop]] * 2, SMALL, samples=SAMPLES, full_db=FULL_DB)
    # An edge's frames are no sine, and a little louder in no bin.
    assert tiles.overview(80_000).peak_db == pytest.approx(peak_db, abs=0.3)


@pytest.mark.parametrize("samples", [1, 15, 16, 4079, 4080, 4096])
def test_songs_of_few_columns(samples: int) -> None:
    tiles = Pyramid([lambda first, stop: SONG[0][first:stop]], SMALL, samples=samples, full_db=FULL_DB)
    columns = 1 + samples // 16
    assert tiles.levels == 1 + (columns > 256)
    shapes = [finished(tiles.exact(0, 0, k)).shape for k in range(tiles.tiles(0))]
    assert shapes == [(256, 33)] * (columns // 256) + ([(columns % 256, 33)] if columns % 256 else [])
    assert len(tiles.overview(100).data) <= 100


def test_what_cannot_be_read_is_raised() -> None:
    def gone(*_: int) -> FloatArray:
        raise AudioProcessingError("The file is gone.")

    tiles = pyramid([gone])
    for ask in (lambda: tiles.overview(1000), lambda: tiles.sampled(0, 5, 0), lambda: finished(tiles.exact(0, 5, 0))):
        with pytest.raises(AudioProcessingError, match="gone"):
            ask()


def test_ten_minutes_of_seven_signals_stay_below_100_mb() -> None:
    samples, silence = 600 * 44_100, np.zeros((1 << 19, 2), np.float32)
    tracemalloc.start()
    tiles = Pyramid([lambda first, stop: silence[: stop - first]] * 7, Spectrogram(), samples=samples, full_db=3.0)
    overview = tiles.overview(80_000)
    for index in range(80):
        finished(tiles.exact(index % 7, 0, index))
    finished(tiles.exact(0, 7, 0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tiles.tile_columns, tiles.levels, overview.level, overview.pool) == (256, 8, 8, 5)
    assert len(overview.data) == 7 * 101 * 65
    assert peak < 100_000_000

"""Spectrograms of all signals of a song at all scales of time, computed where somebody looks, in bounded memory.

A column of level L is the maximum over ``2 ** L`` columns of level 0. One level, the *base*, is kept whole: the finest
one of which all signals fit into 32 MB. It is filled piece by piece as it is asked for, and coarser levels are pooled
from it. Finer tiles are short, and computed from the samples; the last ones are remembered.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from spleeter_nb.dsp.spectrogram import decibels, max_pooled, quantised

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable, Sequence

    from spleeter_nb.dsp.spectrogram import Read, Spectrogram
    from spleeter_nb.values import FloatArray

TileArray: TypeAlias = npt.NDArray[np.uint8]
"""uint8 (columns, bins), as :func:`spleeter_nb.dsp.spectrogram.quantised` gives it; not to be written into."""

_BASE_BYTES = 32 * 10**6
_RECENT_BYTES = 32 * 10**6

# Columns of a tile, halved until one of the widest spectra fits into a message.
_TILE_COLUMNS = 256
_TILE_BYTES = 600_000

# What is computed in one step, some milliseconds: samples that are read, and values that come of them.
_STEP_SAMPLES = 1 << 17
_STEP_VALUES = 1 << 19

# Samples of frames that take so long, some 60 ms, that a tile of some of them is sent first.
_SLOW_SAMPLES = 1 << 23
_SAMPLED_FRAMES = 4

# Samples of frames that the overview may cost, of all signals together.
_OVERVIEW_SAMPLES = 1 << 24
_OVERVIEW_ROWS = 80
_QUIETEST_PEAK = -100.0


class Overview(NamedTuple):
    """A small picture of all signals."""

    data: bytes
    """uint8 (signals, columns, rows)."""
    level: int
    """A column is of ``2 ** level`` frames, of which only some were looked at."""
    pool: int
    """A row is the maximum of ``2 ** pool`` bins."""
    peak_db: float
    """The loudest value in it, at least -100."""


class Pyramid:
    """The spectrograms of signals of one length; safe to share between threads.

    Parameters
    ----------
    reads : sequence of callable
        Give the samples of each signal.
    spectrogram : Spectrogram
        How they are transformed.
    samples : int
        Samples per channel of each signal.
    full_db : float
        What 255 stands for.

    Attributes
    ----------
    tile_columns : int
        Columns of each tile but the last of its level.
    levels : int
        Of the last one, all columns fit into a tile.
    """

    def __init__(self, reads: Sequence[Read], spectrogram: Spectrogram, *, samples: int, full_db: float) -> None:
        self.signals = len(reads)
        self.bins = spectrogram.n_bins
        self.tile_columns = _TILE_COLUMNS
        while self.tile_columns * self.bins > _TILE_BYTES:
            self.tile_columns //= 2
        self._reads, self._spectrogram, self._samples, self._full_db = reads, spectrogram, samples, full_db
        self._frames = spectrogram.columns(samples)
        self.levels = 1 + math.ceil(math.log2(max(1, self._frames / self.tile_columns)))
        step = max(1, min(_STEP_SAMPLES // spectrogram.hop_length, _STEP_VALUES // self.bins))
        # A power of two, as are the columns of a level.
        self._step = 1 << (step.bit_length() - 1)
        self._base_level = self._finest_that_fits(_BASE_BYTES, self.signals * self.bins)
        self._unit = max(1, self._step >> self._base_level)
        self.forget()

    def forget(self) -> None:
        """Give back the memory of all that was computed; not while another thread computes."""
        # Zeros take no memory before something else is put into them.
        self._base = np.zeros((self.signals, self.columns(self._base_level), self.bins), np.uint8)
        self._is_filled = np.zeros((self.signals, -(-self._base.shape[1] // self._unit)), bool)
        self._recent = _Recent(_RECENT_BYTES)

    def columns(self, level: int) -> int:
        """Return how many columns a level has."""
        return -(-self._frames >> level)

    def tiles(self, level: int) -> int:
        """Return how many tiles a level has."""
        return -(-self.columns(level) // self.tile_columns)

    def is_slow(self, signal: int, level: int, index: int) -> bool:
        """Say whether the exact tile would take so long that a sampled one should be shown first."""
        first, stop = self._range(level, index)
        if level < self._base_level:
            is_here = (signal, level, index) in self._recent or self._children(signal, level, index)
            frames = 0 if is_here else (stop - first) << level
        else:
            missing = ~self._is_filled[signal, self._units(level, first, stop)]
            frames = int(np.count_nonzero(missing)) * self._unit << self._base_level
        return frames * self._spectrogram.n_fft > _SLOW_SAMPLES

    def sampled(self, signal: int, level: int, index: int) -> TileArray:
        """Return a tile of a few frames of each column."""
        name = (signal, level, index, "sampled")
        tile = self._recent.get(name)
        if tile is None:
            first, stop = self._range(level, index)
            tile = quantised(self._some(signal, level, range(first, stop), count=_SAMPLED_FRAMES), self._full_db)
            self._recent.put(name, tile)
        return tile

    def exact(self, signal: int, level: int, index: int) -> Generator[None, None, TileArray]:
        """Compute a tile in steps of some milliseconds, between which it can be left.

        Yields
        ------
        None
            After each step.

        Returns
        -------
        uint8 (columns, bins)

        Raises
        ------
        SpleeterError
            If the samples cannot be read.
        """
        first, stop = self._range(level, index)
        if level >= self._base_level:
            return (yield from self._from_base(signal, level, first, stop))
        name = (signal, level, index)
        tile = self._recent.get(name)
        if tile is None:
            children = self._children(signal, level, index)
            if children:
                tile = max_pooled(np.concatenate(children), 2)
            else:
                tile = yield from self._computed(signal, level, first, stop)
            self._recent.put(name, tile)
        return tile

    def overview(self, limit_bytes: int) -> Overview:
        """Return a picture of all signals, made of some frames of each column.

        Parameters
        ----------
        limit_bytes : int
            The picture is at most so large, as long as a column of each signal fits.
        """
        pool = math.ceil(math.log2(max(1, self.bins / _OVERVIEW_ROWS)))
        rows = -(-self.bins >> pool)
        level = self._finest_that_fits(limit_bytes, self.signals * rows)
        columns = range(self.columns(level))
        frames = _OVERVIEW_SAMPLES // self._spectrogram.n_fft
        count = max(2, frames // (self.signals * len(columns)))
        picture = np.empty((self.signals, len(columns), rows), np.uint8)
        for signal in range(self.signals):
            power = self._some(signal, level, columns, count=count)
            picture[signal] = max_pooled(quantised(power, self._full_db).T, 1 << pool).T
        peak_db = float(decibels(picture.max(), self._full_db))
        return Overview(picture.tobytes(), level, pool, max(_QUIETEST_PEAK, peak_db))

    def _finest_that_fits(self, limit_bytes: int, column_bytes: int) -> int:
        return next(
            level
            for level in range(self._frames.bit_length() + 1)
            if self.columns(level) * column_bytes <= limit_bytes or self.columns(level) == 1
        )

    def _range(self, level: int, index: int) -> tuple[int, int]:
        first = index * self.tile_columns
        return first, min(first + self.tile_columns, self.columns(level))

    def _units(self, level: int, first: int, stop: int) -> slice:
        """Return the units of the base that columns [first, stop) of a level are made of."""
        factor = 1 << (level - self._base_level)
        base_stop = min(stop * factor, self._base.shape[1])
        return slice(first * factor // self._unit, -(-base_stop // self._unit))

    def _children(self, signal: int, level: int, index: int) -> list[TileArray]:
        """Return the tiles of the level below that make up one, if they are all remembered."""
        if level == 0:
            return []
        indices = range(2 * index, min(2 * index + 2, self.tiles(level - 1)))
        tiles = [self._recent.get((signal, level - 1, child)) for child in indices]
        found = [tile for tile in tiles if tile is not None]
        return found if len(found) == len(tiles) else []

    def _from_base(self, signal: int, level: int, first: int, stop: int) -> Generator[None, None, TileArray]:
        units = self._units(level, first, stop)
        for unit in range(units.start, units.stop):
            if not self._is_filled[signal, unit]:
                begin = unit * self._unit
                end = min(begin + self._unit, self._base.shape[1])
                self._base[signal, begin:end] = yield from self._computed(signal, self._base_level, begin, end)
                self._is_filled[signal, unit] = True
        factor = 1 << (level - self._base_level)
        return max_pooled(self._base[signal, first * factor : stop * factor], factor)

    def _computed(self, signal: int, level: int, first: int, stop: int) -> Generator[None, None, TileArray]:
        """Compute columns [first, stop) of a level from the samples."""
        columns = np.zeros((stop - first, self.bins), np.uint8)
        last = min(stop << level, self._frames)
        for begin in range(first << level, last, self._step):
            end = min(begin + self._step, last)
            power = self._spectrogram.power(self._reads[signal], begin, end, samples=self._samples)
            # One step makes several columns, or a part of one.
            part = quantised(max_pooled(power, 1 << level), self._full_db)
            place = columns[(begin >> level) - first :][: len(part)]
            np.maximum(place, part, out=place)
            yield
        return columns

    def _some(self, signal: int, level: int, columns: range, *, count: int) -> FloatArray:
        """Return the power of columns of a level, each from at most `count` frames that share it evenly."""
        count = min(count, 1 << level)
        offsets = ((2 * np.arange(count) + 1) << level) // (2 * count)
        power = np.empty((len(columns), self.bins), np.float32)
        size = max(1, self._step // count)
        for start in range(0, len(columns), size):
            part = columns[start : start + size]
            frames = (np.array(part)[:, np.newaxis] << level) + offsets
            frames = np.minimum(frames.reshape(-1), self._frames - 1)
            some = self._spectrogram.power_at(self._reads[signal], frames, samples=self._samples)
            power[start : start + len(part)] = max_pooled(some, count)
        return power


class _Recent:
    """The tiles used last, up to a limit of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._bytes = limit_bytes, 0
        self._lock = threading.Lock()
        self._tiles: OrderedDict[Hashable, TileArray] = OrderedDict()

    def __contains__(self, name: Hashable) -> bool:
        return name in self._tiles

    def get(self, name: Hashable) -> TileArray | None:
        with self._lock:
            tile = self._tiles.get(name)
            if tile is not None:
                self._tiles.move_to_end(name)
            return tile

    def put(self, name: Hashable, tile: TileArray) -> None:
        with self._lock:
            replaced = self._tiles.pop(name, None)
            self._tiles[name] = tile
            self._bytes += tile.nbytes - (0 if replaced is None else replaced.nbytes)
            while self._bytes > self._limit:
                self._bytes -= self._tiles.popitem(last=False)[1].nbytes

"""What looking at a song costs: ten minutes of stereo, seven signals; librosa where it does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.dsp.spectrogram import Spectrogram
from spleeter_nb.widgets.pyramid import Pyramid
from spleeter_nb.widgets.tiles import in_order
from spleeter_nb.widgets.wire import WantTiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from spleeter_nb.values import FloatArray

MINUTE = 60 * 44_100
SIGNALS = 7
SPECTROGRAM = Spectrogram()


@pytest.fixture(scope="module")
def song() -> FloatArray:
    rng = np.random.default_rng(0)
    return np.tile(rng.standard_normal((MINUTE, 2), dtype=np.float32) * np.float32(0.1), (10, 1))


@pytest.fixture
def pyramid(song: FloatArray) -> Callable[[], Pyramid]:
    def read(first: int, stop: int) -> FloatArray:
        return song[first:stop]

    return lambda: Pyramid([read] * SIGNALS, SPECTROGRAM, samples=len(song), full_db=3.0)


@pytest.mark.benchmark(group="power of a minute")
def test_power(benchmark: BenchmarkFixture, song: FloatArray) -> None:
    columns = SPECTROGRAM.columns(MINUTE)
    benchmark(SPECTROGRAM.power, lambda first, stop: song[first:stop], 0, columns, samples=MINUTE)


@pytest.mark.benchmark(group="power of a minute")
def test_power_by_librosa(benchmark: BenchmarkFixture, song: FloatArray) -> None:
    import librosa  # noqa: PLC0415 - takes seconds

    def power() -> FloatArray:
        spectrum = librosa.stft(song[:MINUTE].T, n_fft=4096, hop_length=1024, pad_mode="constant")
        mean: FloatArray = np.mean(np.abs(spectrum) ** 2, axis=0)
        return mean

    benchmark(power)


def test_overview(benchmark: BenchmarkFixture, pyramid: Callable[[], Pyramid]) -> None:
    benchmark(lambda: pyramid().overview(80_000))


def test_all_tiles_that_fill_a_screen(benchmark: BenchmarkFixture, pyramid: Callable[[], Pyramid]) -> None:
    wants = WantTiles(tiles=tuple((signal, 5, index) for index in range(4) for signal in range(SIGNALS)))
    benchmark.pedantic(lambda: sum(sent is not None for sent in in_order(pyramid(), wants)), rounds=1)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_fine_tile(benchmark: BenchmarkFixture, pyramid: Callable[[], Pyramid], level: int) -> None:
    benchmark(lambda: list(in_order(pyramid(), WantTiles(tiles=((0, level, 5),)))))

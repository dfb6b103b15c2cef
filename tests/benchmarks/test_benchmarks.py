"""What each part costs: ``pytest --benchmark-only``. No test asserts a time; they are skipped otherwise.

All array work is on one segment of ``spleeter:2stems``, 11.9 seconds of stereo.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.audio import read_blocks, write
from spleeter_nb.container import cores
from spleeter_nb.dsp.masks import ratio_masks
from spleeter_nb.dsp.segments import OverlapAdd, Segmentation
from spleeter_nb.dsp.stft import Stft
from spleeter_nb.dsp.wiener import SpatialStatistics
from spleeter_nb.models.catalog import CATALOG
from spleeter_nb.models.store import ModelManager
from spleeter_nb.net.devices import choose
from spleeter_nb.net.load import load_runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    from pytest_benchmark.fixture import BenchmarkFixture

    from spleeter_nb.net.runtime import Precision, Runtime
    from spleeter_nb.values import ComplexArray, FloatArray

SPEC = CATALOG["spleeter:2stems"].spec
STFT = Stft(SPEC.n_fft, SPEC.hop_length)
WEIGHTS = np.ones(SPEC.segment_frames, np.float32)
NEVER = threading.Event()


@pytest.fixture(scope="module")
def samples() -> FloatArray:
    rng = np.random.default_rng(0)
    return rng.standard_normal((2, SPEC.segment_samples), dtype=np.float32) * np.float32(0.1)


@pytest.fixture(scope="module")
def spectrum(samples: FloatArray) -> ComplexArray:
    return STFT.forward(samples, n_bins=SPEC.n_bins)


@pytest.fixture(scope="module")
def estimates(spectrum: ComplexArray) -> FloatArray:
    share = np.random.default_rng(1).random((2, *spectrum.shape), dtype=np.float32)
    return share * np.abs(spectrum)


def on_copies(
    benchmark: BenchmarkFixture,
    function: Callable[..., object],
    first: FloatArray,
    *rest: npt.NDArray[np.generic],
) -> None:
    """Measure a function that overwrites its first array."""
    benchmark.pedantic(function, setup=lambda: ((first.copy(), *rest), {}), rounds=20)


def test_stft(benchmark: BenchmarkFixture, samples: FloatArray) -> None:
    benchmark(STFT.forward, samples, n_bins=SPEC.n_bins)


def test_inverse_stft_of_one_stem(benchmark: BenchmarkFixture, spectrum: ComplexArray) -> None:
    benchmark(STFT.inverse, spectrum, mask=np.abs(spectrum))


def test_masks(benchmark: BenchmarkFixture, estimates: FloatArray) -> None:
    on_copies(benchmark, ratio_masks, estimates)


def test_wiener_first_pass(benchmark: BenchmarkFixture, estimates: FloatArray, spectrum: ComplexArray) -> None:
    statistics = SpatialStatistics(len(estimates), SPEC.n_bins)
    on_copies(benchmark, statistics.observe, estimates, spectrum, WEIGHTS)


def test_wiener_second_pass(benchmark: BenchmarkFixture, estimates: FloatArray, spectrum: ComplexArray) -> None:
    statistics = SpatialStatistics(len(estimates), SPEC.n_bins)
    power = statistics.observe(estimates.copy(), spectrum, WEIGHTS)
    benchmark(statistics.filter().apply, power, spectrum)


def test_cutting_and_joining_ten_segments(benchmark: BenchmarkFixture, samples: FloatArray) -> None:
    segmentation = Segmentation(SPEC.n_fft, SPEC.hop_length, SPEC.segment_frames)
    song = np.tile(samples.T, (10, 1))

    def cut_and_join() -> None:
        joined = OverlapAdd(segmentation)
        for segment in segmentation.cut([song], 2):
            joined.push(segment.samples, segment)

    benchmark(cut_and_join)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def runtime(request: pytest.FixtureRequest, two_stems_models_dir: Path) -> Runtime:
    precision: Precision = request.param
    model = ModelManager(two_stems_models_dir).ensure("spleeter:2stems")
    return load_runtime(
        model.spec,
        model.checkpoint,
        weights_digest=model.weights_digest,
        choice=choose("cpu", ()),
        precision=precision,
        threads=cores(),
        batch_size=1,
        cancel=NEVER,
    )


def test_networks(benchmark: BenchmarkFixture, runtime: Runtime, spectrum: ComplexArray) -> None:
    benchmark(runtime.estimate, np.abs(spectrum)[None], cancel=NEVER)


def test_one_segment(benchmark: BenchmarkFixture, runtime: Runtime, samples: FloatArray) -> None:
    benchmark(runtime.separate, samples[None], WEIGHTS[None], cancel=NEVER)


@pytest.mark.parametrize("codec", ["wav", "flac"])
def test_writing(benchmark: BenchmarkFixture, samples: FloatArray, tmp_path: Path, codec: str) -> None:
    song = np.ascontiguousarray(samples.T)
    benchmark(write, tmp_path / f"song.{codec}", song, sample_rate=SPEC.sample_rate, codec=codec)


@pytest.mark.parametrize("codec", ["wav", "flac"])
def test_reading(benchmark: BenchmarkFixture, samples: FloatArray, tmp_path: Path, codec: str) -> None:
    path = tmp_path / f"song.{codec}"
    write(path, samples.T, sample_rate=SPEC.sample_rate, codec=codec)
    benchmark(lambda: sum(map(len, read_blocks(path, 65_536))))

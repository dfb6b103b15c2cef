"""The checks of the exercises find the mistakes that students make; that right answers pass, the solutions show."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import median_filter

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

CHECKS = Path(__file__).parents[2] / "notebooks" / "teaching" / "checks.py"


@pytest.fixture
def checks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checks", CHECKS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def transform(window: Any) -> Callable[..., Any]:
    return lambda samples, n_fft, hop: np.fft.rfft(sliding_window_view(samples, n_fft)[::hop] * window(n_fft))


def back(factor: float) -> Callable[..., Any]:
    def istft(spectrum: Any, n_fft: int, hop: int) -> Any:
        samples = np.zeros((len(spectrum) - 1) * hop + n_fft)
        for t, frame in enumerate(np.fft.irfft(spectrum, n_fft) * periodic(n_fft) * factor):
            samples[t * hop : t * hop + n_fft] += frame
        return samples

    return istft


def periodic(size: int) -> Any:
    return np.hanning(size + 1)[:-1]


def mixed(stems: Any, gains_db: Any, level_db: float, *, per_decade: float = 20.0) -> Any:
    total = sum(10 ** (gains_db.get(name, 0) / per_decade) * samples for name, samples in stems.items())
    return total * 10 ** (level_db / 20) / np.sqrt(np.mean(total**2))


def squares_in_place(magnitudes: Any, exponent: float) -> Any:
    magnitudes **= exponent
    return magnitudes / (magnitudes.sum(axis=0) + 1e-9)


def nan_in_silence(magnitudes: Any, exponent: float) -> Any:
    with np.errstate(invalid="ignore"):
        return magnitudes**exponent / (magnitudes**exponent).sum(axis=0)


def drums(magnitude: Any) -> Any:
    tones, strokes = median_filter(magnitude, (9, 1)), median_filter(magnitude, (1, 9))
    return tones**2 / (tones**2 + strokes**2 + 1e-12)


MISTAKES = {
    "symmetric window": ("check_stft", (transform(np.hanning), back(2 / 3)), "your spectrum is the engine's"),
    "bins before frames": (
        "check_stft",
        (lambda *given: transform(periodic)(*given).T, back(2 / 3)),
        "the spectrum has the shape",
    ),
    "not divided by 3/2": ("check_stft", (transform(periodic), back(1.0)), "round trip"),
    "decibels of amplitudes": (
        "check_sdr",
        (lambda s, e: 20 * np.log10(np.sum(s**2) / np.sum((s - e) ** 2)),),
        "half the voice has 6 dB; expected is 6.02, your function gave 12.04",
    ),
    "the rest instead of the target": ("check_binary_mask", (lambda target, rest: target < rest,), "ones are where"),
    "overwritten": ("check_soft_mask", (squares_in_place,), "stay as they were"),
    "zero by zero": ("check_soft_mask", (nan_in_silence,), "no nan"),
    "gains of powers": ("check_remix", (lambda *given: mixed(*given, per_decade=10.0),), "6 dB make the voice"),
    "clipped": ("check_remix", (mixed,), "the loudest sample is 1"),
    "null of amplitudes": (
        "check_null_test",
        (lambda x, stems: 5 * np.log10(np.sum((x - sum(stems.values())) ** 2) / np.sum(x**2)),),
        "a tenth of the bass",
    ),
    "tones instead of drums": ("check_drums", (drums,), "better by 3 dB"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_and_named(checks: ModuleType, mistake: str) -> None:
    check, functions, complaint = MISTAKES[mistake]
    with pytest.raises(AssertionError, match=complaint):
        getattr(checks, check)(*functions)
    assert checks.summary().startswith("0 of 7")


def test_what_passes_is_counted_once(checks: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        checks.check_binary_mask(lambda target, rest: target > rest)
    assert checks.summary().startswith("1 of 7 exercises pass; left: stft, sdr, soft mask")
    assert capsys.readouterr().out.count("Well done: exercise 3, binary mask.") == 2


def test_an_unfinished_exercise_says_so(checks: ModuleType) -> None:
    def unfinished(*_: Any) -> Any:
        raise NotImplementedError("Exercise 2: write sdr.")

    with pytest.raises(NotImplementedError, match="Exercise 2"):
        checks.check_sdr(unfinished)

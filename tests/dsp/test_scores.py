"""Scores of estimates that are perfect, silent, scaled, or wrong by a known amount."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.dsp.scores import bss_eval, null_db, sdr, si_sdr
from spleeter_nb.exceptions import MissingDependencyError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.values import FloatArray

RATE = 4000
"""Hz: low, since museval takes seconds a second of music."""


def noise(seed: int, samples: int = 2 * RATE) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((samples, 2)).astype(np.float32)


def orthogonal(reference: FloatArray, seed: int) -> FloatArray:
    """Noise that has nothing in common with `reference`, as loud as it."""
    other = noise(seed, len(reference)).astype(np.float64)
    other -= reference * (np.vdot(reference, other) / np.vdot(reference, reference))
    return (other * np.linalg.norm(reference) / np.linalg.norm(other)).astype(np.float32)


@pytest.mark.parametrize("score", [sdr, si_sdr])
def test_a_perfect_estimate_scores_without_end(score: Callable[[FloatArray, FloatArray], float]) -> None:
    assert score(noise(1), noise(1)) > 140


def test_equal_signals_have_an_infinite_ratio() -> None:
    assert sdr(noise(1), noise(1)) == float("inf")


def test_silence_is_as_far_as_the_stem_is_loud() -> None:
    silence = np.zeros_like(noise(1))
    assert sdr(noise(1), silence) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(si_sdr(noise(1), silence))


@pytest.mark.parametrize("score", [sdr, si_sdr])
def test_a_silent_reference_has_no_score(score: Callable[[FloatArray, FloatArray], float]) -> None:
    assert np.isnan(score(np.zeros_like(noise(1)), noise(1)))
    assert np.isnan(score(np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)))


@pytest.mark.parametrize(("scale", "expected"), [(0.5, 6.0206), (0.9, 20.0), (1.1, 20.0), (2.0, 0.0)])
def test_loudness_counts_in_sdr_only(scale: float, expected: float) -> None:
    estimate = np.float32(scale) * noise(1)
    assert sdr(noise(1), estimate) == pytest.approx(expected, abs=1e-3)
    assert si_sdr(noise(1), estimate) > 100


@pytest.mark.parametrize("db", [-10.0, 0.0, 6.0, 40.0])
def test_noise_of_known_loudness_gives_that_ratio(db: float) -> None:
    reference = noise(1)
    estimate = reference + np.float32(10 ** (-db / 20)) * orthogonal(reference, 2)
    assert sdr(reference, estimate) == pytest.approx(db, abs=1e-3)
    assert si_sdr(reference, estimate) == pytest.approx(db, abs=1e-3)
    assert si_sdr(reference, np.float32(0.3) * estimate) == pytest.approx(db, abs=1e-3)


def test_scores_of_three_samples_by_hand() -> None:
    reference = np.array([[3.0], [0.0], [4.0]], np.float32)
    estimate = np.array([[3.0], [2.0], [3.0]], np.float32)
    assert sdr(reference, estimate) == pytest.approx(10 * np.log10(25 / 5))
    # The projection: 21² / 25 of the estimate's 22.
    assert si_sdr(reference, estimate) == pytest.approx(10 * np.log10(17.64 / 4.36))


def test_long_signals_are_summed_up_in_double_precision() -> None:
    reference = np.full((1 << 20, 1), 0.1, np.float32)
    estimate = reference.copy()
    estimate[::2] *= np.float32(1.5)
    assert sdr(reference, estimate) == pytest.approx(10 * np.log10(8), abs=1e-5)


@pytest.mark.parametrize("score", [sdr, si_sdr])
def test_signals_of_different_shapes_are_refused(score: Callable[[FloatArray, FloatArray], float]) -> None:
    with pytest.raises(ValidationError, match=r"\(8000, 2\).*\(7999, 2\)") as caught:
        score(noise(1), noise(1)[:-1])
    assert caught.value.context == {"reference": (8000, 2), "estimate": (7999, 2)}


@pytest.fixture(scope="module")
def stems() -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    references = {"vocals": noise(1), "rest": noise(2)}
    estimates = {
        "rest": references["rest"] + np.float32(0.3) * references["vocals"],
        "vocals": references["vocals"] + np.float32(0.1) * noise(3),
    }
    return references, estimates


def test_bss_eval_gives_the_medians_of_museval(stems: tuple[dict[str, FloatArray], dict[str, FloatArray]]) -> None:
    import museval.metrics  # noqa: PLC0415 - 2 s, for this test only

    references, estimates = stems
    names = ["vocals", "rest"]
    scores = museval.metrics.bss_eval(
        np.stack([references[name] for name in names]),
        np.stack([estimates[name] for name in names]),
        window=RATE,
        hop=RATE,
    )
    found = bss_eval(references, estimates, sample_rate=RATE)
    assert list(found) == names
    for k, name in enumerate(names):
        assert list(found[name]) == ["SDR", "ISR", "SIR", "SAR"]
        assert list(found[name].values()) == pytest.approx([np.median(score[k]) for score in scores[:4]])
    assert found["vocals"]["SDR"] == pytest.approx(20, abs=2)
    assert found["rest"]["SIR"] < found["vocals"]["SIR"]


def test_windows_with_a_silent_stem_have_no_score(
    stems: tuple[dict[str, FloatArray], dict[str, FloatArray]],
) -> None:
    references = {"vocals": noise(1), "rest": noise(2)}
    references["vocals"][:RATE] = 0
    references["rest"][RATE:] = 0
    with warnings.catch_warnings(action="error"):
        found = bss_eval(references, stems[1], sample_rate=RATE)
    assert np.isnan([score for scores in found.values() for score in scores.values()]).all()


@pytest.mark.parametrize(
    ("references", "estimates", "message"),
    [
        ({"vocals": noise(1)}, {"drums": noise(1)}, "same names"),
        ({"vocals": noise(1)}, {"vocals": noise(1), "rest": noise(1)}, "same names"),
        ({"vocals": noise(1), "rest": 0 * noise(1)}, {"vocals": noise(1), "rest": noise(1)}, r"leave out \['rest'\]"),
        ({"vocals": noise(1)}, {"vocals": 0 * noise(1)}, "silent"),
        ({"vocals": noise(1)}, {"vocals": noise(1)[:-1]}, "shape"),
        ({"vocals": noise(1), "rest": noise(2)[:-1]}, {"vocals": noise(1), "rest": noise(2)}, "shape"),
    ],
)
def test_bss_eval_refuses_what_it_cannot_compare(
    references: dict[str, FloatArray], estimates: dict[str, FloatArray], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        bss_eval(references, estimates, sample_rate=RATE)


def test_missing_museval_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "museval", None)
    monkeypatch.delitem(sys.modules, "museval.metrics", raising=False)
    with pytest.raises(MissingDependencyError, match=r"pip install 'spleeter-nb\[eval\]'") as caught:
        bss_eval({"vocals": noise(1)}, {"vocals": noise(1)}, sample_rate=RATE)
    assert caught.value.context == {"library": "museval", "extra": "eval"}


# The null test.


def test_stems_that_add_up_leave_nothing() -> None:
    whole = np.round(noise(1) * 2**10) / 2**10
    half = (whole / 2).astype(np.float32)
    assert null_db(whole, [half, half]) == float("-inf")
    assert null_db(np.zeros((0, 2), np.float32), []) == float("-inf")


@pytest.mark.parametrize("level", [0.0, -20.0, -96.0])
def test_what_is_left_is_an_rms(level: float) -> None:
    # Longer than one block, and of several stems.
    left = np.full((600_000, 2), 10 ** (level / 20), np.float32)
    left[::2] *= -1
    first = np.zeros_like(left)
    first[300_000:] = 0.25
    assert null_db(left + 2 * first, [first, first]) == pytest.approx(level, abs=1e-2 if level < -90 else 1e-5)


def test_one_channel_that_is_left_counts_for_half() -> None:
    left = np.zeros((1000, 2), np.float32)
    left[:, 1] = 1.0
    assert null_db(left, []) == pytest.approx(-3.0103, abs=1e-4)

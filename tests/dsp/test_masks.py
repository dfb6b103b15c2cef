"""Ratio masks against their formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.dsp.masks import EPS, extend_mask, ratio_masks

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray


def magnitudes(instruments: int) -> FloatArray:
    return np.random.default_rng(instruments).random((instruments, 2, 7, 9), np.float32)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 1.5, 3.0])
@pytest.mark.parametrize("instruments", [1, 2, 5])
def test_masks_follow_the_formula_and_add_up_to_one(instruments: int, exponent: float) -> None:
    estimates = magnitudes(instruments)
    powers = estimates.astype(np.float64) ** exponent
    expected = (powers + EPS / instruments) / (powers.sum(axis=0) + EPS)
    masks = ratio_masks(estimates, exponent=exponent)
    assert masks.dtype == np.float32
    np.testing.assert_allclose(masks, expected, rtol=1e-5)
    np.testing.assert_allclose(masks.sum(axis=0), 1, rtol=1e-6)
    assert masks.min() >= 0


def test_the_exponent_of_spleeter_is_the_default() -> None:
    np.testing.assert_array_equal(ratio_masks(magnitudes(2)), ratio_masks(magnitudes(2), exponent=2.0))


def test_silence_is_shared_out_evenly() -> None:
    masks = ratio_masks(np.zeros((4, 2, 3, 5), np.float32))
    np.testing.assert_allclose(masks, 0.25)


def test_eps_weighs_against_faint_estimates() -> None:
    masks = ratio_masks(np.array([[1.0], [0.0]], np.float32), exponent=1.0, eps=1.0)
    np.testing.assert_allclose(masks, [[0.75], [0.25]])


def test_masks_take_the_place_of_the_estimates() -> None:
    estimates = magnitudes(2)
    assert ratio_masks(estimates) is estimates


def test_a_mask_goes_on_with_the_mean_of_each_frame() -> None:
    mask = magnitudes(1)[0]
    extended = extend_mask(mask, 20)
    assert extended.shape == (2, 7, 20)
    assert extended.dtype == np.float32
    np.testing.assert_array_equal(extended[..., :9], mask)
    np.testing.assert_allclose(extended[..., 9:], np.repeat(mask.mean(axis=-1, keepdims=True), 11, -1), rtol=1e-6)


def test_there_may_be_nothing_above() -> None:
    mask = magnitudes(1)[0]
    assert extend_mask(mask, 9) is mask

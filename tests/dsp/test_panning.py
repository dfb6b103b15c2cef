"""Panning, against the Web Audio specification."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spleeter_nb.dsp.panning import pan_matrix

PANS = [-1.0, -0.75, -0.5, -0.1, 0.0, 0.1, 0.3, 0.5, 1.0]


def as_specified(left: float, right: float, pan: float) -> tuple[float, float]:
    """One sample, step by step as the specification's list says it."""
    x = pan + 1 if pan <= 0 else pan
    gain_left, gain_right = math.cos(x * math.pi / 2), math.sin(x * math.pi / 2)
    if pan <= 0:
        return left + right * gain_left, right * gain_right
    return left * gain_left, right + left * gain_right


@pytest.mark.parametrize("pan", PANS)
def test_it_is_the_stereo_panner_of_browsers(pan: float) -> None:
    samples = np.random.default_rng(0).normal(0, 0.5, (100, 2)).astype(np.float32)
    expected = [as_specified(left, right, pan) for left, right in samples.tolist()]
    np.testing.assert_allclose(samples @ pan_matrix(pan), expected, atol=1e-6)


def test_the_middle_changes_nothing() -> None:
    samples = np.random.default_rng(0).normal(0, 0.5, (100, 2)).astype(np.float32)
    np.testing.assert_allclose(samples @ pan_matrix(0), samples, atol=1e-7)


@pytest.mark.parametrize("pan", PANS)
def test_left_mirrors_right(pan: float) -> None:
    np.testing.assert_allclose(pan_matrix(-pan), pan_matrix(pan)[::-1, ::-1], atol=1e-7)


@pytest.mark.parametrize("pan", PANS)
def test_the_power_of_each_side_stays(pan: float) -> None:
    np.testing.assert_allclose((pan_matrix(pan) ** 2).sum(axis=1), 1, rtol=1e-6)


def test_an_edge_silences_the_other_side() -> None:
    samples = np.ones((4, 2), np.float32)
    np.testing.assert_allclose(samples @ pan_matrix(-1), [[2, 0]] * 4, atol=1e-6)
    np.testing.assert_allclose(samples @ pan_matrix(1), [[0, 2]] * 4, atol=1e-6)

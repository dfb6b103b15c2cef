"""Channel layouts, from mono to 64 channels."""

from __future__ import annotations

import numpy as np
import pytest

from spleeter_nb.dsp.downmix import downmix_matrix, to_stereo

C, S, SIDE = (2**-0.5, 2**-0.5), 2**-0.5, 0.5

# What goes into left and right before the columns are scaled to 1, by the order of channels in WAV files.
LAYOUTS = {
    1: [(1, 1)],
    2: [(1, 0), (0, 1)],
    3: [(1, 0), (0, 1), C],
    4: [(1, 0), (0, 1), (S, 0), (0, S)],
    5: [(1, 0), (0, 1), C, (S, 0), (0, S)],
    6: [(1, 0), (0, 1), C, (0, 0), (S, 0), (0, S)],
    7: [(1, 0), (0, 1), C, (0, 0), (SIDE, SIDE), (S, 0), (0, S)],
    8: [(1, 0), (0, 1), C, (0, 0), (S, 0), (0, S), (S, 0), (0, S)],
}


@pytest.mark.parametrize("channels", LAYOUTS)
def test_layout_has_the_weights_of_the_recommendation(channels: int) -> None:
    """A8."""
    expected = np.array(LAYOUTS[channels])
    matrix = downmix_matrix(channels)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix, expected / expected.sum(axis=0), rtol=1e-6)


@pytest.mark.parametrize("channels", [*LAYOUTS, 9, 16, 63, 64])
def test_nothing_clips_and_left_mirrors_right(channels: int) -> None:
    matrix = downmix_matrix(channels)
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(axis=0), 1, rtol=1e-6)
    loudest = to_stereo(np.ones((10, channels), np.float32))
    assert loudest.shape == (10, 2)
    assert np.abs(loudest).max() <= 1 + 1e-6


@pytest.mark.parametrize("channels", [3, 5, 6, 7, 8])
def test_centre_is_heard_on_both_sides(channels: int) -> None:
    song = np.zeros((4, channels), np.float32)
    song[:, 2] = 1
    left, right = to_stereo(song).T
    assert left.min() > 0.2
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("channels", [6, 7, 8])
def test_low_frequency_effects_are_dropped(channels: int) -> None:
    song = np.zeros((4, channels), np.float32)
    song[:, 3] = 1
    assert not to_stereo(song).any()


def test_unknown_layouts_put_odd_channels_left_and_even_ones_right() -> None:
    song = np.zeros((4, 64), np.float32)
    song[:, 0::2] = 0.5
    stereo = to_stereo(song)
    np.testing.assert_allclose(stereo[:, 0], 0.5, rtol=1e-6)
    assert not stereo[:, 1].any()


def test_mono_is_doubled_and_stereo_passes() -> None:
    mono, stereo = np.random.default_rng(0).random((5, 1), np.float32), np.ones((5, 2), np.float32)
    np.testing.assert_array_equal(to_stereo(mono), np.hstack([mono, mono]))
    assert to_stereo(stereo) is stereo

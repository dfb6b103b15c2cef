"""Transforms and masks on the processor, around networks that are arrays here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.dsp.stft import Stft
from spleeter_nb.net.host import HostTransforms
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from spleeter_nb.values import MaskExtension

SPEC = ModelSpec("test", ("a", "b", "c"), n_bins=20, segment_frames=12, n_fft=64, hop_length=16)
SAMPLES = np.random.default_rng(0).standard_normal((2, SPEC.segment_samples)).astype(np.float32)
ESTIMATES = np.random.default_rng(1).random((3, 2, 12, 20), np.float32)
ONES = np.ones(12, np.float32)


@pytest.mark.parametrize(("extension", "bins"), [("zeros", 20), ("average", 33)])
def test_analysis_keeps_the_bins_that_a_stem_may_get(extension: MaskExtension, bins: int) -> None:
    spectrum, magnitude = HostTransforms(SPEC).analyse(SAMPLES, mask_extension=extension)
    np.testing.assert_array_equal(spectrum, Stft(64, 16).forward(SAMPLES)[..., :bins])
    np.testing.assert_array_equal(magnitude, np.abs(spectrum[..., :20]))
    assert magnitude.dtype == np.float32


@pytest.mark.parametrize(("extension", "bins"), [("zeros", 20), ("average", 33)])
def test_stems_sum_to_the_part_of_the_mixture_that_is_shared_out(extension: MaskExtension, bins: int) -> None:
    host = HostTransforms(SPEC)
    spectrum, _ = host.analyse(SAMPLES, mask_extension=extension)
    stems = host.mask_and_invert(spectrum, ESTIMATES.copy(), ONES)
    assert stems.shape == (3, 2, SPEC.segment_samples)
    expected = Stft(64, 16).inverse(Stft(64, 16).forward(SAMPLES)[..., :bins])
    np.testing.assert_allclose(stems.sum(axis=0), expected, atol=1e-5)


@pytest.mark.parametrize("extension", ["zeros", "average"])
def test_weights_count_for_whole_frames(extension: MaskExtension) -> None:
    host = HostTransforms(SPEC)
    spectrum, _ = host.analyse(SAMPLES, mask_extension=extension)
    weights = np.linspace(0, 1, 12, dtype=np.float32)
    found = host.mask_and_invert(spectrum, ESTIMATES.copy(), weights)
    weighted = (spectrum * weights[:, None]).astype(np.complex64)
    np.testing.assert_allclose(found, host.mask_and_invert(weighted, ESTIMATES.copy(), ONES), atol=1e-5)


def test_buffers_serve_both_extensions() -> None:
    host = HostTransforms(SPEC)
    buffers = host.buffers()
    extensions: tuple[MaskExtension, ...] = ("average", "zeros", "average")
    for extension in extensions:
        expected, _ = host.analyse(SAMPLES, mask_extension=extension)
        found, magnitude = host.analyse(SAMPLES, mask_extension=extension, out=buffers)
        np.testing.assert_array_equal(found, expected)
        assert np.shares_memory(found, buffers[0])
        assert magnitude is buffers[1]


def test_spectra_of_stems_are_transformed_back_with_their_weights() -> None:
    host = HostTransforms(SPEC)
    spectrum, _ = host.analyse(SAMPLES, mask_extension="zeros")
    stems = np.stack([spectrum, 2 * spectrum]).astype(np.complex64)
    weights = np.linspace(0, 1, 12, dtype=np.float32)
    found = host.invert(stems, weights)
    expected = Stft(64, 16).inverse((spectrum * weights[:, None]).astype(np.complex64))
    np.testing.assert_allclose(found, np.stack([expected, 2 * expected]), atol=1e-5)

"""Peaks: the lowest and the highest sample of each bin, from which waveforms are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from spleeter_nb.values import FloatArray

# Bins looked at together: both passes over them find the samples in the processor's cache.
_BLOCK_BINS = 512

# Samples of which the largest is looked for at once, twice: they stay in the processor's cache.
_BLOCK_SAMPLES = 1 << 16

# What stands for full scale: -128 would be one more on one side only.
_STEPS = 127


def largest(samples: FloatArray) -> float:
    """Return the largest magnitude; where nothing else is asked, three times as fast as `peaks`.

    Parameters
    ----------
    samples : float32 (samples, channels)
        At least one sample, C-contiguous.

    Returns
    -------
    float
        NaN where a sample is.
    """
    flat = samples.reshape(-1)
    blocks = (flat[start : start + _BLOCK_SAMPLES] for start in range(0, len(flat), _BLOCK_SAMPLES))
    return float(np.abs([(block.min(), block.max()) for block in blocks]).max())


def peaks(samples: FloatArray, samples_per_bin: int) -> FloatArray:
    """Return the extremes of each bin over all channels.

    Parameters
    ----------
    samples : float32 (samples, channels)
        At least one sample, C-contiguous.
    samples_per_bin : int
        Per channel; the last bin has what is left.

    Returns
    -------
    float32 (bins, 2)
        Lowest and highest; NaN where a bin has one.
    """
    frames, channels = samples.shape
    found = np.empty((-(-frames // samples_per_bin), 2), np.float32)
    whole = frames // samples_per_bin
    bins = samples[: whole * samples_per_bin].reshape(whole, samples_per_bin * channels)
    for start in range(0, whole, _BLOCK_BINS):
        block = slice(start, min(start + _BLOCK_BINS, whole))
        bins[block].min(axis=1, out=found[block, 0])
        bins[block].max(axis=1, out=found[block, 1])
    if whole < len(found):
        rest = samples[whole * samples_per_bin :]
        found[-1] = rest.min(), rest.max()
    return found


def merge_peaks(fine: FloatArray, factor: int) -> FloatArray:
    """Return the extremes of each `factor` bins.

    Parameters
    ----------
    fine : float32 (bins, 2)
        As `peaks` gives them.
    factor : int
        How many bins become one; the last one has what is left.

    Returns
    -------
    float32 (bins / factor, 2)
        Rounded up.
    """
    starts = np.arange(0, len(fine), factor)
    lowest, highest = np.minimum.reduceat(fine[:, 0], starts), np.maximum.reduceat(fine[:, 1], starts)
    return np.stack([lowest, highest], axis=1)


def share_peaks(fine: FloatArray, bins: int, *, frames: int, samples_per_bin: int) -> FloatArray:
    """Return the extremes of bins that share the samples evenly: the k-th begins at ``k * frames / bins``.

    Parameters
    ----------
    fine : float32 (fine_bins, 2)
        As `peaks` gives them, of `samples_per_bin` each.
    bins : int
        At most as many as there are fine ones.
    frames, samples_per_bin : int
        Samples per channel, of the whole and of a fine bin.

    Returns
    -------
    float32 (bins, 2)
        Of all fine bins that a bin touches: never less than its own extremes.
    """
    edges = np.arange(bins + 1, dtype=np.int64) * frames
    starts = edges[:-1] // (bins * samples_per_bin)
    stops = -(-edges[1:] // (bins * samples_per_bin))
    # Pairs of a start and a stop, of which every second result is one of ours; the stop of the last needs a place.
    pairs = np.stack([starts, stops], axis=1).reshape(-1)[:-1]
    lowest, highest = np.minimum.reduceat(fine[:, 0], pairs)[::2], np.maximum.reduceat(fine[:, 1], pairs)[::2]
    return np.stack([lowest, highest], axis=1)


def quantised(extremes: FloatArray, full_scale: float) -> npt.NDArray[np.int8]:
    """Return peaks in steps of 1/127 of full scale, rounded outwards: every sample lies within its bin's.

    Parameters
    ----------
    extremes : float32 (bins, 2)
        As `peaks` gives them, finite.
    full_scale : float
        What 127 stands for; no sample is beyond it.

    Returns
    -------
    int8 (bins, 2)
    """
    steps = extremes.astype(np.float64) * (_STEPS / full_scale)
    np.floor(steps[:, 0], out=steps[:, 0])
    np.ceil(steps[:, 1], out=steps[:, 1])
    return np.clip(steps, -_STEPS, _STEPS).astype(np.int8)

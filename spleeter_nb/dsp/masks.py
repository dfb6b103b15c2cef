"""Ratio masks: how each bin of the mixture is shared out between the stems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray, MaskExtension

EPS = 1e-10
"""Spleeter's own, far below any magnitude that can be heard."""


def ratio_masks(estimates: FloatArray, *, exponent: float = 2.0, eps: float = EPS) -> FloatArray:
    r"""Turn the estimated magnitudes of all stems into masks that add up to 1.

    .. math:: M_i = \frac{E_i^p + \epsilon / n}{\sum_j E_j^p + \epsilon}

    Parameters
    ----------
    estimates : float32 (instruments, ...)
        Magnitudes, 0 or more; **overwritten** by the masks.
    exponent : float
        :math:`p`, 2 gives the Wiener-like masks that Spleeter's models were published with.
    eps : float
        Shared out evenly where all estimates are silent.

    Returns
    -------
    float32 (instruments, ...)
        0 to 1, the array that was given.
    """
    if exponent == 2:  # noqa: PLR2004 - a multiplication is ten times faster than a power
        np.multiply(estimates, estimates, out=estimates)
    else:
        np.power(estimates, exponent, out=estimates)
    total = estimates.sum(axis=0)
    total += eps
    estimates += eps / len(estimates)
    estimates /= total
    return estimates


def extend_mask(mask: FloatArray, n_bins: int, *, extension: MaskExtension) -> FloatArray:
    """Say what the mask is above the bins that the network saw.

    Parameters
    ----------
    mask : float32 (channels, frames, bins)
    n_bins : int
        Bins of the whole spectrum.
    extension : {"zeros", "average"}
        ``zeros``: nothing of the mixture above belongs to this stem; the mask stays as it is, since the inverse
        transform takes missing bins as zero. ``average``: the mean over the frame's bins.

    Returns
    -------
    float32 (channels, frames, bins or n_bins)
    """
    if extension == "zeros":
        return mask
    above = np.broadcast_to(mask.mean(axis=-1, keepdims=True), (*mask.shape[:-1], n_bins - mask.shape[-1]))
    return np.concatenate([mask, above], axis=-1)

"""Ratio masks: how each bin of the mixture is shared out between the stems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

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


def extend_mask(mask: FloatArray, n_bins: int) -> FloatArray:
    """Go on with a mask above the bins that the network saw: each frame by the mean over its bins.

    Parameters
    ----------
    mask : float32 (channels, frames, bins)
    n_bins : int
        Bins that the mask shall have, no fewer than it has.

    Returns
    -------
    float32 (channels, frames, n_bins)
        The array itself if nothing is missing.
    """
    missing = n_bins - mask.shape[-1]
    if not missing:
        return mask
    above = np.broadcast_to(mask.mean(axis=-1, keepdims=True), (*mask.shape[:-1], missing))
    return np.concatenate([mask, above], axis=-1)

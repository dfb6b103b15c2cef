"""Placing a stereo signal between left and right, as browsers do it."""

from __future__ import annotations

import math

import numpy as np

from spleeter_nb.values import FloatArray  # noqa: TC001 - sphinx resolves it


def pan_matrix(pan: float) -> FloatArray:
    r"""Return what goes from each side to each side: ``samples @ pan_matrix(pan)`` is the panned signal.

    The far side is faded out by a sine and what it loses is not lost but moves over, by the sine's cosine, so that
    the power of sides that are not alike stays the same. For a pan :math:`p` from -1 (all left) to 0:

    .. math:: L' = L + R \cos \frac{\pi (p + 1)}{2}, \qquad R' = R \sin \frac{\pi (p + 1)}{2}

    and from 0 to 1 (all right):

    .. math:: L' = L \cos \frac{\pi p}{2}, \qquad R' = R + L \sin \frac{\pi p}{2}

    Parameters
    ----------
    pan : float
        -1 to 1.

    Returns
    -------
    float32 (2, 2)
        Rows are the sides that go in, columns those that come out.

    Notes
    -----
    The equal-power algorithm for stereo sources of the StereoPannerNode: W3C, "Web Audio API", section
    "StereoPannerNode panning", https://www.w3.org/TR/webaudio/#stereopanner-algorithm
    """
    if pan <= 0:
        angle = (pan + 1) * math.pi / 2
        matrix = [[1.0, 0.0], [math.cos(angle), math.sin(angle)]]
    else:
        angle = pan * math.pi / 2
        matrix = [[math.cos(angle), math.sin(angle)], [0.0, 1.0]]
    return np.array(matrix, np.float32)

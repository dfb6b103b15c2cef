"""Any number of channels to the two that Spleeter's networks hear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

_HALF_POWER = 2**-0.5

# Weights into left and right, channel by channel in the order of WAV files (SMPTE): ITU-R BS.775-3 table 2, and the
# same idea for the layouts that it does not list. The LFE channel is dropped, as the recommendation says.
_LEFT, _RIGHT, _BOTH, _NONE = (1.0, 0.0), (0.0, 1.0), (_HALF_POWER, _HALF_POWER), (0.0, 0.0)
_SURROUND_LEFT, _SURROUND_RIGHT = (_HALF_POWER, 0.0), (0.0, _HALF_POWER)
_LAYOUTS = {
    1: [(1.0, 1.0)],
    2: [_LEFT, _RIGHT],
    3: [_LEFT, _RIGHT, _BOTH],
    4: [_LEFT, _RIGHT, _SURROUND_LEFT, _SURROUND_RIGHT],
    5: [_LEFT, _RIGHT, _BOTH, _SURROUND_LEFT, _SURROUND_RIGHT],
    6: [_LEFT, _RIGHT, _BOTH, _NONE, _SURROUND_LEFT, _SURROUND_RIGHT],
    7: [_LEFT, _RIGHT, _BOTH, _NONE, (0.5, 0.5), _SURROUND_LEFT, _SURROUND_RIGHT],
    8: [_LEFT, _RIGHT, _BOTH, _NONE, _SURROUND_LEFT, _SURROUND_RIGHT, _SURROUND_LEFT, _SURROUND_RIGHT],
}


def downmix_matrix(channels: int) -> FloatArray:
    """Return the weights of each channel in left and right.

    Parameters
    ----------
    channels : int
        1 or more. Mono goes to both sides; 3 to 8 are taken in the order of WAV files; beyond, odd channels go left
        and even ones right.

    Returns
    -------
    float32 (channels, 2)
        Each column adds up to 1, so that a downmix never clips where its channels do not.
    """
    layout = _LAYOUTS.get(channels, [(_LEFT, _RIGHT)[k % 2] for k in range(channels)])
    matrix = np.array(layout, np.float32)
    matrix /= matrix.sum(axis=0)
    return matrix


def to_stereo(samples: FloatArray) -> FloatArray:
    """Mix to two channels.

    Parameters
    ----------
    samples : float32 (samples, channels)

    Returns
    -------
    float32 (samples, 2)
        The array itself if it has two channels.
    """
    channels = samples.shape[1]
    if channels == 2:  # noqa: PLR2004 - stereo
        return samples
    if channels == 1:
        return np.repeat(samples, 2, axis=1)
    return samples @ downmix_matrix(channels)

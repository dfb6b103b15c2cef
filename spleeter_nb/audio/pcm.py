"""Numbers to samples and back: integer PCM, float32, and what no decoder should give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

BitDepth: TypeAlias = Literal[16, 24, 32, "float"]
"""Bits of an integer sample, or float32."""

LOUDEST = 1e10
"""Above this a float is damage, not sound: no recording comes near, and its powers overflow float32 later."""

PCM_TYPES = frozenset({"f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4"})
"""Kind and bytes of the types that can be samples: one size may have several names, which differ by platform."""


def from_pcm(samples: npt.NDArray[np.generic]) -> FloatArray:
    """Turn samples of any PCM type into float32, full scale 1.0.

    Parameters
    ----------
    samples : ndarray
        Floats, or integers of 8, 16 or 32 bits; unsigned ones have their zero in the middle, as in 8-bit WAV.

    Returns
    -------
    ndarray of float32
        New and C-contiguous, of the same shape; integers come to lie in [-1, 1).
    """
    # Floats beyond float32 become infinite here, and 0 a step later.
    with np.errstate(over="ignore"):
        floats = samples.astype(np.float32, order="C")
    if samples.dtype.kind != "f":
        floats *= np.float32(2.0 ** (1 - samples.dtype.itemsize * 8))
    if samples.dtype.kind == "u":
        floats -= np.float32(1.0)
    return floats


def to_pcm(block: FloatArray, bits: Literal[16, 24, 32]) -> npt.NDArray[np.int16] | npt.NDArray[np.int32]:
    """Turn float32 samples into integers: rounded to the nearest, cut off at full scale, never wrapped.

    Parameters
    ----------
    block : ndarray of float32
        Samples, full scale 1.0; no NaN.
    bits : {16, 24, 32}
        Bits of one sample.

    Returns
    -------
    ndarray of int16 or int32
        Of the same shape; int32 for 24 bits too, with values of 24 bits.
    """
    full_scale = 2.0 ** (bits - 1)
    # 2**31 - 1 is no float32: only 32 bits need the wider type.
    scaled = np.multiply(block, full_scale, dtype=np.float64 if bits == 32 else np.float32)  # noqa: PLR2004 - bits
    np.rint(scaled, out=scaled)
    np.clip(scaled, -full_scale, full_scale - 1, out=scaled)
    return scaled.astype(np.int16) if bits == 16 else scaled.astype(np.int32)  # noqa: PLR2004 - bits


def silence_damage(block: FloatArray) -> int:
    """Replace NaN, infinities and absurdly large values by 0, in place.

    Parameters
    ----------
    block : ndarray of float32
        Any shape, not empty.

    Returns
    -------
    int
        How many values were replaced.
    """
    # The extremes carry a NaN along, so that the common case costs two passes and no memory.
    if block.max() <= LOUDEST and block.min() >= -LOUDEST:
        return 0
    damaged = ~(np.abs(block) <= LOUDEST)
    block[damaged] = 0.0
    return int(np.count_nonzero(damaged))

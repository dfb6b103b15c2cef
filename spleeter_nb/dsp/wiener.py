r"""The multichannel Wiener filter: stems told apart by where they stand in the stereo image, too.

Each stem :math:`j` is modelled with a power :math:`v_j(t, f)` and, constant over the song, a spatial covariance
:math:`R_j(f)`. From first guesses :math:`y_j` (the mixture :math:`x` times a ratio mask of the magnitudes)

.. math::

    v_j = \tfrac{1}{2} \lVert y_j \rVert^2, \qquad
    R_j = \frac{\sum_t y_j y_j^H}{\epsilon + \sum_t v_j}, \qquad
    \hat{y}_j = v_j R_j \Big(\sum_k v_k R_k + \sqrt{\epsilon}\, I\Big)^{-1} x

:math:`R_j` needs the whole song before the first sample can be filtered, so there are two passes, and both see one
segment at a time: memory does not grow with the song. The result is that of ``norbert.wiener(v, x)`` on the
whole song at once, which is what Spleeter runs for ``--mwf``.

Formulas: N. Duong, E. Vincent, R. Gribonval, "Under-determined reverberant audio source separation using a
full-rank spatial covariance model", IEEE TASLP 18(7), 2010; one step of the algorithm simplified as in A. Nugraha,
A. Liutkus, E. Vincent, "Multichannel music separation with deep neural networks", EUSIPCO 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.dsp.masks import ratio_masks

if TYPE_CHECKING:
    import numpy.typing as npt

    from spleeter_nb.values import ComplexArray, FloatArray

_EPS = float(np.finfo(np.float32).eps)

# The mixture is scaled to this peak before filtering: the regularisation is relative to it.
_PEAK = 10.0

# Frames filtered at once in double precision: 16 keep the intermediate arrays in the second-level cache.
_FRAMES_PER_BLOCK = 16


class SpatialStatistics:
    """First pass: gather each stem's spatial covariance over the song.

    Parameters
    ----------
    n_instruments, n_bins : int
        Stems, and bins that the networks see.
    """

    def __init__(self, n_instruments: int, n_bins: int) -> None:
        self._covariance = np.zeros((n_instruments, 3, n_bins), np.complex128)
        self._power = np.zeros((n_instruments, n_bins))
        self._peak = 0.0

    def observe(self, estimates: FloatArray, spectrum: ComplexArray, weights: FloatArray) -> FloatArray:
        """Take one segment into account.

        Parameters
        ----------
        estimates : float32 (instruments, 2, frames, n_bins)
            The networks' magnitudes; **overwritten**.
        spectrum : complex64 (2, frames, n_bins)
            The mixture.
        weights : float32 (frames,)
            How much each frame counts, 0 to 1.

        Returns
        -------
        float32 (instruments, frames, n_bins)
            The stems' powers, which the second pass needs.
        """
        self._peak = max(self._peak, float(np.abs(spectrum).max(initial=0.0)))
        masks = ratio_masks(estimates, exponent=1.0, eps=_EPS)
        power = np.empty((len(masks), *spectrum.shape[1:]), np.float32)
        for stem, mask in enumerate(masks):
            left, right = mask * spectrum
            left_power, right_power = _square(left), _square(right)
            np.multiply(left_power + right_power, 0.5, out=power[stem])
            sums = (left_power, left * right.conj(), right_power)
            for k, values in enumerate(sums):
                self._covariance[stem, k] += np.einsum("tf,t->f", values, weights, dtype=np.complex128)
            self._power[stem] += np.einsum("tf,t->f", power[stem], weights, dtype=np.float64)
        return power

    def filter(self) -> WienerFilter:
        """Return the filter for the second pass, after all segments were observed."""
        scale = max(1.0, self._peak / _PEAK)
        covariance = self._covariance / (_EPS * scale**2 + self._power[:, None])
        return WienerFilter(covariance, scale)


class WienerFilter:
    """Second pass: filter one segment after the other; safe to share between threads.

    Parameters
    ----------
    covariance : complex128 (instruments, 3, n_bins)
        :math:`R_j`: left, left times conjugate of right, right.
    scale : float
        What the mixture is divided by before filtering.
    """

    def __init__(self, covariance: npt.NDArray[np.complex128], scale: float) -> None:
        self._left, self._cross, self._right = covariance[:, 0].real, covariance[:, 1], covariance[:, 2].real
        self._scale = scale

    def apply(self, power: FloatArray, spectrum: ComplexArray) -> ComplexArray:
        """Filter one segment.

        Parameters
        ----------
        power : float32 (instruments, frames, n_bins)
            From :meth:`SpatialStatistics.observe`.
        spectrum : complex64 (2, frames, n_bins)
            The mixture.

        Returns
        -------
        complex64 (instruments, 2, frames, n_bins)
        """
        stems = np.empty((len(power), *spectrum.shape), np.complex64)
        for start in range(0, spectrum.shape[1], _FRAMES_PER_BLOCK):
            block = slice(start, start + _FRAMES_PER_BLOCK)
            self._apply(power[:, block], spectrum[:, block], stems[:, :, block])
        return stems

    def _apply(self, power: FloatArray, spectrum: ComplexArray, out: ComplexArray) -> None:
        v = power / self._scale**2
        left, right = (np.einsum("jtf,jf->tf", v, part) + np.sqrt(_EPS) for part in (self._left, self._right))
        cross = np.einsum("jtf,jf->tf", v, self._cross)
        # The inverse of the 2x2 covariance of the mixture, applied to the mixture.
        determinant = left * right - _square(cross)
        white_left = (right * spectrum[0] - cross * spectrum[1]) / determinant
        white_right = (left * spectrum[1] - cross.conj() * spectrum[0]) / determinant
        for stem, gain in enumerate(v):
            out[stem, 0] = gain * (self._left[stem] * white_left + self._cross[stem] * white_right)
            out[stem, 1] = gain * (self._cross[stem].conj() * white_left + self._right[stem] * white_right)


def _square(values: npt.NDArray[np.complexfloating]) -> npt.NDArray[np.floating]:
    return values.real**2 + values.imag**2

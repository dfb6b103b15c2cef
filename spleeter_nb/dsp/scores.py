"""How near an estimate comes to the true stem, in dB, more is better; and how far stems are from adding up.

Both ratios are taken over all samples and channels at once. Silent references have no defined score: nan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.exceptions import MissingDependencyError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy.typing as npt

    from spleeter_nb.values import FloatArray

# Samples summed up at once: scores of an hour of music need no copy of it in double precision.
_BLOCK = 1 << 18


def sdr(reference: FloatArray, estimate: FloatArray) -> float:
    r"""Return the signal-to-distortion ratio.

    .. math:: 10 \log_{10} \frac{\sum s^2}{\sum (s - \hat{s})^2}

    Parameters
    ----------
    reference, estimate : float32 (samples, channels)
        The true stem and what was made of the mixture.

    Returns
    -------
    float
        dB; inf for equal signals, nan for a silent reference.

    Raises
    ------
    ValidationError
        If the shapes differ.

    Notes
    -----
    The definition of the Music Demixing Challenge: Y. Mitsufuji et al., Frontiers in Signal Processing 1, 2022.
    """
    signal = distortion = 0.0
    for s, e in _blocks(reference, estimate):
        signal += _energy(s)
        distortion += _energy(s - e)
    return _ratio_db(signal, distortion)


def si_sdr(reference: FloatArray, estimate: FloatArray) -> float:
    r"""Return the scale-invariant signal-to-distortion ratio.

    .. math:: 10 \log_{10} \frac{\sum (\alpha s)^2}{\sum (\alpha s - \hat{s})^2}, \qquad
              \alpha = \frac{\sum s \hat{s}}{\sum s^2}

    Parameters
    ----------
    reference, estimate : float32 (samples, channels)
        The true stem and what was made of the mixture.

    Returns
    -------
    float
        dB; the same for an estimate of any loudness; nan for a silent reference or estimate.

    Raises
    ------
    ValidationError
        If the shapes differ.

    Notes
    -----
    J. Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019.
    """
    signal = common = estimated = 0.0
    for s, e in _blocks(reference, estimate):
        signal += _energy(s)
        common += float(np.vdot(s, e))
        estimated += _energy(e)
    if signal == 0 or estimated == 0:
        return float("nan")
    projected = common**2 / signal
    return _ratio_db(projected, max(0.0, estimated - projected))


def null_db(mixture: FloatArray, stems: Collection[FloatArray]) -> float:
    r"""Return the level of what is left when all stems are subtracted from their mixture.

    .. math:: 20 \log_{10} \mathrm{RMS}\left(x - \sum_i s_i\right)

    Parameters
    ----------
    mixture : float32 (samples, channels)
    stems : collection of float32 (samples, channels)
        All of them, each of the mixture's shape.

    Returns
    -------
    float
        dBFS: 0 is an RMS of 1.0, over all samples and channels; -inf where nothing is left.
    """
    left = 0.0
    for start in range(0, len(mixture), _BLOCK):
        rest = mixture[start : start + _BLOCK].astype(np.float64)
        for stem in stems:
            rest -= stem[start : start + _BLOCK]
        left += _energy(rest)
    return 10 * float(np.log10(left / mixture.size)) if left else float("-inf")


def bss_eval(
    references: Mapping[str, FloatArray], estimates: Mapping[str, FloatArray], *, sample_rate: int
) -> dict[str, dict[str, float]]:
    """Return BSSEval v4 scores, as SiSEC and MUSDB18 report them, by museval.

    Parameters
    ----------
    references, estimates : mapping of str to float32 (samples, channels)
        All stems of one song, under the same names.
    sample_rate : int
        Hz.

    Returns
    -------
    dict of str to dict
        For each stem ``SDR``, ``ISR``, ``SIR`` and ``SAR``: medians over windows of one second, in dB; nan if in
        each window some stem is silent.

    Raises
    ------
    MissingDependencyError
        If museval is not installed.
    ValidationError
        If names or shapes differ, or a stem is silent, which BSSEval does not define.
    """
    try:
        import museval.metrics  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise MissingDependencyError(
            "BSSEval needs museval: pip install 'spleeter-nb[eval]'.", library="museval", extra="eval"
        ) from error
    names = list(references)
    if set(names) != set(estimates):
        raise ValidationError(f"References {names} and estimates {list(estimates)} must have the same names.")
    silent = [name for name in names if not np.any(references[name])]
    if silent:
        raise ValidationError(f"BSSEval is not defined for silent references: leave out {silent}.", silent=silent)
    try:
        stacked = [np.stack([signals[name] for name in names]) for signals in (references, estimates)]
        scores = museval.metrics.bss_eval(*stacked, window=sample_rate, hop=sample_rate)
    except ValueError as error:
        raise ValidationError(f"museval cannot compare the stems {names}: {error}", stems=names) from error
    return {
        name: {kind: _median(values[k]) for kind, values in zip(("SDR", "ISR", "SIR", "SAR"), scores, strict=False)}
        for k, name in enumerate(names)
    }


def _blocks(reference: FloatArray, estimate: FloatArray) -> Iterator[tuple[npt.NDArray[np.float64], ...]]:
    if reference.shape != estimate.shape:
        raise ValidationError(
            f"The reference has the shape {reference.shape}, the estimate {estimate.shape}: scores compare signals "
            f"sample by sample, so cut or resample one of them first.",
            reference=reference.shape,
            estimate=estimate.shape,
        )
    for start in range(0, len(reference), _BLOCK):
        block = slice(start, start + _BLOCK)
        yield reference[block].astype(np.float64), estimate[block].astype(np.float64)


def _median(windows: npt.NDArray[np.float64]) -> float:
    """Return the median over the windows that have a score: those in which no stem is silent."""
    scored = windows[~np.isnan(windows)]
    return float(np.median(scored)) if scored.size else float("nan")


def _energy(values: npt.NDArray[np.float64]) -> float:
    return float(np.vdot(values, values))


def _ratio_db(signal: float, distortion: float) -> float:
    if signal == 0:
        return float("nan")
    return float("inf") if distortion == 0 else 10 * float(np.log10(signal / distortion))

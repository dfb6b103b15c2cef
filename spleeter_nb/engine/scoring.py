"""Stems compared with the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.dsp.scores import bss_eval, sdr, si_sdr
from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.values import FloatArray


def score_stems(
    result: SeparationResult, references: Mapping[str, Any], *, bsseval: bool
) -> dict[str, dict[str, float]]:
    """Do what :meth:`SeparationResult.score` says."""
    if not isinstance(references, Mapping):
        raise ValidationError(
            f"References are true stems by name, as in {{{next(iter(result.stems))!r}: samples}}, not a "
            f"{type(references).__name__}.",
            type=type(references).__name__,
        )
    if not references or not set(references) <= set(result.stems):
        raise ValidationError(
            f"References were given for {list(references)}; the stems are {', '.join(result.stems)}.",
            references=list(references),
        )
    true = {name: _true_samples(name, reference, result.stems[name].frames) for name, reference in references.items()}
    scores = {}
    for name, reference in true.items():
        ratio = sdr(reference, result.stems[name].samples)
        improvement = ratio - sdr(reference, result.mixture)
        scores[name] = {
            "SDR": ratio,
            "SI-SDR": si_sdr(reference, result.stems[name].samples),
            "SDRi": improvement,
        }
    if bsseval:
        estimates = {name: result.stems[name].samples for name in true}
        for name, values in bss_eval(true, estimates, sample_rate=result.sample_rate).items():
            scores[name] |= {f"BSSEval {kind}": value for kind, value in values.items()}
    return scores


def _true_samples(name: str, reference: object, frames: int) -> FloatArray:
    """Return a reference as float32 (frames, 2)."""
    try:
        array = np.asarray(reference)
    except (TypeError, ValueError) as error:
        raise ValidationError(f"The reference of {name!r} is no array of numbers: {error}", stem=name) from error
    if array.dtype.kind not in "iuf" or array.shape != (frames, 2):
        raise ValidationError(
            f"The reference of {name!r} has the shape {array.shape} and the type {array.dtype}; numbers of the shape "
            f"{(frames, 2)} are wanted, at the stems' rate.",
            stem=name,
            shape=array.shape,
            dtype=str(array.dtype),
        )
    return array.astype(np.float32, copy=False)

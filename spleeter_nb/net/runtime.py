"""What every runtime offers: the same two verbs, from arrays to arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np

from spleeter_nb.exceptions import ModelCorruptError

if TYPE_CHECKING:
    import threading

    from spleeter_nb.values import FloatArray, MaskExtension, ModelSpec

Precision: TypeAlias = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """Where and how a network runs."""

    runtime: str
    """``openvino``, ``tensorflow``, ``jax`` or ``torch``."""
    device: str
    """``cpu``, ``cuda:0`` …"""
    precision: Precision
    """Of the networks; transforms and masks are always float32."""


class Runtime(Protocol):
    """A model, loaded on a device. All verbs may be called from several threads at once."""

    @property
    def info(self) -> RuntimeInfo:
        """Where and how the networks run."""
        ...

    @property
    def batch_size(self) -> int:
        """Segments that one call takes."""
        ...

    @property
    def workers(self) -> int:
        """How many threads should call at once to keep the device busy."""
        ...

    def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
        """Run the networks.

        Parameters
        ----------
        magnitude : float32 (batch, channels, segment_frames, n_bins)
            At most `batch_size` segments.
        cancel : threading.Event
            Stops the computation when set.

        Returns
        -------
        float32 (batch, instruments, channels, segment_frames, n_bins)
            The stems' magnitudes; the caller may overwrite them.

        Raises
        ------
        SeparationCancelledError
            If `cancel` was set.
        DeviceMemoryError
            If the device has too little memory for this batch.
        """
        ...

    def separate(
        self, samples: FloatArray, weights: FloatArray, *, mask_extension: MaskExtension, cancel: threading.Event
    ) -> FloatArray:
        """Separate segments: transform, networks, masks, inverse transform.

        Parameters
        ----------
        samples : float32 (batch, channels, segment_samples)
            At most `batch_size` segments.
        weights : float32 (batch, segment_frames)
            How much each frame counts, 0 to 1.
        mask_extension : {"zeros", "average"}
            What the masks are above the bins that the networks see; the model's own does not count here.
        cancel : threading.Event
            Stops the computation when set.

        Returns
        -------
        float32 (batch, instruments, channels, segment_samples)
            What the segments contribute to each stem, to be overlapped and added.

        Raises
        ------
        SeparationCancelledError
            If `cancel` was set.
        DeviceMemoryError
            If the device has too little memory for this batch.
        """
        ...


def self_test(runtime: Runtime, spec: ModelSpec, *, cancel: threading.Event) -> None:
    """Separate a little noise and see whether what comes back can be stems.

    A network whose weights were lost gives silence, the input itself or NaN: all of these once passed for stems.

    Raises
    ------
    ModelCorruptError
        If an estimate is not finite, silent, or above the mixture, or if all stems are alike.
    """
    shape = (1, spec.n_channels, spec.segment_frames, spec.n_bins)
    magnitude = np.random.default_rng(0).random(shape, np.float32)
    estimates = runtime.estimate(magnitude, cancel=cancel)[0]
    if not np.isfinite(estimates).all():
        problem = "values that are not finite"
    elif estimates.min() < 0 or (estimates > magnitude * 1.02).any():
        problem = "more than the mixture, or less than nothing"
    elif not estimates.any(axis=(1, 2, 3)).all():
        problem = "silence"
    elif len(estimates) > 1 and np.array_equal(estimates[0], estimates[1]):
        problem = "the same for all stems"
    else:
        return
    raise ModelCorruptError(
        f"The networks of {spec.name} answer noise with {problem}: their weights are damaged. Install the model "
        f"again, or train a custom one further.",
        model=spec.name,
        runtime=runtime.info,
    )

"""The runtime for GPUs: Keras 3 on TensorFlow, JAX or PyTorch, with transforms and masks on the device.

One segment's samples go to the device and its stems' samples come back; spectra never leave it. The whole way is
one Keras model made of ``keras.ops``, so each backend compiles it in its own manner.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from spleeter_nb.dsp.masks import EPS
from spleeter_nb.dsp.stft import WINDOW_COMPENSATION, hann
from spleeter_nb.exceptions import (
    DeviceError,
    DeviceMemoryError,
    MissingDependencyError,
    SeparationCancelledError,
    SpleeterError,
)
from spleeter_nb.net.checkpoint import read_checkpoint
from spleeter_nb.net.runtime import RuntimeInfo
from spleeter_nb.net.unet import build_networks

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    import keras

    from spleeter_nb.net.devices import Choice
    from spleeter_nb.net.runtime import Precision
    from spleeter_nb.net.unet import DataFormat
    from spleeter_nb.values import FloatArray, MaskExtension, ModelSpec

    Tensor: TypeAlias = keras.KerasTensor

# The order of axes that each backend computes fastest on its devices.
_DATA_FORMAT: dict[str, DataFormat] = {
    "tensorflow": "channels_last",
    "jax": "channels_last",
    "torch": "channels_first",
}

# How each backend says that memory is short: the name of its exception, and for JAX, which has one class for all
# its errors, the status code in front of the text.
_OUT_OF_MEMORY = {
    "MemoryError": "",
    "ResourceExhaustedError": "",
    "OutOfMemoryError": "",
    "JaxRuntimeError": "RESOURCE_EXHAUSTED",
}


class KerasRuntime:
    """A model on a device of TensorFlow, JAX or PyTorch.

    Parameters
    ----------
    spec : ModelSpec
    checkpoint : Path
        The prefix of the checkpoint's files.
    choice : Choice
        The backend and its device.
    precision : {"float32", "bfloat16"}
        Of the networks.
    batch_size : int
        Segments computed at once.
    memory_growth : bool
        Whether the backend takes a GPU's memory piece by piece; otherwise most of it at once. It counts where this
        process has not imported Keras yet.

    Raises
    ------
    DeviceError
        If Keras runs on another backend in this process already, or the backend fails.
    DeviceMemoryError
        If the model does not fit on the device.
    """

    workers = 2

    def __init__(  # noqa: PLR0913 - all keyword-only but for what the model is
        self,
        spec: ModelSpec,
        checkpoint: Path,
        *,
        choice: Choice,
        precision: Precision,
        batch_size: int,
        memory_growth: bool = True,
    ) -> None:
        keras = _import_keras(choice.runtime, memory_growth=memory_growth)
        self.batch_size = batch_size
        self.info = RuntimeInfo(choice.runtime, choice.device, precision)
        self._device = choice.device.replace("cuda", "gpu")
        self._scope = keras.device
        weights = read_checkpoint(checkpoint)
        with _translated_errors(choice.runtime), self._scope(self._device):
            networks = build_networks(
                spec,
                weights,
                data_format=_DATA_FORMAT[choice.runtime],
                precision=precision,
            )
            self._networks = _channels_first(networks, spec, _DATA_FORMAT[choice.runtime])
            self._separator = _separator(self._networks, spec)
            for model in (self._networks, self._separator):
                model.compile(jit_compile=choice.device != "cpu")

    def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
        """Run the networks; see :meth:`spleeter_nb.net.runtime.Runtime.estimate`."""
        return self._predict(self._networks, [magnitude], cancel)

    def separate(
        self, samples: FloatArray, weights: FloatArray, *, mask_extension: MaskExtension, cancel: threading.Event
    ) -> FloatArray:
        """Separate segments; see :meth:`spleeter_nb.net.runtime.Runtime.separate`."""
        above = np.full((len(samples), 1), mask_extension == "average", np.float32)
        return self._predict(self._separator, [samples, weights, above], cancel)

    def _predict(self, model: keras.Model, arrays: list[FloatArray], cancel: threading.Event) -> FloatArray:
        if cancel.is_set():
            raise SeparationCancelledError("The separation was cancelled.")
        count = len(arrays[0])
        # Always full batches: a backend that compiles would compile again for every new size.
        full = [np.pad(array, [(0, self.batch_size - count)] + [(0, 0)] * (array.ndim - 1)) for array in arrays]
        with _translated_errors(self.info.runtime), self._scope(self._device):
            return np.array(model.predict_on_batch(full if len(full) > 1 else full[0]))[:count]


@contextlib.contextmanager
def _translated_errors(runtime: str) -> Iterator[None]:
    """Turn the backends' errors, which have no class in common, into ours."""
    try:
        yield
    except SpleeterError:
        raise
    except Exception as error:
        words = str(error)[:200]
        names = {base.__name__ for base in type(error).__mro__}
        if any(name in names and text in str(error) for name, text in _OUT_OF_MEMORY.items()):
            raise DeviceMemoryError(f"The device has too little memory: {words}", runtime=runtime) from error
        raise DeviceError(
            f"{runtime} failed ({type(error).__name__}): {words}. Use device='cpu', or another runtime.",
            runtime=runtime,
        ) from error


def _import_keras(backend: str, *, memory_growth: bool) -> ModuleType:
    """Import Keras on a backend: the one place where that choice is made, for the first import keeps it."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = backend
        if memory_growth:
            # Other programs want GPU memory, too: take what is needed, when it is needed.
            os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
            os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _translated_errors(backend):
        try:
            keras = importlib.import_module("keras")
        except ImportError as error:
            raise MissingDependencyError(
                f"{backend} is not installed: pip install 'spleeter-nb[{backend}]'.",
                library=backend,
                extra=backend,
            ) from error
    if keras.config.backend() != backend:
        raise DeviceError(
            f"Keras runs on {keras.config.backend()} in this process, so {backend} cannot be used: restart the kernel "
            "and separate before anything else imports Keras.",
            backend=keras.config.backend(),
        )
    return keras


def _channels_first(networks: keras.Model, spec: ModelSpec, data_format: DataFormat) -> keras.Model:
    """Give networks of either format the axes that arrays have everywhere else."""
    import keras  # noqa: PLC0415 - heavy

    if data_format == "channels_first":
        return networks
    magnitude = keras.Input((spec.n_channels, spec.segment_frames, spec.n_bins))
    estimates = networks(keras.ops.moveaxis(magnitude, 1, -1))
    return keras.Model(magnitude, keras.ops.moveaxis(estimates, -1, 2))


def _separator(networks: keras.Model, spec: ModelSpec) -> keras.Model:
    """Put the transforms and masks around the networks; the formulas are those of :mod:`spleeter_nb.dsp`."""
    import keras  # noqa: PLC0415 - heavy

    ops = keras.ops
    samples = keras.Input((spec.n_channels, spec.segment_samples))
    weights = keras.Input((spec.segment_frames,))
    # The share of the masks' means that the bins above get: 0 or 1, so that one compiled model does both.
    above = keras.Input((1,))
    real, imag = ops.rfft(_frames(samples, spec) * hann(spec.n_fft))
    magnitude = ops.sqrt(ops.square(real) + ops.square(imag))[..., : spec.n_bins]
    masks = _masks(networks(magnitude), above, spec) * weights[:, None, None, :, None]
    stems = ops.irfft((real[:, None] * masks, imag[:, None] * masks), fft_length=spec.n_fft)
    stems = stems * (hann(spec.n_fft) * np.float32(WINDOW_COMPENSATION))
    return keras.Model([samples, weights, above], _overlap_add(stems, spec))


def _frames(samples: Tensor, spec: ModelSpec) -> Tensor:
    """Cut ``(batch, channels, segment_samples)`` into ``(batch, channels, segment_frames, n_fft)``."""
    import keras  # noqa: PLC0415 - heavy

    per_frame = spec.n_fft // spec.hop_length
    hops = keras.ops.reshape(samples, (-1, spec.n_channels, spec.segment_frames + per_frame - 1, spec.hop_length))
    shifted = [hops[:, :, i : i + spec.segment_frames] for i in range(per_frame)]
    return keras.ops.concatenate(shifted, axis=-1)


def _overlap_add(frames: Tensor, spec: ModelSpec) -> Tensor:
    """Join ``(batch, instruments, channels, segment_frames, n_fft)`` to ``(…, segment_samples)``."""
    import keras  # noqa: PLC0415 - heavy

    ops = keras.ops
    per_frame = spec.n_fft // spec.hop_length
    outer = (-1, len(spec.instruments), spec.n_channels)
    parts = ops.reshape(frames, (*outer, spec.segment_frames, per_frame, spec.hop_length))
    hops: Any = 0
    for i in range(per_frame):
        hops = hops + ops.pad(parts[:, :, :, :, i], [(0, 0)] * 3 + [(i, per_frame - 1 - i), (0, 0)])
    return ops.reshape(hops, (*outer, spec.segment_samples))


def _masks(estimates: Tensor, above: Tensor, spec: ModelSpec) -> Tensor:
    """Return masks over all bins: :func:`spleeter_nb.dsp.masks.ratio_masks`, extended by `above` of their means."""
    import keras  # noqa: PLC0415 - heavy

    ops = keras.ops
    powers = ops.power(estimates, spec.separation_exponent)
    total = ops.sum(powers, axis=1, keepdims=True)
    masks = (powers + EPS / len(spec.instruments)) / (total + EPS)
    means = ops.mean(masks, axis=-1, keepdims=True) * above[:, None, None, :, None]
    return ops.concatenate([masks, ops.repeat(means, spec.n_fft // 2 + 1 - spec.n_bins, axis=-1)], axis=-1)

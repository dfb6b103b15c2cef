"""Spleeter's U-Net, once, in Keras 3.

Each stem has a network of its own with the same shape: six 5x5 convolutions of stride 2 down, six 5x5 transposed
convolutions of stride 2 up, skip connections between them, and a 4x4 convolution to as many channels as came in.
Layers bear the names of the checkpoint's variables (``conv2d_7``, ``batch_normalization_12`` …), which TensorFlow
counted through all networks in the order they were built; so loading weights is looking up names.

Architecture: A. Jansson et al., "Singing voice separation with deep U-Net convolutional networks", ISMIR 2017, as
trained in R. Hennequin et al., "Spleeter", JOSS 5(50), 2020, doi 10.21105/joss.02154.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from spleeter_nb.exceptions import ModelCorruptError, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras
    import numpy.typing as npt

    from spleeter_nb.net.runtime import Precision
    from spleeter_nb.values import ModelSpec

    Tensor: TypeAlias = keras.KerasTensor
    Weights: TypeAlias = Mapping[str, npt.NDArray[np.generic]]

DataFormat: TypeAlias = Literal["channels_first", "channels_last"]

PRECISE_LEVELS = 2
"""First convolutions of each network that stay in float32 whatever the precision of the others, as the last one does:
they see magnitudes of a wide range, and in bfloat16 they alone cost 6 dB of the result, for a tenth of the time."""

_DEPTH = 6
_LEAKY_SLOPE = 0.2


def build_networks(
    spec: ModelSpec, weights: Weights, *, data_format: DataFormat, precision: Precision = "float32"
) -> keras.Model:
    """Build the networks of all stems as one model.

    Parameters
    ----------
    spec : ModelSpec
        The shape of the networks.
    weights : mapping of str to ndarray
        The checkpoint's tensors by their variables' names.
    data_format : {"channels_first", "channels_last"}
        The order of axes that the backend computes fastest.
    precision : {"float32", "bfloat16"}
        Of the convolutions, but for the first two and the last; weights stay float32.

    Returns
    -------
    keras.Model
        From magnitudes ``(batch, channels, segment_frames, n_bins)``, or with the channels last, to estimates
        ``(batch, instruments, …)`` with the same axes behind: the magnitude times a mask in 0..1.

    Raises
    ------
    ModelCorruptError
        If a weight has another shape than its layer, is not finite, or a kernel is zero throughout.
    UnsupportedModelError
        If the checkpoint lacks a variable of these networks.
    """
    import keras  # noqa: PLC0415 - heavy, and its first import fixes the backend

    grid = (spec.segment_frames, spec.n_bins)
    channels_first = data_format == "channels_first"
    magnitude = keras.Input((spec.n_channels, *grid) if channels_first else (*grid, spec.n_channels))
    logits = keras.ops.stack(
        [_Unet(spec, index, data_format, precision)(magnitude) for index in range(len(spec.instruments))],
        axis=1,
    )
    logits = keras.ops.cast(logits, "float32")
    squash = keras.ops.sigmoid if spec.network == "unet" else _softmax_over_instruments
    model = keras.Model(magnitude, squash(logits) * magnitude[:, None])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.name.startswith("conv2d_transpose"):
            kernel_shape = (5, 5, 1, layer.kernel.shape[2])
            kernel = _checked(weights, f"{layer.name}/kernel", kernel_shape)
            bias = _checked(weights, f"{layer.name}/bias", (1,))
            layer.set_weights([_to_subpixels(kernel), np.repeat(bias, 4)])
        elif layer.weights:
            layer.set_weights([_checked(weights, f"{layer.name}/{v.name}", tuple(v.shape)) for v in layer.weights])
    return model


def _softmax_over_instruments(logits: Tensor) -> Tensor:
    import keras  # noqa: PLC0415 - see build_networks

    return keras.ops.softmax(logits, axis=1)


class _Unet:
    """The network of one stem, up to the logits of its mask."""

    def __init__(self, spec: ModelSpec, index: int, data_format: DataFormat, precision: Precision) -> None:
        self._spec = spec
        dtype = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        # Kernels are set from the checkpoint: random ones would take JAX half a second of compiling for each shape.
        self._format: dict[str, Any] = {
            "padding": "same",
            "data_format": data_format,
            "dtype": dtype,
            "kernel_initializer": "zeros",
        }
        self._channel_axis = 1 if data_format == "channels_first" else -1
        # How many layers of each kind the networks before this one have put into the checkpoint.
        self._conv, self._transposed, self._norm = 7 * index, 6 * index, 12 * index

    def __call__(self, magnitude: Tensor) -> Tensor:
        skips = self._encode(magnitude)
        decoded = self._decode(skips)
        return self._convolve(decoded, _DEPTH, filters=self._spec.n_channels, kernel_size=4, dilation_rate=2)

    def _encode(self, x: Tensor) -> list[Tensor]:
        """Return the raw output of each convolution: skips carry it neither normalised nor activated."""
        skips = []
        for k, filters in enumerate(self._spec.conv_n_filters):
            if k:
                x = self._activate(self._normalize(x, k - 1), self._spec.conv_activation)
            x = self._convolve(x, k, filters=filters, kernel_size=5, strides=2)
            skips.append(x)
        return skips

    def _decode(self, skips: list[Tensor]) -> Tensor:
        import keras  # noqa: PLC0415 - see build_networks

        x = skips[-1]
        filters = (*self._spec.conv_n_filters[-2::-1], 1)
        for k in range(_DEPTH):
            if k:
                x = keras.ops.concatenate([skips[-1 - k], x], axis=self._channel_axis)
            name = _name("conv2d_transpose", self._transposed + k)
            if k < _DEPTH - 1:
                x = keras.layers.Conv2DTranspose(filters[k], 5, strides=2, name=name, **self._format)(x)
                x = self._activate(x, self._spec.deconv_activation)
            else:
                x = self._double_one_channel(x, name)
            x = self._normalize(x, _DEPTH + k)
        return x

    def _double_one_channel(self, x: Tensor, name: str) -> Tensor:
        """Do what a transposed convolution to one channel does, on the small grid; see :func:`_to_subpixels`."""
        import keras  # noqa: PLC0415 - see build_networks

        x = keras.layers.Conv2D(4, 3, name=name, **self._format)(x)
        x = self._activate(x, self._spec.deconv_activation)
        return keras.ops.nn.depth_to_space(x, 2, data_format=self._format["data_format"])

    def _convolve(self, x: Tensor, k: int, **shape: int) -> Tensor:
        import keras  # noqa: PLC0415 - see build_networks

        form = self._format
        if k < PRECISE_LEVELS or k == _DEPTH:
            form = form | {"dtype": "float32"}
        return keras.layers.Conv2D(name=_name("conv2d", self._conv + k), **shape, **form)(x)

    def _normalize(self, x: Tensor, k: int) -> Tensor:
        import keras  # noqa: PLC0415 - see build_networks

        name = _name("batch_normalization", self._norm + k)
        return keras.layers.BatchNormalization(axis=self._channel_axis, epsilon=1e-3, name=name, dtype="float32")(x)

    @staticmethod
    def _activate(x: Tensor, kind: str) -> Tensor:
        import keras  # noqa: PLC0415 - see build_networks

        if kind == "leaky_relu":
            return keras.ops.leaky_relu(x, _LEAKY_SLOPE)
        return {"relu": keras.ops.relu, "elu": keras.ops.elu}[kind](x)


def _name(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind


def _to_subpixels(kernel: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Turn the kernel of a 5x5 transposed convolution of stride 2 to one channel into a 3x3 one to four.

    Such a layer gives each input pixel four output pixels, two by two. Output row 2q sees the input rows q - 1 and q
    through the kernel's rows 3 and 1, row 2q + 1 sees q - 1, q and q + 1 through 4, 2 and 0; columns likewise. So it
    equals a convolution with a channel for each of the four, spread out afterwards (W. Shi et al., "Real-time single
    image and video super-resolution using an efficient sub-pixel convolutional neural network", CVPR 2016). Processors
    compute channels sixteen at a time: for a single one this is twice as fast, an eighth of the whole network.

    Parameters
    ----------
    kernel : (5, 5, 1, inputs)

    Returns
    -------
    (3, 3, inputs, 4)
    """
    rows = np.array([[3, 1, 5], [4, 2, 0]])  # for even and odd outputs; row 5 is zero
    padded = np.pad(kernel, [(0, 1), (0, 1), (0, 0), (0, 0)])[:, :, 0]
    phases = padded[rows[:, :, None, None], rows[None, None]]  # (2, 3, 2, 3, inputs)
    return np.ascontiguousarray(phases.transpose(1, 3, 4, 0, 2).reshape(3, 3, -1, 4))


def _checked(weights: Weights, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """Return a variable of the checkpoint if it has this shape and values that a trained network can have."""
    if name not in weights:
        raise UnsupportedModelError(
            f"The checkpoint has no variable {name!r}: its networks are not the U-Nets that the configuration "
            f"describes; compare instrument_list and conv_n_filters with those of the training.",
            variable=name,
        )
    weight = weights[name]
    problem, advice = None, "install the model again"
    if weight.shape != shape:
        problem = f"has the shape {weight.shape}, its layer {shape}"
        advice = "compare the configuration with that of the training, or install the model again"
    elif not np.isfinite(weight).all():
        problem = "holds values that are not finite"
    elif name.endswith("/kernel") and not weight.any():
        problem = "is zero throughout"
    if problem:
        raise ModelCorruptError(f"The variable {name!r} {problem}: {advice}.", variable=name)
    return weight

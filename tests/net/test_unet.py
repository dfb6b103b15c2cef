"""The networks: their shapes, and how a checkpoint is held against them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb.exceptions import ModelCorruptError, UnsupportedModelError
from spleeter_nb.net.checkpoint import read_checkpoint
from spleeter_nb.net.unet import PRECISE_LEVELS, _to_subpixels, build_networks
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from spleeter_nb.net.unet import DataFormat
    from tests.net.conftest import Model

pytestmark = pytest.mark.usefixtures("keras")

# The sixth batch normalisation of each encoder: the raw output of the sixth convolution feeds the decoder.
UNUSED = {
    f"batch_normalization_{k}/{name}" for k in (5, 17) for name in ("gamma", "beta", "moving_mean", "moving_variance")
}

# Transposed convolutions to one channel, which the model computes in another way.
REARRANGED = ("conv2d_transpose_5", "conv2d_transpose_11")


def variables(model: Any) -> dict[str, tuple[int, ...]]:
    return {f"{layer.name}/{weight.name}": tuple(weight.shape) for layer in model.layers for weight in layer.weights}


def test_two_stems_use_the_whole_checkpoint_but_two_normalisations(two_stems_models_dir: Path) -> None:
    spec = ModelSpec("spleeter:2stems", ("vocals", "accompaniment"))
    weights = read_checkpoint(two_stems_models_dir / "2stems" / "model")
    model = build_networks(spec, weights, data_format="channels_last")
    shapes = variables(model)
    assert {name for name, shape in shapes.items() if weights[name].shape != shape} == {
        f"{layer}/{name}" for layer in REARRANGED for name in ("kernel", "bias")
    }
    assert weights.keys() - shapes.keys() == UNUSED | {"global_step"}
    assert model.input_shape == (None, 512, 1024, 2)
    assert model.output_shape == (None, 2, 512, 1024, 2)


def test_weights_land_in_the_layers_of_their_names(small_model: Callable[[str], Model]) -> None:
    two = small_model("two")
    weights = read_checkpoint(two.checkpoint)
    model = build_networks(two.spec, weights, data_format="channels_last")
    for layer in model.layers:
        for weight in layer.weights:
            if layer.name not in REARRANGED:
                np.testing.assert_array_equal(weight.value.numpy(), weights[f"{layer.name}/{weight.name}"])


def test_the_rearranged_layer_is_a_transposed_convolution(keras: Any) -> None:
    rng = np.random.default_rng(0)
    kernel, x = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, 5, 1, 3), (2, 6, 8, 3)))
    expected = keras.ops.conv_transpose(x, kernel, strides=2, padding="same")
    phases = keras.ops.conv(x, _to_subpixels(kernel), padding="same")
    found = keras.ops.nn.depth_to_space(phases, 2)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(expected), atol=1e-5)


@pytest.mark.parametrize(("case", "instruments"), [("two", 2), ("wiener", 3), ("four_elu", 4), ("five_softmax", 5)])
@pytest.mark.parametrize(("data_format", "grid"), [("channels_first", (2, 64, 128)), ("channels_last", (64, 128, 2))])
def test_shapes_follow_the_configuration(
    small_model: Callable[[str], Model],
    case: str,
    instruments: int,
    data_format: DataFormat,
    grid: tuple[int, ...],
) -> None:
    small = small_model(case)
    model = build_networks(small.spec, read_checkpoint(small.checkpoint), data_format=data_format)
    assert model.input_shape == (None, *grid)
    assert model.output_shape == (None, instruments, *grid)
    assert len(variables(model)) == 70 * instruments


def test_what_a_training_leaves_behind_is_not_used(small_model: Callable[[str], Model]) -> None:
    trained = small_model("trained")
    weights = read_checkpoint(trained.checkpoint)
    used = variables(build_networks(trained.spec, weights, data_format="channels_last")).keys()
    assert {name for name in weights.keys() - used - UNUSED if "/Adam" not in name} == {
        "beta1_power",
        "beta2_power",
        "global_step",
    }


def answers(model: Model) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return magnitudes ``(batch, frames, bins, channels)`` and the estimates ``(batch, instruments, …)``."""
    networks = build_networks(model.spec, read_checkpoint(model.checkpoint), data_format="channels_last")
    magnitude = np.random.default_rng(0).random((2, 64, 128, 2), np.float32)
    return magnitude, np.array(networks.predict_on_batch(magnitude))


def test_each_sigmoid_takes_a_part_of_the_mixture(small_model: Callable[[str], Model]) -> None:
    magnitude, estimates = answers(small_model("two"))
    assert estimates.min() >= 0
    assert (estimates <= magnitude[:, None]).all()


def test_the_softmax_shares_the_mixture_out(small_model: Callable[[str], Model]) -> None:
    magnitude, estimates = answers(small_model("five_softmax"))
    assert estimates.min() >= 0
    np.testing.assert_allclose(estimates.sum(axis=1), magnitude, rtol=1e-5)


def test_bfloat16_is_for_the_deep_convolutions_and_never_for_weights(small_model: Callable[[str], Model]) -> None:
    two = small_model("two")
    weights = read_checkpoint(two.checkpoint)
    model = build_networks(two.spec, weights, data_format="channels_last", precision="bfloat16")
    fast = {layer.name for layer in model.layers if layer.weights and layer.compute_dtype == "bfloat16"}
    transposed = {f"conv2d_transpose_{k}" for k in range(1, 12)} | {"conv2d_transpose"}
    assert fast == transposed | {f"conv2d_{7 * network + k}" for network in range(2) for k in range(PRECISE_LEVELS, 6)}
    assert {weight.dtype for layer in model.layers for weight in layer.weights} == {"float32"}
    assert {output.dtype for output in model.outputs} == {"float32"}


@pytest.mark.parametrize(
    ("name", "damage", "problem"),
    [
        ("conv2d_7/kernel", np.zeros_like, "is zero throughout"),
        ("conv2d_transpose_3/kernel", np.zeros_like, "is zero throughout"),
        ("conv2d/bias", lambda weight: weight * np.nan, "not finite"),
        ("batch_normalization_6/moving_variance", lambda weight: weight + np.inf, "not finite"),
        ("conv2d_6/kernel", lambda weight: weight[..., :1], r"has the shape \(4, 4, 1, 1\), its layer \(4, 4, 1, 2\)"),
        ("batch_normalization/gamma", lambda weight: weight[None], "has the shape"),
    ],
)
def test_damaged_weights_are_named(
    small_model: Callable[[str], Model], name: str, damage: Callable[[Any], Any], problem: str
) -> None:
    two = small_model("two")
    weights = read_checkpoint(two.checkpoint)
    weights[name] = damage(weights[name])
    with pytest.raises(ModelCorruptError, match=problem) as caught:
        build_networks(two.spec, weights, data_format="channels_last")
    assert name in str(caught.value)
    assert caught.value.context == {"variable": name}


@pytest.mark.parametrize("name", ["conv2d/kernel", "batch_normalization_23/beta", "conv2d_transpose_11/bias"])
def test_a_missing_variable_is_named(small_model: Callable[[str], Model], name: str) -> None:
    two = small_model("two")
    weights = read_checkpoint(two.checkpoint)
    del weights[name]
    with pytest.raises(UnsupportedModelError, match="instrument_list and conv_n_filters") as caught:
        build_networks(two.spec, weights, data_format="channels_last")
    assert caught.value.context == {"variable": name}


def test_a_checkpoint_of_fewer_stems_does_not_do(small_model: Callable[[str], Model]) -> None:
    two = small_model("two")
    spec = replace(two.spec, instruments=("vocals", "drums", "bass"))
    with pytest.raises(UnsupportedModelError, match="conv2d_14/kernel"):
        build_networks(spec, read_checkpoint(two.checkpoint), data_format="channels_last")

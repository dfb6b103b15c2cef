"""Loading: the right runtime, and the test that each has to pass."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb.exceptions import ModelCorruptError, SeparationCancelledError
from spleeter_nb.net.checkpoint import read_checkpoint
from spleeter_nb.net.devices import Choice
from spleeter_nb.net.keras import KerasRuntime
from spleeter_nb.net.load import load_runtime
from spleeter_nb.net.openvino import OpenVinoRuntime
from spleeter_nb.net.runtime import RuntimeInfo, self_test
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.net.runtime import Runtime
    from spleeter_nb.values import FloatArray
    from tests.net.conftest import Model

SPEC = ModelSpec("test:one", ("vocals", "rest"), n_bins=64, segment_frames=64)


class Answering:
    """A runtime whose networks are a function."""

    info = RuntimeInfo("openvino", "cpu", "float32")
    batch_size = workers = 1

    def __init__(self, answer: Callable[[FloatArray], FloatArray]) -> None:
        self._answer = answer

    def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
        assert not cancel.is_set()
        return np.stack([self._answer(mixture) for mixture in magnitude]).astype(np.float32)

    def separate(self, samples: FloatArray, weights: FloatArray, *, cancel: threading.Event) -> FloatArray:
        raise NotImplementedError


def in_one_place(mixture: FloatArray, value: float) -> FloatArray:
    stems = np.stack([0.7 * mixture, 0.3 * mixture])
    stems[0, 0, 3, 5] = value
    return stems


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(lambda x: in_one_place(x, np.nan), "not finite", id="nan"),
        pytest.param(lambda x: in_one_place(x, np.inf), "not finite", id="inf"),
        pytest.param(lambda x: np.zeros((2, *x.shape)), "silence", id="silence"),
        pytest.param(lambda x: np.stack([x, 0 * x]), "silence", id="one_silent_stem"),
        pytest.param(lambda x: np.stack([x, x]), "the same for all stems", id="the_mixture"),
        pytest.param(lambda x: np.stack([x, x]) / 2, "the same for all stems", id="all_alike"),
        pytest.param(lambda x: np.stack([1.1 * x, 0.5 * x]), "more than the mixture", id="too_loud"),
        pytest.param(lambda x: in_one_place(x, -0.01), "less than nothing", id="negative"),
    ],
)
def test_networks_that_give_no_stems_are_caught(answer: Callable[[FloatArray], FloatArray], problem: str) -> None:
    runtime = Answering(answer)
    with pytest.raises(ModelCorruptError, match=f"test:one answer noise with .*{problem}") as caught:
        self_test(runtime, SPEC, cancel=threading.Event())
    assert caught.value.context == {"model": "test:one", "runtime": runtime.info}


def test_networks_that_give_stems_pass() -> None:
    self_test(Answering(lambda x: np.stack([0.7 * x, 0.3 * x])), SPEC, cancel=threading.Event())


def test_a_model_of_one_stem_passes() -> None:
    one = ModelSpec("test:one", ("vocals",), n_bins=64, segment_frames=64)
    self_test(Answering(lambda x: 0.7 * x[None]), one, cancel=threading.Event())


def load(model: Model, runtime: str, cancel: threading.Event) -> Runtime:
    return load_runtime(
        model.spec,
        model.checkpoint,
        weights_digest=model.digest,
        choice=Choice(runtime, "cpu", "asked for"),
        precision="float32",
        threads=1,
        batch_size=3,
        cancel=cancel,
    )


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize(("name", "kind"), [("openvino", OpenVinoRuntime), ("tensorflow", KerasRuntime)])
def test_the_chosen_runtime_is_loaded(small_model: Callable[[str], Model], name: str, kind: type) -> None:
    runtime = load(small_model("two"), name, threading.Event())
    assert isinstance(runtime, kind)
    assert runtime.info == RuntimeInfo(name, "cpu", "float32")


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
@pytest.mark.parametrize(("value", "problem"), [(0.0, "is zero throughout"), (np.nan, "not finite")])
def test_weights_of_nothing_are_caught(
    own_model: Model, tensorflow: Any, runtime: str, value: float, problem: str
) -> None:
    """All digests and sums of the checkpoint are right."""
    tensors = {
        name: np.full_like(tensor, value) if tensor.dtype == np.float32 else tensor
        for name, tensor in read_checkpoint(own_model.checkpoint).items()
    }
    tensorflow.raw_ops.SaveV2(
        prefix=str(own_model.checkpoint),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )
    with pytest.raises(ModelCorruptError, match=problem):
        load(own_model, runtime, threading.Event())
    if runtime == "openvino":
        assert not list((own_model.checkpoint.parent / "openvino").glob("*/passed-*"))


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
@pytest.mark.parametrize("suffix", [".index", ".data-00000-of-00001"])
def test_empty_files_are_caught(own_model: Model, runtime: str, suffix: str) -> None:
    own_model.checkpoint.with_name(own_model.checkpoint.name + suffix).write_bytes(b"")
    with pytest.raises(ModelCorruptError):
        load(own_model, runtime, threading.Event())


def test_loading_can_be_cancelled(small_model: Callable[[str], Model]) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(SeparationCancelledError):
        load(small_model("two"), "openvino", cancel)


def test_networks_of_a_file_are_tested_once(own_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[RuntimeInfo] = []

    def counting(runtime: Runtime, spec: ModelSpec, *, cancel: threading.Event) -> None:
        tested.append(runtime.info)
        self_test(runtime, spec, cancel=cancel)

    monkeypatch.setattr("spleeter_nb.net.load.self_test", counting)
    for _ in range(2):
        load(own_model, "openvino", threading.Event())
    assert len(tested) == 1

    (exported,) = (own_model.checkpoint.parent / "openvino").glob("*/model.bin")
    exported.write_bytes(b"damaged")
    load(own_model, "openvino", threading.Event())
    assert len(tested) == 2

"""The runtime for GPUs on each backend's processor, in a process of its own, against the runtime for processors."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from spleeter_nb.net.export import exported_model
from spleeter_nb.net.openvino import OpenVinoRuntime
from spleeter_nb.values import MaskExtension, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.values import FloatArray
    from tests.net.conftest import Model

CHILD = Path(__file__).parent / "keras_child.py"
BACKENDS = ["tensorflow", "jax", "torch"]
NEVER = threading.Event()

# The case of tests/parity/data, and what is different in its configuration.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "two": ("two", {}),
    "four": ("four_elu", {"separation_exponent": 1.0}),
    "five_softmax": ("five_softmax", {}),
}
TWO_STEMS = ModelSpec("spleeter:2stems", ("vocals", "accompaniment"))


@dataclass(frozen=True)
class Answers:
    """What one backend said."""

    backend: str
    other: str
    arrays: dict[str, FloatArray]
    errors: dict[str, Any]


def inputs(spec: ModelSpec) -> dict[str, FloatArray]:
    """Return a batch of two segments, or of one where segments are long."""
    rng, batch = np.random.default_rng(0), 1 if spec is TWO_STEMS else 2
    samples = rng.uniform(-1, 1, (batch, 2, spec.segment_samples))
    magnitude = rng.random((batch, 2, spec.segment_frames, spec.n_bins)) * 10
    weights = np.ones((batch, spec.segment_frames))
    weights[-1] = np.linspace(0, 1, spec.segment_frames)
    arrays = {"samples": samples, "magnitude": magnitude, "weights": weights}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def job_of(spec: ModelSpec, checkpoint: Path, folder: Path, *, precision: str = "float32") -> dict[str, Any]:
    file = folder / f"{spec.segment_frames}.npz"
    np.savez(file, **inputs(spec))  # type: ignore[arg-type]
    return {
        "spec": dataclasses.asdict(spec),
        "checkpoint": str(checkpoint),
        "precision": precision,
        "inputs": str(file),
    }


@pytest.fixture(scope="module")
def specs(small_model: Callable[[str], Model]) -> dict[str, tuple[ModelSpec, Path]]:
    return {
        name: (dataclasses.replace(small_model(case).spec, **changed), small_model(case).checkpoint)
        for name, (case, changed) in CASES.items()
    }


def other_than(backend: str) -> str:
    return BACKENDS[BACKENDS.index(backend) - 1]


@pytest.fixture(scope="module")
def models(
    specs: dict[str, tuple[ModelSpec, Path]], two_stems_models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("inputs")
    jobs = {name: job_of(spec, checkpoint, folder) for name, (spec, checkpoint) in specs.items()}
    jobs["fast"] = job_of(*specs["two"], folder, precision="bfloat16")
    jobs["2stems"] = job_of(TWO_STEMS, two_stems_models_dir / "2stems" / "model", folder)
    return jobs


@pytest.fixture(scope="module", params=BACKENDS)
def answers(
    request: pytest.FixtureRequest, models: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    """One backend after the other: three that fight for the cores have been seen to end up with other numbers."""
    backend, out = request.param, tmp_path_factory.mktemp("answers") / "answers.npz"
    job = {"backend": backend, "other": other_than(backend), "models": models, "out": str(out)}
    command = [sys.executable, str(CHILD), json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as arrays:
        return Answers(backend, other_than(backend), dict(arrays), json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def expected(
    specs: dict[str, tuple[ModelSpec, Path]], small_model: Callable[[str], Model], two_stems_models_dir: Path
) -> Callable[[str], dict[str, FloatArray]]:
    """What the runtime for processors says, segment by segment."""

    def run(name: str) -> dict[str, FloatArray]:
        if name == "2stems":
            spec, checkpoint, digest = TWO_STEMS, two_stems_models_dir / "2stems" / "model", "of the tests"
        else:
            (spec, checkpoint), digest = specs[name], small_model(CASES[name][0]).digest
        with exported_model(spec, checkpoint, weights_digest=digest, cancel=NEVER) as path:
            runtime = OpenVinoRuntime(spec, path, precision="float32", threads=2)
        given = inputs(spec)
        pairs = [(given["samples"][k : k + 1], given["weights"][k : k + 1]) for k in range(len(given["samples"]))]
        stems = {
            extension: np.concatenate(
                [runtime.separate(*pair, mask_extension=extension, cancel=NEVER) for pair in pairs]
            )
            for extension in get_args(MaskExtension)
        }
        estimates = [runtime.estimate(segment[None], cancel=NEVER) for segment in given["magnitude"]]
        return {**stems, "estimate": np.concatenate(estimates)}

    return run


@pytest.mark.parametrize("name", [*CASES, "2stems"])
def test_stems_are_those_of_the_runtime_for_processors(
    answers: Answers, expected: Callable[[str], dict[str, FloatArray]], name: str
) -> None:
    reference, again = expected(name), expected(name)
    for verb in ("zeros", "average", "estimate"):
        found, each = answers.arrays[f"{name}/{verb}"], answers.arrays[f"{name}/{verb}_each"]
        assert found.dtype == np.float32
        assert found.shape == reference[verb].shape
        # Each side says the same twice, so that a difference between them has one culprit.
        np.testing.assert_array_equal(again[verb], reference[verb], err_msg="openvino, twice")
        np.testing.assert_allclose(each, found, atol=1e-5, err_msg=f"{answers.backend}, one by one")
        np.testing.assert_allclose(found, reference[verb], atol=1e-4, err_msg=answers.backend)


def test_bfloat16_is_near(answers: Answers) -> None:
    for verb in ("zeros", "average", "estimate"):
        fast, exact = answers.arrays[f"fast/{verb}"], answers.arrays[f"two/{verb}"]
        assert 0 < np.linalg.norm(fast - exact) < 10 ** (-30 / 20) * np.linalg.norm(exact)


def test_info_tells_where_networks_run(answers: Answers) -> None:
    assert list(answers.arrays["two/info"]) == [answers.backend, "cpu", "float32"]
    assert list(answers.arrays["fast/info"]) == [answers.backend, "cpu", "bfloat16"]


def test_a_cancelled_call_gives_nothing(answers: Answers) -> None:
    assert answers.errors["cancelled"]["type"] == "SeparationCancelledError"


def test_a_second_backend_in_one_process_is_refused(answers: Answers) -> None:
    error = answers.errors["conflict"]
    assert error["type"] == "DeviceError"
    assert error["context"] == {"backend": answers.backend}
    assert f"Keras runs on {answers.backend} in this process, so {answers.other} cannot be used" in error["message"]
    assert "restart the kernel" in error["message"]
    assert "KERAS_BACKEND" not in error["message"]


def test_memory_that_is_short_is_told_in_one_way(answers: Answers) -> None:
    causes = {"tensorflow": "ResourceExhaustedError", "jax": "JaxRuntimeError", "torch": "OutOfMemoryError"}
    error = answers.errors["memory"]
    assert error["type"] == "DeviceMemoryError"
    assert error["cause"] == causes[answers.backend]
    assert "too little memory: " in error["message"]


def test_any_failure_of_a_backend_is_a_device_error(answers: Answers) -> None:
    error = answers.errors["failure"]
    assert error["type"] == "DeviceError"
    assert error["context"] == {"runtime": "any"}
    assert error["message"].startswith(f"any failed ({error['cause']}): ")


def test_our_own_errors_and_interrupts_pass_unchanged(answers: Answers) -> None:
    assert answers.errors["passes_through"] == [True, True]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_missing_backend_names_the_extra(backend: str, tmp_path: Path) -> None:
    code = f"""
import json, sys
from pathlib import Path
from spleeter_nb.exceptions import MissingDependencyError
from spleeter_nb.net.devices import Choice
from spleeter_nb.net.keras import KerasRuntime
from spleeter_nb.values import ModelSpec
sys.modules[{backend!r}] = None
spec, choice = ModelSpec("any", ("vocals",)), Choice({backend!r}, "cpu", "")
for _ in range(2):
    try:
        KerasRuntime(spec, Path("any"), choice=choice, precision="float32", batch_size=1)
    except MissingDependencyError as error:
        print(json.dumps([str(error), error.context]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    first, again = map(json.loads, done.stdout.splitlines())
    expected_message = f"{backend} is not installed: pip install 'spleeter-nb[{backend}]'."
    assert first == again == [expected_message, {"library": backend, "extra": backend}]


def test_a_keras_that_cannot_be_imported_is_a_device_error(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("raise OSError('this Keras is broken')")
    code = """
from spleeter_nb.exceptions import DeviceError
from spleeter_nb.net.keras import _import_keras
try:
    _import_keras("torch", memory_growth=True)
except DeviceError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("torch failed (OSError): this Keras is broken.")

"""The runtime for processors: precisions, threads, cancelling, and files that cannot be compiled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.exceptions import DeviceError, SeparationCancelledError
from spleeter_nb.net.export import exported_model
from spleeter_nb.net.openvino import OpenVinoRuntime
from spleeter_nb.net.runtime import RuntimeInfo
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb.values import FloatArray
    from tests.net.conftest import Model

    Load = Callable[[str], OpenVinoRuntime]

NEVER = threading.Event()
TWO_STEMS = ModelSpec("spleeter:2stems", ("vocals", "accompaniment"))


class SetWhenAsked(threading.Event):
    """Set from the first look on: a runtime that never looks while it computes is not stopped by it."""

    asked = 0

    def is_set(self) -> bool:
        self.asked += 1
        self.set()
        return super().is_set()


def magnitude(seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).random((1, 2, 64, 128), np.float32)


@pytest.fixture(scope="module")
def two_stems_file(two_stems_models_dir: Path) -> Path:
    checkpoint = two_stems_models_dir / "2stems" / "model"
    with exported_model(TWO_STEMS, checkpoint, weights_digest="of the tests", cancel=NEVER) as path:
        return path


def two_stems_noise() -> FloatArray:
    return np.random.default_rng(0).random((1, 2, 512, 1024), np.float32)


def test_info_tells_where_networks_run(openvino_runtime: Load) -> None:
    runtime = openvino_runtime("two")
    assert runtime.info == RuntimeInfo("openvino", "cpu", "float32")
    assert (runtime.batch_size, runtime.workers) == (1, 2)


@pytest.mark.parametrize(("case", "instruments"), [("two", 2), ("four_elu", 4), ("five_softmax", 5)])
def test_shapes_are_those_of_the_contract(openvino_runtime: Load, case: str, instruments: int) -> None:
    runtime = openvino_runtime(case)
    estimates = runtime.estimate(magnitude(), cancel=NEVER)
    assert estimates.shape == (1, instruments, 2, 64, 128)
    assert estimates.dtype == np.float32
    assert (estimates <= magnitude()[:, None]).all()
    samples = np.random.default_rng(0).standard_normal((1, 2, 63 * 128 + 512)).astype(np.float32)
    stems = runtime.separate(samples, np.ones((1, 64), np.float32), mask_extension="zeros", cancel=NEVER)
    assert stems.shape == (1, instruments, *samples.shape[1:])
    assert stems.dtype == np.float32


def test_answers_are_the_callers_to_overwrite(openvino_runtime: Load) -> None:
    runtime = openvino_runtime("two")
    first = runtime.estimate(magnitude(), cancel=NEVER)
    expected = first.copy()
    first[:] = -1
    np.testing.assert_array_equal(runtime.estimate(magnitude(), cancel=NEVER), expected)


def test_threads_at_once_get_what_each_would_get_alone(openvino_runtime: Load) -> None:
    runtime = openvino_runtime("four_elu")
    seeds = range(32)
    alone = [runtime.estimate(magnitude(seed), cancel=NEVER) for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: runtime.estimate(magnitude(seed), cancel=NEVER), seeds))
    for found, expected in zip(together, alone, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_bfloat16_is_near_where_the_processor_has_it(two_stems_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    exact = OpenVinoRuntime(TWO_STEMS, two_stems_file, precision="float32", threads=2)
    fast = OpenVinoRuntime(TWO_STEMS, two_stems_file, precision="bfloat16", threads=2)
    warned = any("has no bfloat16" in record.message for record in caplog.records)
    assert warned == (fast.info.precision == "float32")
    expected = exact.estimate(two_stems_noise(), cancel=NEVER)
    found = fast.estimate(two_stems_noise(), cancel=NEVER)
    assert np.linalg.norm(found - expected) < 10 ** (-30 / 20) * np.linalg.norm(expected)


def test_a_cancelled_call_stops_while_the_networks_run_and_the_runtime_goes_on(two_stems_file: Path) -> None:
    runtime = OpenVinoRuntime(TWO_STEMS, two_stems_file, precision="float32", threads=1)
    before = runtime.estimate(two_stems_noise(), cancel=NEVER)
    # More calls than there are requests: each has to be given back.
    for _ in range(3):
        cancel = SetWhenAsked()
        with pytest.raises(SeparationCancelledError, match="while the networks ran"):
            runtime.estimate(two_stems_noise(), cancel=cancel)
        # It was asked while they ran, too, not only when they had ended.
        assert cancel.asked > 1
    np.testing.assert_array_equal(runtime.estimate(two_stems_noise(), cancel=NEVER), before)


def test_one_cancelled_caller_does_not_disturb_the_other(two_stems_file: Path) -> None:
    runtime = OpenVinoRuntime(TWO_STEMS, two_stems_file, precision="float32", threads=2)
    expected = runtime.estimate(two_stems_noise(), cancel=NEVER)
    with ThreadPoolExecutor(2) as pool:
        cancelled = pool.submit(runtime.estimate, two_stems_noise(), cancel=SetWhenAsked())
        other = pool.submit(runtime.estimate, two_stems_noise(), cancel=threading.Event())
        assert isinstance(cancelled.exception(), SeparationCancelledError)
        np.testing.assert_allclose(other.result(), expected, atol=1e-4)


def test_a_call_that_was_cancelled_before_gives_nothing(openvino_runtime: Load) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(SeparationCancelledError):
        openvino_runtime("two").estimate(magnitude(), cancel=cancel)


@pytest.mark.parametrize("content", [b"", b"<net", b"<html/>", bytes(range(256))])
def test_a_file_that_cannot_be_compiled_is_a_device_error(own_model: Model, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.xml"
    path.write_bytes(content)
    with pytest.raises(DeviceError, match=r"OpenVINO cannot load .*model\.xml") as caught:
        OpenVinoRuntime(own_model.spec, path, precision="float32", threads=1)
    assert caught.value.context == {"path": path}


def test_a_file_of_other_networks_is_a_device_error(
    openvino_runtime: Load, small_model: Callable[[str], Model]
) -> None:
    five = openvino_runtime("five_softmax")
    small = small_model("five_softmax")
    other = replace(small.spec, instruments=("one", "two"))
    with (
        exported_model(small.spec, small.checkpoint, weights_digest=small.digest, cancel=NEVER) as path,
        pytest.raises(DeviceError, match="OpenVINO cannot load"),
    ):
        OpenVinoRuntime(other, path, precision="float32", threads=1)
    assert five.estimate(magnitude(), cancel=NEVER).shape[1] == 5


def test_openvino_leaves_nothing_in_the_users_home(tmp_path: Path) -> None:
    code = "from spleeter_nb.net.openvino import import_openvino as load; load(); load(); import openvino_telemetry"
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code.rsplit(";", 1)[0]], env=environment, check=True)
    assert not list(tmp_path.iterdir())
    # Who wants the telemetry library still gets it.
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)

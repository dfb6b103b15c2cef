"""What could compute here, and which of it is taken. Without a GPU the decisions are made about invented ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spleeter_nb.exceptions import DeviceError, ValidationError
from spleeter_nb.net.devices import Choice, Devices, Gpu, Processor, available_gpus, choose, cores, devices

H200 = Gpu(0, "NVIDIA H200", 141 << 30, "570.86", ("tensorflow", "torch"))
A2 = Gpu(1, "NVIDIA A2", 16 << 30, "570.86", ("torch",))
UNUSED = Gpu(0, "NVIDIA T4", 16 << 30, "570.86", ())

needs_no_driver = pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a GPU")


@pytest.mark.parametrize(
    ("device", "gpus", "runtime", "taken"),
    [
        ("cpu", (), "openvino", "cpu"),
        ("cpu", (H200, A2), "openvino", "cpu"),
        ("auto", (), "openvino", "cpu"),
        ("auto", (UNUSED,), "openvino", "cpu"),
        ("auto", (H200, A2), "tensorflow", "cuda:0"),
        ("auto", (UNUSED, A2), "torch", "cuda:1"),
        ("gpu", (H200, A2), "tensorflow", "cuda:0"),
        ("gpu", (UNUSED, A2), "torch", "cuda:1"),
        ("cuda:0", (H200, A2), "tensorflow", "cuda:0"),
        ("cuda:1", (H200, A2), "torch", "cuda:1"),
    ],
)
def test_choice(device: str, gpus: tuple[Gpu, ...], runtime: str, taken: str) -> None:
    choice = choose(device, gpus)
    assert (choice.runtime, choice.device) == (runtime, taken)
    assert choice.reason


@pytest.mark.parametrize(
    ("gpus", "reason"),
    [
        ((), "no NVIDIA GPU found"),
        ((UNUSED,), "NVIDIA T4 is there, but no installed runtime can use it: pip install 'spleeter-nb[torch]'"),
        ((H200,), "a GPU that an installed runtime can use"),
    ],
)
def test_reason_of_the_automatic_choice(gpus: tuple[Gpu, ...], reason: str) -> None:
    assert choose("auto", gpus).reason == reason


@pytest.mark.parametrize(
    ("device", "gpus", "reason"),
    [
        ("gpu", (), "no NVIDIA GPU found"),
        ("gpu", (UNUSED,), r"spleeter-nb\[torch\]"),
        ("cuda:0", (UNUSED, A2), r"spleeter-nb\[torch\]"),
        ("cuda:0", (), "no NVIDIA GPU found"),
    ],
)
def test_a_gpu_that_was_asked_for_and_cannot_be_used_is_an_error(
    device: str, gpus: tuple[Gpu, ...], reason: str
) -> None:
    with pytest.raises(DeviceError, match=f"device='{device}' cannot be used: .*{reason}") as caught:
        choose(device, gpus)
    assert caught.value.context == {"device": device}


def test_a_gpu_that_is_not_there_is_told_from_those_that_are() -> None:
    with pytest.raises(DeviceError, match=r"cuda:7.*cuda:0, cuda:1"):
        choose("cuda:7", (H200, A2))


@pytest.mark.parametrize("device", ["", "cuda", "cuda:", "cuda:x", "cuda:-1", "GPU", "tpu", "cuda:1.5", "mps"])
def test_unknown_devices_are_refused_with_what_is_allowed(device: str) -> None:
    with pytest.raises(ValidationError, match="allowed are auto, cpu, gpu, cuda:0, cuda:1") as caught:
        choose(device, (H200, A2))
    assert caught.value.context == {"device": device}


def test_the_nearest_device_is_named() -> None:
    with pytest.raises(ValidationError, match="Did you mean 'cuda:0'"):
        choose("cuda0", (H200,))


def test_rows_and_repr_are_one_table() -> None:
    processor = Processor("EPYC", 2, ("avx2", "avx512f"))
    table = Devices(processor, (H200, UNUSED), Choice("tensorflow", "cuda:0", "because"))
    assert table.rows() == [
        {"device": "cpu", "name": "EPYC", "details": "2 cores, avx2 avx512f", "runtimes": "openvino"},
        {
            "device": "cuda:0",
            "name": "NVIDIA H200",
            "details": "141 GiB, driver 570.86",
            "runtimes": "tensorflow torch",
        },
        {"device": "cuda:0", "name": "NVIDIA T4", "details": "16 GiB, driver 570.86", "runtimes": "none installed"},
    ]
    header, first, *_, last = repr(table).splitlines()
    assert header.split() == ["device", "name", "details", "runtimes"]
    assert header.index("details") == first.index("2 cores")
    assert last == "auto: cuda:0, because"


def test_a_processor_without_features_is_told_so() -> None:
    (row,) = Devices(Processor("old", 1, ()), (), Choice("openvino", "cpu", "")).rows()
    assert row["details"] == "1 cores, no vector features known"


def test_this_machine() -> None:
    found = devices()
    assert found.processor.name
    assert found.processor.cores == cores() == len(os.sched_getaffinity(0))
    assert found.gpus == available_gpus()
    assert found.auto == choose("auto", found.gpus)


@needs_no_driver
def test_without_a_driver_there_are_no_gpus() -> None:
    assert available_gpus() == ()


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="another system")
def test_features_are_those_of_the_system() -> None:
    words = Path("/proc/cpuinfo").read_text().split()
    processor = devices().processor
    assert set(processor.features) <= set(words)
    assert ("avx2" in processor.features) == ("avx2" in words)


ASK = """
import sys
from spleeter_nb.net.devices import _count_gpus, _usable_runtimes
{before}
print(_usable_runtimes(), [_count_gpus(name) for name in {names}])
"""


@pytest.mark.parametrize(
    ("before", "names", "told"),
    [
        pytest.param("", ["torch"], "['tensorflow', 'jax', 'torch'] [0]", id="all_are_installed"),
        pytest.param(
            "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras", ["jax"], "['jax'] [0]", id="one_is_taken"
        ),
        pytest.param(
            "import os; os.environ['KERAS_BACKEND'] = 'openvino'; import keras", [], "[] []", id="none_can_be_taken"
        ),
        pytest.param("sys.executable = '/'", ["torch"], "['tensorflow', 'jax', 'torch'] [0]", id="no_answer"),
    ],
)
@needs_no_driver
def test_frameworks_are_asked_in_processes_of_their_own(before: str, names: list[str], told: str) -> None:
    code = ASK.format(before=before, names=names)
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == told

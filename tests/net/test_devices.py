"""What could compute here, and which of it is taken. Without a GPU the decisions are made about invented ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pynvml
import pytest

from spleeter_nb.container import cores
from spleeter_nb.exceptions import DeviceError, ValidationError
from spleeter_nb.net.devices import (
    Choice,
    Devices,
    Gpu,
    Processor,
    _count_gpus,
    _gpus_of_the_driver,
    available_gpus,
    choose,
    devices,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        (
            (UNUSED,),
            (
                "NVIDIA T4 is there, but no installed runtime can use it: install one that is built for GPUs, "
                "for example pip install 'spleeter-nb[torch]'"
            ),
        ),
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
        {"device": "cuda:0", "name": "NVIDIA T4", "details": "16 GiB, driver 570.86", "runtimes": "none"},
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
    assert found.processor.cores == cores()
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


@needs_no_driver
def test_what_lies_in_the_current_folder_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("open('was run', 'w')")
    code = ASK.format(before=f"import os; os.chdir({str(tmp_path)!r})", names=["torch"])
    subprocess.run([sys.executable, "-P", "-c", code], check=True, stdout=subprocess.PIPE)
    assert not (tmp_path / "was run").exists()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A driver with two GPUs, for which most machines are too poor; its answers can be changed."""
    answers: dict[str, Any] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "570.86",
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: f"GPU number {handle}",
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=16 << 30),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    _gpus_of_the_driver.cache_clear()
    yield monkeypatch
    _gpus_of_the_driver.cache_clear()


def refuse(*_: object) -> None:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def lose_the_first(index: int) -> int:
    if index == 0:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
    return index


def test_the_driver_tells_of_its_gpus(driver: pytest.MonkeyPatch) -> None:
    driver.setitem(sys.modules, "keras", SimpleNamespace(config=SimpleNamespace(backend=lambda: "openvino")))
    assert available_gpus() == tuple(Gpu(k, f"GPU number {k}", 16 << 30, "570.86", ()) for k in range(2))


@pytest.mark.parametrize(
    ("question", "answer", "told"),
    [
        ("nvmlInit", refuse, []),
        ("nvmlDeviceGetCount", refuse, []),
        ("nvmlDeviceGetMemoryInfo", refuse, [("GPU number 0", None), ("GPU number 1", None)]),
        ("nvmlDeviceGetHandleByIndex", lose_the_first, [("NVIDIA GPU", None), ("GPU number 1", 16 << 30)]),
        ("nvmlShutdown", refuse, [("GPU number 0", 16 << 30), ("GPU number 1", 16 << 30)]),
    ],
)
def test_questions_that_the_driver_does_not_answer_stay_open(
    driver: pytest.MonkeyPatch, question: str, answer: Any, told: list[tuple[str, int | None]]
) -> None:
    driver.setattr(pynvml, question, answer)
    gpus = _gpus_of_the_driver()
    assert [(gpu.name, gpu.memory) for gpu in gpus] == told
    assert [gpu.index for gpu in gpus] == list(range(len(told)))


def test_memory_that_is_unknown_is_told_so() -> None:
    gpu = Gpu(0, "NVIDIA GB10", None, "580.1", ("torch",))
    table = Devices(Processor("Grace", 20, ()), (gpu,), Choice("torch", "cuda:0", ""))
    assert table.rows()[1]["details"] == "memory unknown, driver 580.1"


def test_keras_takes_its_backend_between_two_questions(driver: pytest.MonkeyPatch) -> None:
    counted = SimpleNamespace(stdout="2\n")
    driver.setattr(subprocess, "run", lambda *_, **__: counted)
    _count_gpus.cache_clear()
    try:
        driver.delitem(sys.modules, "keras", raising=False)
        assert [gpu.runtimes for gpu in available_gpus()] == [("tensorflow", "jax", "torch")] * 2
        driver.setitem(sys.modules, "keras", SimpleNamespace(config=SimpleNamespace(backend=lambda: "jax")))
        assert [gpu.runtimes for gpu in available_gpus()] == [("jax",)] * 2
    finally:
        _count_gpus.cache_clear()

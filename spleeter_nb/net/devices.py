"""What could compute here, and which of it is taken.

GPUs are found through the driver, without any framework. Which installed framework sees them is asked in
processes of their own, and only where there is a GPU: importing one costs seconds, and Keras keeps the first.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import platform
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from spleeter_nb.container import cores
from spleeter_nb.exceptions import DeviceError, ValidationError, nearest

# In the order of preference, with the code that counts the GPUs a framework sees.
_COUNT_GPUS = {
    "tensorflow": "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))",
    "jax": "import jax; print(sum(device.platform == 'gpu' for device in jax.devices()))",
    "torch": "import torch; print(torch.cuda.device_count())",
}
_PROBE_SECONDS = 60

# The features that decide how fast networks run on a processor.
_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "bf16", "sve")


@dataclass(frozen=True, slots=True)
class Processor:
    """The machine's processor."""

    name: str
    cores: int
    """That this process may use."""
    features: tuple[str, ...]
    """Instruction sets that matter to networks."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU."""

    index: int
    name: str
    memory: int | None
    """Bytes; None where the driver does not tell."""
    driver: str
    runtimes: tuple[str, ...]
    """Installed frameworks that see it, the preferred one first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which device and runtime are taken, and why."""

    runtime: str
    """``openvino``, ``tensorflow``, ``jax`` or ``torch``."""
    device: str
    """``cpu`` or ``cuda:0`` …"""
    reason: str = field(compare=False)
    """Asked for or found, the same device runs the same networks."""


@dataclass(frozen=True, slots=True, repr=False)
class Devices:
    """All devices of this machine; prints as a table."""

    processor: Processor
    gpus: tuple[Gpu, ...]
    auto: Choice
    """What ``device="auto"`` takes."""

    def rows(self) -> list[dict[str, str]]:
        """Return the table: a row a device with ``device``, ``name``, ``details`` and ``runtimes``."""
        cpu = self.processor
        details = f"{cpu.cores} cores, {' '.join(cpu.features) or 'no vector features known'}"
        rows = [{"device": "cpu", "name": cpu.name, "details": details, "runtimes": "openvino"}]
        for gpu in self.gpus:
            memory = "memory unknown" if gpu.memory is None else f"{gpu.memory / 2**30:.0f} GiB"
            details = f"{memory}, driver {gpu.driver}"
            runtimes = " ".join(gpu.runtimes) or "none"
            rows.append({"device": f"cuda:{gpu.index}", "name": gpu.name, "details": details, "runtimes": runtimes})
        return rows

    def __repr__(self) -> str:
        rows = [list(row.values()) for row in self.rows()]
        rows.insert(0, ["device", "name", "details", "runtimes"])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([*(line.rstrip() for line in lines), f"auto: {self.auto.device}, {self.auto.reason}"])


def devices() -> Devices:
    """Return what could compute here, and what ``device="auto"`` takes.

    Returns
    -------
    Devices
        The processor, the GPUs with the installed runtimes that see them, and the choice with its reason.

    Examples
    --------
    >>> found = devices()
    >>> [row["device"] for row in found.rows()][0]
    'cpu'
    """
    gpus = _gpus()
    return Devices(_processor(), gpus, choose("auto", gpus))


def available_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs, empty where the driver knows none."""
    return _gpus()


def choose(device: str, gpus: tuple[Gpu, ...]) -> Choice:
    """Decide where a model runs.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``gpu`` or ``cuda:N``.
    gpus : tuple of Gpu
        From :func:`available_gpus`; empty where GPUs are switched off.

    Returns
    -------
    Choice

    Raises
    ------
    ValidationError
        If there is no such kind of device.
    DeviceError
        If a GPU was asked for and none can be used.
    """
    if device == "cpu":
        return Choice("openvino", "cpu", "asked for")
    if device not in ("auto", "gpu") and not (device.startswith("cuda:") and device[5:].isdecimal()):
        allowed = ["auto", "cpu", "gpu", *(f"cuda:{gpu.index}" for gpu in gpus)]
        hint = nearest(device, allowed)
        raise ValidationError(f"device is {device!r}; allowed are {', '.join(allowed)}.{hint}", device=device)
    meant = tuple(gpu for gpu in gpus if device in ("auto", "gpu", f"cuda:{gpu.index}"))
    usable = [gpu for gpu in meant if gpu.runtimes]
    if device == "auto":
        return _on_gpu(usable[0], "a GPU that an installed runtime can use") if usable else _on_cpu(gpus)
    if not usable:
        here = ", ".join(f"cuda:{gpu.index}" for gpu in gpus)
        reason = f"the GPUs of this machine are {here}" if gpus and not meant else _on_cpu(meant).reason
        raise DeviceError(f"device={device!r} cannot be used: {reason}. Use device='cpu' or 'auto'.", device=device)
    return _on_gpu(usable[0], "asked for")


def _on_gpu(gpu: Gpu, reason: str) -> Choice:
    return Choice(gpu.runtimes[0], f"cuda:{gpu.index}", reason)


def _on_cpu(gpus: tuple[Gpu, ...]) -> Choice:
    if gpus:
        reason = (
            f"{gpus[0].name} is there, but no installed runtime can use it: install one that is built for GPUs, for "
            "example pip install 'spleeter-nb[torch]'"
        )
    else:
        reason = "no NVIDIA GPU found"
    return Choice("openvino", "cpu", reason)


@functools.cache
def _processor() -> Processor:
    name, flags = platform.processor() or platform.machine(), set[str]()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        fields = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        cleaned = {key.strip(): value.strip() for key, value in fields.items()}
        name = cleaned.get("model name", name)
        flags = set(cleaned.get("flags", cleaned.get("Features", "")).split())
    return Processor(name, cores(), tuple(feature for feature in _FEATURES if feature in flags))


def _gpus() -> tuple[Gpu, ...]:
    gpus = _gpus_of_the_driver()
    # Asked each time: once Keras has been imported, its backend alone is usable.
    counts = {runtime: _count_gpus(runtime) for runtime in _usable_runtimes()} if gpus else {}
    return tuple(
        replace(gpu, runtimes=tuple(runtime for runtime, count in counts.items() if gpu.index < count)) for gpu in gpus
    )


@functools.cache
def _gpus_of_the_driver() -> tuple[Gpu, ...]:
    import pynvml  # noqa: PLC0415 - loads the driver's library

    gpus: tuple[Gpu, ...] = ()
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        try:
            driver = str(pynvml.nvmlSystemGetDriverVersion())
            gpus = tuple(_gpu_of_the_driver(index, driver) for index in range(pynvml.nvmlDeviceGetCount()))
        finally:
            pynvml.nvmlShutdown()
    return gpus


def _gpu_of_the_driver(index: int, driver: str) -> Gpu:
    """Ask for one GPU; one that is lost or shares its memory with the processor leaves questions open."""
    import pynvml  # noqa: PLC0415 - see above

    name, memory = "NVIDIA GPU", None
    with contextlib.suppress(pynvml.NVMLError):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        name = str(pynvml.nvmlDeviceGetName(handle))
        memory = int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
    return Gpu(index, name, memory, driver, ())


def _usable_runtimes() -> list[str]:
    """Return the frameworks that Keras could use in this process."""
    if "keras" in sys.modules:
        taken = str(sys.modules["keras"].config.backend())
        return [taken] if taken in _COUNT_GPUS else []
    return [name for name in _COUNT_GPUS if importlib.util.find_spec(name)]


@functools.cache
def _count_gpus(runtime: str) -> int:
    # -P: what lies in the current folder is not what was installed.
    command = [sys.executable or "", "-P", "-c", _COUNT_GPUS[runtime]]
    try:
        told = subprocess.run(command, capture_output=True, check=True, timeout=_PROBE_SECONDS, text=True).stdout
        return int(told.split()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return 0

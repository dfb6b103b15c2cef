"""The runtime for processors: OpenVINO, twice as fast there as the training frameworks.

OpenVINO reads a file of its own, which Keras exports once for each model (:mod:`spleeter_nb.net.export`) in a
process of its own; so neither Keras nor TensorFlow is loaded where stems are made.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import queue
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.exceptions import DeviceError, DeviceMemoryError, SeparationCancelledError
from spleeter_nb.net.host import HostTransforms
from spleeter_nb.net.runtime import RuntimeInfo

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    import openvino

    from spleeter_nb.net.runtime import Precision
    from spleeter_nb.values import FloatArray, MaskExtension, ModelSpec

_LOG = logging.getLogger("spleeter_nb")
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}

# Two callers: one transforms a segment while the networks are busy with the other's.
_CALLERS = 2

# Milliseconds between two looks at the cancel flag.
_POLL_MS = 20


class OpenVinoRuntime:
    """A model on the processor.

    Parameters
    ----------
    spec : ModelSpec
    model_path : Path
        The file that :func:`spleeter_nb.net.export.exported_model` made.
    precision : {"float32", "bfloat16"}
        Of the networks; a processor without bfloat16 computes in float32, and `info` says so.
    threads : int
        Of the networks.

    Raises
    ------
    DeviceError
        If OpenVINO cannot compile the file.
    """

    batch_size = 1
    workers = _CALLERS

    def __init__(self, spec: ModelSpec, model_path: Path, *, precision: Precision, threads: int) -> None:
        openvino = import_openvino()
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
            "INFERENCE_NUM_THREADS": threads,
            # Our own threads transform on the same cores: nobody may claim one.
            "ENABLE_CPU_PINNING": False,
            # A mapped file stays in memory beside the copy that is computed with: 75 MB for 2stems.
            "ENABLE_MMAP": False,
        }
        # In a thread that ends at once: where the processor has AMX, OpenVINO gives the thread that compiles a stack
        # for signals, frees it with the model, and the next Ctrl-C that this thread handles ends the process.
        with ThreadPoolExecutor(1) as thread:
            compiling = thread.submit(openvino.Core().compile_model, model_path, "CPU", options)
            self._transforms = HostTransforms(spec)
        self._idle: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        try:
            compiled = compiling.result()
            for _ in range(_CALLERS):
                self._idle.put(_Lane(compiled.create_infer_request(), self._transforms, len(spec.instruments)))
        except RuntimeError as error:
            raise DeviceError(f"OpenVINO cannot load {model_path}: {error}", path=model_path) from error
        in_bfloat16 = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "bf16"
        used: Precision = "bfloat16" if in_bfloat16 else "float32"
        if used != precision:
            _LOG.warning("This processor has no %s: the networks run in %s.", precision, used)
        self.info = RuntimeInfo("openvino", "cpu", used)

    def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
        """Run the networks; see :meth:`spleeter_nb.net.runtime.Runtime.estimate`."""
        with self._lane() as lane:
            lane.buffers[1][:] = magnitude[0]
            return lane.run(cancel)[None].copy()

    def separate(
        self, samples: FloatArray, weights: FloatArray, *, mask_extension: MaskExtension, cancel: threading.Event
    ) -> FloatArray:
        """Separate one segment; see :meth:`spleeter_nb.net.runtime.Runtime.separate`."""
        with self._lane() as lane:
            spectrum, _ = self._transforms.analyse(samples[0], mask_extension=mask_extension, out=lane.buffers)
            estimates = lane.run(cancel)
            return self._transforms.mask_and_invert(spectrum, estimates, weights[0])[None]

    @contextlib.contextmanager
    def _lane(self) -> Iterator[_Lane]:
        lane = self._idle.get()
        try:
            yield lane
        finally:
            self._idle.put(lane)


def import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which leaves an identifier in the user's home and reports to a server."""
    # OpenVINO has a silent stand-in for when the library is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is what says "missing"
    try:
        return importlib.import_module("openvino")
    finally:
        if sys.modules.get("openvino_telemetry", True) is None:
            sys.modules.pop("openvino_telemetry", None)


class _Lane:
    """What one caller needs: a request and the arrays around it, used again for each segment.

    New arrays for each segment would cost a tenth of the time: the system clears their pages.
    """

    def __init__(self, request: openvino.InferRequest, transforms: HostTransforms, instruments: int) -> None:
        import openvino  # noqa: PLC0415 - loaded already

        self.buffers = transforms.buffers()
        _, magnitude = self.buffers
        self._estimates = np.empty((instruments, *magnitude.shape), np.float32)
        self._request = request
        request.set_input_tensor(openvino.Tensor(magnitude[None], shared_memory=True))
        request.set_output_tensor(openvino.Tensor(self._estimates[None], shared_memory=True))

    def run(self, cancel: threading.Event) -> FloatArray:
        """Run the networks on the buffer of magnitudes; the result is overwritten by the next run.

        It waits in steps: a synchronous call would keep everybody waiting to its end.
        """
        try:
            self._request.start_async()
            while not self._request.wait_for(_POLL_MS):
                if cancel.is_set():
                    self._request.cancel()
                    self._request.wait()
        except MemoryError as error:
            raise DeviceMemoryError("There is no memory left for the networks of one segment.", device="cpu") from error
        except RuntimeError as error:
            # OpenVINO reports a cancelled request in this way, too.
            if not cancel.is_set():
                raise DeviceError(f"OpenVINO failed: {error}", device="cpu") from error
        if cancel.is_set():
            raise SeparationCancelledError("The separation was cancelled while the networks ran.")
        return self._estimates

"""Load a model on the device that was chosen, and see that it answers sensibly."""

from __future__ import annotations

import contextlib
import importlib.metadata
import threading
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import SeparationCancelledError
from spleeter_nb.net.export import exported_model
from spleeter_nb.net.keras import KerasRuntime
from spleeter_nb.net.openvino import OpenVinoRuntime, import_openvino
from spleeter_nb.net.runtime import self_test

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.net.devices import Choice
    from spleeter_nb.net.runtime import Precision, Runtime
    from spleeter_nb.values import ModelSpec


def preload() -> None:
    """Begin to import OpenVINO in a thread of its own: a tenth of a second, beside the hashing of the model's files."""
    threading.Thread(target=import_openvino, name="spleeter_nb-preload").start()


def load_runtime(  # noqa: PLR0913 - all keyword-only: what a model is, and how it shall run
    spec: ModelSpec,
    checkpoint: Path,
    *,
    weights_digest: str,
    choice: Choice,
    precision: Precision,
    threads: int,
    batch_size: int,
    cancel: threading.Event,
    memory_growth: bool = True,
) -> Runtime:
    """Load a model.

    Parameters
    ----------
    spec : ModelSpec
    checkpoint : Path
        The prefix of the checkpoint's files.
    weights_digest : str
        Hexadecimal digest of the checkpoint.
    choice : Choice
        From :func:`spleeter_nb.net.devices.choose`.
    precision : {"float32", "bfloat16"}
        Of the networks.
    threads : int
        Of the networks, on a processor.
    batch_size : int
        Segments computed at once, on a GPU.
    cancel : threading.Event
        Stops loading when set.
    memory_growth : bool
        Whether a GPU's memory is taken piece by piece.

    Returns
    -------
    Runtime

    Raises
    ------
    ModelError
        If the checkpoint is damaged, does not fit `spec`, or its networks give no sensible answer.
    DeviceError
        If the device or its runtime fails.
    SeparationCancelledError
        If `cancel` was set.
    """
    runtime: Runtime
    if choice.runtime == "openvino":
        with exported_model(spec, checkpoint, weights_digest=weights_digest, cancel=cancel) as path:
            runtime = OpenVinoRuntime(spec, path, precision=precision, threads=threads)
            _test_once(runtime, spec, path, cancel=cancel)
    else:
        runtime = KerasRuntime(
            spec,
            checkpoint,
            choice=choice,
            precision=precision,
            batch_size=batch_size,
            memory_growth=memory_growth,
        )
        self_test(runtime, spec, cancel=cancel)
    if cancel.is_set():
        raise SeparationCancelledError("Cancelled while the model was loaded.")
    return runtime


def _test_once(runtime: Runtime, spec: ModelSpec, path: Path, *, cancel: threading.Event) -> None:
    """Test the networks of a file unless they passed before: the same bytes, verified just now, answer the same."""
    passed = path.with_name(f"passed-{runtime.info.precision}-openvino-{importlib.metadata.version('openvino')}")
    if not passed.exists():
        self_test(runtime, spec, cancel=cancel)
        # A folder that cannot be written to is tested each time.
        with contextlib.suppress(OSError):
            passed.touch()

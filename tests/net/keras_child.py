"""Models on one backend of Keras: ``keras_child.py JOB``; run by the tests, since Keras keeps its first backend.

JOB is JSON: ``backend``, ``models`` by name (``spec``, ``checkpoint``, ``precision``, and ``inputs``, a file with a
batch of arrays), ``other`` (a backend that is then not to be had), and ``out`` (where the answers go). The errors met
on the way are printed as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.exceptions import ModelError, SpleeterError
from spleeter_nb.net.devices import Choice
from spleeter_nb.net.keras import KerasRuntime, _translated_errors
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.values import FloatArray

NEVER = threading.Event()


def load(model: dict[str, Any], backend: str, *, batch_size: int) -> KerasRuntime:
    return KerasRuntime(
        ModelSpec(**model["spec"]),
        Path(model["checkpoint"]),
        choice=Choice(backend, "cpu", "asked for"),
        precision=model["precision"],
        batch_size=batch_size,
    )


def answers(runtime: KerasRuntime, inputs: dict[str, FloatArray]) -> dict[str, FloatArray]:
    samples, weights, magnitude = inputs["samples"], inputs["weights"], inputs["magnitude"]
    each = [slice(k, k + 1) for k in range(len(samples))]
    return {
        "zeros": runtime.separate(samples, weights, mask_extension="zeros", cancel=NEVER),
        "zeros_each": np.concatenate(
            [runtime.separate(samples[one], weights[one], mask_extension="zeros", cancel=NEVER) for one in each]
        ),
        "average": runtime.separate(samples, weights, mask_extension="average", cancel=NEVER),
        "average_each": np.concatenate(
            [runtime.separate(samples[one], weights[one], mask_extension="average", cancel=NEVER) for one in each]
        ),
        "estimate": runtime.estimate(magnitude, cancel=NEVER),
        "estimate_each": np.concatenate([runtime.estimate(magnitude[one], cancel=NEVER) for one in each]),
    }


def allocate_too_much(backend: str) -> None:
    """Ask for 4 PiB, which fails at once."""
    if backend == "tensorflow":
        import tensorflow as tf  # noqa: PLC0415 - the backend under test

        tf.zeros([1 << 50])
    elif backend == "jax":
        import jax.numpy as jnp  # noqa: PLC0415 - likewise

        jnp.zeros(1 << 50).block_until_ready()
    else:
        import torch  # noqa: PLC0415 - likewise

        # Only GPUs answer with this error; torch's own memory of the processor is short with a RuntimeError.
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 4096.00 TiB.")


def met(action: Callable[[], object]) -> dict[str, Any]:
    try:
        action()
    except SpleeterError as error:
        cause = type(error.__cause__).__name__
        return {"type": type(error).__name__, "message": str(error), "context": error.context, "cause": cause}
    return {}


def translated(action: Callable[[], object]) -> None:
    with _translated_errors("any"):
        action()


def multiply_what_does_not_fit() -> None:
    import keras  # noqa: PLC0415 - the backend under test

    keras.ops.matmul(np.ones((2, 3), np.float32), np.ones((2, 3), np.float32))


def throw(error: BaseException) -> None:
    raise error


def passes_through(error: BaseException) -> bool:
    try:
        translated(lambda: throw(error))
    except BaseException as caught:  # noqa: BLE001 - whatever it became
        return caught is error
    return False


def main(job: dict[str, Any]) -> None:
    backend, found = job["backend"], {}
    for name, model in job["models"].items():
        with np.load(model["inputs"]) as inputs:
            runtime = load(model, backend, batch_size=len(inputs["samples"]))
            for verb, array in answers(runtime, dict(inputs)).items():
                found[f"{name}/{verb}"] = array
        info = (runtime.info.runtime, runtime.info.device, runtime.info.precision)
        found[f"{name}/info"] = np.array(info)
    np.savez(job["out"], **found)
    cancelled = threading.Event()
    cancelled.set()
    some = next(iter(job["models"].values()))
    with np.load(some["inputs"]) as inputs:
        errors = {
            "cancelled": met(lambda: runtime.estimate(inputs["magnitude"], cancel=cancelled)),
            "conflict": met(lambda: load(some, job["other"], batch_size=1)),
            "memory": met(lambda: translated(lambda: allocate_too_much(backend))),
            "failure": met(lambda: translated(multiply_what_does_not_fit)),
            "passes_through": [passes_through(ModelError("ours")), passes_through(KeyboardInterrupt())],
        }
    sys.stdout.write(json.dumps(errors))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

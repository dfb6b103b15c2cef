"""A runtime that survives a device without memory: smaller batches first, then the processor."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.exceptions import DeviceMemoryError
from spleeter_nb.net.devices import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.net.runtime import Runtime, RuntimeInfo
    from spleeter_nb.values import FloatArray, MaskExtension

_LOG = logging.getLogger("spleeter_nb")


class ResilientRuntime:
    """A runtime with the verbs of :class:`spleeter_nb.net.runtime.Runtime`, replaced when memory is short.

    Parameters
    ----------
    load : callable
        Loads a runtime: ``load(choice, batch_size, cancel)``.
    choice : Choice
        The device to begin with.
    batch_size : int
        Segments to begin with.
    cancel : threading.Event
        Stops the first loading when set; a later one is stopped by the `cancel` of the verb that needs it.

    Raises
    ------
    DeviceMemoryError
        If not even the processor has enough memory.
    """

    def __init__(
        self,
        load: Callable[[Choice, int, threading.Event], Runtime],
        choice: Choice,
        batch_size: int,
        *,
        cancel: threading.Event,
    ) -> None:
        self._load, self._choice = load, choice
        self._lock = threading.Lock()
        self._has_warned = False
        self._runtime = self._first_that_loads(choice, batch_size, cancel)
        self.batch_size, self.workers = self._runtime.batch_size, self._runtime.workers

    @property
    def info(self) -> RuntimeInfo:
        """Where and how the networks run now."""
        return self._runtime.info

    def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
        """Run the networks; see :meth:`spleeter_nb.net.runtime.Runtime.estimate`."""
        return self._run(lambda runtime, part: runtime.estimate(magnitude[part], cancel=cancel), len(magnitude), cancel)

    def separate(
        self, samples: FloatArray, weights: FloatArray, *, mask_extension: MaskExtension, cancel: threading.Event
    ) -> FloatArray:
        """Separate segments; see :meth:`spleeter_nb.net.runtime.Runtime.separate`."""

        def separate(runtime: Runtime, part: slice) -> FloatArray:
            return runtime.separate(samples[part], weights[part], mask_extension=mask_extension, cancel=cancel)

        return self._run(separate, len(samples), cancel)

    def _run(self, verb: Callable[[Runtime, slice], FloatArray], count: int, cancel: threading.Event) -> FloatArray:
        while True:
            runtime = self._runtime
            step = runtime.batch_size
            try:
                parts = [verb(runtime, slice(start, start + step)) for start in range(0, count, step)]
            except DeviceMemoryError as error:
                self._step_down(runtime, error, cancel)
            else:
                return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _step_down(self, failed: Runtime, error: DeviceMemoryError, cancel: threading.Event) -> None:
        with self._lock:
            if self._runtime is not failed:
                return  # another thread has stepped down already
            choice, batch_size = self._smaller(self._choice, failed.batch_size, error)
            self._runtime = self._first_that_loads(choice, batch_size, cancel)

    def _first_that_loads(self, choice: Choice, batch_size: int, cancel: threading.Event) -> Runtime:
        while True:
            try:
                runtime = self._load(choice, batch_size, cancel)
            except DeviceMemoryError as error:
                choice, batch_size = self._smaller(choice, batch_size, error)
            else:
                self._choice = choice
                return runtime

    def _smaller(self, choice: Choice, batch_size: int, error: DeviceMemoryError) -> tuple[Choice, int]:
        """Decide what to try next; raise `error` when nothing smaller is left."""
        if choice.device == "cpu":
            raise error
        _LOG.log(
            logging.INFO if self._has_warned else logging.WARNING,
            "%s has too little memory for %d segment(s) at once: going on with smaller batches, then the processor; "
            "the result says where it was made.",
            choice.device,
            batch_size,
        )
        self._has_warned = True
        if batch_size > 1:
            return choice, batch_size // 2
        return Choice("openvino", "cpu", f"{choice.device} has too little memory"), 1

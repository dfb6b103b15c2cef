"""A device without memory: smaller batches, then the processor, and the right result."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.engine.fallback import ResilientRuntime
from spleeter_nb.exceptions import DeviceMemoryError, SeparationCancelledError
from spleeter_nb.net.devices import Choice
from spleeter_nb.net.runtime import RuntimeInfo

if TYPE_CHECKING:
    from spleeter_nb.net.runtime import Runtime
    from spleeter_nb.values import FloatArray, MaskExtension

GPU = Choice("torch", "cuda:0", "asked for")
CPU = Choice("openvino", "cpu", "asked for")
SEGMENTS = np.arange(24, dtype=np.float32).reshape(8, 3)
WEIGHTS = np.arange(8, dtype=np.float32)[:, None]


@dataclass
class Fake:
    """Has memory for so many segments; doubles what it gets."""

    info: RuntimeInfo
    batch_size: int
    memory: int
    workers: int = 2

    def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
        assert not cancel.is_set()
        if len(magnitude) > self.memory:
            raise DeviceMemoryError("full")
        return 2 * magnitude

    def separate(
        self, samples: FloatArray, weights: FloatArray, *, mask_extension: MaskExtension, cancel: threading.Event
    ) -> FloatArray:
        return self.estimate(samples, cancel=cancel) + weights * (mask_extension == "average")


@dataclass
class Loader:
    """Loads fakes; a GPU has memory for `gpu` segments and for loading at most `at_load` at once."""

    gpu: int
    cpu: int = 1
    at_load: int = 99
    loaded: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, choice: Choice, batch_size: int, cancel: threading.Event) -> Runtime:
        if cancel.is_set():
            raise SeparationCancelledError("Nobody waits for it.")
        self.loaded.append((choice.device, batch_size))
        on_cpu = choice.device == "cpu"
        if batch_size > (self.cpu if on_cpu else self.at_load):
            raise DeviceMemoryError("full at load")
        info = RuntimeInfo(choice.runtime, choice.device, "float32")
        return Fake(info, 1 if on_cpu else batch_size, self.cpu if on_cpu else self.gpu)


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def check(runtime: ResilientRuntime) -> None:
    cancel = threading.Event()
    np.testing.assert_array_equal(runtime.estimate(SEGMENTS, cancel=cancel), 2 * SEGMENTS)
    zeros = runtime.separate(SEGMENTS, WEIGHTS, mask_extension="zeros", cancel=cancel)
    np.testing.assert_array_equal(zeros, 2 * SEGMENTS)
    average = runtime.separate(SEGMENTS, WEIGHTS, mask_extension="average", cancel=cancel)
    np.testing.assert_array_equal(average, 2 * SEGMENTS + WEIGHTS)


def test_with_enough_memory_nothing_changes(caplog: pytest.LogCaptureFixture) -> None:
    loader = Loader(gpu=8)
    runtime = ResilientRuntime(loader, GPU, 8, cancel=threading.Event())
    check(runtime)
    assert loader.loaded == [("cuda:0", 8)]
    assert (runtime.batch_size, runtime.workers, runtime.info.device) == (8, 2, "cuda:0")
    assert warnings_of(caplog) == []


def test_batches_are_halved_until_they_fit_and_one_warning_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "spleeter_nb")
    loader = Loader(gpu=2)
    runtime = ResilientRuntime(loader, GPU, 8, cancel=threading.Event())
    check(runtime)
    assert loader.loaded == [("cuda:0", 8), ("cuda:0", 4), ("cuda:0", 2)]
    assert runtime.info.device == "cuda:0"
    (warning,) = warnings_of(caplog)
    assert warning == (
        "cuda:0 has too little memory for 8 segment(s) at once: going on with smaller batches, then the processor; "
        "the result says where it was made."
    )
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO]
    assert "4 segment(s)" in caplog.records[1].getMessage()


def test_the_processor_goes_on_where_not_even_one_segment_fits(caplog: pytest.LogCaptureFixture) -> None:
    loader = Loader(gpu=0)
    runtime = ResilientRuntime(loader, GPU, 2, cancel=threading.Event())
    check(runtime)
    assert loader.loaded == [("cuda:0", 2), ("cuda:0", 1), ("cpu", 1)]
    assert runtime.info == RuntimeInfo("openvino", "cpu", "float32")
    assert len(warnings_of(caplog)) == 1


def test_memory_can_be_short_when_loading(caplog: pytest.LogCaptureFixture) -> None:
    loader = Loader(gpu=8, at_load=2)
    runtime = ResilientRuntime(loader, GPU, 8, cancel=threading.Event())
    check(runtime)
    assert runtime.batch_size == 2
    assert loader.loaded == [("cuda:0", 8), ("cuda:0", 4), ("cuda:0", 2)]
    assert len(warnings_of(caplog)) == 1


def test_memory_can_be_short_when_loading_and_when_running() -> None:
    loader = Loader(gpu=0, at_load=1)
    check(ResilientRuntime(loader, GPU, 4, cancel=threading.Event()))
    assert loader.loaded == [("cuda:0", 4), ("cuda:0", 2), ("cuda:0", 1), ("cpu", 1)]


def test_a_processor_without_memory_is_an_error() -> None:
    with pytest.raises(DeviceMemoryError, match="full at load"):
        ResilientRuntime(Loader(gpu=0, cpu=0, at_load=0), GPU, 1, cancel=threading.Event())
    with pytest.raises(DeviceMemoryError, match="full at load"):
        ResilientRuntime(Loader(gpu=0, cpu=0), CPU, 1, cancel=threading.Event())
    with pytest.raises(DeviceMemoryError, match="full"):
        ResilientRuntime(Loader(gpu=0, cpu=0), GPU, 1, cancel=threading.Event()).estimate(
            SEGMENTS, cancel=threading.Event()
        )


def test_threads_that_fail_together_step_down_once(caplog: pytest.LogCaptureFixture) -> None:
    loader = Loader(gpu=1)
    together = threading.Barrier(4)

    class Waiting(Fake):
        def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
            if self.batch_size == 2:
                together.wait(5)
            return super().estimate(magnitude, cancel=cancel)

    def load(choice: Choice, batch_size: int, cancel: threading.Event) -> Runtime:
        fake = loader(choice, batch_size, cancel)
        return Waiting(fake.info, fake.batch_size, 1)

    runtime = ResilientRuntime(load, GPU, 2, cancel=threading.Event())
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: runtime.estimate(SEGMENTS, cancel=threading.Event()), range(4)))
    assert loader.loaded == [("cuda:0", 2), ("cuda:0", 1)]
    assert len(warnings_of(caplog)) == 1
    for result in results:
        np.testing.assert_array_equal(result, 2 * SEGMENTS)


def test_a_later_job_falls_back_though_the_one_that_loaded_was_cancelled() -> None:
    loader, first, second = Loader(gpu=0), threading.Event(), threading.Event()
    runtime = ResilientRuntime(loader, GPU, 2, cancel=first)
    first.set()
    np.testing.assert_array_equal(runtime.estimate(SEGMENTS, cancel=second), 2 * SEGMENTS)
    assert runtime.info.device == "cpu"


def test_a_job_that_is_cancelled_while_it_falls_back_leaves_the_way_to_others() -> None:
    loader, cancelled = Loader(gpu=0), threading.Event()

    class CancelledMeanwhile(Fake):
        def estimate(self, magnitude: FloatArray, *, cancel: threading.Event) -> FloatArray:
            cancelled.set()
            return super().estimate(magnitude, cancel=cancel if cancel is not cancelled else threading.Event())

    def load(choice: Choice, batch_size: int, cancel: threading.Event) -> Runtime:
        fake = loader(choice, batch_size, cancel)
        return CancelledMeanwhile(fake.info, fake.batch_size, fake.memory)

    runtime = ResilientRuntime(load, GPU, 1, cancel=threading.Event())
    with pytest.raises(SeparationCancelledError):
        runtime.estimate(SEGMENTS, cancel=cancelled)
    check(runtime)
    assert runtime.info.device == "cpu"

"""Models that are loaded stay loaded: the second song begins at once."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import functools
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from spleeter_nb.cache import CacheManager
from spleeter_nb.engine.fallback import ResilientRuntime
from spleeter_nb.engine.threads import check_cancelled
from spleeter_nb.forks import begin_anew_after_fork
from spleeter_nb.models import ModelManager, default_models_dir
from spleeter_nb.net.devices import available_gpus, choose
from spleeter_nb.net.load import load_runtime
from spleeter_nb.waiting import WAKE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from pathlib import Path

    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.engine.options import Options
    from spleeter_nb.models import InstalledModel
    from spleeter_nb.net.devices import Choice
    from spleeter_nb.net.runtime import Precision, Runtime

# A runtime holds about 200 MB: two allow for comparing two models or two precisions.
_KEPT = 2


class LoadedModels:
    """The runtimes of this process, the most recently used ones kept."""

    def __init__(self) -> None:
        self._begin()
        begin_anew_after_fork(self)

    def get(
        self,
        model: InstalledModel,
        choice: Choice,
        *,
        precision: Precision,
        config: SpleeterConfig,
        cancel: threading.Event,
    ) -> ResilientRuntime:
        """Return the runtime of a model, loaded now if need be.

        Parameters
        ----------
        model : InstalledModel
            What is loaded serves any mask extension, whatever its `spec` says.
        choice : Choice
            The device.
        precision : {"float32", "bfloat16"}
        config : SpleeterConfig
        cancel : threading.Event
            Stops loading, or waiting for another job that loads, when set.

        Raises
        ------
        SeparationCancelledError
            If `cancel` was set.
        ModelError, DeviceError
            As :func:`spleeter_nb.net.load.load_runtime` says.
        """
        spec = dataclasses.replace(model.spec, name="", mask_extension="zeros")
        key = (model.weights_digest, spec, choice, precision, config.worker_threads, config.batch_size)
        # Two jobs that want the same model: the second waits for what the first loads.
        with self._turn(cancel):
            if key not in self._runtimes:
                self._runtimes[key] = self._load(model, choice, precision, config, cancel)
                while len(self._runtimes) > _KEPT:
                    self._runtimes.popitem(last=False)
            self._runtimes.move_to_end(key)
            return self._runtimes[key]

    def clear(self) -> None:
        """Forget all runtimes; running separations keep theirs to their end."""
        with self._lock:
            self._runtimes.clear()

    def after_fork(self) -> None:
        """Begin anew in a child process: the threads that compute are its parent's."""
        # Freeing a runtime, were it at the child's very end, would wait for its threads, which are not here, and abort.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._runtimes))
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._runtimes: OrderedDict[Hashable, ResilientRuntime] = OrderedDict()

    @contextlib.contextmanager
    def _turn(self, cancel: threading.Event) -> Iterator[None]:
        while not self._lock.acquire(timeout=WAKE_SECONDS):
            check_cancelled(cancel)
        try:
            yield
        finally:
            self._lock.release()

    @staticmethod
    def _load(
        model: InstalledModel,
        choice: Choice,
        precision: Precision,
        config: SpleeterConfig,
        cancel: threading.Event,
    ) -> ResilientRuntime:
        # It outlives this job: each loading gets the cancel flag of the job that asks for it.
        def load(choice: Choice, batch_size: int, cancel: threading.Event) -> Runtime:
            return load_runtime(
                model.spec,
                model.checkpoint,
                weights_digest=model.weights_digest,
                choice=choice,
                precision=precision,
                threads=config.worker_threads,
                batch_size=batch_size,
                cancel=cancel,
                memory_growth=config.gpu_memory_growth,
            )

        return ResilientRuntime(load, choice, config.batch_size, cancel=cancel)


def choose_device(options: Options, config: SpleeterConfig) -> Choice:
    """Decide where a job's networks run.

    Raises
    ------
    DeviceError, ValidationError
        As :func:`spleeter_nb.net.devices.choose` says.
    """
    automatic_on_cpu = options.device == "cpu" or (options.device == "auto" and not config.enable_gpu)
    return choose(options.device, () if automatic_on_cpu else available_gpus())


def model_manager(config: SpleeterConfig) -> ModelManager:
    """Return the manager that the settings describe."""
    return ModelManager(
        config.models_dir or default_models_dir(),
        auto_download=config.auto_download,
        host=config.github_host,
        repository=config.github_repository,
        release=config.github_release,
    )


_MAKING = threading.Lock()


@functools.cache
def _cache_manager(
    cache_dir: Path, memory_mb: int, disk_mb: int, ttl_hours: float, redis_url: str | None
) -> CacheManager:
    return CacheManager(cache_dir, memory_mb=memory_mb, disk_mb=disk_mb, ttl_hours=ttl_hours, redis_url=redis_url)


def cache_manager(config: SpleeterConfig) -> CacheManager | None:
    """Return the cache that the settings describe, one for all jobs of this process; None where it is switched off."""
    if not config.cache_enabled:
        return None
    url = config.redis_url.get_secret_value() if config.redis_url else None
    # Two jobs that ask at the same moment get one.
    with _MAKING:
        return _cache_manager(
            config.cache_path, config.memory_cache_mb, config.cache_size_mb, config.cache_ttl_hours, url
        )

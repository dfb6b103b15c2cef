"""Runtimes that stay loaded."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine.loaded import LoadedModels, choose_device, model_manager
from spleeter_nb.engine.options import Options
from spleeter_nb.engine.threads import run_interruptible
from spleeter_nb.exceptions import SeparationCancelledError

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.engine.fallback import ResilientRuntime
    from spleeter_nb.models import InstalledModel


def get(
    loaded: LoadedModels,
    model: InstalledModel,
    options: Options,
    config: SpleeterConfig,
    cancel: threading.Event | None = None,
) -> ResilientRuntime:
    """Load as the engine does, never in the main thread.

    OpenVINO gives a thread that compiles a signal stack, and frees it with the model: a signal then kills the process.
    """
    cancel = cancel or threading.Event()
    choice = choose_device(options, config)
    return run_interruptible(
        lambda: loaded.get(model, choice, precision=options.precision, config=config, cancel=cancel), cancel=cancel
    )


@pytest.fixture
def models(small_models: Path) -> list[InstalledModel]:
    manager = model_manager(SpleeterConfig())
    return [manager.ensure(small_models / name / "config.json") for name in ("two", "average", "wiener", "four_elu")]


def test_a_model_is_loaded_once(models: list[InstalledModel]) -> None:
    loaded, config = LoadedModels(), SpleeterConfig()
    first = get(loaded, models[0], Options(), config)
    assert get(loaded, models[0], Options(offset=1, wiener=True), config) is first
    assert get(loaded, models[0], Options(), SpleeterConfig(worker_threads=1)) is not first
    assert get(loaded, models[0], Options(), config) is first
    loaded.clear()
    assert get(loaded, models[0], Options(), config) is not first


def test_the_device_that_was_found_and_asked_for_loads_once(models: list[InstalledModel]) -> None:
    loaded, config = LoadedModels(), SpleeterConfig(enable_gpu=False)
    first = get(loaded, models[0], Options(), config)
    assert get(loaded, models[0], Options(device="cpu"), config) is first


@pytest.mark.parametrize(
    ("changed", "loads_again"), [({"mask_extension": "average"}, False), ({"separation_exponent": 1.0}, True)]
)
def test_equal_weights_need_not_be_one_model(
    models: list[InstalledModel], changed: dict[str, Any], *, loads_again: bool
) -> None:
    loaded, config = LoadedModels(), SpleeterConfig()
    other = dataclasses.replace(models[0], spec=dataclasses.replace(models[0].spec, **changed))
    first = get(loaded, models[0], Options(), config)
    assert (get(loaded, other, Options(), config) is not first) == loads_again


def test_the_least_recently_used_model_is_forgotten(models: list[InstalledModel]) -> None:
    loaded, config = LoadedModels(), SpleeterConfig()
    first, second = (get(loaded, model, Options(), config) for model in (models[0], models[2]))
    assert get(loaded, models[0], Options(), config) is first
    get(loaded, models[3], Options(), config)
    assert get(loaded, models[0], Options(), config) is first
    assert get(loaded, models[2], Options(), config) is not second


def test_a_cancelled_load_is_not_kept(models: list[InstalledModel]) -> None:
    loaded, config, cancel = LoadedModels(), SpleeterConfig(), threading.Event()
    cancel.set()
    with pytest.raises(SeparationCancelledError):
        get(loaded, models[0], Options(), config, cancel)
    assert get(loaded, models[0], Options(), config).info.device == "cpu"


def test_whoever_waits_for_another_to_load_can_be_cancelled(models: list[InstalledModel]) -> None:
    loaded, config, cancel = LoadedModels(), SpleeterConfig(), threading.Event()
    timer = threading.Timer(0.2, cancel.set)
    with loaded._turn(threading.Event()):  # noqa: SLF001 - as long as another loads
        timer.start()
        start = time.monotonic()
        with pytest.raises(SeparationCancelledError):
            get(loaded, models[0], Options(), config, cancel)
        assert time.monotonic() - start < 0.7
    timer.join()
    assert get(loaded, models[0], Options(), config).info.device == "cpu"


def test_gpus_can_be_switched_off(models: list[InstalledModel]) -> None:
    loaded, config = LoadedModels(), SpleeterConfig(enable_gpu=False)
    assert get(loaded, models[0], Options(), config).info.device == "cpu"


def test_the_settings_describe_the_manager(tmp_path: Path) -> None:
    manager = model_manager(SpleeterConfig(models_dir=tmp_path, auto_download=False))
    assert manager.models_dir == tmp_path
    assert not manager.auto_download

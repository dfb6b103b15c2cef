"""What must hold on a machine for separations to work, checked one by one."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spleeter_nb.engine.loaded import model_manager
from spleeter_nb.exceptions import ModelNotFoundError, SpleeterError
from spleeter_nb.net.devices import devices
from spleeter_nb.net.openvino import import_openvino

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spleeter_nb.config import SpleeterConfig

_LIBRARIES = ("numpy", "scipy", "soundfile", "av", "soxr", "keras", "openvino")

# A model with OpenVINO's file beside it, and some room for the staging of a download.
_NEEDED_BYTES = 400 * 2**20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    good: bool
    detail: str


def examine(config: SpleeterConfig) -> list[Check]:
    """Look at everything that a separation needs.

    Parameters
    ----------
    config : SpleeterConfig

    Returns
    -------
    list of Check
        In the order in which to mend them.
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", platform.python_version),
        ("libraries", _libraries),
        ("devices", lambda: f"{devices().auto.device}: {devices().auto.reason}"),
        ("models folder", lambda: _room(model_manager(config).models_dir)),
        ("temporary folder", lambda: _room(Path(tempfile.gettempdir()))),
    ]
    return [*(_check(name, look) for name, look in checks), *_models(config)]


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, good=True, detail=look())
    except (SpleeterError, ImportError, OSError) as error:
        return Check(name, good=False, detail=str(error))


def _libraries() -> str:
    import_openvino()
    for name in _LIBRARIES:
        # A distribution may be there and its compiled part not load; Keras would fix its backend.
        if name != "keras":
            importlib.import_module(name)
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)


def _room(folder: Path) -> str:
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    with tempfile.TemporaryFile(dir=existing):
        free = shutil.disk_usage(existing).free
    if free < _NEEDED_BYTES:
        raise OSError(f"{folder} has {free / 2**20:.0f} MB free, a model needs {_NEEDED_BYTES / 2**20:.0f} MB")
    return f"{folder}, {free / 2**30:.1f} GB free"


def _models(config: SpleeterConfig) -> Iterator[Check]:
    manager = model_manager(config)
    for name in manager.names:
        try:
            yield Check(name, good=True, detail=f"installed from {manager.validate_model(name).source}")
        except ModelNotFoundError:
            yield Check(name, good=True, detail="not installed; it is fetched when first used")
        except SpleeterError as error:
            yield Check(name, good=False, detail=str(error))

"""Music source separation for Jupyter: Spleeter's stems, exactly, on a modern stack.

>>> import spleeter_nb as snb
>>> result = snb.separate(snb.demo_song(), progress=False)
>>> result.vocals.save("vocals.wav")  # doctest: +SKIP

Importing this package loads nothing else: each public name brings its module when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spleeter_nb._version import __version__
    from spleeter_nb.audio import probe
    from spleeter_nb.cache import CacheManager
    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.demo import demo_song
    from spleeter_nb.engine.describe import Description, describe
    from spleeter_nb.engine.engine import SpleeterEngine
    from spleeter_nb.engine.jobs import SeparationJob
    from spleeter_nb.engine.loading import load_stem_mp4
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.engine.separation import release, separate
    from spleeter_nb.engine.stem import Stem
    from spleeter_nb.exceptions import SpleeterError
    from spleeter_nb.models import ModelManager
    from spleeter_nb.net.devices import devices
    from spleeter_nb.values import Preprocess
    from spleeter_nb.widgets.app import app
    from spleeter_nb.widgets.figure import spectrogram_figure
    from spleeter_nb.widgets.files import FilePicker
    from spleeter_nb.widgets.job import JobView
    from spleeter_nb.widgets.models import ModelPicker
    from spleeter_nb.widgets.player import StemPlayer
    from spleeter_nb.widgets.spectrogram import SpectrogramComparison, compare

_HOMES = {
    "CacheManager": "spleeter_nb.cache",
    "Description": "spleeter_nb.engine.describe",
    "FilePicker": "spleeter_nb.widgets.files",
    "JobView": "spleeter_nb.widgets.job",
    "ModelManager": "spleeter_nb.models",
    "ModelPicker": "spleeter_nb.widgets.models",
    "Preprocess": "spleeter_nb.values",
    "SeparationJob": "spleeter_nb.engine.jobs",
    "SeparationResult": "spleeter_nb.engine.result",
    "SpectrogramComparison": "spleeter_nb.widgets.spectrogram",
    "SpleeterConfig": "spleeter_nb.config",
    "SpleeterEngine": "spleeter_nb.engine.engine",
    "SpleeterError": "spleeter_nb.exceptions",
    "Stem": "spleeter_nb.engine.stem",
    "StemPlayer": "spleeter_nb.widgets.player",
    "__version__": "spleeter_nb._version",
    "app": "spleeter_nb.widgets.app",
    "compare": "spleeter_nb.widgets.spectrogram",
    "demo_song": "spleeter_nb.demo",
    "describe": "spleeter_nb.engine.describe",
    "devices": "spleeter_nb.net.devices",
    "load_stem_mp4": "spleeter_nb.engine.loading",
    "probe": "spleeter_nb.audio",
    "release": "spleeter_nb.engine.separation",
    "separate": "spleeter_nb.engine.separation",
    "spectrogram_figure": "spleeter_nb.widgets.figure",
}

__all__ = [
    "CacheManager",
    "Description",
    "FilePicker",
    "JobView",
    "ModelManager",
    "ModelPicker",
    "Preprocess",
    "SeparationJob",
    "SeparationResult",
    "SpectrogramComparison",
    "SpleeterConfig",
    "SpleeterEngine",
    "SpleeterError",
    "Stem",
    "StemPlayer",
    "__version__",
    "app",
    "compare",
    "demo_song",
    "describe",
    "devices",
    "load_stem_mp4",
    "probe",
    "release",
    "separate",
    "spectrogram_figure",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({name for name in globals() if name.startswith("__")} | {*__all__})


def load_ipython_extension(shell: Any) -> None:
    """Add ``%separate`` to a shell; ``%load_ext spleeter_nb`` calls this."""
    from spleeter_nb.magics import load  # noqa: PLC0415 - importing the package must not load IPython

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take it away again; ``%unload_ext spleeter_nb`` calls this."""
    from spleeter_nb.magics import unload  # noqa: PLC0415 - as above

    unload(shell)

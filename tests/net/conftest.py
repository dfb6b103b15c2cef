"""Small trained-like models of every kind, and the foreign libraries that answers are held against."""

from __future__ import annotations

import hashlib
import shutil
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spleeter_nb.models.configuration import read_configuration
from spleeter_nb.net.export import exported_model
from spleeter_nb.net.openvino import OpenVinoRuntime

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.values import ModelSpec

DATA = Path(__file__).parents[1] / "parity" / "data"


@dataclass(frozen=True)
class Model:
    """A configuration and its checkpoint, in a folder of their own."""

    spec: ModelSpec
    checkpoint: Path
    digest: str


def copied(case: str, folder: Path) -> Model:
    shutil.copytree(DATA / case, folder / case, ignore=shutil.ignore_patterns("*.npz"))
    (index,) = (folder / case).glob("*.index")
    digest = hashlib.sha256(index.read_bytes()).hexdigest()
    return Model(read_configuration(folder / case / "config.json").spec, index.with_suffix(""), digest)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """Give a case of tests/parity/data by its name; shared by all tests, to be read only."""
    return cache(lambda case: copied(case, tmp_path_factory.mktemp("small")))


@pytest.fixture
def own_model(tmp_path: Path) -> Model:
    """Two stems of 2 to 7 filters, in a folder where a test may do what it likes."""
    return copied("two", tmp_path)


@pytest.fixture(scope="session")
def openvino_runtime(small_model: Callable[[str], Model]) -> Callable[[str], OpenVinoRuntime]:
    """Load a case on the processor."""

    @cache
    def load(case: str) -> OpenVinoRuntime:
        model = small_model(case)
        with exported_model(
            model.spec, model.checkpoint, weights_digest=model.digest, cancel=threading.Event()
        ) as path:
            return OpenVinoRuntime(model.spec, path, precision="float32", threads=1)

    return load


@pytest.fixture(scope="session")
def tensorflow() -> Any:
    """TensorFlow, quiet: it tells of the processor's features on the standard error."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        # Its import of its own, older modules warns of what they use.
        warnings.simplefilter("ignore")
        import tensorflow as tf  # noqa: PLC0415 - 4 s, for the tests that need it

    return tf


@pytest.fixture(scope="session")
def keras(tensorflow: Any) -> Any:  # noqa: ARG001 - the untyped library; the backend is imported quietly first
    """Keras on TensorFlow, which it keeps for the rest of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "tensorflow")
        import keras  # noqa: PLC0415 - only after the backend is chosen

    return keras

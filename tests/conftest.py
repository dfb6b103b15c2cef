"""What tests of several rooms share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from spleeter_nb.models.store import ModelManager


@pytest.fixture(scope="session")
def two_stems_models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with ``spleeter:2stems`` in it, installed from where it can really be had.

    ``SPLEETER_NB_TEST_MODELS`` names a folder to keep between runs, which saves 73 MB each time.
    """
    kept = os.environ.get("SPLEETER_NB_TEST_MODELS")
    models_dir = Path(kept) if kept else tmp_path_factory.mktemp("models")
    ModelManager(models_dir).ensure("spleeter:2stems")
    return models_dir


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small models of the parity tests, where the engine may leave what it makes of them."""
    data = Path(__file__).parent / "parity" / "data"
    return shutil.copytree(data, tmp_path_factory.mktemp("small") / "models")

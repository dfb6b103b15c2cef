"""What tests of several rooms share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

from spleeter_nb.models.store import ModelManager


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No configuration file is read, and no cache used: tests of a cache switch it on, in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPLEETER_CACHE_ENABLED", "false")
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("no-settings")))
        yield


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

"""The first notebook notices an engine that is broken, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.notebooks.breaks import BREAKS, failed_cells, run

if TYPE_CHECKING:
    from pathlib import Path

QUICKSTART = "notebooks/01_quickstart.ipynb"


@pytest.fixture(autouse=True)
def _models(two_stems_models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(two_stems_models_dir))
    monkeypatch.delenv("SPLEETER_CACHE_ENABLED")


def test_a_sound_engine_passes() -> None:
    done = run("", QUICKSTART)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_engine_does_not(name: str) -> None:
    done = run(BREAKS[name], QUICKSTART)
    assert done.returncode == 1, done.stdout
    assert failed_cells(done.stdout)[QUICKSTART] >= 1
    # It was the claims that failed, not the code.
    assert "AssertionError" in done.stdout

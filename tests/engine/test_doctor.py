"""The doctor finds what is missing."""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
from typing import TYPE_CHECKING

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine import doctor
from spleeter_nb.engine.doctor import Check, examine

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NAMES = ["python", "libraries", "devices", "models folder", "temporary folder"]
MODELS = [f"spleeter:{n}stems{band}" for n in (2, 4, 5) for band in ("", "-16kHz")]


def by_name(checks: list[Check]) -> dict[str, Check]:
    assert [check.name for check in checks] == NAMES + MODELS
    return {check.name: check for check in checks}


def test_a_good_machine_is_good(two_stems_models_dir: Path) -> None:
    checks = by_name(examine(SpleeterConfig(models_dir=two_stems_models_dir)))
    assert all(check.good for check in checks.values())
    assert "openvino 20" in checks["libraries"].detail
    assert checks["spleeter:2stems"].detail.startswith("installed from ")
    assert checks["spleeter:4stems"].detail.startswith("not installed")
    assert str(two_stems_models_dir) in checks["models folder"].detail


def test_a_damaged_model_is_found(tmp_path: Path) -> None:
    (tmp_path / "2stems").mkdir()
    for name in ("checkpoint", "model.index", "model.data-00000-of-00001"):
        (tmp_path / "2stems" / name).write_bytes(b"damaged")
    checks = by_name(examine(SpleeterConfig(models_dir=tmp_path)))
    assert not checks["spleeter:2stems"].good
    assert "damaged" in checks["spleeter:2stems"].detail


def test_a_library_that_is_not_there_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_LIBRARIES", ("numpy", "a_library_that_nobody_wrote"))
    checks = by_name(examine(SpleeterConfig(models_dir=tmp_path)))
    assert not checks["libraries"].good
    assert "a_library_that_nobody_wrote" in checks["libraries"].detail
    assert importlib.metadata.version("numpy") not in checks["libraries"].detail


def test_a_full_disk_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage._replace(free=2**20))
    checks = by_name(examine(SpleeterConfig(models_dir=tmp_path / "models")))
    assert not checks["models folder"].good
    assert "1 MB free" in checks["models folder"].detail
    assert not checks["temporary folder"].good


def test_looking_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    checks = by_name(examine(SpleeterConfig(models_dir=tmp_path / "a" / "models")))
    assert checks["models folder"].good
    assert list(tmp_path.iterdir()) == []

"""Where models are looked for, and how scripts fetch them beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.compat.model.provider import ModelProvider, get_default_model_provider
from spleeter_nb.compat.separator import Separator
from spleeter_nb.exceptions import ModelError, ModelNotFoundError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SPLEETER_AUTO_DOWNLOAD", "false")
    for name in ("MODEL_PATH", "SPLEETER_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield
    assert not list((tmp_path / "here").glob("[!p]*"))


def test_model_path_comes_first(spleeters_models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(tmp_path / "elsewhere"))
    assert ModelProvider.default().get("2stems") == str(spleeters_models / "2stems")


def test_our_setting_comes_second(two_stems_models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_PATH", "")
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(two_stems_models_dir))
    assert get_default_model_provider().get("2stems") == str(two_stems_models_dir / "2stems")


def test_spleeters_default_comes_last(two_stems_models_dir: Path) -> None:
    Path("pretrained_models").symlink_to(two_stems_models_dir)
    assert ModelProvider.default().get("2stems") == str(Path("pretrained_models", "2stems").absolute())


def test_an_absolute_path_is_one(two_stems_models_dir: Path) -> None:
    folder = two_stems_models_dir / "2stems"
    assert ModelProvider().get(folder) == str(folder)
    ModelProvider().download("2stems", folder)


def test_a_folder_of_another_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="ends in its name"):
        ModelProvider().download("2stems", tmp_path / "weights")


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(ModelError, match="3stems"):
        ModelProvider().get("3stems")


def test_an_empty_folder_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "models"))
    (tmp_path / "models" / "2stems").mkdir(parents=True)
    (tmp_path / "models" / "2stems" / ".probe").write_text("OK")
    with pytest.raises(ModelNotFoundError):
        Separator("spleeter:2stems").separate([[0.0, 0.0]] * 100)

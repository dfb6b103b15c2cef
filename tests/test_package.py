"""The public names."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING

import pytest

import spleeter_nb
from spleeter_nb.engine import separation
from spleeter_nb.widgets import files, player

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", spleeter_nb.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(spleeter_nb, name)
    assert value is getattr(spleeter_nb, name)
    assert getattr(value, "__name__", name) == name


def test_public_names_are_completed() -> None:
    assert set(spleeter_nb.__all__) <= set(dir(spleeter_nb))
    assert spleeter_nb.__all__ == sorted(spleeter_nb.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'spleeter_nb' has no attribute 'seperate'"):
        _ = spleeter_nb.seperate


@pytest.mark.parametrize("module", [spleeter_nb, separation, files, player])
def test_examples_are_true(
    module: object, two_stems_models_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(two_stems_models_dir))
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert tried > 0
    assert failed == 0

"""Examples of docstrings are there, and true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import spleeter_nb

ROOT = Path(__file__).resolve().parent.parent.parent
PROMPT = re.compile(r"^\s*>>> ", re.MULTILINE)

MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "spleeter_nb").rglob("*.py"))
    if PROMPT.search(path.read_text("utf-8"))
]


@pytest.fixture(autouse=True)
def _at_home(two_stems_models_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The model is there, and what is written goes nowhere."""
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(two_stems_models_dir))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", sorted({*spleeter_nb.__all__} - {"__version__"}))
def test_every_public_name_has_an_example(name: str) -> None:
    assert PROMPT.search(inspect.getdoc(getattr(spleeter_nb, name)) or "")


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_are_true(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried > 0
    assert failed == 0

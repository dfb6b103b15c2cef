"""A real shell with the magics in it, and what runs cells there."""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import ExecutionResult

# Hz, of the small models.
RATE = 8000


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """An IPython of its own, in an empty folder, with the magics loaded; afterwards all is as before."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    shell = InteractiveShell(
        config=Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
    )
    shell.extension_manager.load_extension("spleeter_nb")
    yield shell
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    shell.restore_sys_module_state()


@pytest.fixture
def run(shell: InteractiveShell) -> Callable[[str], Any]:
    """Run a cell that must succeed, and give its value."""

    def run_cell(code: str) -> Any:
        outcome = shell.run_cell(code)
        outcome.raise_error()
        return outcome.result

    return run_cell


@pytest.fixture
def fail(shell: InteractiveShell) -> Callable[[str], BaseException]:
    """Run a cell that must fail, and give the error."""

    def run_cell(code: str) -> BaseException:
        outcome: ExecutionResult = shell.run_cell(code)
        assert outcome.error_in_exec is not None
        assert outcome.result is None
        return outcome.error_in_exec

    return run_cell


@pytest.fixture
def small(shell: InteractiveShell, small_models: Path) -> str:
    """Make the small model the one of the session, and return its path."""
    model = str(small_models / "two" / "config.json")
    shell.run_cell(f"%config SeparateMagics.model = {model!r}").raise_error()
    return model


def write_song(path: Path, frames: int = 20_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(frames).uniform(-0.5, 0.5, (frames, 2))
    soundfile.write(path, samples, RATE)
    return path

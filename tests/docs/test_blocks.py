"""A reader can do what the pages say: their blocks of Python and shell run, from top to bottom."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import subprocess
import sys
from inspect import CO_COROUTINE
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import soundfile

import spleeter_nb

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_HERE = re.compile(r"(make|git|pip|spleeter-nb app)\b")
"""Lines that need a checkout, or change the environment, or wait for a browser."""


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all pages: many of them begin with the same separation."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _as_a_reader(two_stems_models_dir: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder with the songs that pages speak of, the model, and a cache."""
    samples, rate = soundfile.read(spleeter_nb.demo_song().path, dtype="float32", frames=44_100 * 11)
    (tmp_path / "album").mkdir()
    for name in ("song.mp3", "song.wav", "album/one.flac"):
        soundfile.write(tmp_path / name, samples, rate)
    soundfile.write(tmp_path / "album" / "two.mp3", samples[: 5 * rate], rate)
    (tmp_path / "album" / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    # Where a page fetches the model to.
    (tmp_path / "models").symlink_to(two_stems_models_dir)
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(two_stems_models_dir))
    monkeypatch.setenv("SPLEETER_CACHE_ENABLED", "true")
    monkeypatch.setenv("SPLEETER_CACHE_DIR", str(cache_dir))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page: Path) -> None:
    names: dict[str, Any] = {"__name__": page.stem}
    for language, block in BLOCK.findall(page.read_text("utf-8")):
        if language == "python":
            run_cell(block, page.name, names)
        else:
            lines = [line for line in block.splitlines() if not NOT_HERE.match(line)]
            done = subprocess.run(["/bin/bash", "-ec", "\n".join(lines)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{block}{done.stdout}{done.stderr}"


def run_cell(block: str, name: str, names: dict[str, Any]) -> None:
    """Run Python as a cell does, where `await` needs no function."""
    code = compile(block, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    coroutine = FunctionType(code, names)()
    if code.co_flags & CO_COROUTINE:
        asyncio.run(coroutine)

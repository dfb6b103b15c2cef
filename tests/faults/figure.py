"""What a measurement gives, and what it may need from the machine."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
"""The checkout."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and what it may be at most."""

    name: str
    required: float
    measured: float
    n: int
    """How often it was tried; what was counted, where the tries were enumerated."""
    unit: str = ""
    note: str = ""
    """What one must know to judge it."""
    anchor: str = ""
    """What others reach with the same kind of test."""

    @property
    def met(self) -> bool:
        return self.measured <= self.required


class CannotRunError(Exception):
    """This machine or this checkout lacks something that a measurement needs."""


def new_dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - test data


def need_program(name: str) -> str:
    """Return the path of a program, or say that it is missing."""
    path = shutil.which(name)
    if path is None:
        raise CannotRunError(f"{name} is not installed")
    return path


def need_module(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise CannotRunError(f"there is no Python module {name}")


def module_command(name: str, *arguments: object) -> list[str]:
    """Return the command that runs a module beside this one as a process of its own."""
    return [sys.executable, "-m", f"tests.faults.{name}", *map(str, arguments)]


def hush() -> None:
    """Let the C libraries of this process complain to nobody."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def unmeasured() -> dict[str, str]:
    """Return the environment for processes that are interrupted or fork.

    Where coverage measures them, a lock of its own stays taken for ever when that comes at the wrong moment.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}


def run_module(name: str, *arguments: object, timeout: float) -> Any:
    """Run a module beside this one as a process of its own, and return the JSON that it writes."""
    command = module_command(name, *arguments)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=timeout)
    return json.loads(done.stdout)

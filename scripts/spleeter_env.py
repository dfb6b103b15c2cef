"""Spleeter 2.4.2 in an environment of its own: it cannot be installed beside our dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from spleeter_nb import ModelManager

SCRIPTS = Path(__file__).resolve().parent
FOLDER = SCRIPTS.parent / ".venvs" / "spleeter-2.4.2"
REQUIREMENTS = ("spleeter==2.4.2", "numpy<2")
COMPLETE = FOLDER / "complete"
"""Says that the installation went through to its end."""
PYTHONS = ("python3.11", "python3.10", "python3.9", "python3.8")
"""Those that TensorFlow 2.12 has wheels for, the newest first."""


def spleeter_python(given: Path | None = None) -> Path:
    """Return the Python of Spleeter's environment; make the environment where it is missing.

    Parameters
    ----------
    given : Path, optional
        The Python of an environment that exists already.
    """
    python = given or FOLDER / "bin" / "python"
    if given is None and not COMPLETE.exists():
        _make_environment()
    version = subprocess.run(
        [python, "-c", "import importlib.metadata as m; print(m.version('spleeter'))"],
        capture_output=True,
        text=True,
        check=False,
    )
    if version.stdout.strip() != "2.4.2":
        msg = f"{python} has no Spleeter 2.4.2. Remove {FOLDER} to have it made anew, or give another Python."
        raise SystemExit(msg)
    return python


def _make_environment() -> None:
    base = sys.executable if sys.version_info[:2] == (3, 11) else None
    base = base or next(filter(None, map(shutil.which, PYTHONS)), None)
    if base is None:
        msg = f"Spleeter 2.4.2 needs one of {', '.join(PYTHONS)} on the path, and there is none."
        raise SystemExit(msg)
    print(f"Installing {' '.join(REQUIREMENTS)} in {FOLDER} (once, 2.4 GB) …", flush=True)
    subprocess.run([base, "-m", "venv", "--clear", FOLDER], check=True)
    pip = [FOLDER / "bin" / "python", "-m", "pip", "install", "--quiet", *REQUIREMENTS]
    subprocess.run(pip, check=True)
    COMPLETE.touch()


def two_stems_folder() -> Path:
    """Return the folder that holds the official ``2stems`` weights, fetched where they are missing."""
    manager = ModelManager(os.environ.get("SPLEETER_MODELS_DIR"))
    return manager.ensure("spleeter:2stems").folder.parent


def spleeter_environ(models: Path | None = None) -> dict[str, str]:
    """Return the environment variables that Spleeter is run with."""
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "MODEL_PATH": str(models or "")}

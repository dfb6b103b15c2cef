"""The application as a page of its own: Voila serves a notebook of one cell, to this machine alone."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import MissingDependencyError, ValidationError

if TYPE_CHECKING:
    from types import FrameType
    from typing import Never

# A server that was asked to stop ends its kernels first.
_STOPPING_SECONDS = 5.0

# Beside Ctrl-C. Windows knows no closed terminal.
_ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def serve(root: Path, *, port: int = 8866, open_browser: bool = True) -> int:
    """Serve the application until it is interrupted.

    Parameters
    ----------
    root : Path
        The folder that songs are chosen from, and that stems may be written to.
    port : int
        Where it listens, on 127.0.0.1; who wants in needs the token in the address that Voila prints.
    open_browser : bool
        Whether to open it in a browser.

    Returns
    -------
    int
        0 after an interrupt, else the exit code of Voila, which has ended by itself.

    Raises
    ------
    MissingDependencyError
        If Voila is not installed.
    ValidationError
        If there is no such folder.
    """
    if importlib.util.find_spec("voila") is None:
        raise MissingDependencyError(
            "The application is served by Voila, which is not installed: pip install 'spleeter-nb[lab]'.",
            package="voila",
            extra="lab",
        )
    if not root.is_dir():
        raise ValidationError(f"The root {str(root)!r} is no folder. Give one that exists.", root=str(root))
    with tempfile.TemporaryDirectory(prefix="spleeter_nb-") as folder:
        notebook = Path(folder) / "spleeter_nb.ipynb"
        notebook.write_text(_notebook(root.absolute()), "utf-8")
        options = ["--Voila.ip=127.0.0.1", f"--port={port}", "--token", *([] if open_browser else ["--no-browser"])]
        # -P: a file of the user that is called like a library of ours would be taken for it.
        command = [sys.executable, "-P", "-m", "voila", str(notebook), *options]
        before = {number: signal.signal(number, _interrupt) for number in _ENDS}
        try:
            return _run(command)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _run(command: list[str]) -> int:
    """Run a server until it ends, or we are interrupted."""
    # A session of its own: a Ctrl-C in the terminal would reach it beside our word, and cut its tidy end short.
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(process)


def _notebook(root: Path) -> str:
    """Return a notebook whose one cell shows the application."""
    source = f"import spleeter_nb\n\nspleeter_nb.app(roots=[{str(root)!r}])"
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "app",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "source": source,
    }
    # Voila takes the kernel of this name, which is that of the Python that runs it.
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def _interrupt(_signal: int, _frame: FrameType | None) -> Never:
    raise KeyboardInterrupt


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask Voila to end, and see that it does."""
    process.terminate()
    try:
        process.wait(_STOPPING_SECONDS)
    # Who interrupts again does not want to wait.
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()

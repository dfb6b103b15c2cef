"""Kill an installation at each of its file-system calls in turn; run by the tests as a process of its own.

``crash_points.py FOLDER ARCHIVE WEIGHTS-AS-JSON BEFORE``: the archive is put into a fresh models folder in which
the model is absent or damaged (BEFORE); a forked child installs it and kills itself at its K-th call.
Afterwards the model must be whole or be refused, and the next installation must work and leave nothing behind.
Ends with the number of points on the standard output.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from spleeter_nb.exceptions import ModelCorruptError, ModelNotFoundError
from spleeter_nb.models.catalog import DATA, MEMBERS, CatalogEntry, Weights
from spleeter_nb.models.installed import MANIFEST
from spleeter_nb.models.store import ModelManager
from spleeter_nb.values import ModelSpec

# Python announces these before they happen.
CALLS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree", "os.listdir"}


def new_manager(models_dir: Path, weights: Weights) -> ModelManager:
    catalog = {"test:tiny": CatalogEntry(ModelSpec("test:tiny", ("vocals", "rest")), weights)}
    return ModelManager(models_dir, auto_download=False, catalog=catalog)


def install_and_die(manager: ModelManager, point: int) -> None:
    """Install, and be killed at the call number `point` that concerns the models folder."""
    here, calls = str(manager.models_dir), 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal calls
        if event in CALLS and str(arguments[0]).startswith(here):
            calls += 1
            if calls == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    manager.ensure("test:tiny")


def check(manager: ModelManager, digest: str) -> None:
    """See that no half model passes, that the next installation works, and that it leaves nothing behind."""
    try:
        assert manager.validate_model("test:tiny").weights_digest == digest
    except (ModelNotFoundError, ModelCorruptError):
        assert manager.list_local_models() == []
    assert manager.ensure("test:tiny").weights_digest == digest
    left = {path.name for path in manager.models_dir.rglob("*")}
    assert left == {".tiny.lock", "tiny.tar.gz", "tiny", MANIFEST, *MEMBERS}, left


def try_all(folder: Path, archive: Path, entry: Weights, before: str) -> int:
    """Go through all points; return how many there are."""
    digest, point = "", 0
    while True:
        models_dir = folder / f"{before}-{point}"
        models_dir.mkdir()
        shutil.copy(archive, models_dir / entry.archive)
        manager = new_manager(models_dir, entry)
        if before == "damaged" or not digest:
            digest = manager.ensure("test:tiny").weights_digest
            (models_dir / entry.folder / DATA).write_bytes(b"damage")
        if before == "absent":
            shutil.rmtree(models_dir / entry.folder, ignore_errors=True)
        child = os.fork()
        if child == 0:
            install_and_die(manager, point)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        check(manager, digest)
        if point and not os.WIFSIGNALED(status):
            break
        point += 1
    assert os.WEXITSTATUS(status) == 0
    return point - 1


def main(folder: str, archive: str, weights: str, before: str) -> None:
    sys.stdout.write(str(try_all(Path(folder), Path(archive), Weights(**json.loads(weights)), before)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Where a model is made before it is published, and how it is published.

Everything is prepared in a folder of this process, ``.staging-…``, inside the models folder, so that
publishing is renaming. Files are published one by one, each complete and verified, the manifest last: a
reader finds the old or the new content under each name, and a set of files that do not belong together never
passes verification. Two processes that publish the same model do each other no harm, so the lock only saves
work.

A download that breaks off is kept as ``.partial-…`` for the next try; folders of processes that were killed
are swept, and their downloads kept likewise.
"""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import DiskFullError, SpleeterError
from spleeter_nb.storage import orphans, staging_name, storing, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spleeter_nb.models.watch import Watch

_LOG = logging.getLogger("spleeter_nb")
_PATIENCE = 1800.0
_POLL = 0.1
DOWNLOAD = "download"
"""The folder inside the staging folder that outlives a broken download."""
FILES = "files"
"""The folder inside the staging folder for what is to be published."""


@contextmanager
def model_lock(models_dir: Path, model: str, watch: Watch, *, patience: float = _PATIENCE) -> Iterator[None]:
    """Let one process at a time install `model`.

    Where locks do not work, or nobody gives this one back for `patience` seconds, work goes on without it.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - most calls find the model and need no lock

    with storing(models_dir):
        models_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(models_dir / f".{model}.lock")
    deadline, waiting = time.monotonic() + patience, False
    while not lock.is_locked and time.monotonic() < deadline:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not waiting:
                watch.note(f"{model} is being installed by somebody else; waiting for it")
            waiting = True
            watch.wait(_POLL)
        except (OSError, NotImplementedError) as error:
            _LOG.info("no lock on %s (%s); going on without", models_dir, error)
            break
    try:
        yield
    finally:
        lock.release()


@contextmanager
def staging_folder(models_dir: Path, model: str) -> Iterator[Path]:
    """Make a folder to prepare `model` in, with what an earlier try downloaded; remove it in the end."""
    partial = _partial(models_dir, model)
    for orphan in orphans(models_dir, _prefix(model)):
        _keep_download(orphan, partial)
        shutil.rmtree(orphan, ignore_errors=True)
    folder = models_dir / staging_name(_prefix(model))
    with storing(folder):
        (folder / FILES).mkdir(parents=True)
        try:
            partial.rename(folder / DOWNLOAD)
        except FileNotFoundError:
            (folder / DOWNLOAD).mkdir()
    try:
        yield folder
    except DiskFullError:
        raise
    except (SpleeterError, KeyboardInterrupt):
        _keep_download(folder, partial)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def discard_leftovers(models_dir: Path, model: str) -> None:
    """Remove what killed processes and broken downloads left, now that `model` is here."""
    for folder in (*orphans(models_dir, _prefix(model)), _partial(models_dir, model)):
        shutil.rmtree(folder, ignore_errors=True)


def publish(files: Path, folder: Path, names: Iterable[str]) -> None:
    """Move the files named from one folder into the other, in that order, replacing what is there."""
    with storing(folder):
        folder.mkdir(exist_ok=True)
        for name in names:
            (files / name).replace(folder / name)
            sync_folder(folder)
        sync_folder(folder.parent)


def _prefix(model: str) -> str:
    return f".staging-{model}"


def _partial(models_dir: Path, model: str) -> Path:
    return models_dir / f".partial-{model}"


def _keep_download(folder: Path, partial: Path) -> None:
    """Move what was downloaded to where the next try finds it, unless another is there already."""
    with suppress(OSError):
        if any(file.stat().st_size for file in (folder / DOWNLOAD).glob("*")):
            (folder / DOWNLOAD).rename(partial)

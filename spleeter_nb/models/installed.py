"""Models on disk: what a folder must hold, its manifest, and how it is verified."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ModelChecksumError, ModelCorruptError, ModelNotFoundError
from spleeter_nb.models.catalog import DATA, INDEX, RELEASE
from spleeter_nb.models.files import FileRecord, read_record, read_small, recall_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spleeter_nb.models.catalog import Weights
    from spleeter_nb.values import ModelSpec

MANIFEST = "spleeter_nb.json"
WEIGHTS = (INDEX, DATA)
"""The files that make up a published model; what else lies beside them changes nothing."""
_MAX_BYTES = 1 << 16
_CHECKPOINT_PATH = re.compile(r'^\s*model_checkpoint_path:\s*"([^"\n]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model that is on this machine and was verified."""

    spec: ModelSpec
    folder: Path
    weights_digest: str
    """Hexadecimal; equal for equal weights (index and data), wherever they lie and whatever their names."""
    source: str
    """Where the weights came from, for a person."""
    version: str
    """The release that the weights are of; ``unknown`` where nothing tells, ``custom`` for a model of the user's."""
    installed_at: str | None
    """When it was put or found here, in UTC, ISO 8601; None for a model of the user's."""
    size: int
    """Bytes of the weights (index and data)."""
    prefix: str = "model"
    """What the names of the checkpoint's files begin with."""

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's path without ``.index`` and ``.data-…``, as TensorFlow names checkpoints."""
        return self.folder / self.prefix


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the installation wrote down about a folder."""

    name: str
    source: str
    files: Mapping[str, FileRecord]
    installed_at: str
    """Time in UTC, ISO 8601."""
    version: str
    """The release that the weights are of."""


def new_manifest(name: str, source: str, version: str, *, files: Mapping[str, FileRecord]) -> Manifest:
    """Describe what is about to be published, now."""
    return Manifest(name, source, files, datetime.now(UTC).isoformat(timespec="seconds"), version)


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write `manifest` into `folder`, replacing an older one at once; errors are the system's own."""
    temporary = folder / f".{MANIFEST}"
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(asdict(manifest), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / MANIFEST)
    finally:
        temporary.unlink(missing_ok=True)


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of `folder`; None where there is none or it makes no sense."""
    try:
        content = json.loads(read_small(folder / MANIFEST, _MAX_BYTES))
        files = {
            str(name): FileRecord(str(record["sha256"]), int(record["size"]))
            for name, record in content["files"].items()
        }
        version = str(content.get("version", RELEASE))  # there was no other when manifests began
        return Manifest(str(content["name"]), str(content["source"]), files, str(content["installed_at"]), version)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def verify_published(
    folder: Path, weights: Weights, *, anew: bool = True
) -> tuple[dict[str, FileRecord], Manifest | None]:
    """Hash the weights in `folder` and compare with what is pinned, or else with what was recorded.

    Where neither exists (somebody copied a folder here of which only the archive's digest is known), the
    files are taken as they are; their own checksums inside are verified when they are loaded. Unless it is to be done
    `anew`, a file that is as it was when this process hashed it is not hashed again.

    Returns
    -------
    dict
        The records of index and data.
    Manifest or None
        What the installation recorded, if it did.

    Raises
    ------
    ModelNotFoundError
        The folder or a file is not there.
    ModelChecksumError
        A file is not what it was.
    ModelCorruptError
        A file is empty or cannot be read.
    """
    records = _read_records(folder, WEIGHTS, anew=anew)
    manifest = read_manifest(folder)
    recorded = {name: record.sha256 for name, record in manifest.files.items()} if manifest else {}
    compare_digests(records, weights.digests or recorded, folder)
    return records, manifest


def compare_digests(records: Mapping[str, FileRecord], expected: Mapping[str, str], folder: Path) -> None:
    """Raise `ModelChecksumError` when a file of `records` is not as `expected`; unknown ones pass."""
    for name, record in records.items():
        digest = expected.get(name, record.sha256)
        if record.sha256 != digest:
            msg = (
                f"{folder / name} is damaged: its SHA-256 is {record.sha256} ({record.size:,} bytes), "
                f"expected {digest}."
            )
            raise ModelChecksumError(msg, path=str(folder / name), expected=digest, got=record.sha256)


def digest_weights(records: Mapping[str, FileRecord]) -> str:
    """Combine the digests of a checkpoint's files, index first, then the shards in order."""
    return hashlib.sha256("\n".join(record.sha256 for record in records.values()).encode()).hexdigest()


def inspect_custom(folder: Path, *, anew: bool = True) -> tuple[str, dict[str, FileRecord]]:
    """Find and hash the checkpoint of a model that the user trained; `anew` as in `verify_published`.

    Returns
    -------
    str
        The prefix of the checkpoint's files: what ``checkpoint`` names as the latest one, else ``model``.
    dict
        The records of its index and its shards.

    Raises
    ------
    ModelNotFoundError
        The folder holds no complete checkpoint.
    ModelCorruptError
        A file cannot be read.
    """
    prefix = _latest_prefix(folder)
    shards = sorted(path.name for path in folder.glob(f"{glob.escape(prefix)}.data-*-of-*"))
    names = (f"{prefix}.index", *(shards or [f"{prefix}.data-00000-of-00001"]))
    return prefix, _read_records(folder, names, anew=anew)


def _latest_prefix(folder: Path) -> str:
    """Read TensorFlow's note; only the name counts, for the path is that of the machine it was trained on."""
    try:
        found = _CHECKPOINT_PATH.search(read_small(folder / "checkpoint", _MAX_BYTES).decode())
    except (OSError, ValueError):
        found = None
    name = re.split(r"[/\\]", found[1])[-1] if found else ""
    return name if name and (folder / f"{name}.index").is_file() else "model"


def require_files(folder: Path, names: tuple[str, ...]) -> None:
    """Raise `ModelNotFoundError` unless all of `names` are files in `folder`."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        lack = f"The folder {folder} lacks" if folder.is_dir() else f"There is no folder {folder} with"
        msg = f"{lack} {' and '.join(missing)}."
        raise ModelNotFoundError(msg, folder=str(folder), missing=missing)


def _read_records(folder: Path, names: tuple[str, ...], *, anew: bool) -> dict[str, FileRecord]:
    require_files(folder, names)
    read = read_record if anew else recall_record
    records = {name: read(folder / name) for name in names}
    for name, record in records.items():
        if record.size == 0:
            msg = f"{folder / name} is empty."
            raise ModelCorruptError(msg, path=str(folder / name))
    return records

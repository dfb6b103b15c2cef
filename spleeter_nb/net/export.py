"""OpenVINO's file of a model: made once by Keras in a process of its own, verified whenever it is used.

The file lies in the model's folder, ``openvino/<key>/model.xml`` and ``model.bin`` with a record of their digests.
The key covers the weights and everything that shapes the networks, so a changed model never meets an old file.
Whoever makes a file sweeps what killed processes left, and the files that an older version made of the same weights.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spleeter_nb import exceptions
from spleeter_nb.exceptions import DeviceError, SeparationCancelledError, SpleeterError, StorageError
from spleeter_nb.storage import orphans, staging_name, storing
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

_LOG = logging.getLogger("spleeter_nb")

# Raised when the way that networks are exported changes; part of the key.
_EXPORT_VERSION = 2

_FILES = ("model.xml", "model.bin")
_RECORD = "digests.json"
_STAGING = ".staging"
_POLL_SECONDS = 0.05

# Run by a Python that looks for modules in no current folder (-P), and takes this package from where it lies here.
_CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import spleeter_nb
del sys.path[0]
from spleeter_nb.net.export import main
sys.exit(main(json.loads(sys.argv[2])))
"""
# Keras imports these where they are installed, and does without them: 180 MB that an export does not need.
_UNUSED = ("jax", "matplotlib", "pandas", "sklearn")
_ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def exported_model(
    spec: ModelSpec, checkpoint: Path, *, weights_digest: str, cancel: threading.Event
) -> Iterator[Path]:
    """Give the path of OpenVINO's file, made now if it is missing or damaged.

    Parameters
    ----------
    spec : ModelSpec
    checkpoint : Path
        The prefix of the checkpoint's files.
    weights_digest : str
        Hexadecimal digest of the checkpoint.
    cancel : threading.Event
        Stops an export when set.

    Yields
    ------
    Path
        ``model.xml``; to be compiled inside of the ``with`` block, since a model folder that cannot be written
        to gets a temporary file.

    Raises
    ------
    ModelError
        If the checkpoint cannot be read or does not fit `spec`.
    DeviceError
        If no process can be started, or Keras fails in it.
    StorageError
        If the file can be written nowhere.
    SeparationCancelledError
        If `cancel` was set.
    """
    folder = checkpoint.parent / "openvino" / _key(spec, weights_digest)
    if _intact(folder):
        yield folder / "model.xml"
        return
    try:
        staging = _staging_folder(folder.parent)
    except OSError as error:
        _LOG.warning("%s cannot be written to (%s): OpenVINO's file is made anew each time.", folder.parent, error)
        staging = _temporary_folder()
    try:
        _export(spec, checkpoint, staging, cancel=cancel)
        yield _publish(staging, folder, weights_digest) / "model.xml"
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _staging_folder(parent: Path) -> Path:
    """Make a folder to export into, where there are no more than those of running processes."""
    parent.mkdir(exist_ok=True)
    for orphan in orphans(parent, _STAGING):
        shutil.rmtree(orphan, ignore_errors=True)
    staging = parent / staging_name(_STAGING)
    staging.mkdir()
    return staging


def _temporary_folder() -> Path:
    with storing(tempfile.tempdir or "/tmp"):  # noqa: S108 - for the message, should there be no such folder
        return Path(tempfile.mkdtemp(prefix="spleeter_nb-"))


def _key(spec: ModelSpec, weights_digest: str) -> str:
    networks = {
        field: getattr(spec, field)
        for field in (
            "n_bins",
            "segment_frames",
            "n_channels",
            "network",
            "conv_activation",
            "deconv_activation",
            "conv_n_filters",
        )
    }
    text = json.dumps([_EXPORT_VERSION, weights_digest, len(spec.instruments), networks], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _intact(folder: Path) -> bool:
    try:
        return _recorded(folder).items() >= _digests(folder).items()
    except OSError:
        return False


def _recorded(folder: Path) -> dict[str, Any]:
    """Read what was written down of an export: nothing, where there is none or its record is damaged."""
    try:
        record = json.loads((folder / _RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for name in _FILES:
        with (folder / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def _publish(staging: Path, folder: Path, weights_digest: str) -> Path:
    """Move a finished export into its place, unless another process was first."""
    record = {**_digests(staging), "export_version": _EXPORT_VERSION, "weights": weights_digest}
    with storing(staging / _RECORD):
        (staging / _RECORD).write_text(json.dumps(record))
    if staging.parent != folder.parent:
        return staging
    if not _intact(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        staging.rename(folder)
    except OSError:
        return folder if _intact(folder) else staging
    with contextlib.suppress(OSError):
        _remove_older(folder.parent, weights_digest)
    return folder


def _remove_older(parent: Path, weights_digest: str) -> None:
    """Remove what older versions exported; the oldest recorded neither their number nor the weights."""
    for folder in parent.glob("[!.]*"):
        record = _recorded(folder)
        older = record and record.get("export_version", 0) in range(_EXPORT_VERSION)
        if older and record.get("weights", weights_digest) == weights_digest:
            shutil.rmtree(folder, ignore_errors=True)


def _export(spec: ModelSpec, checkpoint: Path, folder: Path, *, cancel: threading.Event) -> None:
    """Run :func:`main` in a process of its own, where Keras may take OpenVINO as its backend."""
    job = {"spec": dataclasses.asdict(spec), "checkpoint": str(checkpoint), "folder": str(folder)}
    with _start(json.dumps(job)) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=_POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if cancel.is_set():
                    process.kill()
                    raise SeparationCancelledError("Cancelled while the model was prepared.") from None
    if process.returncode:
        _raise_as_told(output.decode(errors="replace"), errors.decode(errors="replace"))


def _start(job: str) -> subprocess.Popen[bytes]:
    command = [sys.executable or "", "-P", "-c", _CHILD, str(_ROOT), job]
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise DeviceError(
            f"No process can be started to prepare the model with Python at {sys.executable!r} ({error}). Let "
            "sys.executable name a Python that has this package, and see that the system allows more processes.",
            executable=sys.executable,
        ) from error


def _raise_as_told(output: str, errors: str) -> None:
    try:
        told: dict[str, str] = json.loads(output.splitlines()[-1])
        kind, message = getattr(exceptions, told["type"]), told["message"]
    except (ValueError, IndexError, TypeError, KeyError):
        raise DeviceError(f"Keras could not export the model for OpenVINO:\n{errors[-2000:]}") from None
    raise kind(message)


def main(job: dict[str, Any]) -> int:
    """Export a model; the exit code says whether it worked, the last line of the output what did not."""
    os.environ["KERAS_BACKEND"] = "openvino"
    sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]  # None is what says "missing"
    from spleeter_nb.net.checkpoint import read_checkpoint  # noqa: PLC0415 - after the backend is chosen
    from spleeter_nb.net.openvino import import_openvino  # noqa: PLC0415 - likewise
    from spleeter_nb.net.unet import build_networks  # noqa: PLC0415 - likewise

    import_openvino()
    spec, model = ModelSpec(**job["spec"]), Path(job["folder"]) / "model.xml"
    try:
        networks = build_networks(spec, read_checkpoint(Path(job["checkpoint"])), data_format="channels_first")
        with _told_by_streams(model):
            networks.export(str(model), format="openvino", verbose=False)
        with storing(model):
            _keep_precise(model, spec)
    except SpleeterError as error:
        sys.stdout.write("\n" + json.dumps({"type": type(error).__name__, "message": str(error)}))
        return 1
    return 0


@contextlib.contextmanager
def _told_by_streams(model: Path) -> Iterator[None]:
    """Recognise a disk that takes no more: all that OpenVINO tells of it is that a stream failed."""
    try:
        yield
    except RuntimeError as error:
        if "iostream error" not in str(error):
            raise
        raise StorageError(
            f"{str(model)!r} cannot be written ({error}): is the disk full? Make room, or choose another place.",
            path=str(model),
        ) from error


def _keep_precise(model: Path, spec: ModelSpec) -> None:
    """Mark the convolutions that stay in float32 whatever precision is asked for when the file is compiled."""
    from spleeter_nb.net.unet import PRECISE_LEVELS  # noqa: PLC0415 - its importer has chosen the backend

    strides = [2 ** (level + 1) for level in range(PRECISE_LEVELS)]
    grids = [(spec.segment_frames // stride, spec.n_bins // stride) for stride in strides]
    tree = ET.parse(model)  # noqa: S314 - written a moment ago by this process
    for layer in tree.iterfind("layers/layer[@type='Convolution']"):
        dimensions = [int(dimension.text or 0) for dimension in layer.iterfind("output/port/dim")]
        if tuple(dimensions[-2:]) in grids and _strides(layer) == "2, 2":
            marks = ET.Element("rt_info")
            ET.SubElement(marks, "attribute", name="precise", version="0")
            layer.insert(0, marks)
    tree.write(model)


def _strides(layer: ET.Element) -> str | None:
    data = layer.find("data")
    return None if data is None else data.get("strides")

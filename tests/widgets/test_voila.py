"""The application served by Voila: to this machine, to whoever has the token, until it is interrupted."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import psutil
import pytest

from spleeter_nb.exceptions import MissingDependencyError, ValidationError
from spleeter_nb.widgets.voila import serve
from tests.cache.redis_server import free_port

if TYPE_CHECKING:
    from pathlib import Path


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - it is http
            answer.read()  # it comes while the cell runs
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("to_all", [False, True], ids=["kill", "Ctrl-C"])
def test_it_is_served_and_ends_cleanly(tmp_path: Path, *, to_all: bool) -> None:
    songs, temporary = tmp_path / "it's <songs>", tmp_path / "temporary"
    songs.mkdir()
    temporary.mkdir()
    log, port = tmp_path / "log", free_port()
    command = [sys.executable, "-P", "-m", "spleeter_nb", "app", "--root", songs, "--port", str(port), "--no-browser"]
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(temporary)}
    # Among the songs lies a file called like a library.
    (songs / "six.py").write_text("raise ImportError('not me')")
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=songs, start_new_session=True
        )
    deadline = time.monotonic() + 60
    while not (found := re.search(r"http://127\.0\.0\.1:\d+/\?token=\w+", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    family = psutil.Process(process.pid).children(recursive=True)
    (listening,) = {
        connection.laddr for child in family for connection in child.net_connections() if not connection.raddr
    }
    assert listening == ("127.0.0.1", port)
    (notebook,) = temporary.glob("spleeter_nb-*/spleeter_nb.ipynb")
    assert str(songs) in notebook.read_text().replace("\\", "")
    assert status(found[0]) == 200
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
    assert process.wait(60) == 0
    assert not psutil.wait_procs(family, timeout=30)[1]
    assert "Traceback" not in log.read_text()
    assert not notebook.parent.exists()


def test_without_voila_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"spleeter-nb\[lab\]"):
        serve(tmp_path)


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="is no folder"):
        serve(tmp_path / "missing")

"""Real hosts of notebooks: JupyterLab, Notebook, Voila and marimo, each with a home of its own, on a free port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Self
from urllib.error import HTTPError

import psutil

from tests.cache.redis_server import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_STARTS_WITHIN = 120.0
_STOPS_WITHIN = 60.0

_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # Tests save when they mean to.
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


class Host:
    """A server of notebooks, running; a context manager.

    Parameters
    ----------
    folder : Path
        Empty; everything that the host and its kernels write goes here: ``work`` is what it serves.
    program : list of str
        The module and its options; ``{port}`` and ``{work}`` are filled in.
    alive : str
        A path that answers once the host is ready.
    environment : mapping
        What kernels shall have beside the environment of the tests.
    """

    def __init__(self, folder: Path, program: list[str], *, alive: str, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.work = folder / "work"
        self.log = folder / "log.txt"
        self._home = folder / "home"
        self.work.mkdir()
        self._write_settings()
        self._program = [part.format(port=self.port, work=self.work) for part in program]
        self._alive = alive
        self._environment = {**os.environ, **self._places(), **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._program],
                cwd=self.work,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        ends = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            assert self._process.poll() is None, f"it ended at once:\n{self.log.read_text()}"
            assert time.monotonic() < ends, f"it does not answer:\n{self.log.read_text()}"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        _, left = psutil.wait_procs([psutil.Process(self._process.pid), *family], timeout=_STOPS_WITHIN)
        for process in left:
            process.kill()
        self._process.wait()
        assert not left, f"outlived their host: {left}"

    def request(self, path: str, *, method: str = "GET") -> bytes:
        # Against forgery, Jupyter wants one word twice.
        headers = {"Cookie": "_xsrf=e2e", "X-XSRFToken": "e2e"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)  # noqa: S310 - it is http
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - likewise
            return bytes(answer.read())

    def _answers(self) -> bool:
        try:
            self.request(self._alive)
        except HTTPError:
            return True  # it wants a token
        except OSError:
            return False
        return True

    def _places(self) -> dict[str, str]:
        home = self._home
        return {
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_STATE_HOME": str(home / "state"),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
            "JUPYTER_DATA_DIR": str(home / "jupyter-data"),
            "JUPYTER_RUNTIME_DIR": str(home / "jupyter-run"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "lab-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "lab-workspaces"),
        }

    def _write_settings(self) -> None:
        for name, values in _SETTINGS.items():
            path = self._home / "lab-settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))


def _jupyter(app: str) -> list[str]:
    return [
        app,
        "--no-browser",
        "--allow-root",
        "--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.root_dir={work}",
        "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]


def jupyter_lab(folder: Path, environment: Mapping[str, str]) -> Host:
    return Host(folder, _jupyter("jupyterlab"), alive="/api/status", environment=environment)


def notebook_7(folder: Path, environment: Mapping[str, str]) -> Host:
    return Host(folder, _jupyter("notebook"), alive="/api/status", environment=environment)


def voila(folder: Path, environment: Mapping[str, str]) -> Host:
    program = ["voila", "--no-browser", "--Voila.ip=127.0.0.1", "--port={port}", "{work}"]
    return Host(folder, program, alive="/", environment=environment)


def application(folder: Path, environment: Mapping[str, str]) -> Host:
    """Serve the application as ``spleeter-nb app`` does; its log tells the address with the token."""
    return Host(folder, ["spleeter_nb", "app", "--no-browser", "--port={port}"], alive="/", environment=environment)


def marimo(folder: Path, notebook: str, environment: Mapping[str, str]) -> Host:
    """Serve one application: marimo's notebooks are Python files."""
    program = ["marimo", "run", "--headless", "--no-token", "--host=127.0.0.1", "--port={port}", "{work}/notebook.py"]
    host = Host(folder, program, alive="/health", environment=environment)
    (host.work / "notebook.py").write_text(notebook)
    return host

"""A real Redis server on a free loopback port, which keeps nothing and ends with the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import pytest

_STARTS_WITHIN = 20.0


class RedisServer:
    """Runs ``redis-server``; a context manager.

    Parameters
    ----------
    *options : str
        As the command line takes them, such as ``"--maxmemory", "2mb"``.
    """

    def __init__(self, *options: str) -> None:
        self.options = options
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="redis")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket_path(self) -> Path:
        return Path(self._folder.name) / "redis.sock"

    def start(self) -> None:
        """Start it, again on the same port after `kill`, and wait until it answers."""
        program = shutil.which("redis-server")
        assert program, "call require_redis() first"
        places = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder.name]
        places += ["--unixsocket", str(self.socket_path)]
        self._process = subprocess.Popen(
            [program, *places, "--save", "", "--appendonly", "no", *self.options], stdout=subprocess.DEVNULL
        )
        ends = time.monotonic() + _STARTS_WITHIN
        while not _answers(self.port):
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < ends, "redis-server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Make it silent: it accepts connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its folder."""
        self.kill()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


def require_redis() -> None:
    """Skip the test where there is no redis-server; fail there in CI, which installs one."""
    if shutil.which("redis-server") is None:
        reason = "redis-server is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            # With a password it refuses, which is an answer as well.
            return connection.recv(64)[:1] in b"+-"
    except OSError:
        return False

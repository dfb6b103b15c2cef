"""A TCP proxy on loopback that does to what a server sends whatever a network or a broken server may do."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Mode = Literal["pass", "refuse", "drop", "stall", "drip", "garbage", "flood", "cut"]
_BLOCK = 1 << 16
_DRIP_SECONDS = 0.02
_LOOKS_UP = 0.05
_SENDS_WITHIN = 2.0
_RESET = struct.pack("ii", 1, 0)


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """Give a port of loopback that neither takes nor refuses connections: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


class FaultProxy:
    """Listens on a port of its own and passes bytes to a server and back; a context manager.

    `mode` may be set at any time and holds for every block from then on:

    - ``"pass"``: as they come
    - ``"refuse"``: connections are reset; ``close()`` gives what refuses them properly
    - ``"drop"``: connections are closed as soon as something is asked
    - ``"stall"``: nothing is answered
    - ``"drip"``: answers come byte by byte
    - ``"garbage"``: `garbage` is sent instead of each answer
    - ``"flood"``: `garbage` is sent without end
    - ``"cut"``: the connection is closed after `cut_after` bytes of answers

    Parameters
    ----------
    port : int
        The server's, on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.mode: Mode = "pass"
        self.garbage = os.urandom(1000)
        self.cut_after = 0
        self.connections = 0
        self._upstream = port
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_LOOKS_UP)
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

    def close(self) -> None:
        """Stop listening and close all connections; from then on the port refuses."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                self.connections += 1
                if self.mode == "refuse":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    client.close()
                else:
                    self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        """Carry one connection until either end closes it."""
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._upstream)) as server:
            requests = self._start(self._carry_requests, client, server)
            with contextlib.suppress(OSError):
                self._carry_answers(server, client)
            for end in (client, server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            requests.join()

    def _carry_requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := self._receive(client):
                if self.mode == "drop":
                    break
                server.sendall(block)
            server.shutdown(socket.SHUT_RDWR)

    def _carry_answers(self, server: socket.socket, client: socket.socket) -> None:
        client.settimeout(_SENDS_WITHIN)
        sent = 0
        while block := self._receive(server):
            match self.mode:
                case "pass":
                    client.sendall(block)
                case "drip":
                    self._drip(client, block)
                case "garbage":
                    client.sendall(self.garbage)
                case "flood":
                    while self.mode == "flood" and not self._closing.is_set():
                        client.sendall(self.garbage)
                case "cut":
                    client.sendall(block[: self.cut_after - sent])
                    if sent + len(block) >= self.cut_after:
                        return
            sent += len(block)

    def _drip(self, client: socket.socket, block: bytes) -> None:
        for start in range(len(block)):
            if self.mode != "drip" or self._closing.wait(_DRIP_SECONDS):
                return
            client.sendall(block[start : start + 1])

    def _receive(self, end: socket.socket) -> bytes:
        """Return the next bytes, b"" when the end or the proxy is closed."""
        while not self._closing.is_set():
            if select.select([end], [], [], _LOOKS_UP)[0]:
                return end.recv(_BLOCK)
        return b""

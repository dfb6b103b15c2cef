"""A guarded socket ends what trickles, what floods and what is silent, and takes what comes fast enough."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.cache.deadline import PATIENCE, GuardedSocket

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ends() -> Iterator[tuple[GuardedSocket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield GuardedSocket(near), far


def test_what_comes_is_taken(ends: tuple[GuardedSocket, socket.socket]) -> None:
    guard, far = ends
    guard.sendall(b"ask")
    assert far.recv(10) == b"ask"
    far.sendall(b"answer")
    assert guard.recv(100) == b"answer"


def test_silence_ends(ends: tuple[GuardedSocket, socket.socket]) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        ends[0].recv(1)
    assert time.monotonic() - began == pytest.approx(PATIENCE, abs=0.1)


def test_a_trickle_ends_as_early_as_silence(ends: tuple[GuardedSocket, socket.socket]) -> None:
    guard, far = ends
    done = threading.Event()

    def trickle() -> None:
        while not done.wait(0.01):
            far.sendall(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        list(iter(lambda: guard.recv(100), b""))
    took = time.monotonic() - began
    done.set()
    thread.join()
    assert took == pytest.approx(PATIENCE, abs=0.1)


def test_a_reader_that_takes_nothing_ends_sending(ends: tuple[GuardedSocket, socket.socket]) -> None:
    with pytest.raises(TimeoutError):
        ends[0].sendall(bytes(64 << 20))


def test_no_more_is_received_than_allowed(ends: tuple[GuardedSocket, socket.socket]) -> None:
    guard, far = ends
    guard.begin(10)
    far.sendall(bytes(100))
    assert len(guard.recv(100)) == 10
    with pytest.raises(ConnectionError):
        guard.recv(100)


def test_what_has_arrived_is_taken_even_if_we_are_late(ends: tuple[GuardedSocket, socket.socket]) -> None:
    guard, far = ends
    far.sendall(b"answer")
    time.sleep(PATIENCE + 0.05)
    assert guard.recv(100) == b"answer"


def test_there_is_an_end_to_being_late(
    ends: tuple[GuardedSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, far = ends
    far.sendall(b"answer")
    now = time.monotonic()
    monkeypatch.setattr("spleeter_nb.cache.deadline.time.monotonic", lambda: now + 60)
    with pytest.raises(TimeoutError):
        guard.recv(100)


def test_who_only_looks_does_not_wait(ends: tuple[GuardedSocket, socket.socket]) -> None:
    guard, _ = ends
    guard.settimeout(0)
    with pytest.raises(BlockingIOError):
        guard.recv(1)

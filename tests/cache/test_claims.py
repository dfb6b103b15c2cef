from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from spleeter_nb.cache.claims import Claims
from spleeter_nb.cache.keys import digest_key
from spleeter_nb.exceptions import SeparationCancelledError

if TYPE_CHECKING:
    from pathlib import Path

NEVER = threading.Event()


@pytest.mark.parametrize("folder", ["claims", None])
def test_threads_take_turns(tmp_path: Path, folder: str | None) -> None:
    claims, inside, most, waited = Claims(tmp_path / folder if folder else None), [], [], []

    def work(number: int) -> None:
        with claims.claim("key", cancel=NEVER, on_wait=lambda: waited.append(number)):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert most == [1, 1, 1, 1]
    assert len(waited) == len(set(waited)) == 3
    assert not list(tmp_path.glob("claims/*"))


def test_two_managers_in_one_process_take_turns(tmp_path: Path) -> None:
    waited = threading.Event()
    done: list[str] = []

    def second() -> None:
        with Claims(tmp_path).claim("key", cancel=NEVER, on_wait=waited.set):
            done.append("second")

    thread = threading.Thread(target=second)
    with Claims(tmp_path).claim("key", cancel=NEVER):
        thread.start()
        assert waited.wait(5)
        done.append("first")
    thread.join(5)
    assert done == ["first", "second"]


def test_other_keys_are_not_held(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    with claims.claim("a", cancel=NEVER), claims.claim("b", cancel=NEVER):
        assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("folder", ["claims", None])
def test_waiting_can_be_cancelled(tmp_path: Path, folder: str | None) -> None:
    claims, cancel = Claims(tmp_path / folder if folder else None), threading.Event()
    # In one thread, which would otherwise wait for itself.
    wanted = claims.claim("key", cancel=cancel, on_wait=cancel.set)
    with claims.claim("key", cancel=NEVER), pytest.raises(SeparationCancelledError, match="stopped on request"):
        wanted.__enter__()
    with claims.claim("key", cancel=NEVER):
        pass


def test_waiting_for_another_process_can_be_cancelled(tmp_path: Path) -> None:
    cancel = threading.Event()
    wanted = Claims(tmp_path).claim("key", cancel=cancel, on_wait=cancel.set)
    with FileLock(tmp_path / f"{digest_key('key')}.lock"), pytest.raises(SeparationCancelledError):
        wanted.__enter__()


def test_patience_ends(tmp_path: Path) -> None:
    claims = Claims(tmp_path, patience=0.1)
    with claims.claim("key", cancel=NEVER), claims.claim("key", cancel=NEVER):
        pass
    with FileLock(tmp_path / f"{digest_key('key')}.lock"), claims.claim("key", cancel=NEVER):
        pass


def test_error_inside_gives_the_claim_back(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    with pytest.raises(ZeroDivisionError), claims.claim("key", cancel=NEVER):
        raise ZeroDivisionError
    with claims.claim("key", cancel=NEVER, on_wait=pytest.fail):
        pass
    assert not list(tmp_path.iterdir())


def test_where_no_lock_can_be_had_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Claims(tmp_path / "file").claim("key", cancel=NEVER), Claims(tmp_path / "file").claim("key", cancel=NEVER):
        pass


def hold(folder: Path, held: threading.Event) -> None:
    with Claims(folder).claim("key", cancel=threading.Event()):
        held.set()
        time.sleep(60)


def test_claim_of_a_killed_process_is_free(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    held, waits = spawn.Event(), threading.Event()
    owner = spawn.Process(target=hold, args=(tmp_path, held))
    owner.start()
    assert held.wait(20)
    took: list[float] = []

    def second() -> None:
        with Claims(tmp_path).claim("key", cancel=NEVER, on_wait=waits.set):
            took.append(time.monotonic())

    thread = threading.Thread(target=second)
    thread.start()
    assert waits.wait(5)
    assert not took
    owner.kill()
    killed = time.monotonic()
    owner.join()
    thread.join(5)
    owner.close()
    assert took
    assert took[0] - killed < 2

"""Faults that need processes: full and read-only disks, kills, forks, interrupts."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb.cache import CacheManager
from tests.cache.redis_server import RedisServer, require_redis
from tests.faults.figure import unmeasured

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
UNSHARE = shutil.which("unshare")
STRACE = shutil.which("strace")


def command(play: str, *arguments: object) -> list[str]:
    return [sys.executable, str(HERE / "actor.py"), play, *map(str, arguments)]


def run(arguments: Sequence[str], *, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def mounted(mount: str, play: str, folder: Path, *arguments: object) -> dict[str, Any]:
    """Play where `mount`, a shell command, changed what is mounted at the folder, for that process only."""
    if UNSHARE is None or subprocess.run([UNSHARE, "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    return run([UNSHARE, "-m", "sh", "-ec", f'{mount}; exec "$@"', str(folder), *command(play, folder, *arguments)])


@pytest.mark.parametrize("size", [64 << 10, 256 << 10, 1 << 20, 1200 << 10, 2100 << 10])
def test_full_disk_costs_a_warning_and_leaves_nothing(tmp_path: Path, size: int) -> None:
    facts = mounted(f'mount -t tmpfs -o size={size} tmpfs "$0"', "write", tmp_path, "key", 1)
    assert facts["left"] == []
    assert facts["seen"] is None
    assert len(facts["warnings"]) == 1


def test_disk_with_room_is_used(tmp_path: Path) -> None:
    facts = mounted('mount -t tmpfs -o size=16m tmpfs "$0"', "write", tmp_path, "key", 1)
    assert (facts["seen"], len(facts["left"]), facts["warnings"]) == (1, 1, [])


def test_limit_on_the_size_of_files_costs_a_warning_and_leaves_nothing(tmp_path: Path) -> None:
    facts = run(command("write_limited", tmp_path, "key"))
    assert (facts["seen"], facts["left"], len(facts["warnings"])) == (None, [], 1)


def test_read_only_folder_is_read(tmp_path: Path) -> None:
    run(command("write", tmp_path, "key", 5))
    read_only = 'mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"'
    facts = mounted(read_only, "read", tmp_path, "key")
    assert (facts["seen"], facts["disk"]["state"], facts["disk"]["entries"]) == (5, "read-only", 1)
    assert len(facts["left"]) == len(facts["warnings"]) == 1
    run(command("write", tmp_path, "key", 6))


def test_damage_in_a_read_only_folder_is_not_served(tmp_path: Path) -> None:
    run(command("write", tmp_path, "key", 5))
    (value,) = (tmp_path / "v1" / "values").iterdir()
    data = value.read_bytes()
    value.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    facts = mounted('mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"', "read", tmp_path, "key")
    assert (facts["seen"], facts["disk"]["damaged"], facts["disk"]["errors"]) == (None, 1, 0)


def test_empty_read_only_folder_is_a_miss(tmp_path: Path) -> None:
    facts = mounted('mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"', "read", tmp_path, "key")
    assert (facts["seen"], facts["disk"]["state"], len(facts["warnings"])) == (None, "off", 1)


@pytest.mark.parametrize("before", ["new", "old"])
def test_killed_at_any_call_a_writing_leaves_the_old_or_the_new(tmp_path: Path, before: str) -> None:
    arguments = [sys.executable, str(HERE / "crash_points.py"), str(tmp_path), before]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= 10


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_killed_within_sqlite_a_writing_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    run(command("write", tmp_path, "key", 1))
    chance = np.random.default_rng(3)
    assert STRACE is not None
    database = tmp_path / "v1" / "cache.db"
    watch = [STRACE, "-f", "-P", str(database), "-P", f"{database}-journal", "-o", str(tmp_path / "calls"), "-e"]
    run([*watch, "trace=pwrite64", *command("write", tmp_path, "key", 1)])
    total = len(re.findall(r"pwrite64\(", (tmp_path / "calls").read_text()))
    assert total > 20
    fill = 1
    for number, point in enumerate(chance.integers(1, total, size=8)):
        killing = [*watch, f"inject=pwrite64:signal=KILL:when={point}", *command("write", tmp_path, "key", 10 + number)]
        killed = subprocess.run(killing, capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL, point
        seen = run(command("read", tmp_path, "key"))
        assert seen["seen"] in {fill, 10 + number}, point
        assert seen["warnings"] == []
        assert len(seen["left"]) == 2, point
        fill = seen["seen"]


def test_one_process_computes_and_the_others_get_the_same(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(command("compute", tmp_path, "key", 0.5), stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    facts = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert sorted(fact["computed"] for fact in facts) == [False, False, True]
    assert len({fact["seen"] for fact in facts}) == 1
    assert not any(fact["warnings"] for fact in facts)
    assert not list((tmp_path / "v1" / "claims").iterdir())


def test_when_the_one_that_computes_is_killed_the_next_takes_over(tmp_path: Path) -> None:
    first = subprocess.Popen(command("compute", tmp_path, "key", 60), stdout=subprocess.DEVNULL)
    while not list(tmp_path.glob("computing-*")):
        time.sleep(0.01)
    second = subprocess.Popen(command("compute", tmp_path, "key", 0), stdout=subprocess.PIPE, text=True)
    time.sleep(0.7)
    assert second.poll() is None
    first.kill()
    first.wait()
    killed = time.monotonic()
    facts = json.loads(second.communicate(timeout=20)[0])
    assert time.monotonic() - killed < 2
    assert facts["computed"]


def test_upload_ends_before_the_interpreter_does(tmp_path: Path) -> None:
    require_redis()
    with RedisServer() as server:
        run(command("leave", tmp_path / "a", server.url))
        other = CacheManager(tmp_path / "b", redis_url=server.url)
        found = other.lookup("key")
        other.close()
    assert found is not None
    assert (found.level, found.value.meta) == ("redis", {"fill": 4})


def test_silent_server_delays_the_end_of_the_interpreter_for_a_moment_only(tmp_path: Path) -> None:
    require_redis()
    with RedisServer() as server:
        server.pause()
        began = time.monotonic()
        run(command("leave", tmp_path, server.url))
        assert time.monotonic() - began < 10
        server.resume()


def test_interpreter_that_ends_does_not_take_its_end_for_damage(tmp_path: Path) -> None:
    run(command("write", tmp_path, "key", 5, 8 << 20))
    run(command("look_at_the_end", tmp_path, "key"))
    assert run(command("read", tmp_path, "key"))["seen"] == 5
    assert not list((tmp_path / "v1").glob("*.damaged"))


def test_fork_gives_each_process_its_own(tmp_path: Path) -> None:
    facts = run(command("fork", tmp_path), env=unmeasured())
    assert facts["child"] == 0
    assert facts["seen"] == list(range(20))
    assert facts["verified"] == [41, 0]
    assert facts["warnings"] == []


def test_interrupts_leave_no_lock_and_no_wrong_value(tmp_path: Path) -> None:
    facts = run(command("interrupted", tmp_path, 60), env=unmeasured())
    assert facts["interrupts"] >= 50
    assert facts["verified"][1] == 0
    assert facts["warnings"] == []
    assert run(command("read", tmp_path, "59"))["seen"] == 59

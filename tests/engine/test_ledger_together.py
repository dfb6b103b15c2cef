"""Several threads and processes at one ledger."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.engine.ledger import LEDGER_NAME, Ledger

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "51" * 32


def stem(folder: Path, name: str) -> list[Path]:
    path = folder / f"{name}.wav"
    path.write_text(name)
    return [path]


RECORDER = """
import sys
from pathlib import Path
from spleeter_nb.engine.ledger import Ledger
folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
path = folder / f"{name}.wav"
path.write_text(name)
ledger = Ledger(folder)
print("ready", flush=True)
for number in range(count):
    ledger.record(f"{name} {number}", [path], source="")
"""


def recorder(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RECORDER, str(folder), name, str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_append_while_another_makes_it_shorter(tmp_path: Path) -> None:
    processes = [recorder(tmp_path, name, 1500) for name in "abc"]
    while any(process.poll() is None for process in processes):
        Ledger(tmp_path).paths()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    ledger = Ledger(tmp_path)
    ledger.paths()
    assert len((tmp_path / LEDGER_NAME).read_text().splitlines()) < 250
    for name in "abc":
        assert ledger.holds(f"{name} 1499", [tmp_path / f"{name}.wav"])
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize("times", [1, 1000])
def test_a_ledger_that_is_replaced_just_before_a_line_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    ledger, kept, paths = Ledger(tmp_path), stem(tmp_path, "kept"), stem(tmp_path, "song")
    ledger.record("key", kept, source=SOURCE)
    path, write_now, replaced = tmp_path / LEDGER_NAME, os.write, []

    def write_too_late(descriptor: int, data: bytes) -> int:
        if len(replaced) < times:
            replaced.append(shutil.copy(path, tmp_path / "new").replace(path))
        return write_now(descriptor, data)

    monkeypatch.setattr(os, "write", write_too_late)
    ledger.record("key", paths, source=SOURCE)
    assert ledger.holds("key", kept)
    assert ledger.holds("key", paths) == (times == 1)
    assert len(replaced) <= 5


def test_threads_record_and_ask(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    failures = []

    def work(name: str) -> None:
        for number in range(20):
            paths = stem(tmp_path, f"{name}{number}")
            ledger.record(name, paths, source=SOURCE)
            if not ledger.holds(name, paths):
                failures.append(paths)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len((tmp_path / LEDGER_NAME).read_text().splitlines()) == 2 * 80


def test_killed_while_it_writes(tmp_path: Path) -> None:
    kept, paths = stem(tmp_path, "kept"), stem(tmp_path, "after")
    Ledger(tmp_path).record("key", kept, source=SOURCE)
    for delay in (0.0, 0.01, 0.03):
        process = recorder(tmp_path, "killed", 1_000_000)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        ledger = Ledger(tmp_path)
        assert ledger.holds("key", kept)
        Ledger(tmp_path).record(f"key {delay}", paths, source=SOURCE)
        assert ledger.holds(f"key {delay}", paths)
        assert ledger.holds("key", kept)

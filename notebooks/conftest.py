"""Run the notebooks away from the user's settings and cache, and tell what each has cost: ``make notebooks``."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MEGABYTES = 700
SAMPLE_EVERY = 0.1


@dataclass
class Cost:
    """What one notebook has cost so far."""

    seconds: float = 0.0
    megabytes: float = 0.0
    """The most resident memory of its kernel and what that has started, in 10**6 bytes."""
    done: threading.Event = field(default_factory=threading.Event)

    def watch(self, pid: int) -> None:
        """Look at the memory of a process and its children until it ends or the notebook is done."""
        kernel = psutil.Process(pid)
        while not self.done.wait(SAMPLE_EVERY):
            try:
                tree = [kernel, *kernel.children(recursive=True)]
                self.megabytes = max(self.megabytes, sum(process.memory_info().rss for process in tree) / 1e6)
            except psutil.NoSuchProcess:
                # A child has just gone, which the next look will not see; or the kernel, and then no look is needed.
                if not kernel.is_running():
                    return


COSTS = pytest.StashKey[dict[Path, Cost]]()
FOLDER = pytest.StashKey[Path]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep the user's settings and cache away: what is in a cache would hide a broken engine."""
    folder = Path(tempfile.mkdtemp(prefix="notebooks-"))
    session.config.stash[FOLDER], session.config.stash[COSTS] = folder, {}
    # As binder/start does, where memory is short: arrays that are freed go back to the system at once.
    os.environ |= {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "1000000"}
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    if models := os.environ.get("SPLEETER_NB_TEST_MODELS"):
        os.environ["SPLEETER_MODELS_DIR"] = models


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Add what a cell takes to its notebook, the kernel's start and end included."""
    cost = item.config.stash[COSTS].setdefault(item.path, Cost())
    start = time.perf_counter()
    result = yield
    cost.seconds += time.perf_counter() - start
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Give each kernel a cache of its own, and watch it from its first cell on."""
    os.environ["SPLEETER_CACHE_DIR"] = str(item.config.stash[FOLDER] / item.path.stem)
    result = yield
    cost = item.config.stash[COSTS][item.path]
    if cost.megabytes == 0.0:
        cost.megabytes = 1.0
        kernel = item.parent.kernel.km.provisioner
        threading.Thread(target=cost.watch, args=[kernel.process.pid], daemon=True).start()
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each notebook has cost."""
    terminalreporter.section("notebooks")
    root = Path(__file__).parent
    for path, cost in sorted(terminalreporter.config.stash[COSTS].items()):
        line = f"{path.relative_to(root)!s:<45} {cost.seconds:6.1f} s {cost.megabytes:6.0f} MB"
        terminalreporter.write_line(line + (f"  above {MAX_MEGABYTES} MB" if cost.megabytes > MAX_MEGABYTES else ""))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail when a notebook was too big, and leave nothing behind."""
    costs = session.config.stash[COSTS].values()
    for cost in costs:
        cost.done.set()
    if any(cost.megabytes > MAX_MEGABYTES for cost in costs):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    shutil.rmtree(session.config.stash[FOLDER], ignore_errors=True)

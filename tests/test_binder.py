"""What Binder reads; `make binder-check` does all of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
BINDER = ROOT / "binder"
SHOW = ["sh", "-c", "env | sort"]
TAKE_TOO_MUCH = """
import sys
from memory_limit import VERSIONS, limited
take = "import time; taken = b'x' * 300_000_000; time.sleep(1)"
with limited(200_000_000) as memory:
    code = memory.start([sys.executable, "-c", take]).wait()
    print(type(memory).__name__, code, memory.killed, memory.peak > 190_000_000, memory.peak > 200_000_000)
assert not [path for version in VERSIONS for path in version.root.glob("spleeter-nb-*")]
"""


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / "binder_check.py", "--dockerfile", folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def started(**limits: str) -> Mapping[str, str]:
    """Return the variables of what `binder/start` starts."""
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", **limits}
    told = subprocess.run([BINDER / "start", *SHOW], env=environment, capture_output=True, text=True, check=True)
    assert told.stderr == ""
    return dict(line.split("=", 1) for line in told.stdout.splitlines())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with our files for Binder, to be spoiled."""
    (tmp_path / "binder").mkdir()
    for file in BINDER.iterdir():
        (tmp_path / "binder" / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_scripts_can_run(name: str) -> None:
    assert os.access(BINDER / name, os.X_OK)
    assert (BINDER / name).read_text().startswith("#!/usr/bin/env bash\n")
    subprocess.run(["/bin/bash", "-n", BINDER / name], check=True)


def test_python_is_one_that_we_support() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
    assert version in SpecifierSet(project["requires-python"])


def test_the_extra_that_is_installed_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [line for line in (BINDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines[0].startswith(".[")
    assert set(lines[0].strip(".[]").split(",")) <= set(project["optional-dependencies"])
    assert all(Requirement(line) for line in lines[1:])


def test_nothing_wins_over_these_files() -> None:
    assert sorted(path.name for path in BINDER.iterdir()) == ["postBuild", "requirements.txt", "runtime.txt", "start"]
    assert not (ROOT / ".binder").exists()


def test_repo2docker_takes_our_files() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["requirements.txt", "postBuild", "start"])
def test_a_missing_file_is_noticed(repository: Path, name: str) -> None:
    assert check(repository).returncode == 0
    (repository / "binder" / name).unlink()
    assert check(repository).returncode == 1


def test_requirements_that_would_run_before_the_source_is_there_are_noticed(repository: Path) -> None:
    (repository / "binder" / "requirements.txt").write_text("ipykernel\n")
    done = check(repository)
    assert done.returncode == 1
    assert "not in its place" in done.stderr


def test_an_environment_file_that_wins_silently_is_noticed(repository: Path) -> None:
    (repository / "binder" / "environment.yml").write_text("dependencies: [python=3.12]\n")
    assert check(repository).returncode == 1


def test_the_start_script_hands_limits_on() -> None:
    variables = started(CPU_LIMIT="2.0", MEM_LIMIT="1073741824")
    assert variables["SPLEETER_WORKER_THREADS"] == variables["OMP_NUM_THREADS"] == "2"
    assert variables["SPLEETER_MEMORY_CACHE_MB"] == "67"


def test_less_than_a_core_is_one_thread() -> None:
    assert started(CPU_LIMIT="0.5", MEM_LIMIT="100000000000")["SPLEETER_WORKER_THREADS"] == "1"


def test_the_memory_cache_stays_as_it_is_where_there_is_much() -> None:
    assert started(CPU_LIMIT="1", MEM_LIMIT="100000000000")["SPLEETER_MEMORY_CACHE_MB"] == "512"


def test_without_limits_the_container_itself_is_asked() -> None:
    variables = started()
    assert 1 <= int(variables["SPLEETER_WORKER_THREADS"]) <= len(os.sched_getaffinity(0))
    assert 0 < int(variables["SPLEETER_MEMORY_CACHE_MB"]) <= 512


@pytest.mark.parametrize("groups", [True, False])
def test_who_takes_too_much_memory_is_found_out(groups: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    before = "" if groups else "import memory_limit; memory_limit.VERSIONS = ()\n"
    command = [sys.executable, "-c", before + TAKE_TOO_MUCH]
    told = subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True, check=True).stdout.split()
    ended = ["Group", "-9", "1", "True", "False"]
    assert told == ["Watched", "0", "0", "True", "True"] or (groups and told == ended)

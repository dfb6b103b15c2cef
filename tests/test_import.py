"""`import spleeter_nb` is quiet: what it does is watched in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

HEAVY = {
    *(
        "IPython",
        "anywidget",
        "av",
        "diskcache",
        "filelock",
        "google_crc32c",
        "httpx",
        "ipywidgets",
        "jax",
        "keras",
    ),
    *(
        "librosa",
        "matplotlib",
        "openvino",
        "platformdirs",
        "pydantic",
        "pynvml",
        "scipy",
        "soundfile",
        "soxr",
    ),
    *("tensorflow", "torch", "tqdm", "typer"),
}

WATCH = """
import json, logging, os, sys, threading

class Spy(type(os.environ)):
    def __init__(self, environment):
        vars(self).update(vars(environment), asked=[])
    def __getitem__(self, name):
        self.asked.append(name)
        return super().__getitem__(name)
    def __iter__(self):
        self.asked.append("all of it")
        return super().__iter__()

ACTS = {"os.mkdir", "os.rename", "os.remove", "os.fork", "subprocess.Popen", "socket.connect"}
opened, acts, loaded, os.environ = [], [], set(sys.modules), Spy(os.environ)

def note(event, arguments):
    if event == "open":
        opened.append(str(arguments[0]))
    elif event in ACTS:
        acts.append(event)

sys.addaudithook(note)
import spleeter_nb
report = {
    "modules": sorted(set(sys.modules) - loaded),
    "opened": list(opened),
    "acts": acts,
    "environment": os.environ.asked,
    "threads": threading.active_count(),
    "handlers": len(logging.root.handlers),
    "homes": [sys.prefix, sys.base_prefix, *spleeter_nb.__path__],
}
with open(sys.argv[1], "w") as file:
    json.dump(report, file)
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an import does, and what it prints."""
    report = tmp_path_factory.mktemp("import") / "report.json"
    # Without the variables by which a measurement of coverage would load itself and act there, too.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", WATCH, str(report)],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    return {**json.loads(report.read_bytes()), "printed": done.stdout}


def test_import_prints_nothing(seen: dict[str, Any]) -> None:
    assert seen["printed"] == ""


def test_import_loads_no_heavy_module(seen: dict[str, Any]) -> None:
    assert not {module.partition(".")[0] for module in seen["modules"]} & HEAVY


def test_import_loads_no_room_above_floor_0(seen: dict[str, Any]) -> None:
    words = {"_version", "exceptions", "values", "events"}
    ours = {module for module in seen["modules"] if module.startswith("spleeter_nb.")}
    assert ours <= {f"spleeter_nb.{word}" for word in words}


def test_import_starts_no_thread(seen: dict[str, Any]) -> None:
    assert seen["threads"] == 1


def test_import_reads_no_environment(seen: dict[str, Any]) -> None:
    assert seen["environment"] == []


def test_import_opens_nothing_but_modules(seen: dict[str, Any]) -> None:
    assert [path for path in seen["opened"] if not path.startswith(tuple(seen["homes"]))] == []


def test_import_changes_no_file_and_starts_no_process(seen: dict[str, Any]) -> None:
    assert seen["acts"] == []


def test_import_leaves_logging_alone(seen: dict[str, Any]) -> None:
    assert seen["handlers"] == 0

"""Imports go down only, foreign libraries stay in their rooms, and one module reads the environment."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parent.parent / "spleeter_nb"

FLOORS = {
    "_version": 0,
    "exceptions": 0,
    "values": 0,
    "events": 0,
    "config": 0,
    "container": 0,
    "storage": 0,
    "waiting": 0,
    "forks": 0,
    "dsp": 1,
    "audio": 2,
    "net": 2,
    "models": 2,
    "cache": 2,
    "engine": 3,
    "demo": 4,
    "widgets": 5,
    "compat": 6,
    "cli": 6,
    "magics": 6,
    "__main__": 7,
    "__init__": 7,
}
"""A room is a module or folder at the top of the package; it imports from lower floors and from itself.

Floor 0 is words that everybody uses: its modules may import each other.
"""

UPWARD = {("engine/stem.py", "widgets"), ("engine/result.py", "widgets")}
"""The one way up: results show themselves, through one function that imports the widgets when it is called; elsewhere
their types are only named."""

LIBRARIES = {
    "numpy": set(FLOORS),
    "_typeshed": set(FLOORS),  # exists for type checkers only
    "soundfile": {"audio"},
    "av": {"audio"},
    "soxr": {"dsp"},
    "scipy": {"dsp"},
    "museval": {"dsp"},
    "librosa": {"dsp"},
    "keras": {"net"},
    "openvino": {"net"},
    "tensorflow": {"net"},
    "jax": {"net"},
    "torch": {"net"},
    "google_crc32c": {"net"},
    "pynvml": {"net"},
    "httpx": {"models"},
    "filelock": {"models", "cache"},
    "diskcache": {"cache"},
    "redis": {"cache"},
    "platformdirs": {"models", "cache", "config"},
    "yaml": {"config"},
    "pydantic": {"config"},
    "pydantic_settings": {"config"},
    "tqdm": {"engine"},
    "typer": {"cli"},
    "IPython": {"magics", "widgets"},
    "traitlets": {"magics", "widgets"},
    "anywidget": {"widgets"},
    "ipywidgets": {"widgets"},
    "matplotlib": {"widgets"},
    "PIL": {"widgets"},
}
"""The rooms that may import each foreign library."""

SETTABLE = {
    "KERAS_BACKEND",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "XLA_PYTHON_CLIENT_PREALLOCATE",
}
"""Variables that ``net`` may set: Keras and its backends take these from nowhere else."""

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def room_of(file: Path, package: Path) -> str:
    return file.relative_to(package).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every module that is imported anywhere in a file, with its line; a leading dot marks a relative one."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(level=level, module=module) if level:
                yield node.lineno, "." * level + (module or "")
            case ast.ImportFrom(module="spleeter_nb", names=names):
                yield from ((node.lineno, f"spleeter_nb.{alias.name}") for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield node.lineno, module
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield node.lineno, module


def import_fault(room: str, module: str) -> str | None:
    """Say what is wrong with an import, None if it is allowed."""
    if module.startswith("."):
        return "imports relatively"
    top, _, inner = module.partition(".")
    if top != "spleeter_nb":
        at_home = top in sys.stdlib_module_names or room in LIBRARIES.get(top, ())
        return None if at_home else f"imports {top}, which lives in {sorted(LIBRARIES.get(top, ())) or 'no room'}"
    target = inner.partition(".")[0] or "__init__"
    if target not in FLOORS:
        return f"imports {module}: names come from their own room, and every room has a floor"
    if room == target or FLOORS[target] < FLOORS[room] or FLOORS[target] == FLOORS[room] == 0:
        return None
    return f"imports {module}: floor {FLOORS[room]} may not import floor {FLOORS[target]}"


def environment_uses(tree: ast.AST) -> Iterator[tuple[int, str | None]]:
    """Every touch of the environment: line, and the variable if it is only set, else None.

    Handing all of it on to a child process, as ``{**os.environ}``, reads no setting and is left out.
    """
    excused = set()
    for node in ast.walk(tree):  # breadth first: what excuses a node stands above it
        match node:
            case ast.Dict(keys=keys, values=values):
                excused.update(value for key, value in zip(keys, values, strict=True) if key is None)
            case ast.Subscript(value=ast.Attribute() as used, slice=ast.Constant(value=name), ctx=ast.Store()):
                excused.add(used)
                if used.attr in ENVIRONMENT:
                    yield node.lineno, name
            case ast.Call(
                func=ast.Attribute(attr="setdefault", value=ast.Attribute() as used),
                args=[ast.Constant(value=name), _],
            ):
                excused.add(used)
                if used.attr in ENVIRONMENT:
                    yield node.lineno, name
            case ast.Attribute(value=ast.Name(), attr=attr) if attr in ENVIRONMENT and node not in excused:
                yield node.lineno, None
            case ast.ImportFrom(module="os", names=names) if {alias.name for alias in names} & ENVIRONMENT:
                yield node.lineno, None


def faults(package: Path) -> list[str]:
    """Everything in a package that breaks the rules of the house."""
    found = []
    for file in sorted(package.rglob("*.py")):
        room = room_of(file, package)
        where = file.relative_to(package.parent).as_posix()
        if room not in FLOORS:
            found.append(f"{where}: the room {room} has no floor")
            continue
        tree = ast.parse(file.read_bytes(), filename=str(file))
        for line, module in imported(tree):
            way = (file.relative_to(package).as_posix(), module.removeprefix("spleeter_nb.").partition(".")[0])
            if way not in UPWARD and (fault := import_fault(room, module)):
                found.append(f"{where}:{line}: {fault}")
        for line, variable in environment_uses(tree):
            if room != "config" and not (room == "net" and variable in SETTABLE):
                found.append(f"{where}:{line}: touches the environment, which config alone may do")
    return found


def test_package_keeps_the_rules_of_the_house() -> None:
    assert not faults(PACKAGE)


@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("dsp/stft.py", "from spleeter_nb.audio import read_blocks", "floor 1 may not import floor 2"),
        (
            "dsp/stft.py",
            "def f():\n    import spleeter_nb.engine.separation",
            "floor 1 may not import floor 3",
        ),
        ("audio/read.py", "from spleeter_nb import models", "floor 2 may not import floor 2"),
        ("values.py", "from spleeter_nb.dsp.stft import Stft", "floor 0 may not import floor 1"),
        (
            "engine/jobs.py",
            "if TYPE_CHECKING:\n    from spleeter_nb.cli import main",
            "floor 3 may not import",
        ),
        (
            "engine/jobs.py",
            "import importlib\nimportlib.import_module('spleeter_nb.cli')",
            "floor 3 may not import",
        ),
        ("cli.py", "import spleeter_nb", "floor 6 may not import floor 7"),
        ("cli.py", "from spleeter_nb import separate", "names come from their own room"),
        ("cli.py", "from . import engine", "imports relatively"),
        ("shed.py", "", "the room shed has no floor"),
        ("engine/jobs.py", "import soundfile", "imports soundfile, which lives in ['audio']"),
        ("audio/read.py", "from scipy.signal import resample", "imports scipy, which lives in ['dsp']"),
        ("dsp/stft.py", "import numba", "imports numba, which lives in no room"),
        ("models/store.py", "import os\nos.environ['HOME']", "touches the environment"),
        ("models/store.py", "import os\nos.getenv('HOME')", "touches the environment"),
        ("models/store.py", "from os import environ", "touches the environment"),
        ("models/store.py", "import os\nos.environ['KERAS_BACKEND'] = 'jax'", "touches the environment"),
        ("net/keras.py", "import os\nos.environ['HOME'] = '/'", "touches the environment"),
        ("net/keras.py", "import os\nold = os.environ.get('KERAS_BACKEND')", "touches the environment"),
    ],
)
def test_breach_is_caught(tmp_path: Path, file: str, source: str, fault: str) -> None:
    write(tmp_path / file, source)
    (found,) = faults(tmp_path)
    assert fault in found


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("engine/jobs.py", "import numpy as np\nfrom spleeter_nb.audio import read_blocks"),
        ("audio/read.py", "import threading\nfrom spleeter_nb.audio.source import Source\nimport av"),
        ("events.py", "from spleeter_nb.values import FloatArray"),
        ("config.py", "import os\nos.environ.get('SPLEETER_BATCH_SIZE')"),
        ("net/keras.py", "import os\nos.environ['KERAS_BACKEND'] = 'jax'"),
        ("net/keras.py", "import os\nos.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')"),
        ("models/mirror.py", "import os\nchild = {**os.environ, 'TMPDIR': '/tmp'}"),
        ("__init__.py", "from importlib import import_module\nimport_module('spleeter_nb.engine')"),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, file: str, source: str) -> None:
    write(tmp_path / file, source)
    assert not faults(tmp_path)


def write(file: Path, source: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(source)

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import spleeter_nb
from spleeter_nb.cache import code_version, make_key
from spleeter_nb.cache.keys import digest_key
from spleeter_nb.exceptions import ValidationError


def test_keys_differ_in_every_detail() -> None:
    parts: list[dict[str, Any]] = [
        {},
        {"a": 1},
        {"a": 1.0},
        {"a": True},
        {"a": "1"},
        {"a": "True"},
        {"a": None},
        {"a": ""},
        {"a": []},
        {"a": {}},
        {"a": [1, 2]},
        {"a": [2, 1]},
        {"a": [[1], 2]},
        {"a": {"b": 1}},
        {"a": {"b": 2}},
        {"a": 0.1},
        {"a": 0.1 + 2**-55},
        {"a": -0.0},
        {"a": 0.0},
        {"b": 1},
        {"a": 1, "b": 1},
        {"a": "é"},
        {"a": "e\u0301"},
        {"a": '1,"b":1'},
    ]
    keys = [make_key(kind, **part) for kind, part in itertools.product(("stems", "stem"), parts)]
    assert len(set(keys)) == len(keys)
    assert len({digest_key(key) for key in keys}) == len(keys)


def test_order_of_the_parts_does_not_matter() -> None:
    assert make_key("stems", a=1, b={"c": 1, "d": 2}) == make_key("stems", b={"d": 2, "c": 1}, a=1)
    assert make_key("stems", a=(1, 2)) == make_key("stems", a=[1, 2])


@pytest.mark.parametrize("part", [float("nan"), float("inf"), b"bytes", Path("a"), {1: 2}, [{None: 1}], {"a": {2}}])
def test_part_that_has_no_one_form_is_refused(part: Any) -> None:
    with pytest.raises(ValidationError, match="cannot be part of a key"):
        make_key("stems", part=part)


def test_version_of_the_code_is_that_of_its_source(tmp_path: Path) -> None:
    package = tmp_path / "spleeter_nb"
    here = Path(spleeter_nb.__file__).parent
    shutil.copytree(here, package, ignore=shutil.ignore_patterns("__pycache__"))
    assert version_in(tmp_path) == code_version()
    with (package / "dsp" / "masks.py").open("a") as file:
        file.write("\n")
    changed = version_in(tmp_path)
    assert changed != code_version()
    (package / "dsp" / "masks.py").rename(package / "dsp" / "other.py")
    assert version_in(tmp_path) not in {changed, code_version()}


def test_version_of_code_without_source_is_the_package_s(tmp_path: Path) -> None:
    package = tmp_path / "spleeter_nb"
    shutil.copytree(Path(spleeter_nb.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "engine" / "gone.py").symlink_to("nowhere")
    version = version_in(tmp_path)
    assert len(version) == len(code_version())
    assert version != code_version()


def test_versions_of_code_shipped_without_source_differ(tmp_path: Path) -> None:
    package = tmp_path / "spleeter_nb"
    shutil.copytree(Path(spleeter_nb.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("audio", "dsp", "net", "engine"):
        shutil.rmtree(package / room)
        (package / room).mkdir()
    first = version_in(tmp_path)
    (package / "_version.py").write_text('__version__ = "another"\n')
    assert version_in(tmp_path) != first


def version_in(folder: Path) -> str:
    program = "from spleeter_nb.cache.keys import code_version; print(code_version())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True, env={"PATH": ""}
    )
    return done.stdout.strip()

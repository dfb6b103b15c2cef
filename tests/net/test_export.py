"""OpenVINO's file: made once, verified always, and made by Keras in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spleeter_nb import exceptions
from spleeter_nb.exceptions import DeviceError, SeparationCancelledError
from spleeter_nb.net.export import exported_model
from spleeter_nb.net.openvino import OpenVinoRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.net.conftest import Model

CHILD = Path(__file__).parent / "export_child.py"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of this test alone, which has to be empty in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def export(model: Model, **changed: Any) -> Path:
    """Export, see that OpenVINO takes the file, and return its path."""
    arguments = {"weights_digest": model.digest, "cancel": threading.Event()} | changed
    with exported_model(model.spec, model.checkpoint, **arguments) as path:
        OpenVinoRuntime(model.spec, path, precision="float32", threads=1)
    return path


def folder_of(model: Model) -> Path:
    return model.checkpoint.parent / "openvino"


def arguments_of(model: Model, digest: str | None = None) -> list[str]:
    """Return what the process of tests/net/export_child.py is told."""
    return [str(model.checkpoint.parent / "config.json"), str(model.checkpoint), digest or model.digest]


def without_coverage() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


def state(path: Path) -> list[tuple[str, int]]:
    return sorted((file.name, file.stat().st_mtime_ns) for file in path.parent.iterdir())


def test_a_file_is_made_once(own_model: Model) -> None:
    path = export(own_model)
    made = state(path)
    assert [name for name, _ in made] == ["digests.json", "model.bin", "model.xml"]
    assert path.parent.parent == folder_of(own_model)
    assert export(own_model) == path
    assert state(path) == made
    assert list(folder_of(own_model).iterdir()) == [path.parent]


@pytest.mark.parametrize(
    ("name", "damage"),
    [("model.bin", "flipped"), ("model.xml", "cut"), ("model.xml", "gone"), ("digests.json", "flipped")],
)
def test_a_damaged_file_is_made_anew(exported: Model, name: str, damage: str) -> None:
    path = export(exported)
    whole, file = {part: (path.parent / part).read_bytes() for part in ("model.bin", "model.xml")}, path.parent / name
    if damage == "gone":
        file.unlink()
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content if damage == "flipped" else content[:-10])
    assert export(exported) == path
    assert {part: (path.parent / part).read_bytes() for part in whole} == whole


@pytest.fixture(scope="module")
def exported_once(small_model: Callable[[str], Model], tmp_path_factory: pytest.TempPathFactory) -> Model:
    small = small_model("two")
    folder = shutil.copytree(small.checkpoint.parent, tmp_path_factory.mktemp("exported") / "two")
    model = replace(small, checkpoint=folder / small.checkpoint.name)
    shutil.rmtree(folder_of(model), ignore_errors=True)
    export(model)
    return model


@pytest.fixture
def exported(exported_once: Model, tmp_path: Path) -> Model:
    """A model with its export, to be damaged."""
    folder = shutil.copytree(exported_once.checkpoint.parent, tmp_path / "two")
    return replace(exported_once, checkpoint=folder / exported_once.checkpoint.name)


def test_other_weights_and_other_shapes_have_files_of_their_own(exported: Model) -> None:
    paths = {
        export(exported),
        export(exported, weights_digest="another"),
        export(replace(exported, spec=replace(exported.spec, n_bins=192))),
    }
    assert len(paths) == 3
    assert {path.parent for path in paths} == set(folder_of(exported).iterdir())


def test_what_does_not_shape_the_networks_changes_nothing(exported: Model) -> None:
    path = export(exported)
    other = replace(exported.spec, name="other", sample_rate=44_100, separation_exponent=1.0, mask_extension="average")
    assert export(replace(exported, spec=other)) == path


def test_a_folder_that_cannot_be_written_to_gets_a_file_for_as_long_as_the_block_lasts(
    own_model: Model, temporary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Root may write everywhere, but not into a file.
    folder_of(own_model).write_text("in the way")

    def use_and_fail() -> None:
        cancel = threading.Event()
        with exported_model(own_model.spec, own_model.checkpoint, weights_digest="any", cancel=cancel) as path:
            assert temporary in path.parents
            OpenVinoRuntime(own_model.spec, path, precision="float32", threads=1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use_and_fail()
    assert not list(temporary.iterdir())
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(folder_of(own_model)) in caplog.text


def test_a_place_that_is_taken_gets_a_file_for_now(exported: Model) -> None:
    path = export(exported)
    shutil.rmtree(path.parent)
    path.parent.write_text("in the way")
    assert export(exported) != path
    assert list(folder_of(exported).iterdir()) == [path.parent]


def test_several_processes_at_once_leave_one_file(own_model: Model) -> None:
    command = [sys.executable, str(CHILD), *arguments_of(own_model)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) for _ in range(4)
        ]
        told = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    (folder,) = folder_of(own_model).iterdir()
    assert set(told) == {str(folder / "model.xml")}
    assert export(own_model) == folder / "model.xml"


@pytest.fixture
def at_work(exported: Model) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has begun to export and is held there, with the process that it started."""
    process = subprocess.Popen(
        [sys.executable, str(CHILD), *arguments_of(exported, "of the child")],
        env=without_coverage(),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        while not list(folder_of(exported).glob(".staging-*")):
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGSTOP)
        yield process
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Windows holds no processes")
def test_what_a_killed_process_left_is_swept_and_a_living_one_keeps_its_folder(
    exported: Model, at_work: subprocess.Popen[bytes]
) -> None:
    (staging,) = folder_of(exported).glob(".staging-*")
    published = {export(exported, weights_digest="another").parent, export(exported).parent}
    assert set(folder_of(exported).iterdir()) == {staging, *published}
    os.kill(at_work.pid, signal.SIGKILL)
    at_work.wait()
    export(exported)
    assert staging.exists(), "a hit looks at nothing else"
    published.add(export(exported, weights_digest="a third").parent)
    assert set(folder_of(exported).iterdir()) == published


def test_staging_folders_of_older_versions_are_swept_after_a_day(own_model: Model) -> None:
    old, new = (folder_of(own_model) / f".staging-{name}" for name in ("abcd_123", "abcd_456"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    yesterday = time.time() - 100_000
    os.utime(old, (yesterday, yesterday))
    path = export(own_model)
    assert set(folder_of(own_model).iterdir()) == {new, path.parent}


def test_files_of_older_versions_and_the_same_weights_are_removed(exported: Model) -> None:
    path = export(exported)
    record = json.loads((path.parent / "digests.json").read_bytes())
    assert record["weights"] == exported.digest
    version = record["export_version"]
    digests = {name: record[name] for name in ("model.bin", "model.xml")}
    records = {
        "older": record | {"export_version": version - 1},
        "oldest": digests,
        "of others": record | {"export_version": version - 1, "weights": "others"},
        "newer": record | {"export_version": version + 1},
        "strange": record | {"export_version": "1"},
        "a list": [1],
    }
    for name, changed in records.items():
        shutil.copytree(path.parent, path.parents[1] / name)
        (path.parents[1] / name / "digests.json").write_text(json.dumps(changed))
    (path.parents[1] / "not ours").mkdir()
    export(exported)
    assert len(list(path.parents[1].iterdir())) == 8, "a hit looks at nothing else"
    shutil.rmtree(path.parent)
    export(exported)
    left = {"of others", "newer", "strange", "a list", "not ours", path.parent.name}
    assert {folder.name for folder in path.parents[1].iterdir()} == left


def test_files_without_a_number_of_their_version_are_used(exported: Model) -> None:
    path = export(exported)
    record = json.loads((path.parent / "digests.json").read_bytes())
    digests = {name: record[name] for name in ("model.bin", "model.xml")}
    (path.parent / "digests.json").write_text(json.dumps(digests))
    made = state(path)
    assert export(exported) == path
    assert state(path) == made


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
def test_a_read_only_folder_keeps_its_leftovers_and_gets_a_file_for_now(own_model: Model, temporary: Path) -> None:
    orphan = folder_of(own_model) / ".staging-abcd_123"
    orphan.mkdir(parents=True)
    os.utime(orphan, (0, 0))
    home = own_model.checkpoint.parent
    unshared = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    mount = f"mount --bind {home} {home} && mount -o remount,ro,bind {home}"
    if subprocess.run([*unshared, mount], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let us mount")
    command = [*unshared, f'{mount} && exec "$0" "$@"', sys.executable, str(CHILD), *arguments_of(own_model)]
    environment = without_coverage() | {"TMPDIR": str(temporary)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert temporary in Path(done.stdout).parents, done.stderr
    assert "Read-only file system" in done.stderr
    assert list(folder_of(own_model).iterdir()) == [orphan]


def test_cancelling_stops_the_process_and_leaves_nothing(own_model: Model) -> None:
    class SetWhenAsked(threading.Event):
        def is_set(self) -> bool:
            self.set()
            return super().is_set()

    with pytest.raises(SeparationCancelledError, match="while the model was prepared"):
        export(own_model, cancel=SetWhenAsked())
    assert not list(folder_of(own_model).iterdir())


@pytest.mark.parametrize(
    ("suffix", "damage", "error", "message"),
    [
        (".data-00000-of-00001", lambda file: file.write_bytes(file.read_bytes()[:-1]), "ModelCorruptError", "damaged"),
        (".index", lambda file: file.unlink(), "ModelNotFoundError", "missing"),
    ],
)
def test_errors_of_the_checkpoint_cross_the_process(
    own_model: Model, suffix: str, damage: Callable[[Path], None], error: str, message: str
) -> None:
    damage(own_model.checkpoint.with_name("model" + suffix))
    with pytest.raises(getattr(exceptions, error), match=message):
        export(own_model)
    assert not list(folder_of(own_model).iterdir())


def test_networks_that_do_not_fit_are_told_across_the_process_though_others_are_exported(exported: Model) -> None:
    wide = replace(exported, spec=replace(exported.spec, conv_n_filters=(3, 3, 4, 5, 6, 7)))
    with pytest.raises(exceptions.ModelCorruptError, match=r"has the shape.*compare the configuration"):
        export(wide)


def test_what_lies_in_the_current_folder_is_not_run(
    own_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    for name in ("keras", "json", "openvino"):
        (desk / f"{name}.py").write_text("open('was run', 'w'); raise SystemExit(3)")
    monkeypatch.chdir(desk)
    assert export(own_model).exists()
    assert not (desk / "was run").exists()


def run_child(model: Model, before: str) -> subprocess.CompletedProcess[str]:
    """Export in a process that does something first; coverage, which would write there too, is left out."""
    code = f"{before}\nimport runpy, sys\ndel sys.argv[0]\nrunpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", code, str(CHILD), *arguments_of(model)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=without_coverage())


def test_the_process_runs_the_very_package_that_started_it(own_model: Model, tmp_path: Path) -> None:
    home = shutil.copytree(Path(exceptions.__file__).parent, tmp_path / "checkout" / "spleeter_nb")
    (home / "net" / "unet.py").write_text("raise MemoryError('of the copy')")
    done = run_child(own_model, f"import sys; sys.path.insert(0, {str(home.parent)!r})")
    assert "of the copy" in done.stderr


@pytest.mark.parametrize("executable", ["", None, "/no/python", "/"])
def test_a_process_that_cannot_be_started_is_a_device_error(
    own_model: Model, monkeypatch: pytest.MonkeyPatch, executable: str | None
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(DeviceError, match="No process can be started") as caught:
        export(own_model)
    assert caught.value.context == {"executable": executable}
    assert not list(folder_of(own_model).iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("limit", [1_000, 100_000])
def test_a_disk_that_takes_no_more_is_a_storage_error(own_model: Model, limit: int) -> None:
    # model.bin has 62 kB and model.xml 244 kB: one of them is cut.
    done = run_child(own_model, f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))")
    assert "spleeter_nb.exceptions.StorageError: " in done.stderr
    assert "cannot be written" in done.stderr
    assert not list(folder_of(own_model).iterdir())


def test_a_machine_without_any_room_for_temporary_files_is_a_storage_error(
    own_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(own_model).write_text("in the way")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(exceptions.StorageError, match=r"gone.* cannot be written"):
        export(own_model)


def test_a_keras_that_does_not_work_is_a_device_error(
    own_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "keras.py").write_text("raise OSError('this Keras is broken')")
    monkeypatch.setenv("PYTHONPATH", str(broken), prepend=os.pathsep)
    with pytest.raises(DeviceError, match=r"(?s)could not export the model.*this Keras is broken"):
        export(own_model)

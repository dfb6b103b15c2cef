from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import (
    DiskFullError,
    ModelChecksumError,
    ModelCorruptError,
    ModelError,
    ModelNotFoundError,
    SeparationCancelledError,
    StorageError,
    UnknownModelError,
)
from spleeter_nb.models.catalog import CATALOG, CatalogEntry, Mirror
from spleeter_nb.models.installed import read_manifest
from spleeter_nb.models.store import ModelManager, default_models_dir
from tests.models.tiny import damage

if TYPE_CHECKING:
    from spleeter_nb.events import Progress
    from tests.models.tiny import Server, Tiny

HERE = Path(__file__).parent
DATA, INDEX = "model.data-00000-of-00001", "model.index"
NAME = "test:tiny"
LEFT_BEHIND = {".tiny.lock", "tiny"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Fetching


def test_a_model_is_fetched_published_and_described(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    events: list[Progress] = []
    models_dir = tmp_path / "to be" / "made"
    installed = tiny.manager(models_dir, host=server.host).ensure(NAME, progress=events.append)
    tiny.check(installed)
    assert names(models_dir) == LEFT_BEHIND
    assert names(installed.folder) == {*tiny.files, "spleeter_nb.json"}
    url = f"{server.host}/deezer/spleeter/releases/download/v1.4.0/tiny.tar.gz"
    assert installed.source == f"Deezer's archive {url}"
    assert server.host + server.requests[0]["path"] == url
    manifest = read_manifest(installed.folder)
    assert manifest is not None
    assert (manifest.name, manifest.source, manifest.version) == ("tiny", installed.source, "v1.4.0")
    assert (installed.version, installed.installed_at) == (manifest.version, manifest.installed_at)
    assert datetime.now(UTC) - datetime.fromisoformat(installed.installed_at or "") < timedelta(minutes=1)
    assert installed.size == len(tiny.files[DATA]) + len(tiny.files[INDEX])
    assert {name: record.size for name, record in manifest.files.items()} == {
        name: len(data) for name, data in tiny.files.items()
    }
    assert events[0].message.startswith("Trying Deezer's archive")
    assert events[-1].message == f"tiny is installed in {models_dir / 'tiny'}."


def test_host_repository_and_release_can_be_changed(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    manager = ModelManager(tmp_path, host=server.host, repository="me/mine", release="v2", catalog=tiny.catalog)
    assert manager.ensure(NAME).version == "v2"
    assert server.requests[0]["path"] == "/me/mine/releases/download/v2/tiny.tar.gz"
    assert tiny.manager(tmp_path).validate_model(NAME).version == "v2"


def test_a_download_that_breaks_for_good_is_continued_by_the_next_call(
    tiny: Tiny, server: Server, tmp_path: Path
) -> None:
    manager = tiny.manager(tmp_path, host=server.host)
    server.script.extend([server.breaking(300_000), *[server.answer(503)] * 4])
    with pytest.raises(ModelNotFoundError, match="503"):
        manager.ensure(NAME)
    assert names(tmp_path) == {".tiny.lock", ".partial-tiny"}
    tiny.check(manager.ensure(NAME))
    assert server.sent == len(tiny.archive)
    assert names(tmp_path) == LEFT_BEHIND


def test_a_stopped_download_publishes_nothing(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    cancel = threading.Event()
    server.script.append(server.breaking(1000, stall=True))
    stopper = threading.Thread(target=lambda: (server.stalled.wait(5), cancel.set()))
    stopper.start()
    with pytest.raises(SeparationCancelledError):
        tiny.manager(tmp_path, host=server.host).ensure(NAME, cancel=cancel)
    stopper.join()
    assert not (tmp_path / "tiny").exists()


def test_an_archive_with_other_files_than_pinned_is_refused(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    other = tiny.with_weights(digests={**tiny.weights.digests, INDEX: "0" * 64})
    with pytest.raises(ModelChecksumError, match=rf"{INDEX} is damaged: its SHA-256"):
        other.manager(tmp_path, host=server.host).ensure(NAME)
    assert not (tmp_path / "tiny").exists()


def test_a_wrong_archive_installs_nothing(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    server.content = bytes(len(tiny.archive))
    with pytest.raises(ModelChecksumError, match="has the SHA-256"):
        tiny.manager(tmp_path, host=server.host).ensure(NAME)
    assert names(tmp_path) == {".tiny.lock"}


def test_a_wrong_archive_leaves_the_old_model(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    manager = tiny.manager(tmp_path, host=server.host)
    manager.ensure(NAME)
    server.content = tiny.archive[:-1] + b"!"
    with pytest.raises(ModelChecksumError, match="could not be fetched anew"):
        asyncio.run(manager.download_model(NAME, force=True))
    tiny.check(manager.validate_model(NAME))
    assert names(tmp_path) == LEFT_BEHIND


def test_too_little_room_ends_it_all(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    huge = tiny.with_weights(archive_size=10**18, archive_limit=10**19)
    server.script.append(server.answer(200, Content_Length=10**18))
    with pytest.raises(DiskFullError):
        huge.manager(tmp_path, host=server.host).ensure(NAME)
    assert names(tmp_path) == {".tiny.lock"}


def test_a_models_dir_that_cannot_be_made_is_a_storage_error(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        tiny.manager(tmp_path / "file" / "models", host=server.host).ensure(NAME)


def test_a_file_that_cannot_be_read_is_damage(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write_files(tmp_path / "tiny")
    (tmp_path / "tiny" / INDEX).unlink()
    (tmp_path / "tiny" / INDEX).symlink_to("/proc/self/mem")  # reads of its first page fail, even root's
    with pytest.raises(ModelCorruptError, match="cannot be read"):
        tiny.manager(tmp_path).validate_model(NAME)


# What is here


# Ends the process at the first socket, whoever opens it.
WITHOUT_SOCKETS = """
import sys, runpy
def hook(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(event)
sys.addaudithook(hook)
runpy.run_path(sys.argv[1], run_name="install")["main"](*sys.argv[2:])
assert not {"httpx", "filelock", "platformdirs"} & set(sys.modules)
"""


def install_without_sockets(tiny: Tiny, models_dir: Path, host: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_SOCKETS, str(HERE / "install.py"), str(models_dir), host]
    return subprocess.run([*command, tiny.weights_json], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("host", ["", "http://127.0.0.1:9"])
def test_an_intact_model_opens_no_socket_and_loads_no_client(tiny: Tiny, tmp_path: Path, host: str) -> None:
    tiny.write_files(tmp_path / "tiny")
    done = install_without_sockets(tiny, tmp_path, host)
    assert (done.returncode, done.stderr) == (0, "")


def test_offline_a_missing_model_opens_no_socket_either(tiny: Tiny, tmp_path: Path) -> None:
    done = install_without_sockets(tiny, tmp_path, "")
    assert done.returncode == 1
    assert "ModelNotFoundError" in done.stderr
    assert f"or its files (checkpoint, {INDEX}, {DATA}) into {tmp_path / 'tiny'}" in done.stderr
    done = install_without_sockets(tiny, tmp_path, "http://127.0.0.1:9")
    assert done.stderr.startswith("socket."), "the guard sees what opens a socket"


@pytest.mark.parametrize("pinned", [True, False])
def test_a_folder_that_was_put_there_is_adopted(tiny: Tiny, tmp_path: Path, *, pinned: bool) -> None:
    tiny = tiny if pinned else tiny.with_weights(digests={})
    tiny.write_files(tmp_path / "tiny")
    manager = tiny.manager(tmp_path, auto_download=False)
    installed = manager.ensure(NAME)
    tiny.check(installed)
    assert installed.source == "a folder that was there"
    assert installed.version == ("v1.4.0" if pinned else "unknown")
    assert manager.ensure(NAME) == installed
    (tmp_path / "tiny" / DATA).write_bytes(b"other weights")
    with pytest.raises(ModelChecksumError, match=DATA):
        manager.ensure(NAME)


def test_a_folder_that_cannot_be_written_is_used_all_the_same(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write_files(tmp_path / "tiny")
    (tmp_path / "tiny" / "spleeter_nb.json").mkdir()  # even root cannot replace it by a file
    tiny.check(tiny.manager(tmp_path, auto_download=False).ensure(NAME))
    assert names(tmp_path / "tiny") == {*tiny.files, "spleeter_nb.json"}


def test_an_archive_that_was_put_there_is_installed_offline(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "tiny.tar.gz").write_bytes(tiny.archive)
    installed = tiny.manager(tmp_path, auto_download=False).ensure(NAME)
    tiny.check(installed)
    assert installed.source == f"the local archive {tmp_path / 'tiny.tar.gz'}"
    assert installed.version == "v1.4.0"
    assert names(tmp_path) == {*LEFT_BEHIND, "tiny.tar.gz"}


def test_a_damaged_archive_that_was_put_there_is_passed_by(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    (tmp_path / "tiny.tar.gz").write_bytes(tiny.archive[:-1])
    installed = tiny.manager(tmp_path, host=server.host).ensure(NAME)
    assert installed.source.startswith("Deezer's archive")
    assert (tmp_path / "tiny.tar.gz").read_bytes() == tiny.archive[:-1]


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"files": {"x": 1}}', b'{"files": 3}', b"\xff"])
def test_a_manifest_that_makes_no_sense_counts_as_none(tiny: Tiny, tmp_path: Path, manifest: bytes) -> None:
    tiny.write_files(tmp_path / "tiny")
    (tmp_path / "tiny" / "spleeter_nb.json").write_bytes(manifest)
    tiny.check(tiny.manager(tmp_path, auto_download=False).ensure(NAME))
    assert read_manifest(tmp_path / "tiny") is not None


def test_a_manifest_of_before_versions_is_of_the_first_one(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write_files(tmp_path / "tiny")
    path = tmp_path / "tiny" / "spleeter_nb.json"
    tiny.manager(tmp_path).ensure(NAME)
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["version"]
    path.write_text(json.dumps(manifest | {"source": "long ago"}), "utf-8")
    installed = tiny.manager(tmp_path).ensure(NAME)
    assert (installed.source, installed.version) == ("long ago", "v1.4.0")


# Offline, missing, damaged


def test_a_missing_model_offline_names_every_source_and_the_folder(tiny: Tiny, tmp_path: Path) -> None:
    offline = tiny.with_weights(mirror=Mirror("tiny-model==1.0", "tiny", 10)).manager(tmp_path, auto_download=False)
    with pytest.raises(ModelNotFoundError) as caught:
        offline.ensure(NAME)
    message = str(caught.value)
    assert f"There is no folder {tmp_path / 'tiny'}" in message
    assert f"the local archive {tmp_path / 'tiny.tar.gz'}: there is no such file" in message
    assert "tiny.tar.gz: not tried, downloads are switched off" in message
    assert "the pip mirror tiny-model==1.0: not tried, downloads are switched off" in message
    assert tiny.weights.archive_digest in message
    assert caught.value.context["folder"] == str(tmp_path / "tiny")
    assert len(caught.value.context["tried"]) == 3  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_model_without_any_source_says_what_each_one_said(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"not reachable \(.*refused") as caught:
        tiny.manager(tmp_path).ensure(NAME)
    assert "To install it by hand, put tiny.tar.gz" in str(caught.value)


@pytest.mark.parametrize("damage", [b"", b"damage", None, "folder"])
def test_damage_is_found_never_used_and_repaired(
    tiny: Tiny, server: Server, tmp_path: Path, damage: bytes | str | None
) -> None:
    tiny.write_files(tmp_path / "tiny")
    data = tmp_path / "tiny" / DATA
    data.unlink()
    if damage == "folder":
        data.mkdir()
    elif isinstance(damage, bytes):
        data.write_bytes(damage)
    expected = ModelCorruptError if isinstance(damage, bytes) else ModelNotFoundError
    with pytest.raises(expected, match=DATA):
        tiny.manager(tmp_path, auto_download=False).ensure(NAME)
    if damage == "folder":
        data.rmdir()
    tiny.check(tiny.manager(tmp_path, host=server.host).ensure(NAME))
    assert names(tmp_path) == LEFT_BEHIND


def test_a_flipped_bit_is_found(tiny: Tiny, tmp_path: Path) -> None:
    data = bytearray(tiny.files[DATA])
    data[200_000] ^= 1
    tiny.write_files(tmp_path / "tiny")
    (tmp_path / "tiny" / DATA).write_bytes(data)
    manager = tiny.manager(tmp_path)
    with pytest.raises(ModelChecksumError, match="is damaged") as caught:
        manager.validate_model(NAME)
    assert caught.value.context["expected"] == tiny.weights.digests[DATA]
    with pytest.raises(ModelChecksumError, match="not reachable"):
        manager.ensure(NAME)
    assert (tmp_path / "tiny" / DATA).read_bytes() == data


@pytest.mark.parametrize("seed", range(30))
def test_any_damage_is_found_and_repaired(tiny: Tiny, server: Server, tmp_path: Path, seed: int) -> None:
    manager = tiny.manager(tmp_path, host=server.host)
    manager.ensure(NAME)
    damage(tmp_path / "tiny", random.Random(seed))  # noqa: S311 - test data
    with pytest.raises((ModelCorruptError, ModelNotFoundError), match=r"is damaged|is empty|lacks"):
        tiny.manager(tmp_path, auto_download=False).ensure(NAME)
    tiny.check(manager.ensure(NAME))
    assert names(tmp_path) == LEFT_BEHIND


def test_what_else_lies_in_the_folder_survives_a_repair(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    tiny.write_files(tmp_path / "tiny")
    (tmp_path / "tiny" / INDEX).unlink()
    (tmp_path / "tiny" / "notes.txt").write_text("mine")
    tiny.manager(tmp_path, host=server.host).ensure(NAME)
    assert (tmp_path / "tiny" / "notes.txt").read_text() == "mine"


# The public verbs


def test_names_are_the_catalogue(tmp_path: Path) -> None:
    assert ModelManager(tmp_path).names == tuple(CATALOG)


def test_the_default_folder_is_what_the_settings_say_else_in_the_users_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SPLEETER_MODELS_DIR", raising=False)
    assert ModelManager().models_dir == default_models_dir()
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(tmp_path / "elsewhere"))
    assert ModelManager().models_dir == tmp_path / "elsewhere"
    assert ModelManager(tmp_path).models_dir == tmp_path
    assert default_models_dir().name == "models"
    assert "spleeter_nb" in default_models_dir().parts


def test_an_unknown_name_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="test:tiny"):
        tiny.manager(tmp_path).ensure("test:tinny")


def test_local_models_are_those_that_are_intact(tiny: Tiny, tmp_path: Path) -> None:
    manager = tiny.manager(tmp_path)
    assert manager.list_local_models() == []
    tiny.write_files(tmp_path / "tiny")
    assert [model.spec.name for model in manager.list_local_models()] == [NAME]
    (tmp_path / "tiny" / INDEX).write_bytes(b"damage")
    assert manager.list_local_models() == []


def test_both_bandwidths_share_their_weights(tiny: Tiny, tmp_path: Path) -> None:
    entry = tiny.catalog[NAME]
    wide = CatalogEntry(replace(entry.spec, name="test:wide", n_bins=1536), entry.weights)
    tiny.write_files(tmp_path / "tiny")
    manager = ModelManager(tmp_path, auto_download=False, catalog={NAME: entry, "test:wide": wide})
    narrow_model, wide_model = manager.ensure(NAME), manager.ensure("test:wide")
    assert narrow_model.weights_digest == wide_model.weights_digest
    assert narrow_model.folder == wide_model.folder
    assert wide_model.spec.n_bins == 1536


def test_what_a_model_is_like_is_known_without_it(tiny: Tiny, tmp_path: Path) -> None:
    manager = tiny.manager(tmp_path / "models", auto_download=False)
    assert manager.spec(NAME) == tiny.catalog[NAME].spec
    with pytest.raises(UnknownModelError, match="Did you mean"):
        manager.spec("test:tinny")
    path = tmp_path / "own.json"
    whole = json.loads((Path(__file__).parents[1] / "parity" / "data" / "two" / "config.json").read_text("utf-8"))
    path.write_text(json.dumps(whole | {"model_dir": "nowhere"}), "utf-8")
    assert manager.spec(path).instruments == ("vocals", "accompaniment")
    with pytest.raises(ModelError):
        manager.spec(tmp_path / "none.json")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("source", ["network", "archive", "folder"])
def test_progress_ends_with_all(tiny: Tiny, server: Server, tmp_path: Path, source: str) -> None:
    manager = tiny.manager(tmp_path, host=server.host)
    if source == "archive":
        (tmp_path / "tiny.tar.gz").write_bytes(tiny.archive)
    if source == "folder":
        tiny.write_files(tmp_path / "tiny")
    for force in (False, True):
        events: list[Progress] = []
        asyncio.run(manager.download_model(NAME, force=force, progress=events.append))
        assert {event.stage for event in events} == {"download"}
        assert [event.fraction for event in events].count(1.0) <= 2
        assert (events[-1].fraction, events[-1].remaining) == (1.0, 0.0)
        assert events[-1].message == f"tiny is installed in {tmp_path / 'tiny'}."
    assert len(server.requests) == {"network": 2, "archive": 0, "folder": 1}[source]


def test_a_forced_download_keeps_the_old_until_the_new_is_whole(tiny: Tiny, server: Server, tmp_path: Path) -> None:
    manager = tiny.manager(tmp_path, host=server.host)
    manager.ensure(NAME)
    server.script.append(server.answer(404))
    with pytest.raises(ModelNotFoundError, match="could not be fetched anew"):
        asyncio.run(manager.download_model(NAME, force=True))
    tiny.check(manager.validate_model(NAME))
    tiny.check(asyncio.run(manager.download_model(NAME, force=True)))
    assert len(server.requests) == 3


# The real one


def test_two_stems_is_what_deezer_published(two_stems_models_dir: Path) -> None:
    installed = ModelManager(two_stems_models_dir, auto_download=False).ensure("spleeter:2stems")
    assert installed.folder.name == "2stems"
    assert (installed.folder / DATA).stat().st_size == 78_614_080
    assert (installed.folder / INDEX).stat().st_size == 5_244
    manifest = read_manifest(installed.folder)
    assert manifest is not None
    pinned = CATALOG["spleeter:2stems"].weights.digests
    assert {name: manifest.files[name].sha256 for name in pinned} == pinned

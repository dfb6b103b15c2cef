"""Stems get their names together: what a process leaves that is killed in between, and what the next use does then."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb.audio import AudioWriter, choose_encoding
from spleeter_nb.engine import publishing
from spleeter_nb.engine.publishing import complete_interrupted
from spleeter_nb.engine.targets import Targets, write_together
from spleeter_nb.exceptions import OutputExistsError, StorageError
from tests.engine.conftest import entries

if TYPE_CHECKING:
    from collections.abc import Callable

STEMS = ("vocals", "drums", "bass")
TOGETHER, APART = "song/{instrument}.wav", "{instrument}/song.wav"
WAV = choose_encoding("wav")
TWO_DAYS = 2 * 86_400


def places(folder: Path, template: str = TOGETHER, on_exist: str = "skip") -> tuple[Targets, dict[str, Path]]:
    targets = Targets(folder, template, "wav", on_exist)  # type: ignore[arg-type]
    return targets, targets.paths("song", STEMS)


def write(folder: Path, template: str = TOGETHER, *, level: float, exist_ok: bool = True) -> None:
    _, paths = places(folder, template)
    samples = {path: np.full((100, 2), level, np.float32) for path in paths.values()}
    write_together(samples, sample_rate=8000, encoding=WAV, exist_ok=exist_ok)


def files_in(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in entries(folder).items() if data is not None}


def ours(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.rglob(f".spleeter-*{suffix}"))


def leave(folder: Path, published: int, template: str = TOGETHER, *, exist_ok: bool = True) -> None:
    """Make `folder` what it is when a process is killed that has given so many files their names.

    It is a copy taken at that moment: the process lives, but its locks are on the files that were copied.
    """
    publish, count = AudioWriter.publish, 0

    def publish_and_copy(writer: AudioWriter) -> None:
        nonlocal count
        if count == published:
            shutil.copytree(folder, folder.with_suffix(".killed"))
        count += 1
        publish(writer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AudioWriter, "publish", publish_and_copy)
        write(folder, template, level=0.5, exist_ok=exist_ok)
    shutil.rmtree(folder)
    folder.with_suffix(".killed").rename(folder)


@pytest.fixture
def new(tmp_path: Path) -> Callable[[str], dict[str, bytes]]:
    """What is in the files when all went well."""

    def make(template: str) -> dict[str, bytes]:
        write(tmp_path / "reference", template, level=0.5)
        return files_in(tmp_path / "reference")

    return make


# Killed in between


@pytest.mark.parametrize("template", [TOGETHER, APART])
@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("published", range(len(STEMS)))
def test_the_next_use_finds_all_files_new(
    published: int, template: str, *, replace: bool, tmp_path: Path, new: Callable[[str], dict[str, bytes]]
) -> None:
    out = tmp_path / "out"
    if replace:
        write(out, template, level=0.1)
    leave(out, published, template, exist_ok=replace)
    assert files_in(out) != new(template)
    targets, paths = places(out, template)
    assert targets.missing(paths) == []
    assert files_in(out) == new(template)


def test_files_that_have_their_names_already_lose_only_what_was_left(
    tmp_path: Path, new: Callable[[str], dict[str, bytes]]
) -> None:
    """Killed between a second name and the removal of the first; and before the journal was removed."""
    leave(tmp_path / "out", 0, exist_ok=False)
    _, paths = places(tmp_path / "out")
    (journal,) = ours(tmp_path, ".journal")
    steps = json.loads(journal.read_bytes()[64:])
    os.link(tmp_path / "out" / "song" / steps[0]["temporary"], paths["vocals"])
    told = journal.read_bytes()
    complete_interrupted(paths.values())
    assert files_in(tmp_path / "out") == new(TOGETHER)
    journal.write_bytes(told)
    paths["vocals"].write_bytes(b"a newer one")
    complete_interrupted(paths.values())
    assert files_in(tmp_path / "out") == new(TOGETHER) | {"song/vocals.wav": b"a newer one"}


def test_a_journal_above_all_folders_is_not_forgotten(tmp_path: Path, new: Callable[[str], dict[str, bytes]]) -> None:
    leave(tmp_path / "out", 2, APART)
    _, paths = places(tmp_path / "out", APART)
    (last,) = ours(tmp_path, ".part")
    last.rename(paths["bass"])
    complete_interrupted(paths.values())
    assert files_in(tmp_path / "out") == new(APART)


def test_what_was_completed_exists(tmp_path: Path) -> None:
    leave(tmp_path / "out", 1, exist_ok=False)
    targets, paths = places(tmp_path / "out", on_exist="error")
    with pytest.raises(OutputExistsError):
        targets.missing(paths)


def test_a_file_that_is_written_alone_is_not_replaced_by_an_older_one(
    tmp_path: Path, new: Callable[[str], dict[str, bytes]]
) -> None:
    """The journal lies above its folder, where nobody looks who knows of this file only."""
    leave(tmp_path / "out", 1, APART)
    _, paths = places(tmp_path / "out", APART)
    alone = {paths["drums"]: np.zeros((5, 2), np.float32)}
    write_together(alone, sample_rate=8000, encoding=WAV, exist_ok=True)
    newest = paths["drums"].read_bytes()
    complete_interrupted(paths.values())
    assert files_in(tmp_path / "out") == new(APART) | {"drums/song.wav": newest}


@pytest.mark.parametrize("replace", [True, False])
def test_who_completes_may_be_killed_or_fail_too(
    *,
    replace: bool,
    tmp_path: Path,
    new: Callable[[str], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "spleeter_nb")
    if replace:
        write(tmp_path / "out", level=0.1)
    leave(tmp_path / "out", 0, exist_ok=replace)
    targets, paths = places(tmp_path / "out")
    move = publishing.move_into_place

    def move_one(temporary: Path, path: Path, *, replace: bool) -> None:
        if path != paths["vocals"].absolute():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        move(temporary, path, replace=replace)

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "move_into_place", move_one)
        complete_interrupted(paths.values())
        complete_interrupted(paths.values())
    assert "cannot be completed now" in caplog.text
    assert len(ours(tmp_path, ".part")) == 2
    assert targets.missing(paths) == []
    assert files_in(tmp_path / "out") == new(TOGETHER)


def test_several_may_complete_at_the_same_time(
    tmp_path: Path, new: Callable[[str], dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out", level=0.1)
    leave(tmp_path / "out", 0)
    targets, paths = places(tmp_path / "out")
    move = publishing.move_into_place

    def move_late(temporary: Path, path: Path, *, replace: bool) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(publishing, "move_into_place", move)
            targets.missing(paths)
        move(temporary, path, replace=replace)

    monkeypatch.setattr(publishing, "move_into_place", move_late)
    assert targets.missing(paths) == []
    assert files_in(tmp_path / "out") == new(TOGETHER)


# Other people's files


@pytest.mark.parametrize("existed", [True, False])
def test_a_file_that_came_later_stays_and_the_others_go(
    *, existed: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if existed:
        write(tmp_path / "out", level=0.1)
    leave(tmp_path / "out", 1, exist_ok=existed)
    targets, paths = places(tmp_path / "out")
    paths["bass"].write_bytes(b"somebody else's")
    old = {"song/drums.wav": paths["drums"].read_bytes()} if existed else {}
    targets.missing(paths)
    assert files_in(tmp_path / "out") == {"song/bass.wav": b"somebody else's", **old}
    assert "others came" in caplog.text


def test_a_file_that_is_needed_and_gone_makes_the_others_go(tmp_path: Path) -> None:
    leave(tmp_path / "out", 1)
    targets, paths = places(tmp_path / "out")
    ours(tmp_path, ".part")[0].unlink()
    assert targets.missing(paths) == list(STEMS)
    assert files_in(tmp_path / "out") == {}


def test_who_is_alive_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, level=0.1)
    targets, paths = places(tmp_path)
    publish, seen = AudioWriter.publish, []

    def look_and_publish(writer: AudioWriter) -> None:
        before = files_in(tmp_path)
        targets.missing(paths)
        seen.append((len(ours(tmp_path, ".part")), len(ours(tmp_path, ".journal"))))
        assert files_in(tmp_path) == before
        publish(writer)

    monkeypatch.setattr(AudioWriter, "publish", look_and_publish)
    write(tmp_path, level=0.5)
    assert seen == [(3, 1), (2, 1), (1, 1)]
    assert len(files_in(tmp_path)) == 3


def test_only_our_names_are_swept(tmp_path: Path) -> None:
    _, paths = places(tmp_path)
    folder = tmp_path / "song"
    (folder / f".spleeter-{'0' * 16}.part").mkdir(parents=True)
    (folder / f".spleeter-{'1' * 16}.part").symlink_to("target")
    os.mkfifo(folder / f".spleeter-{'2' * 16}.part")
    for name in (
        "target",
        ".spleeter-0123.part",
        f".spleeter-{'g' * 16}.part",
        f".spleeter-{'A' * 16}.part",
        f".spleeter-{'0' * 17}.part",
        f".spleeter-{'0' * 16}.part\n",
        f".spleeter-{'0' * 16}.part.wav",
        f"x.spleeter-{'0' * 16}.part",
        f".spleeter-{'0' * 16}.journal2",
    ):
        (folder / name).write_bytes(b"somebody else's")
    before = sorted(folder.iterdir())
    (folder / f".spleeter-{'0123456789abcdef'}.part").write_bytes(b"ours")
    complete_interrupted(paths.values())
    assert sorted(folder.iterdir()) == before


# Journals that cannot be trusted


def misspelt(told: bytes) -> bytes:
    return told.replace(b"bass.wav", b"base.wav")


@pytest.mark.parametrize("damage", [misspelt, lambda told: told[:-1], lambda _: b"", lambda told: told[64:]])
def test_a_damaged_journal_is_removed_and_so_is_what_it_spoke_of(
    damage: Callable[[bytes], bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "out", level=0.1)
    old = files_in(tmp_path / "out")
    leave(tmp_path / "out", 0)
    (journal,) = ours(tmp_path, ".journal")
    journal.write_bytes(damage(journal.read_bytes()))
    targets, paths = places(tmp_path / "out")
    targets.missing(paths)
    assert files_in(tmp_path / "out") == old
    assert "is damaged" in caplog.text


OURS = f".spleeter-{'0' * 16}.part"


@pytest.mark.parametrize(
    "steps",
    [
        [{"temporary": f"../{OURS}", "path": "../new", "before": None, "after": [4, 0]}],
        [{"temporary": f"{{outside}}/{OURS}", "path": "{outside}/new", "before": None, "after": [4, 0]}],
        [{"temporary": "target", "path": "new", "before": None, "after": [4, 0]}],
        [{"temporary": OURS, "path": "deeper/new", "before": None, "after": [4, 0]}],
        [{"temporary": OURS, "path": "a\0b", "before": None, "after": [4, 0]}],
        [{"temporary": OURS, "path": "new", "before": None, "after": None}],
        [{"temporary": 1, "path": 2, "before": None, "after": [4, 0]}],
        [{}],
        {"temporary": OURS},
        7,
        "[" * 100_000,
    ],
)
def test_a_journal_that_somebody_made_up_moves_nothing(steps: object, tmp_path: Path) -> None:
    _, paths = places(tmp_path)
    folder = tmp_path / "song"
    folder.mkdir()
    for path in (tmp_path / OURS, folder / OURS, folder / "target"):
        path.write_bytes(b"data")
        os.utime(path, (0, 0))
    text = steps if isinstance(steps, str) else json.dumps(steps).replace("{outside}", str(tmp_path))
    told = publishing._digest(text.encode()) + text.encode()  # noqa: SLF001 - an attacker can do it too
    (folder / f".spleeter-{'1' * 16}.journal").write_bytes(told)
    complete_interrupted(paths.values())
    assert files_in(tmp_path) == {OURS: b"data", "song/target": b"data"}


# Locks that do not work


def no_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.parametrize("flock", [no_locks, lambda *_: None])
def test_without_locks_only_what_is_old_is_touched(
    flock: Callable[..., None],
    tmp_path: Path,
    new: Callable[[str], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fcntl, "flock", flock)
    leave(tmp_path / "out", 1)
    targets, paths = places(tmp_path / "out")
    left = files_in(tmp_path / "out")
    targets.missing(paths)
    assert files_in(tmp_path / "out") == left
    then = time.time() - TWO_DAYS
    orphan = tmp_path / "out" / "song" / OURS
    orphan.write_bytes(b"")
    for path in (orphan, *ours(tmp_path, ".journal")):
        os.utime(path, (then, then))
    assert targets.missing(paths) == []
    assert files_in(tmp_path / "out") == new(TOGETHER)


# What it costs, and what may go wrong


def test_a_file_alone_needs_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish, seen = AudioWriter.publish, []

    def look_and_publish(writer: AudioWriter) -> None:
        seen.append(ours(tmp_path, ".journal"))
        publish(writer)

    monkeypatch.setattr(AudioWriter, "publish", look_and_publish)
    alone = {tmp_path / "x.wav": np.zeros((5, 2), np.float32)}
    write_together(alone, sample_rate=8000, encoding=WAV, exist_ok=True)
    assert seen == [[]]
    assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]


@pytest.mark.parametrize("call", ["create_temporary", "_written", "sync_folder"])
def test_without_a_journal_nothing_is_published(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "out", level=0.1)
    old = files_in(tmp_path / "out")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(publishing, call, fail)
    with pytest.raises(StorageError) as caught:
        write(tmp_path / "out", level=0.5)
    assert caught.value.context == {"path": str(tmp_path / "out" / "song"), "errno": errno.EIO}
    assert files_in(tmp_path / "out") == old


def test_where_nothing_is_there_is_nothing_to_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complete_interrupted([])
    complete_interrupted([tmp_path / "missing" / "x.wav", tmp_path / "a\0b" / "x.wav"])
    (tmp_path / "file").touch()
    complete_interrupted([tmp_path / "file" / "x.wav"])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    complete_interrupted([Path("song") / "x.wav"])

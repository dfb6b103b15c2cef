from __future__ import annotations

import logging
import os
import pickle
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from diskcache.core import MODE_PICKLE

from spleeter_nb.cache.database import DATABASE, VALUES, Database, ReadOnlyDatabase
from spleeter_nb.cache.disk import DiskLevel
from spleeter_nb.cache.envelope import TEMPORARY, EnvelopeWriter, Value, seal_value
from spleeter_nb.cache.files import locked_file
from spleeter_nb.cache.keys import digest_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
REAL = sqlite3.connect


@pytest.fixture
def level(tmp_path: Path) -> Iterator[DiskLevel]:
    level = DiskLevel(tmp_path / "v1", 64 * MIB)
    yield level
    level.close()


def put(level: DiskLevel, key: str, size: int = 1000, *, ttl: float | None = None, fill: int = 1) -> None:
    folder = level.writable_folder()
    assert folder is not None
    with seal_value(folder, key, Value({"a": np.full(size, fill, np.uint8)}, {"key": key})) as sealed:
        level.write(key, sealed, ttl)


def get(level: DiskLevel, key: str) -> int | None:
    value = level.read(key)
    if value is None:
        return None
    assert value.meta["key"] == key
    assert len(set(value.arrays["a"].tolist())) == 1
    return int(value.arrays["a"][0])


def file_of(level: DiskLevel, key: str) -> Path:
    with closing(sqlite3.connect(level.folder / DATABASE)) as connection:
        row = connection.execute("SELECT filename FROM Cache WHERE key = ?", (digest_key(key),)).fetchone()
    return level.folder / row[0]


def sql(level: DiskLevel, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(level.folder / DATABASE)) as connection, connection:
        connection.execute(statement, values)


def files(level: DiskLevel) -> set[str]:
    return {path.name for name in (VALUES, TEMPORARY) for path in (level.folder / name).glob("*")}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_value_comes_back_also_after_closing(level: DiskLevel) -> None:
    assert level.state == "closed"
    assert not level.folder.exists()
    assert get(level, "a") is None
    put(level, "a", fill=3)
    assert get(level, "a") == 3
    level.close()
    assert get(level, "a") == 3
    assert len(files(level)) == 1
    stats = level.stats()
    assert (stats["state"], stats["entries"], stats["bytes"], stats["errors"]) == ("ready", 1, 4096, 0)


def test_later_value_replaces_the_earlier(level: DiskLevel) -> None:
    put(level, "a", fill=1)
    old = level.read("a")
    put(level, "a", fill=2)
    assert get(level, "a") == 2
    assert len(files(level)) == 1
    assert old is not None
    assert old.arrays["a"][0] == 1


def test_discarded_and_cleared_values_are_gone(level: DiskLevel) -> None:
    for key in "abc":
        put(level, key)
    level.discard("a")
    assert (get(level, "a"), get(level, "b")) == (None, 1)
    assert level.clear() == 2
    assert not files(level)
    assert level.clear() == 0


def test_value_that_is_out_of_date_is_gone(level: DiskLevel) -> None:
    put(level, "a", ttl=0.2)
    put(level, "b", ttl=60)
    assert get(level, "a") == 1
    time.sleep(0.25)
    assert (get(level, "a"), get(level, "b")) == (None, 1)
    put(level, "c")
    assert len(files(level)) == 2


def test_least_recently_used_goes_first_and_the_limit_holds(tmp_path: Path) -> None:
    level = DiskLevel(tmp_path, 4 * MIB)
    for key in "abc":
        put(level, key, MIB)
    assert get(level, "a") == 1
    put(level, "d", MIB)
    assert [key for key in "abcd" if get(level, key)] == ["a", "c", "d"]
    assert level.stats()["evicted"] == 1
    for number in range(20):
        put(level, str(number), 700_000)
        stored = sum(path.stat().st_size for path in (tmp_path / VALUES).iterdir())
        assert stored <= level.stats()["bytes"] <= 4 * MIB
    level.close()
    assert level.stats()["evicted"] > 10
    level.close()


def test_inspection_does_not_change_who_goes_first(tmp_path: Path) -> None:
    level = DiskLevel(tmp_path, 4 * MIB)
    for key in "cab":
        put(level, key, MIB)
    assert level.verify() == (3, 0)
    put(level, "d", MIB)
    assert [key for key in "abcd" if get(level, key)] == ["a", "b", "d"]
    level.close()


def test_value_of_more_than_half_the_limit_is_not_kept(tmp_path: Path) -> None:
    level = DiskLevel(tmp_path, 4 * MIB)
    put(level, "a", MIB)
    put(level, "b", 3 * MIB)
    assert (get(level, "a"), get(level, "b")) == (1, None)
    assert len(files(level)) == 1
    level.close()


def test_mapped_value_outlives_its_eviction(level: DiskLevel) -> None:
    put(level, "a", 8 * MIB, fill=7)
    value = level.read("a")
    level.clear()
    assert not files(level)
    assert value is not None
    assert set(value.arrays["a"][::4096].tolist()) == {7}


def cut(length: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(path.stat().st_size * length))


def flip(seed: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data, chance = bytearray(path.read_bytes()), np.random.default_rng(seed)
        data[chance.integers(len(data))] ^= 1 << int(chance.integers(8))
        path.write_bytes(data)

    return damage


def replace(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGE = {
    **{f"cut to {length}": cut(length) for length in (0, 0.001, 0.5, 0.999)},
    **{f"flipped {seed}": flip(seed) for seed in range(30)},
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "another key's": lambda path: shutil.copy(path.with_name("other"), path),
    "no file": Path.unlink,
    "a folder": replace(Path.mkdir),
    "a link": replace(lambda path: path.symlink_to("other")),
    "a pipe": replace(os.mkfifo),
}


def test_no_damaged_file_is_served(level: DiskLevel, caplog: pytest.LogCaptureFixture) -> None:
    put(level, "other", fill=9)
    shutil.copy(file_of(level, "other"), level.folder / VALUES / "other")
    for number, (kind, damage) in enumerate(DAMAGE.items(), 1):
        put(level, "a")
        damage(file_of(level, "a"))
        assert level.read("a") is None, kind
        assert (level.stats()["entries"], level.stats()["damaged"]) == (1, number), kind
    assert get(level, "other") == 9
    assert not warnings(caplog)


def test_inspection_finds_and_removes_what_is_damaged(level: DiskLevel) -> None:
    for key in "abcd":
        put(level, key)
    file_of(level, "b").write_bytes(b"")
    file_of(level, "c").unlink()
    assert level.verify() == (4, 2)
    assert level.verify() == (2, 0)
    assert len(files(level)) == 2


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_pickle_in_the_database_is_not_run(level: DiskLevel, tmp_path: Path) -> None:
    bomb, trace = pickle.dumps(Bomb(tmp_path / "ran")), tmp_path / "ran"
    put(level, "a")
    sql(level, "UPDATE Cache SET mode = ?, filename = NULL, value = ?", MODE_PICKLE, bomb)
    assert level.read("a") is None
    put(level, "a")
    file_of(level, "a").write_bytes(bomb)
    sql(level, "UPDATE Cache SET mode = ?", MODE_PICKLE)
    assert level.verify() == (1, 1)
    put(level, "a")
    sql(level, "UPDATE Cache SET raw = 0, key = ?", bomb)
    assert level.read("a") is None
    level.verify()
    level.clear()
    assert not trace.exists()
    pickle.loads(bomb)  # noqa: S301 - shows that it would have run
    assert trace.exists()


def test_no_file_outside_is_read_or_removed(level: DiskLevel, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for name in ("../../outside", str(outside), f"{VALUES}/../../../outside", "", None, 7, b"\xff"):
        put(level, "a")
        shutil.copy(file_of(level, "a"), outside)
        sql(level, "UPDATE Cache SET filename = ?", name)
        assert level.read("a") is None
        put(level, "a")
        sql(level, "UPDATE Cache SET filename = ?", name)
        put(level, "a")
        sql(level, "UPDATE Cache SET filename = ?", name)
        level.clear()
        assert outside.exists()
    assert not files(level)


def damage_database(folder: Path) -> Iterator[str]:
    path = folder / DATABASE
    data = path.read_bytes()
    for name, content in {
        "no database": b"no database" * 1000,
        "cut": data[:5000],
        "zeros": bytes(len(data)),
        "header only": data[:100],
        "body": data[:4096] + b"\xff" * (len(data) - 4096),
    }.items():
        path.write_bytes(content)
        yield name


def test_damaged_database_is_moved_aside(level: DiskLevel, caplog: pytest.LogCaptureFixture) -> None:
    put(level, "a")
    level.close()
    pristine = shutil.copytree(level.folder, level.folder.with_name("pristine"))
    for kind in damage_database(level.folder):
        caplog.clear()
        fresh = DiskLevel(level.folder, 64 * MIB)
        assert get(fresh, "a") is None, kind
        put(fresh, "b")
        assert get(fresh, "b") == 1, kind
        fresh.sweep()
        assert len(files(fresh)) == 1, kind
        fresh.close()
        (warning,) = warnings(caplog)
        assert "damaged" in warning
        assert (level.folder / f"{DATABASE}.damaged").exists()
        shutil.rmtree(level.folder)
        shutil.copytree(pristine, level.folder)


@pytest.mark.parametrize("connect", [lambda folder: Database(folder, MIB), ReadOnlyDatabase])
def test_connection_to_a_damaged_database_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connect: Callable[[Path], object]
) -> None:
    opened: list[sqlite3.Connection] = []
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kw: opened.append(REAL(*args, **kw)) or opened[-1])
    (tmp_path / DATABASE).write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        connect(tmp_path)
    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_database_damaged_while_it_is_open_is_replaced(level: DiskLevel, caplog: pytest.LogCaptureFixture) -> None:
    put(level, "a")
    for kind in damage_database(level.folder):
        level.read("a")
        put(level, "b")
        assert get(level, "b") == 1, kind
    assert len(warnings(caplog)) == 1
    level.sweep()
    assert len(files(level)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO Settings VALUES ('disk_foo', 1)",
        "INSERT INTO Settings VALUES ('get', 1)",
        "UPDATE Settings SET value = 'x' WHERE key = 'size'",
        "DROP TABLE Cache",
        "DROP TABLE Settings",
        "ALTER TABLE Cache DROP COLUMN value",
    ],
)
def test_database_that_lies_does_no_harm(level: DiskLevel, caplog: pytest.LogCaptureFixture, statement: str) -> None:
    put(level, "a")
    level.close()
    sql(level, statement)
    assert get(level, "a") in {1, None}
    put(level, "b")
    put(level, "b")
    assert get(level, "b") == 1
    assert len(warnings(caplog)) <= 1


def test_database_that_another_process_keeps_locked_is_a_miss(
    level: DiskLevel, caplog: pytest.LogCaptureFixture
) -> None:
    put(level, "a")
    with closing(sqlite3.connect(level.folder / DATABASE)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert level.read("a") is None
        assert time.monotonic() - began < 4
        began = time.monotonic()
        assert [level.read("a") for _ in range(100)] == [None] * 100
        assert time.monotonic() - began < 1
        connection.rollback()
    assert len(warnings(caplog)) == 1
    level.close()
    fresh = DiskLevel(level.folder, MIB)
    assert get(fresh, "a") == 1
    fresh.close()


def test_database_that_is_locked_when_it_is_opened_is_tried_again_soon(
    level: DiskLevel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("spleeter_nb.cache.database.OPENING_TIMEOUT", 0.2)
    put(level, "a")
    level.close()
    fresh = DiskLevel(level.folder, MIB)
    began = time.monotonic()
    with closing(sqlite3.connect(level.folder / DATABASE)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert get(fresh, "a") is None
        assert time.monotonic() - began < 5
        assert "database is locked" in caplog.text
        connection.rollback()
    now = time.monotonic()
    monkeypatch.setattr("spleeter_nb.cache.disk.time.monotonic", lambda: now + 6)
    assert get(fresh, "a") == 1
    fresh.close()


@pytest.mark.parametrize("place", ["file", "file/inner", "nul\0l", "/proc/nothing"])
def test_place_that_is_no_folder_turns_the_level_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    (tmp_path / "file").touch()
    level = DiskLevel(tmp_path / place, MIB)
    assert level.writable_folder() is None
    assert level.read("a") is None
    assert level.clear() == 0
    assert level.verify() == (0, 0)
    level.sweep()
    level.discard("a")
    assert level.stats()["state"] == "off"
    with seal_value(None, "a", Value({"a": np.zeros(1)}, {})) as sealed:
        level.write("a", sealed, None)
    level.close()
    assert len(warnings(caplog)) == 1


def test_file_without_a_name_cannot_be_moved_into_place(level: DiskLevel, caplog: pytest.LogCaptureFixture) -> None:
    with seal_value(None, "a", Value({"a": np.zeros(1)}, {})) as sealed:
        level.write("a", sealed, None)
    assert level.read("a") is None
    assert len(warnings(caplog)) == 1


def test_orphans_are_swept_and_the_living_are_left_alone(level: DiskLevel) -> None:
    put(level, "a")
    folder = level.folder
    for orphan in (folder / VALUES / f"{'0' * 32}.val", folder / TEMPORARY / "dead.part", folder / VALUES / "strange"):
        orphan.write_bytes(b"dead")
    (folder / "claims").mkdir()
    (folder / "claims" / "dead.lock").touch()
    growing = EnvelopeWriter(folder, ["a"])
    growing.append("a", np.zeros(10))
    finished = seal_value(folder, "b", Value({"a": np.ones(1000, np.uint8)}, {"key": "b"}))
    level.sweep()
    assert len(files(level)) == 3
    assert not list((folder / "claims").iterdir())
    level.write("b", finished, None)
    level.sweep()
    finished.close()
    level.sweep()
    assert (get(level, "a"), get(level, "b")) == (1, 1)
    growing.seal("c", {}).close()
    level.sweep()
    assert len(files(level)) == 2


def test_orphans_that_stay_count(tmp_path: Path) -> None:
    level = DiskLevel(tmp_path, 4 * MIB)
    put(level, "a", MIB)
    file, path = locked_file(tmp_path / TEMPORARY)
    with file:
        file.write(bytes(2 * MIB))
        file.flush()
        (tmp_path / VALUES / "folder").mkdir()
        level.sweep()
        put(level, "b", 1_500_000)
        assert (get(level, "a"), get(level, "b")) == (None, 1)
    assert path.exists()
    level.close()


def test_values_of_many_writers_stay_below_the_limit_plus_one_each(tmp_path: Path) -> None:
    stop, most = threading.Event(), []

    def watch() -> None:
        while not stop.wait(0.002):
            with os.scandir(tmp_path / VALUES) as entries:
                most.append(sum(size_of(entry) for entry in entries))

    def write(seed: int) -> None:
        level, chance = DiskLevel(tmp_path, 2 * MIB), np.random.default_rng(seed)
        for _ in range(40):
            put(level, str(chance.integers(30)), int(chance.integers(200_000)), fill=seed)
        level.close()

    first = DiskLevel(tmp_path, 2 * MIB)
    put(first, "a")
    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    watcher = threading.Thread(target=watch)
    watcher.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    watcher.join()
    # A value is in place before its row makes room for it, and others may be about to be removed.
    assert max(most) <= 2 * MIB + 8 * 204_096
    first.sweep()
    stats = first.stats()
    assert sum(path.stat().st_size for path in (tmp_path / VALUES).iterdir()) <= stats["bytes"] <= 2 * MIB
    assert first.verify().damaged == 0
    first.close()


def size_of(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0

"""The ledger of finished songs: what it says is true, whatever happened to it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spleeter_nb.engine.ledger import LEDGER_NAME, Ledger

SOURCE = "51" * 32


def write(folder: Path, song: str, content: str = "sound") -> list[Path]:
    """Two stems."""
    (folder / song).mkdir(parents=True, exist_ok=True)
    paths = [folder / song / name for name in ("vocals.wav", "accompaniment.wav")]
    for path in paths:
        path.write_text(f"{content} of {path.name}")
    return paths


def record(folder: Path, song: str, key: str = "key", content: str = "sound") -> list[Path]:
    paths = write(folder, song, content)
    Ledger(folder).record(key, paths, source=SOURCE)
    return paths


def lines(folder: Path) -> list[str]:
    return [line for line in (folder / LEDGER_NAME).read_text().split("\n") if line]


# What is held


def test_what_is_recorded_is_held(tmp_path: Path) -> None:
    ledger, other = Ledger(tmp_path), Ledger(tmp_path)
    paths = write(tmp_path, "song")
    assert not ledger.holds("key", paths)
    assert not other.holds("key", paths)
    ledger.record("key", paths, source=SOURCE)
    for held in (ledger, other, Ledger(tmp_path)):
        assert held.holds("key", paths)
        assert held.holds("key", paths[:1])
        assert not held.holds("another key", paths)
        assert not held.holds("key", [*paths, tmp_path / "song" / "drums.wav"])
        assert not held.holds("key", write(tmp_path, "copy"))
        assert held.paths() == {path.resolve() for path in paths}


def test_a_line_for_each_song(tmp_path: Path) -> None:
    first, second = record(tmp_path, "a"), record(tmp_path, "b")
    entries = [json.loads(line) for line in lines(tmp_path)]
    assert [list(entry["files"]) for entry in entries] == [
        ["a/vocals.wav", "a/accompaniment.wav"],
        ["b/vocals.wav", "b/accompaniment.wav"],
    ]
    assert entries[0].keys() == {"version", "key", "source", "files"}
    assert entries[0]["source"] == SOURCE
    assert entries[0]["files"]["a/vocals.wav"]["size"] == first[0].stat().st_size
    assert Ledger(tmp_path).holds("key", first + second)


def test_a_folder_that_does_not_exist_holds_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(tmp_path / "out")
    assert not ledger.holds("key", [tmp_path / "out" / "a.wav"])
    assert ledger.paths() == set()
    assert not caplog.text
    assert not (tmp_path / "out").exists()


def test_two_songs_with_the_same_content_are_two(tmp_path: Path) -> None:
    first, second = record(tmp_path, "a"), record(tmp_path, "copy of a")
    assert Ledger(tmp_path).holds("key", first)
    assert Ledger(tmp_path).holds("key", second)


def test_the_last_job_owns_a_file(tmp_path: Path) -> None:
    record(tmp_path, "song", "old options")
    paths = record(tmp_path, "song", "new options")
    assert Ledger(tmp_path).holds("new options", paths)
    assert not Ledger(tmp_path).holds("old options", paths)


# What was changed


def test_files_that_were_changed(tmp_path: Path) -> None:
    paths = record(tmp_path, "song")
    ledger = Ledger(tmp_path)
    vocals = paths[0]
    content, status = vocals.read_bytes(), vocals.stat()
    vocals.write_bytes(content + b".")
    assert not ledger.holds("key", paths)
    vocals.write_bytes(content[::-1])
    os.utime(vocals, ns=(0, status.st_mtime_ns + 1))
    assert not ledger.holds("key", paths)
    vocals.write_bytes(content)
    os.utime(vocals, ns=(0, status.st_mtime_ns + 1))
    assert ledger.holds("key", paths)
    vocals.unlink()
    assert not ledger.holds("key", paths)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_files_that_are_files_no_more(tmp_path: Path, kind: str) -> None:
    paths = record(tmp_path, "song")
    moved = paths[0].rename(tmp_path / "moved.wav")
    {"link": lambda: paths[0].symlink_to(moved), "folder": paths[0].mkdir, "pipe": lambda: os.mkfifo(paths[0])}[kind]()
    ledger = Ledger(tmp_path)
    assert not ledger.holds("key", paths)
    ledger.record("new", paths, source=SOURCE)
    assert not ledger.holds("new", paths)


def test_a_folder_that_was_moved_or_copied(tmp_path: Path) -> None:
    record(tmp_path / "out", "song")
    copy = shutil.copytree(tmp_path / "out", tmp_path / "copy", copy_function=shutil.copyfile)
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    for folder in (copy, moved):
        assert Ledger(folder).holds("key", [folder / "song" / "vocals.wav", folder / "song" / "accompaniment.wav"])


def test_relative_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    Path("out").symlink_to("real")
    paths = record(Path("out"), "song")
    assert Ledger(Path("out")).holds("key", paths)
    assert Ledger(Path("out")).paths() == {path.resolve() for path in paths}


def test_stems_that_are_gone_before_they_are_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(tmp_path)
    ledger.record("key", [tmp_path / "gone.wav"], source=SOURCE)
    assert not (tmp_path / LEDGER_NAME).exists()
    assert not caplog.text
    paths = write(tmp_path, "song")
    ledger.record("key", paths, source=SOURCE)
    assert ledger.holds("key", paths)


# What happened to the ledger


def test_a_line_that_was_cut_anywhere(tmp_path: Path) -> None:
    first = record(tmp_path, "first")
    path = tmp_path / LEDGER_NAME
    start = path.stat().st_size
    second = record(tmp_path, "second")
    whole = path.read_bytes()
    third = write(tmp_path, "third")
    for end in range(start, len(whole) + 1):
        path.write_bytes(whole[:end])
        ledger = Ledger(tmp_path)
        assert ledger.holds("key", first)
        assert ledger.holds("key", second) == (end == len(whole))
        Ledger(tmp_path).record("key", third, source=SOURCE)
        assert ledger.holds("key", third)
        # Whole but for its line break, it is ended by the next.
        assert ledger.holds("key", second) == (end >= len(whole) - 1)


@settings(max_examples=60)
@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from([b"\n", b"{}", b"[" * 5000, b"null", b'{"version": 1}', b"\xff\xfe", b"\0" * 100])
        | st.integers(0, 9).map(lambda n: json.dumps({"version": n, "key": "key", "source": n, "files": {}}).encode()),
        max_size=6,
    )
)
def test_any_bytes_between_lines(garbage: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number, piece in enumerate(garbage):
            with (folder / LEDGER_NAME).open("ab") as file:
                file.write(piece)
            record(folder, str(number))
        ledger = Ledger(folder)
        for number in range(len(garbage)):
            assert ledger.holds("key", [folder / str(number) / "vocals.wav"])


def damaged(good: str, **changes: object) -> str:
    return json.dumps(json.loads(good) | changes)


def test_lines_that_mean_nothing_here(tmp_path: Path) -> None:
    paths = record(tmp_path, "song")
    (good,) = lines(tmp_path)
    files = json.loads(good)["files"]
    (place, file), *_ = files.items()
    deep: object = 0
    for _ in range(300):
        deep = [deep]
    bad = [
        damaged(good, version=2),
        damaged(good, version=None),
        damaged(good, key=5),
        damaged(good, key=deep),
        damaged(good, source=None),
        damaged(good, files=[place]),
        damaged(good, files={place: None}),
        damaged(good, files={place: {**file, "extra": 1}}),
        damaged(good, files={place: {**file, "size": "1"}}),
        damaged(good, files={place: {**file, "blake2b": deep}}),
        damaged(good, files={place: {"size": 1}}),
        good.replace(str(file["size"]), "9" * 5000),
        f'"{good}"',
        f"[{good}]",
    ]
    (tmp_path / LEDGER_NAME).write_text("\n".join(bad) + "\n")
    assert Ledger(tmp_path).paths() == set()
    assert not Ledger(tmp_path).holds("key", paths)
    with (tmp_path / LEDGER_NAME).open("a") as ledger:
        ledger.write(good + "\n")
    assert Ledger(tmp_path).holds("key", paths)


@pytest.mark.parametrize("place", ["../song.wav", "/etc/passwd", "a/../../song.wav", ".."])
def test_lines_that_lead_out_of_the_folder(tmp_path: Path, place: str) -> None:
    paths = record(tmp_path, "song")
    (good,) = lines(tmp_path)
    files = json.loads(good)["files"]
    hostile = damaged(good, files=files | {place: files["song/vocals.wav"]})
    (tmp_path / LEDGER_NAME).write_text(f"{hostile}\n")
    assert Ledger(tmp_path).paths() == set()
    assert not Ledger(tmp_path).holds("key", paths)


def test_a_ledger_that_was_removed_or_replaced_meanwhile(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = record(tmp_path, "first")
    second = record(tmp_path, "second")
    assert ledger.holds("key", first)
    path = tmp_path / LEDGER_NAME
    last = path.read_text().splitlines()[-1]
    path.write_text(f"{last}\n")
    assert not ledger.holds("key", first)
    assert ledger.holds("key", second)
    (tmp_path / "new").write_text("\n")
    (tmp_path / "new").replace(path)
    assert not ledger.holds("key", second)
    path.unlink()
    assert not ledger.holds("key", second)
    ledger.record("key", first, source=SOURCE)
    assert ledger.holds("key", first)


def test_names_of_all_kinds(tmp_path: Path) -> None:
    names = ["line\nbreak", "\udcff\udc80", '"quoted\\', "ä 日本", "\u202e", "-rf", "<script>", "é" * 100]
    ledger = Ledger(tmp_path)
    recorded = {}
    for name in names:
        recorded[name] = write(tmp_path, name)
        ledger.record(f"key of {name}", recorded[name], source=SOURCE)
    assert len(lines(tmp_path)) == len(names)
    for name, paths in recorded.items():
        assert Ledger(tmp_path).holds(f"key of {name}", paths)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0") | st.sampled_from("\udc80\udcff\n"), max_size=20)
    .filter(lambda name: name not in {"", ".", ".."})
    .filter(lambda name: len(os.fsencode(name)) < 200)
)
@settings(max_examples=50)
def test_any_name(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        paths = record(Path(place), name)
        assert Ledger(Path(place)).holds("key", paths)
        assert Ledger(Path(place)).paths() == {Path(os.path.realpath(path)) for path in paths}


# A ledger that cannot be read or written


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_file_is_left_alone(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    path, target = tmp_path / LEDGER_NAME, tmp_path / "target"
    target.write_text("not ours")
    {"folder": path.mkdir, "link": lambda: path.symlink_to(target), "pipe": lambda: os.mkfifo(path)}[kind]()
    ledger = Ledger(tmp_path)
    paths = write(tmp_path, "song")
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        for _ in range(3):
            ledger.record("key", paths, source=SOURCE)
            assert not ledger.holds("key", paths)
    assert len(caplog.records) == 1
    assert target.read_text() == "not ours"


def test_a_ledger_that_may_only_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = record(tmp_path, "song")
    script = """
import os, sys
from pathlib import Path
from spleeter_nb.engine.ledger import Ledger
folder = Path(sys.argv[1])
paths = [folder / "song" / name for name in ("vocals.wav", "accompaniment.wav")]
ledger = Ledger(folder)
for _ in range(3):
    ledger.record("new", paths, source="")
    print(ledger.holds("key", paths), ledger.holds("new", paths))
"""
    unshared = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    mount = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path}"
    if not shutil.which("unshare") or subprocess.run([*unshared, mount], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let us mount")
    command = [*unshared, f'{mount} && "$0" -c "$1" "$2"', sys.executable, script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n" * 3
    assert done.stderr.count("cannot be written") == 1
    assert len(done.stderr.splitlines()) == 1
    assert not caplog.text
    assert Ledger(tmp_path).holds("key", paths)


def test_no_room_for_a_line(tmp_path: Path) -> None:
    first, second = record(tmp_path, "first"), write(tmp_path, "second")
    limit = (tmp_path / LEDGER_NAME).stat().st_size + 40
    script = """
import resource, sys
from pathlib import Path
from spleeter_nb.engine.ledger import Ledger
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
ledger = Ledger(folder)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
for _ in range(3):
    ledger.record("key", [folder / "second" / "vocals.wav", folder / "second" / "accompaniment.wav"], source="")
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
print(ledger.holds("key", [folder / "first" / "vocals.wav"]), ledger.holds("key", [folder / "second" / "vocals.wav"]))
"""
    command = [sys.executable, "-c", script, str(tmp_path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"
    assert len(done.stderr.splitlines()) == 1
    ledger = Ledger(tmp_path)
    ledger.record("key", second, source=SOURCE)
    assert ledger.holds("key", first + second)


def test_a_ledger_of_a_terabyte(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = record(tmp_path, "song")
    os.truncate(tmp_path / LEDGER_NAME, 1 << 40)
    began = time.monotonic()
    ledger = Ledger(tmp_path)
    assert not ledger.holds("key", paths)
    assert not ledger.holds("key", paths)
    assert time.monotonic() - began < 1
    assert len(caplog.records) == 1
    assert "1,099,511,627,776 bytes" in caplog.text


def test_a_line_without_an_end(tmp_path: Path) -> None:
    with (tmp_path / LEDGER_NAME).open("wb") as file:
        file.write(b"x" * (5 << 20))
    paths = record(tmp_path, "song")
    assert Ledger(tmp_path).holds("key", paths)


# Made shorter


def test_a_ledger_of_superseded_lines_becomes_short(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    kept = record(tmp_path, "kept")
    (tmp_path / LEDGER_NAME).chmod(0o640)
    paths = write(tmp_path, "again")
    for number in range(150):
        ledger.record(f"key {number}", paths, source=SOURCE)
    assert len(lines(tmp_path)) == 151
    abandoned = tmp_path / f"{LEDGER_NAME}.00.part"
    fresh = tmp_path / f"{LEDGER_NAME}.01.part"
    abandoned.touch()
    fresh.touch()
    os.utime(abandoned, (0, 0))
    for held in (Ledger(tmp_path), ledger, Ledger(tmp_path)):
        assert held.holds("key 149", paths)
        assert held.holds("key", kept)
        assert len(lines(tmp_path)) == 2
    assert (tmp_path / LEDGER_NAME).stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {LEDGER_NAME, fresh.name, "kept", "again"}


def test_a_job_that_took_over_one_file_of_another(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    paths = write(tmp_path, "song")
    ledger.record("both", paths, source=SOURCE)
    for _ in range(150):
        ledger.record("vocals", paths[:1], source=SOURCE)
    for _ in range(2):
        short = Ledger(tmp_path)
        assert short.holds("vocals", paths[:1])
        assert short.holds("both", paths[1:])
        assert not short.holds("both", paths)
    assert len(lines(tmp_path)) == 2


def test_a_ledger_that_cannot_be_made_shorter_is_still_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(tmp_path)
    paths = write(tmp_path, "song")
    for number in range(150):
        ledger.record(f"key {number}", paths, source=SOURCE)
    # What cannot be unlinked stands where something abandoned is to be swept.
    stuck = tmp_path / f"{LEDGER_NAME}.00.part"
    stuck.mkdir()
    os.utime(stuck, (0, 0))
    assert Ledger(tmp_path).holds("key 149", paths)
    assert len(lines(tmp_path)) == 150
    assert not caplog.text

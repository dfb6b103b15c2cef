from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
import tarfile
import threading
import tracemalloc
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import ModelCorruptError, SeparationCancelledError, StorageError
from spleeter_nb.models.files import read_record
from spleeter_nb.models.watch import Watch
from tests.models.archives import (
    GOOD,
    escaped,
    hostile_archives,
    make_tar,
    make_zip,
    tar_member,
    tree,
    unpack,
    untar,
    unzip,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_only_the_members_asked_for_are_written(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    if kind == "tar":
        folder = tar_member("./", b"", type=tarfile.DIRTYPE)
        records = untar(make_tar(folder, tar_member("._checkpoint"), tar_member(".probe")), target)
    else:
        folder = zipfile.ZipInfo("a/c/")
        records = unzip(make_zip((folder, b""), (zipfile.ZipInfo("a/b/.probe"), b"OK")), target)
    assert tree(tmp_path) == {"target", *(f"target/{name}" for name in GOOD)}
    assert {name: (target / name).read_bytes() for name in GOOD} == GOOD
    assert records == {name: read_record(target / name) for name in GOOD}


HOSTILE = dict(hostile_archives(0, 60))


@pytest.mark.parametrize(("label", "archive"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_a_hostile_archive_is_refused_whole(tmp_path: Path, label: str, archive: bytes) -> None:
    target = tmp_path / "in" / "target"
    target.parent.mkdir()
    with pytest.raises(ModelCorruptError) as caught:
        unpack(archive, target)
    assert escaped(target, folder=tmp_path) == set()
    if "bomb" in label:
        assert "more than is allowed" in str(caught.value)
    if "encrypted" in label:
        assert "encoded oddly" in str(caught.value)


def test_hostile_archives_are_the_same_for_the_same_seed() -> None:
    first, second, other = (list(dict(hostile_archives(seed, 60))) for seed in (0, 0, 1))
    assert first == second != other
    assert len(first) >= 55


def test_a_header_that_claims_a_huge_size_allocates_nothing(tmp_path: Path) -> None:
    tracemalloc.start()
    with pytest.raises(ModelCorruptError):
        unpack(HOSTILE["tar: 8 GiB declared"], tmp_path / "target")
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


@pytest.mark.parametrize("missing", list(GOOD))
def test_a_missing_member_is_named(tmp_path: Path, missing: str) -> None:
    good = {name: data for name, data in GOOD.items() if name != missing}
    with pytest.raises(ModelCorruptError, match=f"lacks {missing}") as caught:
        untar(make_tar(good=good), tmp_path / "target")
    assert caught.value.context["missing"] == [missing]


@pytest.mark.parametrize("unpack", [untar, unzip])
def test_no_archive_at_all_is_damage(tmp_path: Path, unpack: Callable[[bytes, Path], object]) -> None:
    for number, junk in enumerate((b"", b"<html>", b"PK\x03\x04" + bytes(100), gzip.compress(b"text" * 500))):
        with pytest.raises(ModelCorruptError):
            unpack(junk, tmp_path / str(number))


def test_cuts_and_flips_give_damage_or_the_right_files(tmp_path: Path) -> None:
    dice = random.Random(1)  # noqa: S311 - test data
    archives: list[tuple[Callable[[bytes, Path], object], bytes]] = [(untar, make_tar()), (unzip, make_zip())]
    for number in range(200):
        unpack, archive = archives[number % 2]
        data = bytearray(archive)
        if number % 4 < 2:
            del data[dice.randrange(len(data)) :]
        else:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        target = tmp_path / str(number)
        try:
            unpack(bytes(data), target)
        except ModelCorruptError:
            continue
        assert {path.name for path in target.iterdir()} == set(GOOD)


def test_a_flipped_bit_of_content_is_found_by_the_stream_s_own_sum(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in GOOD.items():
            file.writestr(f"a/b/{name}", data)
    archive = buffer.getvalue().replace(b"datadatadata", b"datadatadatb", 1)
    assert zlib.crc32(archive) != zlib.crc32(buffer.getvalue())
    with pytest.raises(ModelCorruptError, match="CRC"):
        unzip(archive, tmp_path / "target")


def test_unpacking_can_be_stopped(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(SeparationCancelledError):
        untar(make_tar(), tmp_path / "target", watch=Watch(cancel=cancel))


def test_a_target_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "checkpoint").mkdir(parents=True)
    with pytest.raises(StorageError, match="checkpoint' cannot be written"):
        untar(make_tar(), target)


LIMITED = """
import resource, sys
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
from pathlib import Path
from spleeter_nb.exceptions import DiskFullError, StorageError
from spleeter_nb.models.archive import Extraction, unpack_tar
from spleeter_nb.models.watch import Watch
names = ["checkpoint", "model.index", "model.data"]
extraction = Extraction({name: name for name in names}, Path(sys.argv[2]), 10**6)
try:
    unpack_tar(open(sys.argv[1], "rb"), extraction, Watch())
except StorageError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    sys.exit("DISK" if isinstance(error, DiskFullError) else "STORAGE")
"""


def test_a_file_too_large_for_the_system_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(make_tar())
    (tmp_path / "target").mkdir()
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "archive"), str(tmp_path / "target")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "STORAGE"

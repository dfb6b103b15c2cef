from __future__ import annotations

import gzip
import io
import random
import re
import subprocess
import sys
import tarfile
import threading
import time
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
    LIMIT,
    declaring,
    escaped,
    hostile_archives,
    make_tar,
    make_zip,
    tar_member,
    tree,
    unpack,
    untar,
    unzip,
    zip_member,
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
        assert re.search(r"10,000,000 bytes, [\d,]+ are allowed", str(caught.value))
    if "header b" in label or "headers of" in label:
        assert "damaged" in str(caught.value)
    if "encrypted" in label:
        assert "encoded oddly" in str(caught.value)


def test_hostile_archives_are_the_same_for_the_same_seed() -> None:
    first, second, other = (list(dict(hostile_archives(seed, 60))) for seed in (0, 0, 1))
    assert first == second != other
    assert len(first) >= 55


@pytest.mark.parametrize("label", [label for label in HOSTILE if "declared" in label or "header" in label])
def test_what_a_header_claims_is_neither_allocated_nor_read(tmp_path: Path, label: str) -> None:
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(ModelCorruptError):
        unpack(HOSTILE[label], tmp_path / "target")
    assert time.monotonic() - began < 1
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


@pytest.mark.parametrize("size", [-1, 2**31 - 1, 2**40 - 1, 2**63 - 1])
@pytest.mark.parametrize("name", ["extra", "model.data"])
def test_a_member_that_claims_too_much_is_refused_at_once(tmp_path: Path, name: str, size: int) -> None:
    with pytest.raises(ModelCorruptError, match="100,000 are allowed") as caught:
        untar(declaring(size, name=name), tmp_path / "target")
    assert caught.value.context == {"member": name, "size": size, "allowed": LIMIT}
    assert tree(tmp_path) == {"target"}


def test_the_limit_is_for_all_members_wanted_or_not(tmp_path: Path) -> None:
    limit = sum(map(len, GOOD.values())) + 50_000
    untar(make_tar(tar_member("extra", bytes(50_000))), tmp_path / "tar", limit=limit)
    unzip(make_zip(zip_member("extra", data=bytes(50_000))), tmp_path / "zip", limit=limit)
    with pytest.raises(ModelCorruptError, match="50,001 bytes, 50,000 are allowed"):
        untar(make_tar(tar_member("extra", bytes(50_001))), tmp_path / "tar", limit=limit)
    with pytest.raises(ModelCorruptError, match="50,001 bytes, 50,000 are allowed"):
        unzip(make_zip(zip_member("extra", data=bytes(50_001))), tmp_path / "zip", limit=limit)


def test_an_archive_of_several_gzip_parts_is_read_to_its_end_and_no_further(tmp_path: Path) -> None:
    tar = gzip.decompress(make_tar()).rstrip(b"\0")
    parts = gzip.compress(tar[:30_000]) + gzip.compress(b"") + gzip.compress(tar[30_000:])
    with pytest.raises(ModelCorruptError, match="ends in the middle"):
        untar(parts, tmp_path / "cut")
    untar(parts + gzip.compress(bytes(2000)), tmp_path / "whole")
    assert {name: (tmp_path / "whole" / name).read_bytes() for name in GOOD} == GOOD


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


class Stopping(io.BytesIO):
    """An archive whose reader is told to stop half-way."""

    def __init__(self, archive: bytes) -> None:
        super().__init__(archive)
        self.half = len(archive) // 2
        self.cancel = threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > self.half:
            self.cancel.set()
        return super().read(size)


@pytest.mark.parametrize("what", ["wanted", "unwanted", "empty parts"])
def test_unpacking_can_be_stopped_half_way(tmp_path: Path, what: str) -> None:
    noise = random.Random(2).randbytes(3_000_000)  # noqa: S311 - test data
    if what == "empty parts":
        archive = Stopping(gzip.compress(b"") * 100_000)
    else:
        archive = Stopping(make_tar(tar_member("model.data" if what == "wanted" else "extra", noise), good={}))
    with pytest.raises(SeparationCancelledError):
        untar(archive, tmp_path / "target", limit=10_000_000, watch=Watch(cancel=archive.cancel))
    assert archive.tell() < archive.half + (1 << 19)


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

from __future__ import annotations

import gzip
import io
import random
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import ModelCorruptError, SeparationCancelledError, StorageError
from spleeter_nb.models.archive import Extraction, unpack_tar, unpack_zip
from spleeter_nb.models.files import read_record
from spleeter_nb.models.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {"checkpoint": b"latest", "model.index": b"index" * 100, "model.data": b"data" * 10_000}
LIMIT = 100_000
OUTSIDE = Path(tempfile.gettempdir(), "spleeter_nb_escaped")
"""Where attacks would like to write."""


def tar_member(name: str, data: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def make_tar(*extra: tuple[tarfile.TarInfo, bytes], good: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for name, data in (GOOD if good is None else good).items():
            tar.addfile(tar_member(f"./{name}", data)[0], io.BytesIO(data))
        for info, data in extra:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def make_zip(*extra: tuple[zipfile.ZipInfo, bytes], prefix: str = "a/b/") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in GOOD.items():
            file.writestr(prefix + name, data)
        for info, data in extra:
            file.writestr(info, data)
    return buffer.getvalue()


def untar(archive: bytes, target: Path, *, limit: int = LIMIT, watch: Watch | None = None) -> dict[str, object]:
    target.mkdir(exist_ok=True)
    extraction = Extraction({name: name for name in GOOD}, target, limit)
    return dict(unpack_tar(io.BytesIO(archive), extraction, watch or Watch()))


def unzip(archive: bytes, target: Path, *, limit: int = LIMIT) -> dict[str, object]:
    target.mkdir(exist_ok=True)
    extraction = Extraction({f"a/b/{name}": name for name in GOOD}, target, limit)
    return dict(unpack_zip(io.BytesIO(archive), extraction, Watch()))


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


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


def device(name: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return tar_member(name, b"", type=kind)


HOSTILE_TARS = {
    "parent": tar_member("../escaped"),
    "parent inside": tar_member("a/../../escaped"),
    "parent of a wanted name": tar_member("a/../model.index"),
    "absolute": tar_member(str(OUTSIDE)),
    "double slash": tar_member("//escaped"),
    "backslash": tar_member("..\\escaped"),
    "drive": tar_member("C:escaped"),
    "symlink": tar_member("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "symlink in place": tar_member("model.index", b"", type=tarfile.SYMTYPE, linkname="../../escaped"),
    "hard link": tar_member("link", b"", type=tarfile.LNKTYPE, linkname="model.index"),
    "hard link out": tar_member("link", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    "character device": device("null", tarfile.CHRTYPE),
    "block device": device("disk", tarfile.BLKTYPE),
    "pipe": device("pipe", tarfile.FIFOTYPE),
    "sparse": tar_member("sparse", b"", type=tarfile.GNUTYPE_SPARSE),
    "contiguous with parent": tar_member("../escaped", type=tarfile.CONTTYPE),
    "folder outside": tar_member("../folder", b"", type=tarfile.DIRTYPE),
    "duplicate": tar_member("model.index", b"other"),
    "duplicate with dot": tar_member("./model.index", b"other"),
    "duplicate of an extra": tar_member("././checkpoint"),
    "long name with parent": tar_member("a/" * 200 + "../" * 300 + "escaped"),
    "pax path with parent": tar_member("innocent", pax_headers={"path": "../escaped"}),
}


@pytest.mark.parametrize("attack", HOSTILE_TARS.values(), ids=HOSTILE_TARS.keys())
def test_a_hostile_tar_is_refused_whole(tmp_path: Path, attack: tuple[tarfile.TarInfo, bytes]) -> None:
    target = tmp_path / "in" / "target"
    target.mkdir(parents=True)
    with pytest.raises(ModelCorruptError):
        untar(make_tar(attack), target)
    assert tree(tmp_path) <= {"in", "in/target", *(f"in/target/{name}" for name in GOOD)}
    assert not any(path.is_symlink() for path in target.iterdir())
    assert not OUTSIDE.exists()


def zip_member(name: str, mode: int = 0, flags: int = 0) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.flag_bits = flags
    return info, b"x"


HOSTILE_ZIPS = {
    "parent": zip_member("../escaped"),
    "absolute": zip_member(str(OUTSIDE)),
    "backslash": zip_member("a\\..\\escaped"),
    "drive": zip_member("C:/escaped"),
    "symlink": zip_member("link", stat.S_IFLNK | 0o777),
    "device": zip_member("device", stat.S_IFCHR | 0o666),
    "pipe": zip_member("pipe", stat.S_IFIFO | 0o666),
    "file that calls itself a folder": zip_member("a/c", stat.S_IFDIR | 0o777),
    "duplicate": zip_member("./a/b/model.index"),
}


@pytest.mark.parametrize("attack", HOSTILE_ZIPS.values(), ids=HOSTILE_ZIPS.keys())
def test_a_hostile_zip_is_refused_whole(tmp_path: Path, attack: tuple[zipfile.ZipInfo, bytes]) -> None:
    target = tmp_path / "target"
    with pytest.raises(ModelCorruptError):
        unzip(make_zip(attack), target)
    assert tree(tmp_path) <= {"target", *(f"target/{name}" for name in GOOD)}


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(make_zip())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 8] |= 1
    with pytest.raises(ModelCorruptError, match="encoded oddly"):
        unzip(bytes(data), tmp_path / "target")


@pytest.mark.parametrize("name", ["model.data", "something_else"])
def test_a_bomb_is_stopped_by_the_bytes_that_it_produces(tmp_path: Path, name: str) -> None:
    bomb = tar_member(name, bytes(50_000_000))
    good = {key: data for key, data in GOOD.items() if key != name}
    with pytest.raises(ModelCorruptError, match="more than is allowed"):
        untar(make_tar(bomb, good=good), tmp_path / "target")
    assert sum(path.stat().st_size for path in (tmp_path / "target").iterdir()) <= LIMIT


def test_a_zip_bomb_is_stopped_too(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/b/model.data", bytes(50_000_000))
    with pytest.raises(ModelCorruptError, match="more than is allowed"):
        unzip(buffer.getvalue(), tmp_path / "target")
    assert sum(path.stat().st_size for path in (tmp_path / "target").iterdir()) <= LIMIT


def test_a_header_that_claims_a_huge_size_allocates_nothing(tmp_path: Path) -> None:
    info = tar_member("model.data", b"")[0]
    info.size = 8 << 30
    archive = gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"a few bytes")
    with pytest.raises(ModelCorruptError):
        untar(archive, tmp_path / "target")


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

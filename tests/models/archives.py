"""Archives that want to do harm, any number of them; for tests and for measuring."""

from __future__ import annotations

import gzip
import io
import random
import stat
import tarfile
import tempfile
import zipfile
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from spleeter_nb.models.archive import Extraction, unpack_tar, unpack_zip
from spleeter_nb.models.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    TarMember = tuple[tarfile.TarInfo, bytes]
    ZipMember = tuple[zipfile.ZipInfo, bytes]

GOOD = {"checkpoint": b"latest", "model.index": b"index" * 100, "model.data": b"data" * 10_000}
LIMIT = 100_000
PREFIX = "a/b/"
"""The folder of the good files in a zip archive."""
OUTSIDE = Path(tempfile.gettempdir(), "spleeter_nb_escaped")
"""Where attacks would like to write."""
_GZIP = b"\x1f\x8b"


def tar_member(name: str, data: bytes = b"x", **fields: object) -> TarMember:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def zip_member(name: str, mode: int = 0, data: bytes = b"x") -> ZipMember:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info, data


def make_tar(*extra: TarMember, good: dict[str, bytes] | None = None, before: int | None = None) -> bytes:
    """Pack the good files and the `extra` ones, which come in front of the good one number `before`."""
    members = [tar_member(f"./{name}", data) for name, data in (GOOD if good is None else good).items()]
    members[before or len(members) : before or len(members)] = extra
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def make_zip(*extra: ZipMember) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in GOOD.items():
            file.writestr(PREFIX + name, data)
        for info, data in extra:
            file.writestr(info, data, info.compress_type or zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def untar(
    archive: bytes | IO[bytes], target: Path, *, limit: int = LIMIT, watch: Watch | None = None
) -> dict[str, object]:
    target.mkdir(exist_ok=True)
    extraction = Extraction({name: name for name in GOOD}, target, limit)
    file = io.BytesIO(archive) if isinstance(archive, bytes) else archive
    return dict(unpack_tar(file, extraction, watch or Watch()))


def unzip(archive: bytes, target: Path, *, limit: int = LIMIT) -> dict[str, object]:
    target.mkdir(exist_ok=True)
    extraction = Extraction({PREFIX + name: name for name in GOOD}, target, limit)
    return dict(unpack_zip(io.BytesIO(archive), extraction, Watch()))


def unpack(archive: bytes, target: Path) -> dict[str, object]:
    """Unpack a tar or a zip archive as an installation does; `target` is made."""
    return (untar if archive.startswith(_GZIP) else unzip)(archive, target)


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def escaped(target: Path, *, folder: Path) -> set[str]:
    """Say what unpacking into `target` left where or as it should not, in the otherwise empty `folder`."""
    allowed = {target, *target.parents, *(target / name for name in GOOD)}
    found = [path for path in folder.rglob("*") if path not in allowed or path.is_symlink()]
    if target.is_dir() and sum(path.stat().st_size for path in target.iterdir()) > LIMIT:
        found.append(target)
    if OUTSIDE.exists() or OUTSIDE.is_symlink():
        found.append(OUTSIDE)
    return {str(path) for path in found}


TARS = {
    "parent": tar_member("../escaped"),
    "parent inside": tar_member("a/../../escaped"),
    "parent of a wanted name": tar_member("a/../model.index"),
    "absolute": tar_member(str(OUTSIDE)),
    "double slash": tar_member("//escaped"),
    "backslash": tar_member("..\\escaped"),
    "drive": tar_member("C:escaped"),
    "symlink": tar_member("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "symlink in place": tar_member("model.index", b"", type=tarfile.SYMTYPE, linkname="../../escaped"),
    "symlink to a folder": tar_member("a", b"", type=tarfile.SYMTYPE, linkname=".."),
    "hard link": tar_member("link", b"", type=tarfile.LNKTYPE, linkname="model.index"),
    "hard link out": tar_member("link", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    "character device": tar_member("null", b"", type=tarfile.CHRTYPE),
    "block device": tar_member("disk", b"", type=tarfile.BLKTYPE),
    "pipe": tar_member("pipe", b"", type=tarfile.FIFOTYPE),
    "pipe in place": tar_member("model.data", b"", type=tarfile.FIFOTYPE),
    "sparse": tar_member("sparse", b"", type=tarfile.GNUTYPE_SPARSE),
    "contiguous with parent": tar_member("../escaped", type=tarfile.CONTTYPE),
    "folder outside": tar_member("../folder", b"", type=tarfile.DIRTYPE),
    "duplicate": tar_member("model.index", b"other"),
    "duplicate with dot": tar_member("./model.index", b"other"),
    "duplicate of an extra": tar_member("././checkpoint"),
    "long name with parent": tar_member("a/" * 200 + "../" * 300 + "escaped"),
    "pax path with parent": tar_member("innocent", pax_headers={"path": "../escaped"}),
    "size in a header of its own": tar_member("extra", pax_headers={"size": str(2**63 - 1)}),
    "negative size in a header of its own": tar_member("extra", pax_headers={"size": "-512"}),
    "bomb": tar_member("something_else", bytes(10_000_000)),
}
ZIPS = {
    "parent": zip_member("../escaped"),
    "absolute": zip_member(str(OUTSIDE)),
    "backslash": zip_member("a\\..\\escaped"),
    "drive": zip_member("C:/escaped"),
    "symlink": zip_member("link", stat.S_IFLNK | 0o777),
    "symlink in place": zip_member(f"{PREFIX}./model.index", stat.S_IFLNK | 0o777, b"../../escaped"),
    "device": zip_member("device", stat.S_IFCHR | 0o666),
    "pipe": zip_member("pipe", stat.S_IFIFO | 0o666),
    "file that calls itself a folder": zip_member("a/c", stat.S_IFDIR | 0o777),
    "duplicate": zip_member("./a/b/model.index"),
}


def hostile_archives(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Make archives that have to be refused: every known attack once, then random ones without end.

    Yields
    ------
    str
        What the attack is.
    bytes
        The archive, a gzipped tar or a zip.
    """
    return islice(_hostile_archives(random.Random(seed)), count)  # noqa: S311 - test data


def _hostile_archives(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    yield from ((f"tar: {label}", make_tar(member, before=dice.randint(1, 3))) for label, member in TARS.items())
    yield from ((f"zip: {label}", make_zip(member)) for label, member in ZIPS.items())
    yield "tar: bomb in place", make_tar(tar_member("model.data", bytes(10_000_000)), good={"checkpoint": b""})
    yield "zip: bomb in place", _zip_bomb()
    yield "zip: encrypted", _patched(make_zip(), 8, b"\1")
    yield "zip: 2 GiB declared", _patched(make_zip(), 24, b"\xff\xff\xff\x7f")
    yield "zip: rarely packed", make_zip(_packed(zipfile.ZIP_LZMA))
    yield "tar: 8 GiB declared", declaring(8 << 30, name="model.data")
    yield "tar: minus 512 bytes declared", declaring(-512)
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        yield f"tar: endless header {kind!r}", declaring(2**63 - 1, type=kind)
        yield f"tar: large header {kind!r}", _large_header(kind)
    yield "tar: headers of headers", _headers_of_headers()
    while True:
        yield _random_attack(dice)


def _zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{PREFIX}model.data", bytes(10_000_000))
    return buffer.getvalue()


def _packed(method: int) -> ZipMember:
    info, data = zip_member("extra")
    info.compress_type = method
    return info, data


def _patched(archive: bytes, offset: int, patch: bytes) -> bytes:
    """Change what the archive says of its last member, at `offset` in the entry of the directory."""
    data = bytearray(archive)
    start = data.rindex(b"PK\x01\x02") + offset
    data[start : start + len(patch)] = patch
    return bytes(data)


def declaring(size: int, *, name: str = "extra", **fields: object) -> bytes:
    """Make an archive of one member that is said to have `size` bytes."""
    info, data = tar_member(name, b"a few bytes", **fields)
    info.size = size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + data)


def _large_header(kind: bytes) -> bytes:
    info, data = tar_member("header", b"1" * 10_000_384, type=kind)
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(1024))


def _headers_of_headers() -> bytes:
    info, _ = tar_member("header", b"", type=tarfile.GNUTYPE_LONGNAME)
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) * 450)


def _random_attack(dice: random.Random) -> tuple[str, bytes]:
    name = _random_escape(dice)
    kind = dice.choice(("tar", "zip", "link", "device", "duplicate"))
    before = dice.randint(1, 3)
    if kind == "zip":
        return f"zip: {name!r}", make_zip(zip_member(name))
    if kind == "link":
        inside = dice.choice((*GOOD, "a/link"))
        link = dice.choice((tarfile.SYMTYPE, tarfile.LNKTYPE))
        return f"tar: {inside} links to {name!r}", make_tar(
            tar_member(inside, b"", type=link, linkname=name), before=before
        )
    if kind == "device":
        device = dice.choice((tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE))
        return f"tar: device {device!r}", make_tar(
            tar_member(f"a/{dice.random()}", b"", type=device, devmajor=1, devminor=dice.randrange(9)), before=before
        )
    if kind == "duplicate":
        again = "./" * dice.randint(0, 9) + dice.choice(tuple(GOOD))
        return f"tar: {again} again", make_tar(tar_member(again, dice.randbytes(9)), before=before)
    return f"tar: {name!r}", make_tar(tar_member(name), before=before)


def _random_escape(dice: random.Random) -> str:
    """Return a path that leads out, or would on another system."""
    parts = dice.choices(("..", ".", "a", "", "model.index", "…"), k=dice.randint(1, 9))
    parts.insert(dice.randint(0, len(parts)), "..")
    root = dice.choice(("", "", "/", "//", "C:", "\\\\host\\"))
    return root + dice.choice(("/", "/", "\\")).join([*parts, "escaped"])

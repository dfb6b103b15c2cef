"""Archives that want to write, link or grow beyond their folder, or to keep their reader busy for ever."""

from __future__ import annotations

import gzip
import itertools
import signal
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import SpleeterError
from tests.faults.figure import Figure
from tests.models.archives import OUTSIDE, declaring, escaped, hostile_archives, make_tar, tar_member, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.models.archives import TarMember

N, QUICK = 2000, 60
PATIENCE = 5.0
"""Seconds after which an archive has brought its reader to a stop."""
CANARY = b"nobody touches me"


class HangError(Exception):
    """An archive takes too long."""


def measure(n: int, seed: int, folder: Path) -> tuple[Figure, ...]:
    escapes, hangs, number = [], [], 0
    for number, (label, archive) in enumerate(itertools.chain(in_steps(), hostile_archives(seed, n)), 1):
        around = folder / str(number)
        target, canary = around / "in" / "target", around / "canary"
        target.parent.mkdir(parents=True)
        canary.write_bytes(CANARY)
        try:
            with _patience():
                unpack(archive, target)
        except SpleeterError:
            pass
        except HangError:
            hangs.append(label)
        if escaped(target, folder=around / "in") or canary.read_bytes() != CANARY or len(list(around.iterdir())) > 2:
            escapes.append(label)
    return (
        Figure("hostile archives: escapes", 0, len(escapes), number, note=", ".join(escapes), anchor="pooch 3 of 11"),
        Figure(f"hostile archives: not done in {PATIENCE:g} s", 0, len(hangs), number, note=", ".join(hangs)),
    )


def in_steps() -> Iterator[tuple[str, bytes]]:
    """Make archives whose members work together, or say of themselves what cannot be."""
    deep = [_link("a", "."), _link("a/b", ".."), tar_member("a/b/escaped")]
    attacks: dict[str, list[TarMember]] = {
        "a link up, and a file below it": [_link("up", "../.."), tar_member("up/canary")],
        "a link to elsewhere, and a file below it": [
            _link("up", str(OUTSIDE.parent)),
            tar_member(f"up/{OUTSIDE.name}"),
        ],
        "links that lead up together": deep,
        "a link to a file, and the file": [_link("canary", "../../canary"), tar_member("canary")],
        "a wanted file that is a link, and the file": [_link("model.index", "../../canary"), tar_member("model.index")],
        "a second name of a file, and the file": [
            tar_member("canary", b"", type=tarfile.LNKTYPE, linkname="../../canary"),
            tar_member("canary"),
        ],
        "a link whose aim is in a header of its own": [_link("up", "x", pax_headers={"linkpath": "../../canary"})],
        "a folder above": [tar_member("..", b"", type=tarfile.DIRTYPE), tar_member("../escaped")],
        "a file that never ends": [_link("model.data", "/dev/zero")],
        "ten thousand folders": [tar_member(f"many/{n}", b"", type=tarfile.DIRTYPE) for n in range(10_000)],
    }
    yield from ((f"tar: {label}", make_tar(*members)) for label, members in attacks.items())
    yield "tar: a hundred thousand empty parts", gzip.compress(b"") * 100_000
    yield from ((f"tar: {2**bits - 1:,} bytes declared", declaring(2**bits - 1)) for bits in (31, 40, 63))


def _link(name: str, aim: str, **fields: object) -> TarMember:
    return tar_member(name, b"", type=tarfile.SYMTYPE, linkname=aim, **fields)


@contextmanager
def _patience() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

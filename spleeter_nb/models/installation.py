"""Installing a model: the first source that has it, the staging folder, the manifest, publishing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ModelCorruptError, ModelDownloadError, ModelNotFoundError
from spleeter_nb.models.catalog import MEMBERS
from spleeter_nb.models.installed import MANIFEST, new_manifest, verify_published, write_manifest
from spleeter_nb.models.sources import list_sources
from spleeter_nb.models.staging import FILES, model_lock, publish, staging_folder
from spleeter_nb.storage import storing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spleeter_nb.exceptions import ModelError
    from spleeter_nb.models.catalog import Weights
    from spleeter_nb.models.download import Patience
    from spleeter_nb.models.sources import Release, Source
    from spleeter_nb.models.watch import Watch


@dataclass(frozen=True, slots=True)
class Installer:
    """The way of models into a folder."""

    models_dir: Path
    release: Release
    """Where archives are released."""
    online: bool
    """Whether downloads are allowed."""
    patience: Patience

    def install(self, weights: Weights, watch: Watch, problem: ModelError | None) -> None:
        """Publish `weights` from the first source that has them.

        Parameters
        ----------
        weights : Weights
            What to install.
        watch : Watch
            Told each step; may stop it.
        problem : ModelError or None
            What is wrong with the model that should be here; None fetches it even where nothing is.

        Raises
        ------
        ModelChecksumError, ModelCorruptError
            No source gave the model, and what is here or what a source sent is not the right one.
        ModelNotFoundError
            No source gave the model.
        DiskFullError
            There is too little room; nothing is left behind.
        StorageError
            It cannot be stored.
        SeparationCancelledError
            The watch stopped it; what came so far is kept for the next try.
        """
        sources = tuple(
            list_sources(weights, self.models_dir, self.release, online=self.online, patience=self.patience)
        )
        if all(source.unavailable for source in sources):
            raise self._failure(weights, {source.name: source.unavailable for source in sources}, problem)
        with model_lock(self.models_dir, weights.folder, watch):
            if problem is not None and _is_intact(self.models_dir / weights.folder, weights):
                watch.finish(f"{weights.folder} was installed by somebody else.")
                return
            with staging_folder(self.models_dir, weights.folder) as staging:
                tried = self._try_sources(sources, weights, staging, watch)
                if tried is not None:
                    raise self._failure(weights, tried, problem)

    def _try_sources(
        self, sources: tuple[Source, ...], weights: Weights, staging: Path, watch: Watch
    ) -> dict[str, str | ModelError] | None:
        """Publish from the first source that works; return why each one did not when none does."""
        tried: dict[str, str | ModelError] = {source.name: source.unavailable for source in sources}
        last = ""
        for source in sources:
            if source.unavailable:
                continue
            watch.check()
            watch.note(f"{last}Trying {source.name} for {weights.folder}.")
            try:
                records = source.fetch(weights, staging, watch)
            except (ModelDownloadError, ModelCorruptError) as error:
                tried[source.name] = error
                last = f"{source.name}: {error} "
                continue
            manifest = new_manifest(weights.folder, source.name, source.version, files=records)
            with storing(staging):
                write_manifest(manifest, staging / FILES)
            publish(staging / FILES, self.models_dir / weights.folder, (*MEMBERS, MANIFEST))
            watch.finish(f"{weights.folder} is installed in {self.models_dir / weights.folder}.")
            return None
        return tried

    def _failure(
        self, weights: Weights, tried: Mapping[str, str | ModelError], problem: ModelError | None
    ) -> ModelError:
        folder = self.models_dir / weights.folder
        listing = "".join(f"\n- {source}: {reason}" for source, reason in tried.items())
        msg = (
            f"{problem or 'The model could not be fetched anew.'} The sources:{listing}\n"
            f"To install it by hand, put {weights.archive} (SHA-256 {weights.archive_digest}) into "
            f"{self.models_dir}, or its files ({', '.join(MEMBERS)}) into {folder}."
        )
        reasons = {source: str(reason) for source, reason in tried.items()}
        # Wrong bytes are worse news than none.
        wrong = [type(error) for error in (problem, *tried.values()) if isinstance(error, ModelCorruptError)]
        kind = wrong[0] if wrong else ModelNotFoundError
        return kind(msg, model=weights.folder, folder=str(folder), tried=reasons)


def _is_intact(folder: Path, weights: Weights) -> bool:
    try:
        verify_published(folder, weights)
    except (ModelNotFoundError, ModelCorruptError):
        return False
    return True

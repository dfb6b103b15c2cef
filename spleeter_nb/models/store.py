"""The models folder: finding models in it, verifying them, and fetching those that are not there."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ModelCorruptError, ModelDownloadError, ModelNotFoundError
from spleeter_nb.models.catalog import CATALOG, MEMBERS, find_entry
from spleeter_nb.models.configuration import read_configuration
from spleeter_nb.models.download import Patience
from spleeter_nb.models.installed import (
    MANIFEST,
    InstalledModel,
    digest_weights,
    inspect_custom,
    new_manifest,
    verify_published,
    write_manifest,
)
from spleeter_nb.models.sources import DEEZER, Release, list_sources
from spleeter_nb.models.staging import FILES, discard_leftovers, model_lock, publish, staging_folder
from spleeter_nb.models.watch import Watch
from spleeter_nb.storage import storing

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from spleeter_nb.events import ProgressCallback
    from spleeter_nb.exceptions import ModelError
    from spleeter_nb.models.catalog import CatalogEntry, Weights
    from spleeter_nb.models.sources import Source
    from spleeter_nb.values import ModelSpec

_LOG = logging.getLogger("spleeter_nb")


def default_models_dir() -> Path:
    """Return the folder for models in the user's data folder; it need not exist."""
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed when a folder is given

    return user_data_path("spleeter_nb", appauthor=False) / "models"


@dataclass(frozen=True, slots=True)
class _Target:
    """What a name means on this machine."""

    spec: ModelSpec
    folder: Path
    weights: Weights | None
    """What should be in the folder, None where only the user knows."""


class ModelManager:
    """The models of one folder, and the way to those that are not there yet.

    Parameters
    ----------
    models_dir : path, optional
        Where models lie and are put; by default the user's data folder. It is made when it is needed.
    auto_download : bool
        Whether a model that is missing or damaged may be fetched.
    host, repository, release : str
        Where Deezer's archives are: ``{host}/{repository}/releases/download/{release}/2stems.tar.gz``.
    catalog : mapping
        The models that have a name.
    patience : Patience
        The bounds of a download.
    """

    def __init__(  # noqa: PLR0913 - settings, each by its name
        self,
        models_dir: str | os.PathLike[str] | None = None,
        *,
        auto_download: bool = True,
        host: str = DEEZER.host,
        repository: str = DEEZER.repository,
        release: str = DEEZER.tag,
        catalog: Mapping[str, CatalogEntry] = CATALOG,
        patience: Patience | None = None,
    ) -> None:
        self.models_dir = default_models_dir() if models_dir is None else Path(models_dir).expanduser()
        self.auto_download = auto_download
        self._release = Release(host, repository, release)
        self._catalog = catalog
        self._patience = patience or Patience()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the published models."""
        return tuple(self._catalog)

    def spec(self, name: str | os.PathLike[str]) -> ModelSpec:
        """Say what a model is like, whether it is here or not; at most its configuration is read.

        Parameters
        ----------
        name : str or path
            A name of the catalogue, or the path of a Spleeter configuration (``.json``).

        Returns
        -------
        ModelSpec

        Raises
        ------
        UnknownModelError
            There is no such name.
        ModelError, UnsupportedModelError
            The configuration is wrong, or describes another kind of network.
        """
        if _is_configuration(name):
            return read_configuration(Path(name).expanduser()).spec
        return find_entry(str(name), self._catalog).spec

    def list_local_models(self) -> list[InstalledModel]:
        """Return the published models that are here and intact; every file is hashed."""
        models = []
        for name in self.names:
            with suppress(ModelNotFoundError, ModelCorruptError):
                models.append(self.validate_model(name))
        return models

    def validate_model(self, name: str | os.PathLike[str]) -> InstalledModel:
        """Hash the files of a model and compare; nothing is fetched.

        Parameters
        ----------
        name : str or path
            A name of the catalogue, or the path of a Spleeter configuration (``.json``).

        Returns
        -------
        InstalledModel

        Raises
        ------
        UnknownModelError
            There is no such name.
        ModelError, UnsupportedModelError
            The configuration is wrong, or describes another kind of network.
        ModelNotFoundError
            The model is not here.
        ModelCorruptError, ModelChecksumError
            It is here and damaged.
        """
        return self._validate(self._resolve(name))

    def ensure(
        self,
        name: str | os.PathLike[str],
        *,
        progress: ProgressCallback | None = None,
        cancel: threading.Event | None = None,
    ) -> InstalledModel:
        """Return a model that is here and intact, fetching it first where needed and allowed.

        An intact model costs one pass of SHA-256 over its files and opens no connection. It blocks while it
        fetches: call it from a worker thread.

        Parameters
        ----------
        name : str or path
            A name of the catalogue, or the path of a Spleeter configuration (``.json``).
        progress : callable, optional
            Told each step and how far the download is, in stage ``download``.
        cancel : threading.Event, optional
            Stops the download when set.

        Returns
        -------
        InstalledModel

        Raises
        ------
        UnknownModelError, UnsupportedModelError, ModelError
            As in `validate_model`.
        ModelNotFoundError
            The model is not here and no source gave it; the message names them and the folder to fill.
        ModelChecksumError, ModelCorruptError
            The model is here and damaged, and no source gave another.
        StorageError, DiskFullError
            It cannot be stored.
        SeparationCancelledError
            `cancel` was set.
        """
        target = self._resolve(name)
        try:
            installed = self._validate(target)
        except (ModelNotFoundError, ModelCorruptError) as problem:
            if target.weights is None:
                raise
            self._install(target.weights, _watch(progress, cancel), problem)
            installed = self._validate(target)
        if target.weights is not None:
            discard_leftovers(self.models_dir, target.weights.folder)
        return installed

    async def download_model(
        self, name: str, *, force: bool = False, progress: ProgressCallback | None = None
    ) -> InstalledModel:
        """Fetch a model in a thread, raising what `ensure` raises.

        With `force` it is fetched anew even where it is intact; what is here stays until then. `progress` is told
        how far it is, in the thread that fetches.
        """
        cancel = threading.Event()
        try:
            return await asyncio.to_thread(self._download, name, force=force, progress=progress, cancel=cancel)
        except asyncio.CancelledError:
            cancel.set()
            raise

    def _download(
        self, name: str, *, force: bool, progress: ProgressCallback | None, cancel: threading.Event
    ) -> InstalledModel:
        target = self._resolve(name)
        if force and target.weights is not None:
            self._install(target.weights, _watch(progress, cancel), None)
        return self.ensure(name, progress=progress, cancel=cancel)

    def _resolve(self, name: str | os.PathLike[str]) -> _Target:
        """Decide which folder `name` means."""
        if not _is_configuration(name):
            entry = find_entry(str(name), self._catalog)
            return _Target(entry.spec, self.models_dir / entry.weights.folder, entry.weights)
        path = Path(name).expanduser()
        configuration = read_configuration(path)
        beside, below = path.parent / configuration.model_dir, self.models_dir / configuration.model_dir
        published = {self.models_dir / entry.weights.folder: entry.weights for entry in self._catalog.values()}
        if beside.is_dir() and beside not in published:
            return _Target(configuration.spec, beside, None)
        if below.is_dir() or below in published:
            return _Target(configuration.spec, below, published.get(below))
        msg = f"{path} names the model_dir {configuration.model_dir!r}: there is no {beside} and no {below}."
        raise ModelNotFoundError(msg, path=str(path), tried=[str(beside), str(below)])

    def _validate(self, target: _Target) -> InstalledModel:
        if target.weights is None:
            prefix, records = inspect_custom(target.folder)
            return InstalledModel(target.spec, target.folder, digest_weights(records), "the user", prefix)
        records, manifest = verify_published(target.folder, target.weights)
        if manifest is None:
            manifest = new_manifest(target.weights, "a folder that was there", records)
            _LOG.info("the files in %s are complete; taken as %s", target.folder, target.weights.folder)
            # A folder that cannot be written can be read all the same.
            with suppress(OSError):
                write_manifest(manifest, target.folder)
        return InstalledModel(target.spec, target.folder, digest_weights(records), manifest.source)

    def _install(self, weights: Weights, watch: Watch, problem: ModelError | None) -> None:
        """Publish `weights` from the first source that has them; `problem` is why, None when forced."""
        sources = tuple(
            list_sources(weights, self.models_dir, self._release, online=self.auto_download, patience=self._patience)
        )
        if all(source.unavailable for source in sources):
            raise self._failure(weights, {source.name: source.unavailable for source in sources}, problem)
        with model_lock(self.models_dir, weights.folder, watch):
            if problem is not None and _is_intact(self.models_dir / weights.folder, weights):
                return  # another process was faster
            with staging_folder(self.models_dir, weights.folder) as staging:
                tried = self._try_sources(sources, weights, staging, watch)
                if tried is not None:
                    raise self._failure(weights, tried, problem)

    def _try_sources(
        self, sources: tuple[Source, ...], weights: Weights, staging: Path, watch: Watch
    ) -> dict[str, str] | None:
        """Publish from the first source that works; return why each one did not when none does."""
        tried = {source.name: source.unavailable for source in sources}
        last = ""
        for source in sources:
            if source.unavailable:
                continue
            watch.check()
            watch.note(f"{last}Trying {source.name} for {weights.folder}.")
            try:
                records = source.fetch(weights, staging, watch)
            except (ModelDownloadError, ModelCorruptError) as error:
                tried[source.name] = str(error)
                last = f"{source.name}: {error} "
                continue
            with storing(staging):
                write_manifest(new_manifest(weights, source.name, records), staging / FILES)
            publish(staging / FILES, self.models_dir / weights.folder, (*MEMBERS, MANIFEST))
            watch.note(f"{weights.folder} is installed in {self.models_dir / weights.folder}.")
            return None
        return tried

    def _failure(self, weights: Weights, tried: Mapping[str, str], problem: ModelError | None) -> ModelError:
        folder = self.models_dir / weights.folder
        listing = "".join(f"\n- {source}: {reason}" for source, reason in tried.items())
        msg = (
            f"{problem or 'The model could not be fetched anew.'} The sources:{listing}\n"
            f"To install it by hand, put {weights.archive} (SHA-256 {weights.archive_digest}) into "
            f"{self.models_dir}, or its files ({', '.join(MEMBERS)}) into {folder}."
        )
        kind = type(problem) if isinstance(problem, ModelCorruptError) else ModelNotFoundError
        return kind(msg, model=weights.folder, folder=str(folder), tried=dict(tried))


def _is_configuration(name: str | os.PathLike[str]) -> bool:
    return str(name).endswith(".json")


def _watch(progress: ProgressCallback | None, cancel: threading.Event | None) -> Watch:
    return Watch(progress) if cancel is None else Watch(progress, cancel)


def _is_intact(folder: Path, weights: Weights) -> bool:
    try:
        verify_published(folder, weights)
    except (ModelNotFoundError, ModelCorruptError):
        return False
    return True

"""The models folder: finding models in it, verifying them, and fetching those that are not there."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.exceptions import ModelCorruptError, ModelNotFoundError
from spleeter_nb.models.catalog import CATALOG, find_entry
from spleeter_nb.models.configuration import read_configuration
from spleeter_nb.models.download import Patience
from spleeter_nb.models.installation import Installer
from spleeter_nb.models.installed import (
    InstalledModel,
    digest_weights,
    inspect_custom,
    new_manifest,
    verify_published,
    write_manifest,
)
from spleeter_nb.models.sharing import SharedWork
from spleeter_nb.models.sources import DEEZER, Release
from spleeter_nb.models.staging import discard_leftovers
from spleeter_nb.models.status import Look, ModelStatus, describe, look
from spleeter_nb.models.watch import Watch

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Mapping

    from spleeter_nb.events import ProgressCallback
    from spleeter_nb.models.catalog import CatalogEntry, Weights
    from spleeter_nb.models.files import FileRecord
    from spleeter_nb.models.installed import Manifest
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
        Where models lie and are put, made when it is needed; by default what the settings say (`models_dir`,
        ``SPLEETER_MODELS_DIR``), else the user's data folder.
    auto_download : bool
        Whether a model that is missing or damaged may be fetched.
    host, repository, release : str
        Where Deezer's archives are: ``{host}/{repository}/releases/download/{release}/2stems.tar.gz``.
    catalog : mapping
        The models that have a name.
    patience : Patience
        The bounds of a download.

    Examples
    --------
    >>> manager = ModelManager()
    >>> manager.names[:2]
    ('spleeter:2stems', 'spleeter:2stems-16kHz')
    >>> manager.spec("spleeter:4stems").instruments
    ('vocals', 'drums', 'bass', 'other')
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
        if models_dir is None:
            models_dir = SpleeterConfig().models_dir or default_models_dir()
        self.models_dir = Path(models_dir).expanduser()
        self._catalog = catalog
        self._installer = Installer(
            self.models_dir, Release(host, repository, release), auto_download, patience or Patience()
        )
        self._downloads: SharedWork[InstalledModel] = SharedWork()

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

    @property
    def auto_download(self) -> bool:
        """Whether a model that is missing or damaged may be fetched."""
        return self._installer.online

    def available(self, *, verify: bool = False) -> list[ModelStatus]:
        """Say of each published model whether it is here, and what is known of it; nothing is fetched.

        Parameters
        ----------
        verify : bool
            Whether all files are hashed; otherwise it is enough that they are there and as large as they should
            be, which takes milliseconds.

        Returns
        -------
        list of ModelStatus
            In the order of `names`.
        """
        looks: dict[str, Look] = {}
        for entry in self._catalog.values():
            weights = entry.weights
            if weights.folder not in looks:
                looks[weights.folder] = look(self.models_dir / weights.folder, weights, verify=verify)
        release = self._installer.release.tag
        return [
            describe(entry, self.models_dir, looks[entry.weights.folder], release=release)
            for entry in self._catalog.values()
        ]

    def list_local_models(self) -> list[InstalledModel]:
        """Return the published models that are here and intact; every file is hashed, and hashed once."""
        found: dict[str, InstalledModel | None] = {}
        for name, entry in self._catalog.items():
            folder = entry.weights.folder
            if folder not in found:
                found[folder] = None
                with suppress(ModelNotFoundError, ModelCorruptError):
                    found[folder] = self.validate_model(name)
        models = ((entry.spec, found[entry.weights.folder]) for entry in self._catalog.values())
        return [replace(model, spec=spec) for spec, model in models if model is not None]

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

        An intact model opens no connection and costs one pass of SHA-256 over its files, once in a process unless they
        are touched. It blocks while it fetches: call it from a worker thread.

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
            The model that is here, or that a source gave, is damaged, and no source gave another.
        StorageError, DiskFullError
            It cannot be stored.
        SeparationCancelledError
            `cancel` was set.
        """
        return self._ensure(self._resolve(name), Watch(progress, cancel))

    async def download_model(
        self, name: str | os.PathLike[str], *, force: bool = False, progress: ProgressCallback | None = None
    ) -> InstalledModel:
        """Fetch a model in a thread of its own, unless it is here and intact.

        Tasks that wait for the same model share one download. A task that is cancelled leaves it to the others;
        the last one to go stops it, and what came so far is continued by the next call.

        Parameters
        ----------
        name : str or path
            A name of the catalogue, or the path of a Spleeter configuration (``.json``).
        force : bool
            Whether to fetch it even where it is intact; what is here stays until the new one is whole.
        progress : callable, optional
            Told each step and how far the download is, up to 1.0, from the thread that fetches.

        Returns
        -------
        InstalledModel

        Raises
        ------
        SpleeterError
            What `ensure` raises.
        asyncio.CancelledError
            The task was cancelled.
        """

        def fetch(watch: Watch) -> InstalledModel:
            return self._download(self._resolve(name), watch, force=force)

        return await self._downloads.join((str(name), force), fetch, progress=progress)

    def _download(self, target: _Target, watch: Watch, *, force: bool) -> InstalledModel:
        if force and target.weights is not None:
            self._installer.install(target.weights, watch, None)
        installed = self._ensure(target, watch)
        if not watch.finished:
            watch.finish(f"{target.folder.name} is installed in {target.folder}.")
        return installed

    def _ensure(self, target: _Target, watch: Watch) -> InstalledModel:
        try:
            installed = self._validate(target, anew=False)
        except (ModelNotFoundError, ModelCorruptError) as problem:
            if target.weights is None:
                raise
            self._installer.install(target.weights, watch, problem)
            installed = self._validate(target, anew=False)
        if target.weights is not None:
            discard_leftovers(self.models_dir, target.weights.folder)
        return installed

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

    def _validate(self, target: _Target, *, anew: bool = True) -> InstalledModel:
        if target.weights is None:
            prefix, records = inspect_custom(target.folder, anew=anew)
            source, version, installed_at = "the user", "custom", None
        else:
            prefix = "model"
            records, manifest = verify_published(target.folder, target.weights, anew=anew)
            if manifest is None:
                manifest = _adopt(target.folder, target.weights, records)
            source, version, installed_at = manifest.source, manifest.version, manifest.installed_at
        size = sum(record.size for record in records.values())
        digest = digest_weights(records)
        return InstalledModel(target.spec, target.folder, digest, source, version, installed_at, size, prefix)


def _adopt(folder: Path, weights: Weights, records: Mapping[str, FileRecord]) -> Manifest:
    """Take the files that somebody put into `folder` for `weights`, and write down what they are."""
    version = weights.release if weights.digests else "unknown"
    manifest = new_manifest(weights.folder, "a folder that was there", version, files=records)
    _LOG.info("the files in %s are complete; taken as %s", folder, weights.folder)
    # A folder that cannot be written can be read all the same.
    with suppress(OSError):
        write_manifest(manifest, folder)
    return manifest


def _is_configuration(name: str | os.PathLike[str]) -> bool:
    return str(name).endswith(".json")

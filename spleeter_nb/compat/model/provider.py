"""Models on disk, for scripts that fetch them beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spleeter_nb.compat._settings import read_settings
from spleeter_nb.engine.loaded import model_manager
from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    import os


class ModelProvider:
    """Fetches models, and verifies them each time."""

    @classmethod
    def default(cls) -> ModelProvider:
        """Return a provider of Deezer's models."""
        return cls()

    def get(self, model_directory: str | os.PathLike[str]) -> str:
        """Return the folder of a model, fetched where it is missing or damaged.

        Parameters
        ----------
        model_directory : str or PathLike
            ``2stems``, ``4stems`` or ``5stems`` in the folder of models, or an absolute path that ends in one.

        Returns
        -------
        str

        Raises
        ------
        ModelError
            If there is no such model, or it cannot be had.
        """
        config = read_settings()
        folder = Path(config.models_dir or "", model_directory)
        manager = model_manager(config.replace(models_dir=folder.parent))
        return str(manager.ensure(f"spleeter:{folder.name}").folder)

    def download(self, name: str, path: str | os.PathLike[str]) -> None:
        """Fetch a model into a folder.

        Parameters
        ----------
        name : str
            ``2stems``, ``4stems`` or ``5stems``.
        path : str or PathLike
            The folder, whose last part is `name`.

        Raises
        ------
        ValidationError
            If the folder is called otherwise.
        ModelError
            As `get`.
        """
        folder = Path(path).absolute()
        if folder.name != name:
            raise ValidationError(f"The folder of {name!r} ends in its name, not as {str(path)!r}.", path=str(path))
        self.get(folder)


def get_default_model_provider() -> ModelProvider:
    """Return :meth:`ModelProvider.default`, as it was called before Spleeter 2.1."""
    return ModelProvider.default()

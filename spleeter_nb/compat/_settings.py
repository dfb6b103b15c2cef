"""Settings of this package, with the folder of models where Spleeter has it."""

from __future__ import annotations

from pathlib import Path

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.config.environment import read_model_path

_PRETRAINED = "pretrained_models"


def read_settings() -> SpleeterConfig:
    """Read them; models lie in ``MODEL_PATH``, else in our setting `models_dir`, else in ``pretrained_models``.

    What changes the sound of stems is left out: who calls Spleeter wants its stems.
    """
    config = SpleeterConfig()
    folder = read_model_path() or config.models_dir or _PRETRAINED
    return config.replace(
        models_dir=Path(folder).expanduser().absolute(),
        default_sample_rate=None,
        enable_preprocessing=False,
        normalize_loudness=False,
    )

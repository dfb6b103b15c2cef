"""The models: what there is, where it comes from, and the folder where it lies."""

from spleeter_nb.models.catalog import CATALOG
from spleeter_nb.models.installed import InstalledModel
from spleeter_nb.models.status import ModelStatus
from spleeter_nb.models.store import ModelManager, default_models_dir

__all__ = ["CATALOG", "InstalledModel", "ModelManager", "ModelStatus", "default_models_dir"]

"""A process that installs the tiny model: ``install.py MODELS_DIR HOST WEIGHTS-AS-JSON``; run by the tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from spleeter_nb.models.catalog import CatalogEntry, Weights
from spleeter_nb.models.download import Patience
from spleeter_nb.models.store import ModelManager
from spleeter_nb.values import ModelSpec


def main(models_dir: str, host: str, weights: str) -> None:
    entry = CatalogEntry(ModelSpec("test:tiny", ("vocals", "rest")), Weights(**json.loads(weights)))
    manager = ModelManager(
        Path(models_dir),
        host=host,
        auto_download=bool(host),
        catalog={"test:tiny": entry},
        patience=Patience(read=20.0),
    )
    sys.stdout.write(manager.ensure("test:tiny").weights_digest)


if __name__ == "__main__":
    main(*sys.argv[1:])

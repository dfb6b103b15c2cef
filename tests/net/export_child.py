"""A process that wants OpenVINO's file: ``export_child.py CONFIG CHECKPOINT DIGEST``; run by the tests at once."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from spleeter_nb.models.configuration import read_configuration
from spleeter_nb.net.export import exported_model
from spleeter_nb.net.openvino import OpenVinoRuntime


def main(config: str, checkpoint: str, digest: str) -> None:
    spec = read_configuration(Path(config)).spec
    with exported_model(spec, Path(checkpoint), weights_digest=digest, cancel=threading.Event()) as path:
        OpenVinoRuntime(spec, path, precision="float32", threads=1)
        sys.stdout.write(str(path))


if __name__ == "__main__":
    main(*sys.argv[1:])

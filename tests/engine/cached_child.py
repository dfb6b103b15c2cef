"""Separate twice with a cache, in a process of its own: ``cached_child.py JOB``; run by the tests.

JOB is JSON: ``cache_dir``, ``redis_url`` or none, ``song``, ``model``, ``options``; with ``hold`` the process says
"separate" when it begins to compute, and goes on when its input ends. Prints the levels that the stems came from, and
their digests, as JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spleeter_nb import SpleeterConfig
from spleeter_nb.engine.separation import separate_with

if TYPE_CHECKING:
    from spleeter_nb.events import Progress


def hold(event: Progress) -> None:
    if event.stage == "separate" and not event.fraction:
        sys.stdout.write("separate\n")
        sys.stdout.flush()
        sys.stdin.read()


def main(job: dict[str, Any]) -> None:
    config = SpleeterConfig(cache_enabled=True, cache_dir=Path(job["cache_dir"]), redis_url=job.get("redis_url"))
    progress = hold if job.get("hold") else False
    first, second = (
        separate_with(config, job["song"], job["model"], progress=progress, **job["options"]) for _ in range(2)
    )
    stems = {name: hashlib.sha256(stem.samples.tobytes()).hexdigest() for name, stem in first.items()}
    sys.stdout.write(json.dumps({"level": first.cache_level, "again": second.cache_level, "stems": stems}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

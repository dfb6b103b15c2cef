"""What the engine tells while it works: frozen values, handed to any callable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Stage: TypeAlias = Literal[
    "queued",
    "prepare",
    "cache",
    "wait",
    "download",
    "load",
    "separate",
    "describe",
    "write",
    "done",
    "failed",
    "cancelled",
]
"""Where a job is: waiting for its turn, opening, checking and measuring, looking for a result in the cache, waiting for
another kernel that computes the same, fetching the model, loading it, separating, describing, finishing the files; and
how it ended."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is."""

    stage: Stage
    fraction: float | None
    """Of this stage, 0 to 1; None where the whole is unknown."""
    elapsed: float
    """Seconds since the job began."""
    remaining: float | None
    """Seconds left, estimated; None until there is something to estimate from."""
    message: str = ""
    """One line for a person, empty where the stage says it all."""


ProgressCallback: TypeAlias = Callable[[Progress], object]
"""Called in order, from one thread at a time; what it returns is ignored, and an error in it stops nothing."""

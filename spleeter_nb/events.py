"""What the engine tells while it works: frozen values, handed to any callable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Stage: TypeAlias = Literal["download", "load", "separate", "write", "done"]


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

"""Settings: frozen values, read once at the edges. The only reader of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pydantic
from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from spleeter_nb.exceptions import UnknownOptionError, ValidationError, nearest


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _also(variable: str, default: str) -> str:
    """Describe a field that has a variable of Spleeter's own."""
    field: str = Field(default=default, validation_alias=AliasChoices(variable.lower(), variable))
    return field


class SpleeterConfig(BaseSettings):
    """What holds for all separations, from keywords or ``SPLEETER_*`` environment variables.

    A keyword goes before the environment, the environment before the default.

    Raises
    ------
    UnknownOptionError
        If there is no setting of that name; the message names the nearest.
    ValidationError
        If a value is not allowed; the message names the setting.
    """

    model_config = SettingsConfigDict(
        env_prefix="SPLEETER_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        populate_by_name=True,
    )

    enable_gpu: bool = True
    """Whether ``device="auto"`` may take a GPU."""
    batch_size: int = Field(default=8, ge=1)
    """Segments that a GPU computes at once."""
    worker_threads: int = Field(default_factory=cores, ge=1)
    """Threads of the networks on a processor; by default the cores that this process may use."""
    models_dir: Path | None = None
    """Where models are kept; None: the user's data folder."""
    auto_download: bool = True
    """Whether a missing model may be fetched; false is the offline switch."""
    github_host: str = _also("GITHUB_HOST", "https://github.com")
    """Where release archives come from; Spleeter's own variable."""
    github_repository: str = _also("GITHUB_REPOSITORY", "deezer/spleeter")
    """The repository with the archives; Spleeter's own variable."""
    github_release: str = _also("GITHUB_RELEASE", "v1.4.0")
    """The release with the archives; Spleeter's own variable."""

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except pydantic.ValidationError as error:
            raise _translated(error.errors()[0]) from error


def _translated(problem: Any) -> ValidationError:
    name = ".".join(map(str, problem["loc"]))
    known = list(SpleeterConfig.model_fields)
    if problem["type"] == "extra_forbidden":
        return UnknownOptionError(
            f"There is no setting {name!r}.{nearest(name, known)} Settings are {', '.join(known)}.",
            setting=name,
        )
    variable = name.upper() if name.startswith("github_") else f"SPLEETER_{name.upper()}"
    return ValidationError(
        f"The setting {name!r} (environment: {variable}) is {problem['input']!r}: {problem['msg']}.",
        setting=name,
        value=problem["input"],
    )

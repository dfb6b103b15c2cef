"""Kinds of values: what is taken, and in which words it is said.

Each carries its text beside its bounds: an error says it as what is allowed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pydantic
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from spleeter_nb.config.urls import RedisUrl, check_redis_url

if TYPE_CHECKING:
    from collections.abc import Iterable


def _folder(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value or "\0" in value:
        raise ValueError
    return Path(value)


def _formats(value: object) -> object:
    names = value.split(",") if isinstance(value, str) else value
    if names is None:
        return None
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError
    cleaned = tuple(dict.fromkeys(name.strip().lower().removeprefix(".") for name in names))
    if not cleaned or not all(re.fullmatch("[a-z0-9]{1,16}", name) for name in cleaned):
        raise ValueError
    return cleaned


Switch = Annotated[bool, "true or false"]
Count = Annotated[int, Field(ge=1, le=10**6), "a whole number, 1 to 1000000"]
Megabytes = Annotated[int, Field(ge=1, le=10**9), "a whole number of MB, 1 to 1000000000"]
CacheMegabytes = Annotated[int, Field(ge=0, le=10**9), "a whole number of MB, 0 (none) to 1000000000"]
Seconds = Annotated[float, Field(gt=0, le=86_400), "a number of seconds above 0, at most 86400"]
Hours = Annotated[float, Field(gt=0, le=87_600), "a number of hours above 0, at most 87600"]
Percent = Annotated[float, Field(ge=0, le=100), "a percentage, 0 to 100"]
Text = Annotated[str, Field(min_length=1), "a text"]
Folder = Annotated[Path | None, BeforeValidator(_folder), "the path of a folder, or none"]
Limit = Annotated[int | None, Field(ge=1, le=10**9), "a whole number, 1 to 1000000000, or none"]
Duration = Annotated[float | None, Field(gt=0, allow_inf_nan=False), "a number of seconds above 0, or none"]
Rate = Annotated[int | None, Field(ge=8_000, le=192_000), "a whole number of Hz, 8000 to 192000, or none"]
Port = Annotated[int | None, Field(ge=1, le=65_535), "a whole number, 1 to 65535, or none"]
Formats = Annotated[tuple[str, ...] | None, BeforeValidator(_formats), "names of formats such as wav, mp3, or none"]
Address = Annotated[
    RedisUrl | None,
    AfterValidator(check_redis_url),
    "redis://[[user]:password@]host[:port][/database], rediss://… for TLS, unix:///path of a socket, or none; "
    "@ / ? # and blanks in a password are written %40 %2F %3F %23 %20",
]


class AlertThresholds(pydantic.BaseModel):
    """What makes an alert, in percent; read as attributes or like a mapping."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    memory_usage: Percent = 85
    """Of the machine's memory."""
    gpu_usage: Percent = 90
    """Of the GPU's memory."""
    error_rate: Percent = 5
    """Of the jobs."""

    def __getitem__(self, name: str) -> float:
        value: float = vars(self)[name]
        return value

    def keys(self) -> Iterable[str]:
        """Give the names, so that ``dict(thresholds)`` works."""
        return type(self).model_fields.keys()

    def __str__(self) -> str:
        return ", ".join(f"{name} {self[name]:g}" for name in self.keys())


Thresholds = Annotated[
    AlertThresholds, Field(strict=False), "a mapping of memory_usage, gpu_usage, error_rate to percentages"
]

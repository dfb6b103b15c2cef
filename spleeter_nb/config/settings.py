"""All settings with their defaults, and how the sources are laid over each other."""

from __future__ import annotations

import functools
import logging
import os
from typing import TYPE_CHECKING, Any, NoReturn, Self

import pydantic
from pydantic import AliasChoices, Field, PrivateAttr
from pydantic_settings import BaseSettings, SettingsConfigDict

from spleeter_nb.config.environment import read_environment
from spleeter_nb.config.kinds import (
    Address,
    AlertThresholds,
    CacheMegabytes,
    Count,
    Duration,
    Folder,
    Formats,
    Hours,
    Limit,
    Megabytes,
    Port,
    Rate,
    Seconds,
    Switch,
    Text,
    Thresholds,
)
from spleeter_nb.config.origins import ARGUMENT, DEFAULT, SESSION, Given, Layer, Origin, Setting, as_text, given
from spleeter_nb.config.problems import not_allowed, unknown
from spleeter_nb.config.tables import GROUPS, NO_EFFECT, NOT_YET, SECRET, YAML_PATHS
from spleeter_nb.config.urls import redacted, seal
from spleeter_nb.container import cores
from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_LOG = logging.getLogger("spleeter_nb")


def _also(variable: str, default: str) -> str:
    """Describe a field that has a variable of Spleeter's own."""
    field: str = Field(default=default, validation_alias=AliasChoices(variable.lower(), variable))
    return field


class SpleeterConfig(BaseSettings):  # noqa: PLW1641 - pydantic hashes what is frozen
    """What holds for all separations.

    A value comes from the first of these sources that has it: a keyword, ``%config`` of the session, the environment
    (``SPLEETER_BATCH_SIZE``), a YAML file (``spleeter: {performance: {batch_size: 4}}``), the default. The file is
    the one that ``SPLEETER_CONFIG`` names, else ``config.yaml`` in the user's configuration folder if there is one.
    Settings are frozen, equal by value and hashable; ``config.replace(batch_size=4)`` makes others.

    Raises
    ------
    UnknownOptionError
        If there is no setting of that name; the message names the nearest.
    ValidationError
        If a value is not allowed, or the file cannot be read; the message names the setting, and the variable or the
        file and line. ``context`` has ``setting``, ``allowed``, ``value`` unless it is secret, and ``variable`` or
        ``file`` and ``line``.

    Examples
    --------
    >>> config = SpleeterConfig(batch_size=4)
    >>> [setting.origin for setting in config.explain() if setting.name == "batch_size"]
    ['argument']
    """

    model_config = SettingsConfigDict(
        env_prefix="SPLEETER_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    enable_gpu: Switch = True
    """Whether ``device="auto"`` may take a GPU."""
    gpu_memory_growth: Switch = True
    """Whether a GPU's memory is taken as needed; false takes it all at once."""
    batch_size: Count = 8
    """Segments that a GPU computes at once."""
    worker_threads: Count = Field(default_factory=cores)
    """Threads of the networks on a processor; by default the cores that this process may use."""
    memory_limit_mb: Megabytes = 8192
    """What all separations together may take, MB."""
    cache_enabled: Switch = True
    """Whether stems are kept for the next time."""
    cache_dir: Folder = None
    """Where they are kept on disk; None: the user's cache folder (see `cache_path`)."""
    memory_cache_mb: CacheMegabytes = 512
    """What the cache may take in memory, MB; 0: it keeps nothing there."""
    cache_size_mb: CacheMegabytes = 2048
    """What the cache may take on disk, MB; 0: it keeps nothing there."""
    cache_ttl_hours: Hours = 24.0
    """How long a value is kept."""
    redis_url: Address = None
    """A Redis server that several machines share as a cache; secret: ``config.redis_url.get_secret_value()``."""
    models_dir: Folder = None
    """Where models are kept; None: the user's data folder."""
    auto_download: Switch = True
    """Whether a missing model may be fetched; false is the offline switch."""
    default_sample_rate: Rate = None
    """Hz of the stems, as if songs had been brought to it first; None: each song's own."""
    supported_formats: Formats = None
    """Formats that may be read, in lower case, in the environment with commas between; None: all that can be."""
    enable_preprocessing: Switch = False
    """Whether songs are preprocessed where a call says nothing: DC removed, and a high-pass at 20 Hz."""
    normalize_loudness: Switch = False
    """Whether the networks hear all songs at -23 LUFS, where a call says nothing of `preprocess`."""
    max_file_mb: Limit = None
    """The largest file that is read, MB; None: any."""
    max_duration_s: Duration = None
    """The longest sound that is read, seconds; None: any."""
    enable_monitoring: Switch = True
    """Whether figures are kept of what goes on."""
    metrics_port: Port = None
    """Where metrics are served; None: nowhere, 9090 in the server."""
    metrics_export_interval: Seconds = 60.0
    """Between two exports, seconds."""
    health_check_interval: Seconds = 30.0
    """Between two checks, seconds."""
    alert_thresholds: Thresholds = AlertThresholds()
    """What makes an alert."""
    github_host: Text = _also("GITHUB_HOST", "https://github.com")
    """Where release archives come from; Spleeter's own variable."""
    github_repository: Text = _also("GITHUB_REPOSITORY", "deezer/spleeter")
    """The repository with the archives; Spleeter's own variable."""
    github_release: Text = _also("GITHUB_RELEASE", "v1.4.0")
    """The release with the archives; Spleeter's own variable."""

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    def __init__(self, lower: Sequence[Layer] | None = None, /, **settings: Any) -> None:
        """Lay `settings` over the `lower` layers, first over last; None: the environment and the file."""
        if lower is not None and not isinstance(lower, list):
            raise ValidationError(
                "Settings are keywords, SpleeterConfig(batch_size=4); a file: SpleeterConfig.from_yaml."
            )
        layers = [given(settings, ARGUMENT), *(self._outer() if lower is None else lower)]
        winners = {name: value for layer in reversed(layers) for name, value in layer.items()}
        self._check_names(winners)
        values: dict[str, Any] = {
            name: seal(value.value) if name in SECRET else value.value for name, value in winners.items()
        }
        problem = None
        # Raised outside: what pydantic raises holds the values, and one may be secret.
        try:
            super().__init__(**values)
        except pydantic.ValidationError as error:
            problem = error.errors()[0]
        if problem is not None:
            raise self._refusal(problem, winners)
        self._origins = {name: value.origin for name, value in winners.items()}
        self._warn_of_no_effect()

    @classmethod
    def layered(cls, session: Mapping[str, Any], /, **call: Any) -> Self:
        """Lay what a call says over what ``%config`` said before in this session.

        Parameters
        ----------
        session : mapping of str to object
            Settings of the session.
        **call : object
            Settings of one call, which go before it.

        Returns
        -------
        SpleeterConfig

        Raises
        ------
        UnknownOptionError, ValidationError
            As by the class itself.
        """
        return cls([given(session, SESSION), *cls._outer()], **call)

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str], /, **call: Any) -> Self:
        """Take another file; keywords and the environment still go before it.

        Parameters
        ----------
        path : str or PathLike
            UTF-8, at most 64 KiB, with the settings in groups below ``spleeter:``.
        **call : object
            Settings that go before it.

        Returns
        -------
        SpleeterConfig

        Raises
        ------
        UnknownOptionError, ValidationError
            As by the class itself.
        """
        return cls(cls._outer(path), **call)

    def replace(self, **changes: Any) -> Self:
        """Make settings that differ in `changes`; the others keep their values and where they came from.

        Returns
        -------
        SpleeterConfig

        Raises
        ------
        UnknownOptionError, ValidationError
            As by the class itself.
        """
        own = {name: Given(getattr(self, name), self._origin_of(name)) for name in type(self).model_fields}
        return type(self)([own], **changes)

    def explain(self) -> list[Setting]:
        """Tell each value and where it came from, without secrets."""
        return [
            Setting(
                name=name,
                value=as_text(getattr(self, name)),
                origin=str(self._origin_of(name)),
                yaml_path=YAML_PATHS.get(name),
                note=NO_EFFECT if name in NOT_YET else None,
            )
            for name in type(self).model_fields
        ]

    @property
    def cache_path(self) -> Path:
        """The folder of the cache: `cache_dir`, else the user's cache folder."""
        from platformdirs import user_cache_path  # noqa: PLC0415 - not needed when a folder is given

        return (self.cache_dir or user_cache_path("spleeter_nb", appauthor=False)).expanduser()

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[Any, ...]:
        """Take keywords alone: `__init__` has laid the sources over each other and knows which one won."""
        return (sources["init_settings"],)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        else:
            self._refuse_change(name)

    def __delattr__(self, name: str) -> None:
        self._refuse_change(name)

    def __eq__(self, other: object) -> bool:
        """Compare the values; where they came from makes no difference."""
        return vars(self) == vars(other) if isinstance(other, SpleeterConfig) else NotImplemented

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        yield from ((name, redacted(value) if isinstance(value, str) else value) for name, value in vars(self).items())

    @classmethod
    def _outer(cls, path: str | os.PathLike[str] | None = None) -> list[Layer]:
        """Read the layers outside this process: the environment and the file at `path`, else the user's."""
        environment, named = read_environment(cls)
        return [environment, _file(named if path is None else path)]

    @classmethod
    def _check_names(cls, layer: Layer) -> None:
        for name, value in layer.items():
            if name not in cls.model_fields:
                raise unknown(name, cls.model_fields, value.origin)

    @classmethod
    def _refusal(cls, problem: Any, winners: Layer) -> ValidationError:
        name, *inner = map(str, problem["loc"])
        fields, part, path = cls.model_fields, name, ""
        if inner and name == "alert_thresholds":
            fields, part, path = AlertThresholds.model_fields, inner[0], f"{name}."
        origin = winners[name].origin_of(part)
        if part not in fields:
            return unknown(path + part, [path + field for field in fields], origin)
        allowed = next(text for text in fields[part].metadata if isinstance(text, str))
        return not_allowed(path + part, problem["input"], allowed, origin=origin, secret=name in SECRET)

    def _origin_of(self, name: str) -> Origin:
        return self._origins.get(name, DEFAULT)

    def _warn_of_no_effect(self) -> None:
        for name in sorted(NOT_YET & self._origins.keys()):
            if getattr(self, name) != type(self).model_fields[name].get_default():
                _warn_once(name)

    def _refuse_change(self, name: str) -> NoReturn:
        if name not in type(self).model_fields:
            raise unknown(name, type(self).model_fields, ARGUMENT)
        raise ValidationError(f"Settings are frozen. Make others: config.replace({name}=…).", setting=name)


def _file(named: str | os.PathLike[str] | None) -> Layer:
    if named is None:
        from platformdirs import user_config_path  # noqa: PLC0415 - not needed when a file is named

        named = user_config_path("spleeter_nb", appauthor=False) / "config.yaml"
        if not os.path.lexists(named):
            return {}
    from spleeter_nb.config.files import read_file  # noqa: PLC0415 - it loads PyYAML

    return read_file(named, GROUPS)


@functools.cache
def _warn_once(name: str) -> None:
    """Say it once in a process: settings are made anew for each separation."""
    _LOG.warning("The setting %r %s: what it sets comes with a later release.", name, NO_EFFECT)

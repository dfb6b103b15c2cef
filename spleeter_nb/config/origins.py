"""Where the value of a setting came from, and what is said about it."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from spleeter_nb.config.urls import redacted

_MAX_SHOWN = 200
_MAX_BITS = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from."""

    kind: str
    """``argument``, ``%config``, ``environment``, ``file`` or ``default``."""
    variable: str | None = None
    """Of the environment."""
    file: str | None = None
    line: int | None = None
    """Of the file, from 1."""

    def __str__(self) -> str:
        if self.variable is not None:
            return f"environment: {self.variable}"
        return self.kind if self.file is None else f"{self.file}, line {self.line}"

    @property
    def facts(self) -> dict[str, Any]:
        """What an error tells of it in its context."""
        facts = {"variable": self.variable, "file": self.file, "line": self.line}
        return {name: fact for name, fact in facts.items() if fact is not None}


ARGUMENT = Origin("argument")
SESSION = Origin("%config")
DEFAULT = Origin("default")


@dataclass(frozen=True, slots=True)
class Given:
    """A value before it is checked, and where it came from."""

    value: Any
    origin: Origin
    parts: Mapping[str, Origin] = field(default_factory=dict)
    """Where the parts of a value came from that is a mapping."""

    def origin_of(self, part: str) -> Origin:
        """Tell where a part of the value came from."""
        return self.parts.get(part, self.origin)


Layer: TypeAlias = Mapping[str, Given]
"""The settings that one source gives, by name."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is explained to the user; all of it may be shown."""

    name: str
    value: str
    """As text, without secrets."""
    origin: str
    """``argument``, ``%config``, ``environment: SPLEETER_BATCH_SIZE``, ``/path/config.yaml, line 12``, ``default``."""
    yaml_path: str | None
    """Where it stands in a file, below ``spleeter:``; None: it cannot be set there."""
    note: str | None
    """What else is to be known of it."""


def given(settings: Mapping[str, Any], origin: Origin) -> Layer:
    """Make a layer of values that all came from one place."""
    return {name: Given(value, origin) for name, value in settings.items()}


def as_text(value: object) -> str:
    """Write a valid value as a file or the environment would say it, without secrets."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case tuple():
            return ", ".join(map(str, value))
        case str() | Path():
            text = redacted(str(value))
            return text if text.isprintable() else repr(text)
    return str(value)


def shown(value: object) -> str:
    """Show a value that was refused: short, and without what might be a password."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = _MAX_SHOWN
    try:
        # Shortened last: a cut address might be no address any more.
        return short.repr(redacted(value)) if isinstance(value, str) else redacted(short.repr(value))
    except ValueError:
        # Python writes no number of more than 4 300 digits.
        return f"a {type(value).__name__} too long to show"


def told(value: object) -> object:
    """Give a value that was refused to the context of an error: itself if it is small and plain, else as shown."""
    match value:
        case None | bool() | float() | Path():
            return value
        case int() if value.bit_length() < _MAX_BITS:
            return value
        case str() if len(value) <= _MAX_SHOWN:
            return redacted(value)
    return shown(value)

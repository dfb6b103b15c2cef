"""Errors about settings: what came, from where, what is allowed, and which name is nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spleeter_nb.config.origins import ARGUMENT, Origin, shown, told
from spleeter_nb.config.urls import redacted
from spleeter_nb.exceptions import UnknownOptionError, ValidationError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


def unknown(name: str, known: Iterable[str], origin: Origin) -> UnknownOptionError:
    """Refuse a setting that does not exist."""
    known, name = tuple(known), redacted(name)
    where = "" if origin == ARGUMENT else f" ({origin})"
    return UnknownOptionError(
        f"There is no setting {name!r}{where}.{nearest(name, known)} Settings are {', '.join(known)}.",
        setting=name,
        allowed=known,
        **origin.facts,
    )


def not_allowed(name: str, value: object, allowed: str, *, origin: Origin, secret: bool) -> ValidationError:
    """Refuse the value of a setting; one that is secret is not told."""
    where = "" if origin == ARGUMENT else f" ({origin})"
    facts: dict[str, Any] = {} if secret else {"value": told(value)}
    what = "cannot be used" if secret else f"is {shown(value)}"
    return ValidationError(
        f"The setting {name!r}{where} {what}; allowed is {allowed}.",
        setting=name,
        **facts,
        allowed=allowed,
        **origin.facts,
    )

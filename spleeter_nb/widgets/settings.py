"""Settings of widgets: checked before anything is changed, whoever sets them, and brought into one form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from spleeter_nb.exceptions import UnknownOptionError, ValidationError, is_one_of, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# A region of no length would be played for ever without a sound.
_SHORTEST_REGION = 0.05


class Setting(traitlets.TraitType[Any, Any]):
    """A trait of a widget that a function checks before anything is changed, and brings into its one form.

    Parameters
    ----------
    check : callable
        Of the widget and what it is set to; returns what it becomes, or raises `ValidationError`.
    """

    def __init__(self, check: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self._check = check
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """Check a value; called by traitlets."""
        return self._check(obj, value)


def check_options(given: Iterable[str], allowed: Sequence[str]) -> None:
    """Refuse an option that there is not, and name the nearest one."""
    for name in given:
        if name not in allowed:
            raise UnknownOptionError(
                f"There is no option {name!r}.{nearest(name, allowed)} Options are {', '.join(allowed)}.",
                option=name,
            )


def number(name: str, value: Any, limits: tuple[float, float]) -> float:
    """Return a number within limits as float."""
    lowest, highest = limits
    # Compared before float(), which gives up on integers of a thousand digits.
    if (
        not isinstance(value, int | float | np.integer | np.floating)
        or isinstance(value, bool)
        or not lowest <= value <= highest
    ):
        raise ValidationError(
            f"{name} is {short(value)}; allowed: {lowest:g} to {highest:g}.", option=name, value=short(value)
        )
    return float(value)


def switch(name: str, value: object) -> bool:
    """Return what is True or False, and nothing else."""
    if not isinstance(value, bool | np.bool):
        raise ValidationError(f"{name} is {short(value)}; allowed: True, False.", option=name, value=short(value))
    return bool(value)


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Return one of some words."""
    if not is_one_of(value, choices):
        hint = nearest(value[:80], choices) if isinstance(value, str) else ""
        raise ValidationError(
            f"{name} is {short(value)}; allowed: {', '.join(choices)}.{hint}", option=name, value=short(value)
        )
    return str(value)


def region(name: str, given: object, duration: float) -> list[float] | None:
    """Return where a part of a song starts and stops, in seconds; None is none."""
    if given is None:
        return None
    edges = list(given) if isinstance(given, list | tuple | np.ndarray) else []
    if len(edges) != 2:  # noqa: PLR2004 - start, stop
        raise ValidationError(
            f"{name} is {short(given)}; allowed: [start, stop] in seconds, or None.", option=name, value=short(given)
        )
    start, stop = (number(f"an edge of the {name}", edge, (0.0, duration)) for edge in edges)
    if stop - start < min(_SHORTEST_REGION, duration):
        raise ValidationError(
            f"{name} is {short(given)}; it stops at least {_SHORTEST_REGION} s after its start.",
            option=name,
            value=short(given),
        )
    return [start, stop]


def short(value: object) -> str:
    """Return what came as text that fits into a message; repr() of a hostile value may be endless."""
    try:
        return repr(value)[:80]
    except (ValueError, RecursionError):  # an integer of more digits, or lists of more depth, than Python writes
        return f"a {type(value).__name__}"

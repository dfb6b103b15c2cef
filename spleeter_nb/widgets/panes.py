"""What a comparison of spectrograms draws, and how: its panes, and all settings of its look, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spleeter_nb.exceptions import UnknownOptionError, ValidationError, nearest
from spleeter_nb.widgets.settings import choice, number, region, short, switch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spleeter_nb.widgets.scene import Scene

KINDS = ("level", "mask", "difference")
"""The level of one signal in dB; the level of one divided by that of another, 0 to 1; by how many dB one is above
another."""

AT_REST: dict[str, Any] = {
    "panes": None,
    "y_axis": "log",
    "fmin": 0.0,
    "fmax": None,
    "cmap": "magma",
    "gain_db": 0.0,
    "top_db": 80.0,
    "difference_db": 24.0,
    "note_names": False,
    "show_band_limit": False,
    "show_segments": False,
    "pane_height": 140,
    "region": None,
}
"""All settings, as they are at first."""

Y_AXES = ("linear", "log", "mel")
CMAPS = ("magma", "viridis", "inferno", "gray")

_GAINS_DB = (-60.0, 60.0)
# Bytes of half a decibel reach no further.
_RANGES_DB = (10.0, 127.0)
_DIFFERENCES_DB = (1.0, 64.0)
_HEIGHTS = (60.0, 600.0)  # CSS pixels
_NARROWEST_BAND = 50.0  # Hz

_MOST_PANES = 64


class Limits(NamedTuple):
    """What settings of a comparison depend on."""

    signals: tuple[str, ...]
    mixture: str
    """The name of the mixture, ``""`` where there is none."""
    panes: tuple[tuple[str, str, str], ...]
    """Those at first."""
    sample_rate: int
    frames: int

    @property
    def nyquist(self) -> float:
        """Hz."""
        return self.sample_rate / 2


def limits_of(scene: Scene) -> Limits:
    """Return what a scene allows."""
    return Limits(tuple(scene.signals), scene.mixture, default_panes(scene), scene.sample_rate, scene.frames)


def default_panes(scene: Scene) -> tuple[tuple[str, str, str], ...]:
    """Return what is drawn at first: mixture, stems and residual, or a stem that two separations have."""
    if scene.pairs:
        one, other, difference = scene.pairs[0]
        return ("level", one, ""), ("level", other, ""), ("difference", one, other), ("level", difference, "")
    names = [*filter(None, [scene.mixture]), *scene.stems, *scene.residuals]
    return tuple(("level", name, "") for name in names[:_MOST_PANES])


def checked_panes(limits: Limits, given: Any) -> list[list[str]]:
    """Return panes as lists of kind, signal, and the signal that it is compared with.

    Parameters
    ----------
    limits : Limits
    given : sequence of str or sequence
        Names of signals, ``("mask", signal)``, ``("mask", signal, other)``, ``("difference", signal, other)``,
        ``("level", signal)``. None takes those at first.

    Raises
    ------
    UnknownOptionError
        If there is no kind or no signal of that name; the nearest one is named.
    ValidationError
        If it is anything else.
    """
    if given is None:
        return [list(pane) for pane in limits.panes]
    if not isinstance(given, list | tuple) or not 1 <= len(given) <= _MOST_PANES:
        raise ValidationError(
            f"panes are {short(given)}; allowed: a list of 1 to {_MOST_PANES}, as in [{limits.signals[0]!r}, "
            f"('mask', {limits.signals[-1]!r})].",
            option="panes",
            value=short(given),
        )
    return [_pane(limits, pane) for pane in given]


def _pane(limits: Limits, given: Any) -> list[str]:
    if isinstance(given, str):
        return _level(_signal(limits, given))
    if not isinstance(given, list | tuple) or not 2 <= len(given) <= 3:  # noqa: PLR2004 - kind, signal, other
        raise ValidationError(
            f"A pane is {short(given)}; allowed: the name of a signal, ('mask', signal) or ('difference', signal, "
            f"other).",
            option="panes",
            value=short(given),
        )
    kind, name, *others = given
    choice("the kind of a pane", kind, KINDS)
    signal, other = _signal(limits, name), others[0] if others else ""
    if kind == "level":
        if other != "":
            raise ValidationError(f"A pane is {short(given)}; a level is that of one signal.", option="panes")
        return _level(signal)
    if not other and kind == "mask" and limits.mixture:
        other = limits.mixture
    if not other:
        missing = "there is no mixture: give mixture=" if kind == "mask" else "name the signal to compare it with"
        raise ValidationError(f"A pane is {short(given)}; {missing}.", option="panes", value=short(given))
    return [kind, signal, _signal(limits, other)]


def _level(name: str) -> list[str]:
    return ["level", name, ""]


def _signal(limits: Limits, name: Any) -> str:
    if not isinstance(name, str) or name not in limits.signals:
        hint = nearest(name[:80], limits.signals) if isinstance(name, str) else ""
        raise UnknownOptionError(
            f"There is no signal {short(name)}.{hint} Signals are {', '.join(limits.signals)}.", option=short(name)
        )
    return name


def signal_number(limits: Limits, name: Any) -> int:
    """Return the place of a signal among all."""
    return limits.signals.index(_signal(limits, name))


def _fmax(limits: Limits, given: Any) -> float:
    return limits.nyquist if given is None else number("fmax", given, (_NARROWEST_BAND, limits.nyquist))


CHECKS: Mapping[str, Callable[[Limits, Any], Any]] = {
    "panes": checked_panes,
    "y_axis": lambda _, given: choice("y_axis", given, Y_AXES),
    "fmin": lambda limits, given: number("fmin", given, (0.0, limits.nyquist - _NARROWEST_BAND)),
    "fmax": _fmax,
    "cmap": lambda _, given: choice("cmap", given, CMAPS),
    "gain_db": lambda _, given: number("gain_db", given, _GAINS_DB),
    "top_db": lambda _, given: number("top_db", given, _RANGES_DB),
    "difference_db": lambda _, given: number("difference_db", given, _DIFFERENCES_DB),
    "note_names": lambda _, given: switch("note_names", given),
    "show_band_limit": lambda _, given: switch("show_band_limit", given),
    "show_segments": lambda _, given: switch("show_segments", given),
    "pane_height": lambda _, given: round(number("pane_height", given, _HEIGHTS)),
    "region": lambda limits, given: region("region", given, limits.frames / limits.sample_rate),
}
"""What brings each setting into its one form, or refuses it."""


def check_band(fmin: float, fmax: float) -> None:
    """Refuse a band of frequencies that is too narrow to be drawn."""
    if fmax - fmin < _NARROWEST_BAND:
        raise ValidationError(
            f"fmin is {fmin:g} Hz and fmax {fmax:g} Hz; they are at least {_NARROWEST_BAND:g} Hz apart.",
            fmin=fmin,
            fmax=fmax,
        )


def checked(limits: Limits, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings in their one form, those that are not given as they are at first."""
    settings = {name: CHECKS[name](limits, value) for name, value in (AT_REST | dict(given)).items()}
    check_band(settings["fmin"], settings["fmax"])
    return settings


def samples_of(limits: Limits, edges: Sequence[float] | None) -> tuple[int, int]:
    """Return the samples [first, stop) of a region, of the whole song where there is none; at least one."""
    if edges is None:
        return 0, limits.frames
    first, stop = (int(np.rint(edge * limits.sample_rate)) for edge in edges)
    first = min(first, limits.frames - 1)
    return first, max(first + 1, min(stop, limits.frames))


def title_of(pane: Sequence[str]) -> str:
    """Return what a pane is called, here and in the browser."""
    kind, name, other = pane
    return {"level": name, "mask": f"mask of {name}", "difference": f"{name} \N{MINUS SIGN} {other}"}[kind]

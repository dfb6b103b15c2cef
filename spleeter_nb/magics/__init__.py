"""``%separate`` and ``%%separate``: separation as a command of the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spleeter_nb.magics.completion import SeparateCompleter
from spleeter_nb.magics.magic import SeparateMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["SeparateMagics", "load", "unload"]


def load(shell: InteractiveShell) -> None:
    """Add the magics, their settings and their completion to a shell.

    Parameters
    ----------
    shell : InteractiveShell
    """
    shell.register_magics(SeparateMagics)
    shell.Completer.custom_matchers.append(SeparateCompleter(shell).complete)


def unload(shell: InteractiveShell) -> None:
    """Take away from a shell what :func:`load` added.

    What ``%config`` set stays in the shell's configuration, as that of any extension does: loading again finds it.

    Parameters
    ----------
    shell : InteractiveShell
    """
    manager = shell.magics_manager
    shell.configurables.remove(manager.registry.pop(SeparateMagics.__name__))
    for magics in manager.magics.values():
        magics.pop("separate")
    matchers = shell.Completer.custom_matchers
    # By name: after a reload of this module the class is another one.
    matchers[:] = [
        matcher
        for matcher in matchers
        if type(getattr(matcher, "__self__", None)).__name__ != SeparateCompleter.__name__
    ]

"""Spleeter's own calls, for scripts that were written for it: each parses, and makes one call of this package.

``from spleeter.separator import Separator`` becomes ``from spleeter_nb.compat.separator import Separator``; every
module here bears the name that it has in Spleeter 2.4.2. Where a script cannot be edited, `install` lends this package
Spleeter's name.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

from spleeter_nb.exceptions import SpleeterError

__all__ = ["SpleeterError", "install"]

_THEIRS = "spleeter"


def install() -> None:
    """Answer to the name ``spleeter``: from now on ``import spleeter`` brings this package.

    It holds for this process and all its threads, until it ends; a second call does nothing.

    Raises
    ------
    SpleeterError
        If Spleeter itself was imported before: two packages of one name would mix.

    Notes
    -----
    Where nothing can be put before a script's own imports::

        python -c "from spleeter_nb import compat; compat.install()
        import runpy; runpy.run_path('script.py', run_name='__main__')"
    """
    ours = sys.modules[__name__]
    if sys.modules.setdefault(_THEIRS, ours) is not ours:
        raise SpleeterError(
            "Spleeter itself was imported already. Call install() before anything imports it, in a new process.",
            module=repr(sys.modules[_THEIRS]),
        )
    for found in pkgutil.walk_packages(__path__, f"{__name__}."):
        sys.modules[_THEIRS + found.name.removeprefix(__name__)] = importlib.import_module(found.name)

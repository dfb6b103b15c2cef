"""After a fork: a child process has its parent's objects, but neither its threads nor its connections."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class _Forkable(Protocol):
    def after_fork(self) -> None: ...


_OWNERS: weakref.WeakSet[_Forkable] = weakref.WeakSet()


def begin_anew_after_fork(owner: _Forkable) -> None:
    """Have ``owner.after_fork()`` called in each child process, as long as it lives."""
    _OWNERS.add(owner)


def _after_fork() -> None:
    for owner in list(_OWNERS):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

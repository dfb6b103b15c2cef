"""Warnings about a cache that fails: one for each cause, or a long batch would drown in them."""

from __future__ import annotations

import logging

_LOG = logging.getLogger("spleeter_nb")


class Complaints:
    """What somebody was already told."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def warn(self, cause: str, message: str, *facts: object) -> None:
        """Log a warning, as `logging` does, unless there was one for this cause."""
        if cause not in self._told:
            self._told.add(cause)
            _LOG.warning(message, *facts)

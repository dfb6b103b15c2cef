"""What becomes of damage: an error, or on request the part that can be read, and a note."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spleeter_nb.exceptions import CorruptAudioError
    from spleeter_nb.values import OnCorrupt


ADVICE = "Copy or download it again, or take what can be read with on_corrupt='salvage'."


class Damage:
    """What is found out of order in one source.

    Parameters
    ----------
    on_corrupt : {"error", "salvage"}

    Attributes
    ----------
    is_borne : bool
        Whether what can be read is wanted all the same.
    first : CorruptAudioError or None
        What was found first.
    """

    def __init__(self, on_corrupt: OnCorrupt) -> None:
        self.is_borne = on_corrupt == "salvage"
        self.first: CorruptAudioError | None = None

    def meet(self, error: CorruptAudioError | None) -> None:
        """Raise what was found, or keep it where damage is borne; None is nothing."""
        if error is not None and not self.is_borne:
            raise error
        self.first = self.first or error

    def nothing_left(self) -> CorruptAudioError | None:
        """Return what to raise where damage is borne and nothing can be read; None where nothing was found."""
        first = self.first
        if first is None:
            return None
        found = str(first).removesuffix(ADVICE)
        return type(first)(f"{found}Nothing of what is left can be read. Copy or download it again.", **first.context)

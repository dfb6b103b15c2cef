"""The region of a comparison and the loop of a player, which are one: who sets either sets both."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets.player import StemPlayer
from spleeter_nb.widgets.settings import short

if TYPE_CHECKING:
    from spleeter_nb.widgets.panes import Limits
    from spleeter_nb.widgets.spectrogram import SpectrogramComparison

# One for all: several comparisons follow one player, and of locks of their own each would wait for the other's.
_LOCK = threading.RLock()


class LoopLink:
    """Keeps a region and a loop equal until it is ended, whichever threads set them; what is marked already holds.

    Parameters
    ----------
    view : SpectrogramComparison
    player : StemPlayer
    """

    def __init__(self, view: SpectrogramComparison, player: StemPlayer) -> None:
        self._view, self.player = view, player
        self._is_on = True
        if view.region is None:
            self._set_region()
        else:
            self._set_loop()
        view.observe(self._set_loop, "region")
        player.observe(self._set_region, "loop")

    def end(self) -> None:
        """Let go of both, as they are; can be repeated."""
        with _LOCK:
            self._is_on = False
        for widget, follow, name in ((self._view, self._set_loop, "region"), (self.player, self._set_region, "loop")):
            # Repeated, or at the end of the interpreter, it may have forgotten this before.
            with contextlib.suppress(ValueError):
                widget.unobserve(follow, name)

    def _set_loop(self, _change: object = None) -> None:
        # What is true now, not what was when it changed: of two that change at once, one wins.
        with _LOCK:
            if self._is_on:
                self.player.loop = self._view.region

    def _set_region(self, _change: object = None) -> None:
        with _LOCK:
            if self._is_on:
                self._view.region = self.player.loop


def check_player(player: Any, limits: Limits) -> None:
    """Refuse what does not play the same song."""
    if player is None:
        return
    if not isinstance(player, StemPlayer):
        raise ValidationError(f"player is {short(player)}; allowed: a StemPlayer, or None.", option="player")
    if (player.frames, player.sample_rate) != (limits.frames, limits.sample_rate):
        raise ValidationError(
            f"The player has {player.frames} samples at {player.sample_rate} Hz, the spectrograms show {limits.frames} "
            f"at {limits.sample_rate} Hz: only the same song plays along.",
            option="player",
        )

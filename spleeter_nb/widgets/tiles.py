"""Sending tiles of spectrograms to the browser: what it lacks now, quickly first and then exactly."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets.sending import Sender
from spleeter_nb.widgets.wire import Tile

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb.widgets.pyramid import Pyramid, TileArray
    from spleeter_nb.widgets.sending import Messages, Sent
    from spleeter_nb.widgets.wire import WantTiles

# Far more than screens show.
_MAX_TILES = 4000

# The quickest: of music a sixth is left, and hardly less at the slower levels.
_COMPRESSION = 1


class TileServer(Sender):
    """Sends what the last ``want_tiles`` asked for.

    Parameters
    ----------
    post : bound method
        Of a message and its buffers; its object is not kept alive.
    """

    def __init__(self, post: Callable[..., None]) -> None:
        super().__init__(post, "spectrogram")

    def start(self, pyramid: Pyramid, wants: WantTiles) -> None:
        """Begin to send, in place of what is being sent."""
        self.send(in_order(pyramid, wants))

    def forget(self, pyramid: Pyramid) -> None:
        """Send nothing more of what was wanted, and give back the memory that it took."""
        self.send(_forgetting(pyramid))


def check_wants(pyramid: Pyramid, wants: WantTiles) -> None:
    """Refuse what asks for something that there is not.

    Raises
    ------
    ValidationError
        If a tile does not exist, or there are too many.
    """
    if len(wants.tiles) > _MAX_TILES:
        raise ValidationError(f"want_tiles.tiles are {len(wants.tiles)}; allowed: up to {_MAX_TILES}.")
    for signal, level, index in wants.tiles:
        is_level = 0 <= signal < pyramid.signals and 0 <= level < pyramid.levels
        if not is_level or not 0 <= index < pyramid.tiles(level):
            raise ValidationError(
                f"There is no tile {str(index)[:40]} of level {str(level)[:40]} of signal {str(signal)[:40]}; allowed: "
                f"signals below {pyramid.signals}, levels below {pyramid.levels}, and tiles within the song."
            )


def in_order(pyramid: Pyramid, wants: WantTiles) -> Messages:
    """Yield sampled tiles of what takes long, then all tiles exactly, both in the order wanted."""
    names = tuple(dict.fromkeys(wants.tiles))
    for name in names:
        if pyramid.is_slow(*name):
            yield _sent(name, pyramid.sampled(*name), exact=False)
    for name in names:
        yield _sent(name, (yield from pyramid.exact(*name)), exact=True)


def _forgetting(pyramid: Pyramid) -> Messages:
    # In the thread that fills it: between two of its steps.
    pyramid.forget()
    yield from ()


def _sent(name: tuple[int, int, int], tile: TileArray, *, exact: bool) -> Sent:
    signal, level, index = name
    return Tile(signal=signal, level=level, index=index, exact=exact), zlib.compress(tile.data, _COMPRESSION)

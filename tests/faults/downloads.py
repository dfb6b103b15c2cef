"""A model is downloaded over a connection that breaks sixteen times: how much is fetched twice?"""

from __future__ import annotations

import threading
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import SeparationCancelledError
from spleeter_nb.models.download import Patience
from spleeter_nb.models.store import ModelManager
from tests.faults.figure import Figure, new_dice
from tests.models.tiny import NAME, make_tiny, serving

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from tests.models.tiny import Server, Tiny

    Act = Callable[[BaseHTTPRequestHandler], None]

N, QUICK = 100, 2
BREAKS = 16
PATIENCE = Patience(connect=2, read=0.1, pause=0.001, longest_pause=1)


def measure(n: int, seed: int, folder: Path) -> tuple[Figure, ...]:
    dice, tiny = new_dice(seed), make_tiny()
    ratios = [_download(tiny, dice, folder / str(number)) for number in range(n)]
    note = f"worst of {n} downloads, broken at random by an end, by silence, or by the user"
    name = f"model download, bytes fetched with {BREAKS} breaks"
    return (Figure(name, 1.05, max(ratios), n, "x size", note, anchor="starts again"),)


def _download(tiny: Tiny, dice: random.Random, models_dir: Path) -> float:
    """Return how many bytes went over the line for one of the archive."""
    stop: list[threading.Event] = []
    with serving(tiny.archive) as server:
        size = len(tiny.archive)
        places = [0, *sorted(dice.sample(range(1, size), BREAKS))]
        server.script.extend(_break(server, end - start, dice=dice, stop=stop) for start, end in pairwise(places))
        manager = ModelManager(models_dir, host=server.host, catalog=tiny.catalog, patience=PATIENCE)
        for _ in range(BREAKS + 1):
            stop.append(threading.Event())
            try:
                tiny.check(manager.ensure(NAME, cancel=stop[-1]))
            except SeparationCancelledError:
                continue
            break
        assert len(server.requests) == BREAKS + 1
        return server.sent / size


def _break(server: Server, n_bytes: int, *, dice: random.Random, stop: list[threading.Event]) -> Act:
    """Return an answer that ends early in one of three ways."""
    kind = dice.choice(("end", "end", "end", "end", "silence", "user"))
    if kind == "end":
        return server.breaking(n_bytes)
    if kind == "silence":
        return partial(_fall_silent, server, n_bytes=n_bytes)
    return partial(_be_stopped, server, n_bytes=n_bytes, stop=stop)


def _fall_silent(server: Server, handler: BaseHTTPRequestHandler, *, n_bytes: int) -> None:
    server.serve(handler, n_bytes=n_bytes)
    handler.wfile.flush()
    server.closing.wait(2 * PATIENCE.read)


def _be_stopped(server: Server, handler: BaseHTTPRequestHandler, *, n_bytes: int, stop: list[threading.Event]) -> None:
    server.serve(handler, n_bytes=n_bytes)
    handler.wfile.flush()
    server.closing.wait(PATIENCE.read / 2)
    stop[-1].set()
    server.closing.wait(2 * PATIENCE.read)

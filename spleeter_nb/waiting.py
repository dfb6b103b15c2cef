"""Waiting so that an interrupt is answered.

A system gives the signal of an interrupt to any thread of a process, and does not wake the main one for it. Python's
main thread, where the interrupt is to be handled, hears of it when it wakes up: so it does, ten times a second. The
kernel of Jupyter is no better off: without this, a cell that awaits is stopped when what it awaits has ended.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

R = TypeVar("R")

WAKE_SECONDS = 0.1
"""How long the main thread sleeps at most."""


async def wait_awake(futures: Iterable[asyncio.Future[Any]]) -> None:
    """Wait until all have ended; cancelling this cancels none of them."""
    pending = set(futures)
    while pending:
        _, pending = await asyncio.wait(pending, timeout=WAKE_SECONDS)


async def in_thread(function: Callable[[], R]) -> R:
    """Run a function in a thread and wait for it; cancelling this leaves it to end in its own time."""
    future = asyncio.ensure_future(asyncio.to_thread(function))
    # Nobody may be left to hear of an error: asyncio would complain.
    future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    await wait_awake([future])
    return future.result()

"""A region and a loop that are one: until when, and that nothing of it is left."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spleeter_nb import SpectrogramComparison, StemPlayer
from spleeter_nb.widgets.link import LoopLink
from tests.widgets.conftest import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

SOUND = {"a": np.zeros((RATE * 4, 2), np.float32)}


@pytest.fixture
def player() -> Iterator[StemPlayer]:
    made = StemPlayer(SOUND, sample_rate=RATE)
    yield made
    made.close()


@pytest.fixture
def view() -> Iterator[SpectrogramComparison]:
    made = SpectrogramComparison(SOUND, sample_rate=RATE)
    yield made
    made.close()


def test_what_changes_while_it_ends_is_not_carried_over(view: SpectrogramComparison, player: StemPlayer) -> None:
    for subject, name in ((view, "region"), (player, "loop")):
        links: list[LoopLink] = []

        def end(_change: object, links: list[LoopLink] = links) -> None:
            for link in links:
                link.end()

        # It hears of a change before the link does.
        subject.observe(end, name)
        links.append(LoopLink(view, player))
        setattr(subject, name, [1, 2])
        assert view.region != player.loop
        subject.unobserve(end, name)
        view.region = player.loop = None


def test_an_ended_link_can_be_ended_again_and_is_not_held(view: SpectrogramComparison, player: StemPlayer) -> None:
    link = LoopLink(view, player)
    player.loop = [1, 2]
    assert view.region == [1, 2]
    link.end()
    link.end()
    gone = weakref.ref(link)
    del link
    gc.collect()
    assert gone() is None
    player.loop = None
    assert view.region == [1, 2]


def test_a_player_that_is_closed_first_leaves_a_comparison_that_works(
    view: SpectrogramComparison, player: StemPlayer
) -> None:
    link = LoopLink(view, player)
    player.close()
    view.region = [1, 3]
    assert view.numbers()["a"]["RMS"] == -np.inf
    link.end()

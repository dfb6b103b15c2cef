"""A tiny model, and a server that serves its archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.models.tiny import NAME, Server, Tiny, make_tar, make_tiny, serving, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NAME", "Server", "Tiny", "make_tar", "make_tiny", "server", "serving", "sha256", "tiny"]


@pytest.fixture
def tiny() -> Tiny:
    return make_tiny()


@pytest.fixture
def server(tiny: Tiny) -> Iterator[Server]:
    with serving(tiny.archive) as state:
        yield state

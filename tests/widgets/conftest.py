"""What tests of widgets share: the browser's end of a comm, songs, and names that would like to be code."""

from __future__ import annotations

import gc
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb.demo import demo_song

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spleeter_nb.widgets.bridge import Bridge

RATE = 8000


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> bool:
    """Say whether something comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class Browser:
    """The other end of a widget's comm: what is sent there goes through JSON, as it does on the way to a browser."""

    def __init__(self, widget: Bridge) -> None:
        self.comm = widget.comm
        self.received: list[tuple[dict[str, Any], list[bytes]]] = []
        self.updates: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.update_times: list[float] = []
        self.comm.publish_msg = self._receive

    def _receive(self, msg_type: str, data: Any = None, buffers: Any = None, **_: Any) -> None:
        if msg_type != "comm_msg":
            return
        data = json.loads(json.dumps(data, allow_nan=False))
        if data["method"] == "custom":
            self.times.append(time.monotonic())
            self.received.append((data["content"], [bytes(buffer) for buffer in buffers or []]))
        elif data["method"] == "update":
            self.update_times.append(time.monotonic())
            self.updates.append(data["state"])

    def of_type(self, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
        return [(content, buffers) for content, buffers in list(self.received) if content["type"] == kind]

    def deliver(self, data: object, buffers: Sequence[bytes] = ()) -> None:
        """Put anything at all on the wire."""
        self.comm.handle_msg({"content": {"data": data}, "buffers": [memoryview(buffer) for buffer in buffers]})

    def say(self, content: object, buffers: Sequence[bytes] = ()) -> None:
        self.deliver({"method": "custom", "content": content}, buffers)

    def change(self, **state: object) -> None:
        self.deliver({"method": "update", "state": state, "buffer_paths": []})

    def hello(self, frame: int = 0, *, has_peaks: bool = False, held: object = ()) -> None:
        self.say({"type": "hello", "frame": frame, "has_peaks": has_peaks, "held": [*map(list, held)]})

    def has_all(self, times: int = 1) -> bool:
        return wait_until(lambda: len(self.of_type("sent_all")) >= times)


@pytest.fixture
def browser() -> Callable[[Bridge], Browser]:
    return Browser


@pytest.fixture
def eventually() -> Callable[..., bool]:
    return wait_until


@pytest.fixture
def stems() -> dict[str, np.ndarray]:
    """Three stems of 12.3 s, at RATE."""
    rng = np.random.default_rng(0)
    return {
        name: rng.uniform(-0.3, 0.3, (12 * RATE + 2400, 2)).astype(np.float32) for name in ("vocals", "drums", "bass")
    }


@pytest.fixture(scope="session")
def real_stems() -> dict[str, np.ndarray]:
    """The true stems of the demonstration song, 16.8 s at 44.1 kHz."""
    references = demo_song().references
    return {name: np.ascontiguousarray(references[name]) for name in ("vocals", "drums", "bass", "other")}


@pytest.fixture
def no_threads() -> Iterator[None]:
    """See that no thread of a stream is left."""
    yield
    gc.collect()
    assert wait_until(lambda: not any(thread.name == "spleeter_nb-stream" for thread in threading.enumerate()))


_CODE = (
    "<script>{0}</script>",
    "</script><script>{0}</script>",
    "<ScRiPt>{0}</sCrIpT>",
    "<img src=x onerror={0}>",
    '"><img src=x onerror={0}>',
    "'><img src=x onerror={0}>",
    "<svg onload={0}>",
    "<svg/onload={0}>",
    "<svg><script>{0}</script></svg>",
    "<body onload={0}>",
    "<iframe src=javascript:{0}>",
    '<iframe srcdoc="<script>{0}</script>">',
    "<a href=javascript:{0}>x</a>",
    "javascript:{0}",
    '" onmouseover="{0}',
    "' onmouseover='{0}",
    "<details open ontoggle={0}>",
    "<audio src=x onerror={0}>",
    "<video><source onerror={0}>",
    "<input autofocus onfocus={0}>",
    "<marquee onstart={0}>",
    "<style>@import 'http://x/{0}';</style>",
    "</style><script>{0}</script>",
    "</title><script>{0}</script>",
    "</textarea><script>{0}</script>",
    "--><script>{0}</script>",
    "<!--<script>{0}</script>",
    "]]><script>{0}</script>",
    "{{{{constructor.constructor('{0}')()}}}}",
    "${{{0}}}",
)


@pytest.fixture(scope="session")
def payloads() -> list[str]:
    """Sixty names that would like to be code."""
    return [code.format(call) for code in _CODE for call in ("alert(1)", "top.hacked=1")]

"""What all widgets share: nothing that a browser sends raises, and all that is refused is counted."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import traitlets

from spleeter_nb.exceptions import MissingDependencyError, ValidationError
from spleeter_nb.widgets import wire
from spleeter_nb.widgets.bridge import Bridge, built

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Counting(Bridge):
    """As small as a widget can be."""

    protocol = wire.Protocol("Counting", (wire.Hello, wire.Position, wire.PreviewSong), ())
    level = traitlets.Int(0, min=0, max=9).tag(sync=True)
    fixed = traitlets.Int(5, read_only=True).tag(sync=True)
    private = traitlets.Int(5)

    def __init__(self) -> None:
        self.said: list[Any] = []
        super().__init__()

    def _on_hello(self, _message: wire.Hello, _buffers: Sequence[memoryview]) -> None:
        raise ValidationError("No.")

    def _on_preview_song(self, message: wire.PreviewSong, _buffers: Sequence[memoryview]) -> None:
        raise FileNotFoundError(2, "It went meanwhile", message.path)

    def _on_position(self, message: wire.Position, _buffers: Sequence[memoryview]) -> None:
        self.said.append(message)


@pytest.fixture
def widget() -> Counting:
    return Counting()


POSITION = {"type": "position", "frame": 3, "playing": False}


def test_messages_reach_their_handlers(widget: Counting, browser: Callable[..., Any]) -> None:
    browser(widget).say(POSITION)
    assert widget.said == [wire.Position(frame=3, playing=False)]
    assert not widget.refused


def test_traits_are_changed_and_wrong_ones_put_right(widget: Counting, browser: Callable[..., Any]) -> None:
    there = browser(widget)
    there.change(level=3)
    assert widget.level == 3
    there.change(level=99)
    assert (widget.level, widget.refused["trait"]) == (3, 1)
    assert there.updates[-1] == {"level": 3}


@pytest.mark.parametrize(
    "state",
    [
        {"fixed": 6},
        {"private": 6},
        {"nothing": 6},
        {"_esm": "alert(1)"},
        {"_css": "x"},
        {"_model_name": "x"},
        {"_view_count": 3},
        {"layout": "IPY_MODEL_none"},
        {"tooltip": "x"},
        {"comm": None},
        {"keys": []},
        {"refused": {}},
        {"__class__": 1},
        {"level": None},
        {"level": "3"},
        {"level": [1]},
        {"level": -1},
        {"level": 10**400},
    ],
)
def test_state_that_is_not_for_browsers_is_refused(
    state: dict[str, object], widget: Counting, browser: Callable[..., Any]
) -> None:
    before = widget.get_state()
    browser(widget).change(**state)
    assert widget.get_state() == before
    assert (widget.private, widget.refused["trait"]) == (5, 1)


@pytest.mark.parametrize(
    "data",
    [
        None,
        5,
        [],
        {},
        {"method": None},
        {"method": "explode"},
        {"method": ["update"]},
        {"method": "update"},
        {"method": "update", "state": None},
        {"method": "update", "state": [["level", 3]]},
        {"method": "update", "state": {"level": 3}, "buffer_paths": [["a", "b"]]},
        {"method": "update", "state": {"level": 3}, "buffer_paths": 5},
        {"method": "custom"},
    ],
)
def test_what_is_malformed_is_refused(data: object, widget: Counting, browser: Callable[..., Any]) -> None:
    browser(widget).deliver(data, [b"x"])
    assert widget.refused.total() == 1
    assert widget.level == 0


def test_a_request_that_fails_is_answered(widget: Counting, browser: Callable[..., Any]) -> None:
    there = browser(widget)
    there.say({"type": "nothing", "id": 7})
    ((answer, _),) = there.of_type("failure")
    assert (answer["id"], answer["error"]) == (7, "ValidationError")
    there.say({"type": "hello", "frame": 0, "has_peaks": True, "held": []})
    there.say({"type": "nothing", "id": "7"})
    there.say({"type": "nothing", "id": True})
    assert len(there.of_type("failure")) == 1
    assert widget.refused["message"] == 4


def test_a_request_that_fails_as_nobody_expected_is_answered_and_told_of(
    widget: Counting, browser: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    there = browser(widget)
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        there.say({"type": "preview_song", "id": 7, "path": "song.mp3"})
    ((answer, _),) = there.of_type("failure")
    assert (answer["id"], answer["error"]) == (7, "FileNotFoundError")
    assert "It went meanwhile" in answer["message"]
    assert "Traceback" in caplog.text
    assert widget.refused == {"message": 1}


def test_what_is_nested_too_deeply_is_refused(widget: Counting, browser: Callable[..., Any]) -> None:
    there, deep = browser(widget), []
    for _ in range(20_000):
        deep = [deep]
    there.change(level=deep)
    there.say({"type": deep, "id": deep})
    there.say(POSITION | {"frame": deep})
    assert widget.refused == {"trait": 1, "message": 2}
    assert there.updates[-1] == {"level": 0}


def test_a_comm_that_goes_while_something_is_sent_is_no_error(widget: Counting, browser: Callable[..., Any]) -> None:
    there, real = browser(widget), type(widget.comm)

    class Going(real):  # type: ignore[misc, valid-type]
        @property
        def kernel(self) -> object:
            widget.comm = None  # as another thread's close() does
            return self

    comm = widget.comm
    comm.__class__ = Going
    widget.post(wire.SentAll())
    assert widget.comm is None
    assert len(there.of_type("sent_all")) == 1
    widget.post(wire.SentAll())
    comm.__class__ = real
    comm.close()


def test_a_closed_widget_that_is_forgotten_is_not_closed_again() -> None:
    class Closing(Counting):
        def close(self) -> None:
            closed.append(threading.current_thread().name)
            super().close()

    closed: list[str] = []
    widget = Closing()
    widget.close()
    del widget
    gc.collect()
    assert len(closed) == 1


def test_a_state_request_is_answered(widget: Counting, browser: Callable[..., Any]) -> None:
    there = browser(widget)
    there.deliver({"method": "request_state"})
    assert there.updates[-1]["level"] == 0


def test_a_flood_is_counted_and_told_of_five_times(
    widget: Counting, browser: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    there = browser(widget)
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        for _ in range(2000):
            there.say({"type": "nothing"})
    assert widget.refused == {"message": 2000}
    assert len(caplog.records) == 5


def test_what_is_large_is_refused_in_few_words(
    widget: Counting, browser: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    there = browser(widget)
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        there.say({"type": "x" * 50_000_000})
        there.change(**{"y" * 10_000_000: 1})
    assert widget.refused.total() == 2
    assert sum(len(record.getMessage()) for record in caplog.records) < 1000


def test_after_closing_nothing_is_sent_or_taken(widget: Counting, browser: Callable[..., Any]) -> None:
    there = browser(widget)
    widget.close()
    widget.close()
    widget.post(wire.SentAll())
    there.say(POSITION)
    there.change(level=3)
    assert (there.received, widget.said, widget.level) == ([], [], 0)
    assert widget.refused == {"late": 1, "trait": 1}


def test_a_closed_widget_is_not_shown() -> None:
    widget = Counting()
    show = widget._repr_mimebundle_
    assert set(show()[0]) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    widget.close()
    assert show() is None


def test_a_closed_widget_is_forgotten() -> None:
    widget = Counting()
    gone = weakref.ref(widget), weakref.ref(widget.layout)
    widget.close()
    del widget
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_the_name_is_all_that_it_says_of_itself(widget: Counting) -> None:
    assert repr(widget) == "Counting()"
    assert (widget.static_html(), widget.static_png()) == ("", b"")


def test_a_front_end_that_was_not_built_is_named() -> None:
    with pytest.raises(MissingDependencyError, match=r"nothing\.js is missing.*pip install"):
        built("nothing.js")
